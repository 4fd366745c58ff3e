/* regions, handcrafted: regions and figures of hand-made maps; what the channels say of pictures whose difference
 * is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "evidence/handcrafted.h"
#include "evidence/region_tokens.h"
#include "support/support.h"

/* ---- regions ------------------------------------------------------------------------------------------------------- */

enum { ROWS = 6, COLS = 8 };

static int regions_of(const char *const picture[ROWS], gad_region *region)
{
    float logit[ROWS * COLS];
    int32_t scratch[2 * ROWS * COLS];
    for (int y = 0; y < ROWS; y++)
        for (int x = 0; x < COLS; x++)
            logit[y * COLS + x] = picture[y][x] == '.' ? -4 : picture[y][x] == '-' ? -1 : (float)(picture[y][x] - '0');
    gad_regions_map heat = {.logit = logit, .rows = ROWS, .cols = COLS, .cell_px = 1};
    return gad_regions_find(&heat, scratch, region);
}

static void assert_region(const gad_region *r, int x1, int y1, int x2, int y2, int64_t area, float peak)
{
    const float found[] = {r->x1 * COLS, r->y1 * ROWS, r->x2 * COLS, r->y2 * ROWS};
    const int wanted[] = {x1, y1, x2, y2};
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(found[i] - (float)wanted[i]) < 1e-5f);
    assert_int_equal(r->area, area);
    assert_true(r->peak == peak);
}

static void test_regions(void **state)
{
    (void)state;
    gad_region r[GAD_REGIONS_MAX];
    static const char *const picture[ROWS] = {"......1.", ".2...1..", "..3.....", "..1....0", "........", "5......7"};
    assert_int_equal(regions_of(picture, r), 4);
    assert_region(&r[0], 5, 0, 7, 2, 2, 1); /* corners touch */
    assert_region(&r[1], 1, 1, 3, 4, 3, 3);
    assert_region(&r[2], 0, 5, 1, 6, 1, 5); /* a zero is not above zero */
    assert_region(&r[3], 7, 5, 8, 6, 1, 7);
    static const char *const nothing[ROWS] = {"........", "........", "........", "........", "........", "........"};
    assert_int_equal(regions_of(nothing, r), 0);
    assert_region(&r[0], 0, 0, 1, 1, 1, -4); /* where to look first */
    static const char *const faint[ROWS] = {"........", ".-2--3-.", "........", ".---....", "........", "....-1.."};
    assert_int_equal(regions_of(faint, r), 2); /* what is faint joins what stands out, and is no region alone */
    assert_region(&r[0], 1, 1, 7, 2, 6, 3);
    assert_region(&r[1], 4, 5, 6, 6, 2, 1);
    static const char *const crowd[ROWS] = {"1.2.3.4.", "........", "5.6.7.8.", "........", "9.1.9.1.", "........"};
    assert_int_equal(regions_of(crowd, r), GAD_REGIONS_MAX); /* the strongest stay, in reading order */
    const float peaks[] = {3, 4, 5, 6, 7, 8, 9, 9};
    for (int i = 0; i < GAD_REGIONS_MAX; i++)
        assert_true(r[i].peak == peaks[i]);
}

/* A defect within the cells that it touches: edges where the residual falls under an eighth of its largest, and a quarter
 * of a cell. */
static void test_edges_of_a_defect(void **state)
{
    (void)state;
    enum { PX = 8, WIDTH = COLS * PX, HEIGHT = ROWS * PX };
    float logit[ROWS * COLS], residual[WIDTH * HEIGHT];
    int32_t scratch[2 * ROWS * COLS];
    gad_region r[GAD_REGIONS_MAX];
    for (int i = 0; i < ROWS * COLS; i++)
        logit[i] = i / COLS >= 2 && i / COLS <= 3 && i % COLS >= 3 && i % COLS <= 4 ? 1 : -4;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            residual[y * WIDTH + x] = y >= 20 && y < 27 && x >= 29 && x < 38 ? 1 : x == 30 && y == 18 ? 0.13f : 0.11f;
    residual[0] = 9; /* not in a cell that stands out */
    gad_regions_map heat = {logit, residual, ROWS, COLS, PX};
    assert_int_equal(gad_regions_find(&heat, scratch, r), 1);
    assert_int_equal(r[0].area, 4);
    const float found[] = {r[0].x1 * WIDTH, r[0].y1 * HEIGHT, r[0].x2 * WIDTH, r[0].y2 * HEIGHT},
                wanted[] = {27, 16, 40, 29};
    for (int i = 0; i < 4; i++)
        assert_true(fabsf(found[i] - wanted[i]) < 1e-4f);
}

static void test_figures(void **state)
{
    (void)state;
    enum { TOKENS = 6 };
    float figures[TOKENS * GAD_REGION_TOKEN_WIDTH];
    const gad_region region = {0.005f, 0.25f, 2 / 3.0f, 1, 2, 1.5f};
    gad_region_tokens_write(&region, NULL, 1, 1.5f, TOKENS, figures);
    /* 0.005 is "5", 0.25 "250", 2/3 "667", 1 "1000" */
    static const char *const written[] = {"5   ", "250 ", "667 ", "1000"};
    for (int t = 0; t < TOKENS; t++) {
        const float *f = figures + t * GAD_REGION_TOKEN_WIDTH, *chars = f + GAD_REGIONS_MAX + 4;
        for (int i = 0; i < GAD_REGIONS_MAX + 4; i++)
            assert_true(f[i] == (t < 4 && (i == 0 || i == GAD_REGIONS_MAX + t) ? 1 : 0));
        for (int i = 0; i < GAD_REGION_TOKEN_CHARS; i++)
            for (int c = 0; c < 11; c++)
                assert_true(chars[11 * i + c] == (t < 4 && c == (written[t][i] == ' ' ? 10 : written[t][i] - '0') ? 1 : 0));
        for (int i = 0; i < GAD_REGION_TOKEN_LEVELS; i++) /* 1.5 in halves */
            assert_true(chars[11 * GAD_REGION_TOKEN_CHARS + i] == (t < 4 && i == 3 ? 1 : 0));
    }
    for (int t = 0; t < TOKENS; t++) {
        const float *whole = figures + (t + 1) * GAD_REGION_TOKEN_WIDTH - GAD_REGION_TOKEN_LEVELS - GAD_REGIONS_MAX - 1;
        assert_true(whole[19] == 1 && whole[GAD_REGION_TOKEN_LEVELS + 1] == 1); /* 1.5 in halves from -8; one region */
    }
}

/* What was measured of a region is on all of its tokens, behind the rest; without regions that of the strongest place. */
static void test_words(void **state)
{
    (void)state;
    enum { TOKENS = 10, WIDTH = GAD_REGION_TOKEN_WIDTH + GAD_REGION_TOKEN_WORDS };
    float plain[TOKENS * GAD_REGION_TOKEN_WIDTH], figures[TOKENS * WIDTH];
    const gad_region region[2] = {{0, 0, 0.5f, 0.5f, 2, 1.5f}, {0.5f, 0.5f, 1, 1, 2, 3}};
    const gad_words words[2] = {{{3, 6, 4, 2, 4, 2, 3, 1, 5}}, {{0, 0, 0, 0, 0, 0, 0, 0, 0}}};
    int last = 0;
    for (int kind = 0; kind < GAD_WORD_KINDS; kind++)
        last += gad_measurement_word_count((gad_word_kind)kind);
    assert_int_equal(last, GAD_REGION_TOKEN_WORDS);
    gad_region_tokens_write(region, NULL, 2, 3, TOKENS, plain);
    gad_region_tokens_write(region, words, 2, 3, TOKENS, figures);
    for (int t = 0; t < TOKENS; t++) {
        const float *f = figures + t * WIDTH, *w = f + GAD_REGION_TOKEN_WIDTH;
        assert_memory_equal(f, plain + t * GAD_REGION_TOKEN_WIDTH, GAD_REGION_TOKEN_WIDTH * sizeof *f);
        for (int kind = 0; kind < GAD_WORD_KINDS; kind++)
            for (int i = 0; i < gad_measurement_word_count((gad_word_kind)kind); i++, w++)
                assert_true(*w == (t < 8 && words[t / 4].of[kind] == i ? 1 : 0));
    }
    gad_region_tokens_write(region, words, 0, -1, TOKENS, figures);
    for (int t = 0; t < TOKENS; t++)
        assert_true(figures[t * WIDTH + WIDTH - 1] == (t < 4 ? 1 : 0)); /* the last word of the last kind */
}

/* ---- channels ------------------------------------------------------------------------------------------------------ */

enum { SIDE_PX = 48, CELL_PX = 8, ACROSS_CELLS = SIDE_PX / CELL_PX, ALL_CELLS = ACROSS_CELLS * ACROSS_CELLS };

typedef struct scene {
    float test[3 * SIDE_PX * SIDE_PX], reference[3 * SIDE_PX * SIDE_PX], low[ALL_CELLS * GAD_EVIDENCE_CHANNELS],
        residual[SIDE_PX * SIDE_PX];
} scene;

/* Smooth noise, the test moved by (dy, dx) against the reference. */
static scene *make_scene(int dy, int dx)
{
    scene *s = calloc(1, sizeof *s);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < SIDE_PX; y++)
            for (int x = 0; x < SIDE_PX; x++) {
                s->reference[(c * SIDE_PX + y) * SIDE_PX + x] = (float)(sin(0.5 * x + c) + cos(0.37 * y - 0.2 * x));
                s->test[(c * SIDE_PX + y) * SIDE_PX + x] =
                    (float)(sin(0.5 * (x + dx) + c) + cos(0.37 * (y + dy) - 0.2 * (x + dx)));
            }
    return s;
}

static void compare(scene *s, bool better)
{
    float *scratch = malloc((size_t)gad_handcrafted_scratch(SIDE_PX, SIDE_PX, CELL_PX) * sizeof *scratch);
    gad_handcrafted_planes planes = {s->test, s->reference, s->reference, SIDE_PX, SIDE_PX};
    gad_handcrafted_compare(&planes, CELL_PX, better, scratch, s->low, s->residual);
    gad_handcrafted_finish(ALL_CELLS, scratch, s->low);
    free(scratch);
}

static const float *cell_at(const scene *s, int y, int x)
{
    return s->low + (y * ACROSS_CELLS + x) * GAD_EVIDENCE_CHANNELS;
}

static void test_equal_pictures(void **state)
{
    (void)state;
    scene *s = make_scene(0, 0);
    compare(s, false);
    for (int i = 0; i < ALL_CELLS * GAD_EVIDENCE_CHANNELS; i++)
        assert_true(fabsf(s->low[i]) < 1e-5f);
    free(s);
}

static void test_moved_picture(void **state)
{
    (void)state;
    scene *s = make_scene(3, -2);
    compare(s, false);
    const float *middle = cell_at(s, 3, 3);
    assert_true(middle[0] > 0.2f);  /* in place they differ */
    assert_true(middle[8] < 1e-5f); /* moved back they do not */
    assert_true(middle[9] < 1e-5f);
    free(s);
}

static void test_spot(void **state)
{
    (void)state;
    scene *s = make_scene(0, 0);
    for (int c = 0; c < 3; c++)
        for (int y = 16; y < 24; y++)
            for (int x = 32; x < 40; x++)
                s->test[(c * SIDE_PX + y) * SIDE_PX + x] += c == 1 ? 4 : 0;
    compare(s, false);
    const float *spot = cell_at(s, 2, 4), *beside = cell_at(s, 2, 3);
    assert_true(fabsf(spot[0] - 4 / 3.0f) < 1e-4f && fabsf(spot[5] - 4) < 1e-4f && fabsf(spot[4]) < 1e-4f);
    assert_true(fabsf(spot[8] - 4 / 3.0f) < 1e-4f);
    assert_true(fabsf(beside[0]) < 1e-5f);
    assert_true(fabsf(spot[13] - log2f((4 / 3.0f + 0.02f) / 0.02f)) < 1e-3f); /* against a median of zero */
    /* a second reference that has the spot: what is best counts */
    memcpy(s->reference, s->test, sizeof s->test);
    compare(s, true);
    assert_true(fabsf(spot[0]) < 1e-5f && fabsf(spot[8]) < 1e-5f);
    free(s);
}

static void test_median(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(4, 0);
    for (int n = 1; n < 60; n++) {
        float low[60 * GAD_EVIDENCE_CHANNELS] = {0}, scratch[60];
        for (int i = 0; i < n; i++)
            low[i * GAD_EVIDENCE_CHANNELS] = (float)((int)(gad_rng_uniform(&rng) * 20));
        gad_handcrafted_finish(n, scratch, low);
        int below = 0, equal = 0; /* channel 13 is 0 at the median itself */
        for (int i = 0; i < n; i++) {
            below += low[i * GAD_EVIDENCE_CHANNELS + 13] < 0;
            equal += low[i * GAD_EVIDENCE_CHANNELS + 13] == 0;
        }
        assert_true(below <= n / 2 && below + equal > n / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions),        cmocka_unit_test(test_edges_of_a_defect),
        cmocka_unit_test(test_figures),        cmocka_unit_test(test_words),
        cmocka_unit_test(test_equal_pictures), cmocka_unit_test(test_moved_picture),
        cmocka_unit_test(test_spot),           cmocka_unit_test(test_median),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
