/* register: a picture that was turned, zoomed, shifted and lit otherwise is brought back; what has nothing in
 * common stays as it is. The picture is made with another place than the one that is looked for, so the truth is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "evidence/register.h"
#include "support/support.h"

enum { WIDTH = 160, HEIGHT = 128, AREA = WIDTH * HEIGHT };

typedef struct scene {
    float test[3 * AREA], reference[3 * AREA], moved[3 * AREA];
} scene;

/* A part with parts on it, in px from the middle; smooth enough to be sampled anywhere. */
static double part(double x, double y, int c)
{
    static const double disc[][3] = {{-30, -20, 12}, {25, -28, 9}, {32, 22, 14}, {-18, 27, 7}, {2, 3, 10}};
    double v = 1 / (1 + exp((fmax(fabs(x) / 60, fabs(y) / 46) - 1) * 20)) - 0.5;
    for (int i = 0; i < 5; i++)
        v += (i % 2 ? 0.8 : -0.6) * (1 + 0.2 * c) / (1 + exp(hypot(x - disc[i][0], y - disc[i][1]) - disc[i][2]));
    return v + 0.1 * sin(0.3 * x + c) * cos(0.21 * y);
}

static scene *make_scene(gad_similarity p, bool other_light)
{
    scene *s = calloc(1, sizeof *s);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                double px = x - 0.5 * (WIDTH - 1), py = y - 0.5 * (HEIGHT - 1), at_x = px / WIDTH, at_y = py / HEIGHT;
                double u = p.a * px - p.b * py + p.shift_x, v = p.b * px + p.a * py + p.shift_y;
                double light = other_light ? 0.8 + 0.2 * at_x - 0.1 * at_y : 1, lift = other_light ? 0.3 - 0.2 * at_y : 0;
                s->reference[c * AREA + y * WIDTH + x] = (float)part(px, py, c);
                s->test[c * AREA + y * WIDTH + x] = (float)(part(u, v, c) * light + lift);
            }
    return s;
}

static gad_similarity place_of(const scene *s)
{
    size_t numbers = (size_t)gad_register_pyramid_numbers(WIDTH, HEIGHT);
    float *scratch = malloc((size_t)gad_register_scratch(WIDTH, HEIGHT) * sizeof *scratch);
    float *memory = malloc(2 * numbers * sizeof *memory);
    gad_pyramid test, reference;
    gad_register_pyramid(s->test, WIDTH, HEIGHT, memory, &test);
    gad_register_pyramid(s->reference, WIDTH, HEIGHT, memory + numbers, &reference);
    gad_similarity p = gad_register_find(&test, &reference, scratch);
    free(memory);
    free(scratch);
    return p;
}

/* Mean absolute difference of the test picture and `other`, away from the border. */
static double mean_gap(const scene *s, const float *other)
{
    double sum = 0;
    int n = 0;
    for (int c = 0; c < 3; c++)
        for (int y = 16; y < HEIGHT - 16; y++)
            for (int x = 16; x < WIDTH - 16; x++, n++)
                sum += fabs((double)s->test[c * AREA + y * WIDTH + x] - (double)other[c * AREA + y * WIDTH + x]);
    return sum / n;
}

static void test_place_and_light(void **state)
{
    (void)state;
    static const double turn[] = {0, 0.02, -0.3, 0.7, 0.1, -0.9}, zoom[] = {1, 1.01, 1.05, 0.93, 1.12, 1},
                        shift[][2] = {{0, 0}, {1.5, -2.3}, {-6, 9}, {4, 3}, {-14, 5}, {3, -7}};
    for (int i = 0; i < 6; i++) {
        gad_similarity truth = {cos(turn[i]) * zoom[i], sin(turn[i]) * zoom[i], shift[i][0], shift[i][1]};
        scene *s = make_scene(truth, true);
        gad_similarity p = place_of(s);
        /* a fiftieth of a px at the corner, 102 px from the middle */
        assert_true(fabs(p.a - truth.a) < 2e-4 && fabs(p.b - truth.b) < 2e-4);
        assert_true(fabs(p.shift_x - truth.shift_x) < 0.02 && fabs(p.shift_y - truth.shift_y) < 0.02);
        gad_register_warp(s->reference, WIDTH, HEIGHT, p, s->moved);
        double before = mean_gap(s, s->moved);
        gad_register_relight(s->test, WIDTH, HEIGHT, s->moved);
        assert_true(mean_gap(s, s->moved) < 0.1 * before); /* the light is of the form that is fitted */
        assert_true(mean_gap(s, s->moved) < 0.02);
        free(s);
    }
}

/* A defect neither moves the part nor changes its light, and stays. */
static void test_defect_stays(void **state)
{
    (void)state;
    gad_similarity truth = {cos(0.1), sin(0.1), 3, -4};
    scene *s = make_scene(truth, false);
    for (int c = 0; c < 3; c++)
        for (int y = 40; y < 56; y++)
            for (int x = 60; x < 80; x++)
                s->test[c * AREA + y * WIDTH + x] += 1;
    gad_similarity p = place_of(s);
    assert_true(fabs(p.a - truth.a) < 2e-3 && fabs(p.b - truth.b) < 2e-3);
    assert_true(fabs(p.shift_x - truth.shift_x) < 0.2 && fabs(p.shift_y - truth.shift_y) < 0.2);
    gad_register_warp(s->reference, WIDTH, HEIGHT, p, s->moved);
    gad_register_relight(s->test, WIDTH, HEIGHT, s->moved);
    for (int y = 42; y < 54; y++)
        for (int x = 62; x < 78; x++)
            assert_true(s->test[y * WIDTH + x] - s->moved[y * WIDTH + x] > 0.85f);
    free(s);
}

/* Noise has no place: it stays, and its contrast too. */
static void test_nothing_in_common(void **state)
{
    (void)state;
    scene *s = calloc(1, sizeof *s);
    gad_rng rng = gad_rng_make(5, 0);
    for (int i = 0; i < 3 * AREA; i++) {
        s->test[i] = (float)gad_rng_normal(&rng);
        s->reference[i] = (float)gad_rng_normal(&rng);
    }
    gad_similarity p = place_of(s);
    assert_true(fabs(p.a - 1) < 0.05 && fabs(p.b) < 0.05 && fabs(p.shift_x) < 3 && fabs(p.shift_y) < 3);
    memcpy(s->moved, s->reference, sizeof s->moved);
    gad_register_relight(s->test, WIDTH, HEIGHT, s->moved);
    assert_memory_equal(s->moved, s->reference, sizeof s->moved);
    free(s);
}

/* Where the reference shows nothing, the test picture takes its place. */
static void test_cover(void **state)
{
    (void)state;
    scene *s = make_scene((gad_similarity){1, 0, 0, 0}, true);
    memcpy(s->moved, s->reference, sizeof s->moved);
    gad_register_cover(s->test, WIDTH, HEIGHT, (gad_similarity){1, 0, 10, 0}, s->moved);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                int i = c * AREA + y * WIDTH + x;
                assert_true(s->moved[i] == (x + 10 > WIDTH ? s->test[i] : s->reference[i]));
            }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_place_and_light), cmocka_unit_test(test_defect_stays),
                                       cmocka_unit_test(test_nothing_in_common), cmocka_unit_test(test_cover)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
