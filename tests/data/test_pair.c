/* pair: the properties of the divergence, planted references among 200 normals, time against the number of normals, and
 * which candidates a sample may have. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/fake.h"
#include "data/pair.h"
#include "support/support.h"
#include "synth/nuisance.h"
#include "synth/scene_family.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 160 };

static gad_align_rule the_rule;

static uint16_t *feature_of(const gad_image *image)
{
    gad_error err;
    uint16_t *feature = gad_memory_alloc(gad_align_count(&the_rule), sizeof *feature);
    assert_non_null(feature);
    ASSERT_OK(gad_align_feature(image, &the_rule, feature, &err), &err);
    return feature;
}

/* What is drawn, and how much one shot differs from the next: 0.2 slight, 1 the ordinary spread of a bad station. */
static gad_scene_family family = GAD_SCENE_BOARD;
static float spread = 0.2f;

/* A drawn product: piece and pose from the arguments, camera from `shot`. */
static void draw(gad_image *image, uint64_t piece, float turn, float shift_x, float shift_y, uint64_t shot)
{
    static gad_scene scene;
    gad_error err;
    gad_canvas canvas;
    float *scratch = gad_memory_alloc(SIDE * SIDE * 6, sizeof *scratch);
    ASSERT_OK(gad_canvas_make(&canvas, SIDE, SIDE, &err), &err);
    gad_scene_family_build(&scene, family, 3, 5, piece, SIDE);
    gad_shape_view view = gad_shape_view_make(SIDE, SIDE, turn, 1, shift_x, shift_y, -2);
    gad_scene_draw(&scene, &view, &canvas);
    gad_rng station = gad_rng_make(1, 1), rng = gad_rng_make(2, shot);
    gad_nuisance n = gad_nuisance_random(&station, &rng, spread);
    gad_nuisance_apply(&n, &canvas, scratch);
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, image, &err), &err);
    gad_canvas_to_bytes(&canvas, image->pixels);
    gad_canvas_free(&canvas);
    gad_memory_free(scratch);
}

static void stain(gad_image *image, gad_rng *rng)
{
    int x0 = (int)gad_rng_below(rng, SIDE - 30), y0 = (int)gad_rng_below(rng, SIDE - 30);
    for (int y = y0; y < y0 + 30; y++)
        memset(image->pixels + (y * SIDE + x0) * 3, 20, 90);
}

static gad_align_index *index_of(uint16_t *const *features, size_t count, gad_align_distance distance)
{
    gad_error err;
    gad_align_index *index;
    gad_align_rule rule = the_rule;
    rule.distance = distance;
    ASSERT_OK(gad_align_index_new(&rule, count, &index, &err), &err);
    for (size_t i = 0; i < count; i++)
        ASSERT_OK(gad_align_index_add(index, features[i], &err), &err);
    return index;
}

static void test_properties(void **state)
{
    (void)state;
    gad_error err;
    gad_image a, b;
    draw(&a, 1, 0, 0, 0, 1);
    draw(&b, 1, 0.1f, 0.1f, 0, 2);
    uint16_t *features[2] = {feature_of(&a), feature_of(&b)};
    gad_align_match best[2];
    int found;
    for (int d = GAD_ALIGN_KL; d <= GAD_ALIGN_JS; d++) {
        gad_align_index *index = index_of(features, 2, (gad_align_distance)d);
        ASSERT_OK(gad_align_search(index, features[0], NULL, 2, best, &found, &err), &err);
        assert_int_equal(found, 2);
        assert_int_equal(best[0].candidate, 0);
        assert_true(best[0].score < 1e-6 && best[0].total < 1e-6); /* D(I, I) = 0 */
        assert_true(best[1].score > 0);
        /* A defect in at most tau = 10 of 64 blocks changes nothing. */
        gad_image damaged = a;
        gad_error ignored;
        ASSERT_OK(gad_image_new(SIDE, SIDE, 3, &damaged, &ignored), &ignored);
        memcpy(damaged.pixels, a.pixels, SIDE * SIDE * 3);
        for (int y = 25; y < 55; y++) /* 2 x 2 or 3 x 3 blocks of 20 pixels, and the edge next to them */
            memset(damaged.pixels + (y * SIDE + 25) * 3, 255, 90);
        uint16_t *query = feature_of(&damaged);
        ASSERT_OK(gad_align_search(index, query, NULL, 1, best, &found, &err), &err);
        assert_int_equal(best[0].candidate, 0);
        assert_true(best[0].score < 1e-6);
        assert_true(best[0].total > 1e-3);
        gad_memory_free(query);
        gad_image_free(&damaged);
        gad_align_index_free(index);
    }
    for (int i = 0; i < 2; i++)
        gad_memory_free(features[i]);
    gad_image_free(&a);
    gad_image_free(&b);
}

/* A pose (turn, shift x, shift y) unlike the earlier ones: by 0.06 radians or 6 % of half the picture at least. */
static void new_pose(float pose[][3], int i, gad_rng *rng)
{
    bool near = true;
    while (near) {
        pose[i][0] = (float)gad_rng_range(rng, -0.4, 0.4);
        pose[i][1] = (float)gad_rng_range(rng, -0.3, 0.3);
        pose[i][2] = (float)gad_rng_range(rng, -0.3, 0.3);
        near = false;
        for (int k = 0; k < i && !near; k++) {
            float d = 0;
            for (int c = 0; c < 3; c++)
                d += (pose[i][c] - pose[k][c]) * (pose[i][c] - pose[k][c]);
            near = d < 0.06f * 0.06f;
        }
    }
}

/* 200 normals in different poses, among them one in the pose of the query, which is another piece with a defect, taken with
 * another exposure. Returns how many of `queries` find it. */
static int find_planted(int queries, bool gain, int blocks)
{
    enum { NORMALS = 200 };
    gad_error err;
    static uint16_t *features[NORMALS];
    gad_rng rng = gad_rng_make(4, 4);
    float pose[NORMALS][3];
    the_rule.gain = gain;
    the_rule.blocks = blocks;
    for (int i = 0; i < NORMALS; i++) {
        gad_image image;
        new_pose(pose, i, &rng);
        draw(&image, (uint64_t)i, pose[i][0], pose[i][1], pose[i][2], (uint64_t)i);
        features[i] = feature_of(&image);
        gad_image_free(&image);
    }
    gad_align_index *index = index_of(features, NORMALS, GAD_ALIGN_KL);
    int right = 0;
    for (int i = 0; i < queries; i++) {
        gad_image image;
        gad_align_match best[1];
        int found, truth = i * (NORMALS / queries);
        draw(&image, 1000u + (uint64_t)i, pose[truth][0], pose[truth][1] + 0.004f, pose[truth][2] - 0.004f,
             500u + (uint64_t)i);
        stain(&image, &rng);
        uint16_t *query = feature_of(&image);
        ASSERT_OK(gad_align_search(index, query, NULL, 1, best, &found, &err), &err);
        right += best[0].candidate == (size_t)truth;
        gad_memory_free(query);
        gad_image_free(&image);
    }
    print_message("planted reference found: %d of %d among %d (%s, exposure spread %.1f, S=%d, gain=%d)\n", right, queries,
                  NORMALS, gad_scene_family_name(family), (double)spread, blocks, gain);
    gad_align_index_free(index);
    for (int i = 0; i < NORMALS; i++)
        gad_memory_free(features[i]);
    the_rule = gad_align_rule_default();
    return right;
}

static void test_planted_reference(void **state)
{
    (void)state;
    static const struct {
        gad_scene_family family;
        float spread;
        int queries, blocks, least;
    } cases[] = {{GAD_SCENE_BOARD, 0.2f, 40, 8, 38},
                 {GAD_SCENE_BOARD, 1, 100, 8, 95},
                 {GAD_SCENE_FASTENER, 0.2f, 40, 8, 38},
                 {GAD_SCENE_FASTENER, 1, 100, 8, 95},
                 {GAD_SCENE_FASTENER, 1, 40, 0, 37}};
    SKIP_IF_SHORT("test_planted_reference");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        family = cases[i].family;
        spread = cases[i].spread;
        assert_true(find_planted(cases[i].queries, true, cases[i].blocks) >= cases[i].least);
    }
    assert_true(find_planted(20, false, 8) < 15); /* what the fit of the exposure is for */
    family = GAD_SCENE_BOARD;
    spread = 0.2f;
}

/* The same picture under other light: brighter to one side, warmer. Near with the fit, far without. */
static void test_exposure(void **state)
{
    (void)state;
    gad_error err;
    gad_image plain, lit;
    double scores[2];
    draw(&plain, 1, 0, 0, 0, 1);
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, &lit, &err), &err);
    for (int i = 0; i < SIDE * SIDE * 3; i++) {
        static const double tint[3] = {1.05, 1, 0.95};
        double light = 0.6 + 0.2 * (i / 3 % SIDE) / SIDE;
        lit.pixels[i] = (uint8_t)(plain.pixels[i] * light * tint[i % 3] + 0.5);
    }
    for (int gain = 0; gain < 2; gain++) {
        gad_align_match best[1];
        int found;
        the_rule.gain = gain;
        uint16_t *features[2] = {feature_of(&plain), feature_of(&lit)};
        gad_align_index *index = index_of(features, 1, GAD_ALIGN_KL);
        ASSERT_OK(gad_align_search(index, features[1], NULL, 1, best, &found, &err), &err);
        scores[gain] = best[0].score;
        gad_align_index_free(index);
        gad_memory_free(features[0]);
        gad_memory_free(features[1]);
    }
    the_rule = gad_align_rule_default();
    print_message("other light: distance %.3f as it is, %.3f fitted\n", scores[0], scores[1]);
    assert_true(scores[1] < 0.2 * scores[0]);
    gad_image_free(&plain);
    gad_image_free(&lit);
}

/* Time of one query against 100 to 10,000 normals: printed, not judged. */
static void test_search_time(void **state)
{
    (void)state;
    gad_error err;
    gad_image image;
    gad_rng rng = gad_rng_make(5, 5);
    draw(&image, 1, 0, 0, 0, 1);
    uint16_t *base = feature_of(&image), *one = feature_of(&image);
    gad_align_rule rule = gad_align_rule_default();
    for (size_t n = 100; n <= 10000; n *= 10) {
        gad_align_index *index;
        gad_align_match best[4];
        int found, repeats = n == 10000 ? 8 : 40;
        ASSERT_OK(gad_align_index_new(&rule, n, &index, &err), &err);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < gad_align_count(&rule); k++)
                one[k] = (uint16_t)(base[k] + gad_rng_below(&rng, 2000));
            ASSERT_OK(gad_align_index_add(index, one, &err), &err);
        }
        double from = gad_clock_seconds();
#pragma omp parallel for num_threads(2)
        for (int r = 0; r < repeats; r++) {
            gad_align_match own[4];
            int own_found;
            gad_align_search(index, base, NULL, 4, own, &own_found, NULL);
        }
        double each = (gad_clock_seconds() - from) / repeats;
        print_message("align: %zu normals, %.2f ms per query on 2 threads\n", n, 1000 * each);
        ASSERT_OK(gad_align_search(index, base, NULL, 4, best, &found, &err), &err);
        assert_int_equal(found, 4);
        gad_align_index_free(index);
    }
    gad_memory_free(base);
    gad_memory_free(one);
    gad_image_free(&image);
}

static const char *reference_of(gad_store *store, const char *id, char *path, size_t size_bytes)
{
    gad_sample s = {0};
    fake_get(store, id, &s);
    snprintf(path, size_bytes, "%s", s.reference_count ? s.references[0].path : "none");
    for (size_t i = 0; i < s.reference_count; i++)
        assert_string_not_equal(s.references[i].path, s.image);
    gad_sample_free(&s);
    return path;
}

static void test_candidates(void **state)
{
    (void)state;
    gad_error err;
    gad_import_report imported;
    gad_pair_report report;
    char path[200];
    gad_store *store = fake_store("pair.db");
    fake_root("pair_mvtec");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    fake_import(store, "mvtec_ad", &imported);
    /* GoodsAD: same product only. */
    fake_root("pair_goods");
    fake_image("drink_can/train/good/010_000.jpg");
    fake_image("drink_can/train/good/011_000.jpg");
    fake_image("drink_can/test/straw_missing/011_007.jpg");
    fake_mask("drink_can/ground_truth/straw_missing/011_007.png", 1, 1, 9, 9, 255);
    fake_import(store, "goodsad", &imported);
    /* MANTA: same view; the other views of the same file are other groups' business. */
    fake_root("pair_manta");
    fake_image_sized("electronics/led/train/good/a.png", 200, 40);
    fake_image_sized("electronics/led/train/good/b.png", 200, 40);
    fake_import(store, "manta", &imported);
    gad_pair_settings settings = gad_data_pair_default();
    ASSERT_OK(gad_pair_run(store, &settings, &report, &err), &err);
    assert_int_equal(report.samples, 7 + 3 + 10);
    assert_int_equal(report.unreadable, 0);
    assert_int_equal(report.measured, 20);
    assert_string_equal(reference_of(store, "goodsad/drink_can/test/straw_missing/011_007", path, sizeof path),
                        "drink_can/train/good/011_000.jpg");
    assert_string_equal(reference_of(store, "manta/led/train/good/a#2", path, sizeof path),
                        "electronics/led/train/good/b.png");
    assert_non_null(strstr(reference_of(store, "mvtec_ad/bottle/test/broken/000", path, sizeof path), "train/good/"));
    /* Again: all features come from the cache, and the references are the same. */
    char before[200];
    reference_of(store, "mvtec_ad/bottle/test/good/001", before, sizeof before);
    ASSERT_OK(gad_pair_run(store, &settings, &report, &err), &err);
    assert_int_equal(report.cached, 20);
    assert_string_equal(reference_of(store, "mvtec_ad/bottle/test/good/001", path, sizeof path), before);
    settings.method = GAD_PAIR_RANDOM;
    settings.dataset = "mvtec_ad";
    settings.k = 2;
    ASSERT_OK(gad_pair_run(store, &settings, &report, &err), &err);
    assert_int_equal(report.paired, 7);
    settings.method = GAD_PAIR_NONE;
    ASSERT_OK(gad_pair_run(store, &settings, &report, &err), &err);
    assert_string_equal(reference_of(store, "mvtec_ad/bottle/test/good/001", path, sizeof path), "none");
    settings.dataset = "nothing";
    report.samples = 123; /* a failure leaves it alone */
    assert_int_equal(gad_pair_run(store, &settings, &report, &err), GAD_E_ARGUMENT);
    assert_int_equal(report.samples, 123);
    settings.k = 99;
    assert_int_equal(gad_pair_run(store, &settings, &report, &err), GAD_E_ARGUMENT);
    gad_store_close(store);
}

int main(void)
{
    the_rule = gad_align_rule_default();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties),  cmocka_unit_test(test_planted_reference), cmocka_unit_test(test_exposure),
        cmocka_unit_test(test_search_time), cmocka_unit_test(test_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
