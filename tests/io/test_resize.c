/* resize: bit for bit what Pillow and torchvision make of the fixture images; nearest, fit, thumbnails; both inner loops.
 */
#include "base/file.h"
#include "base/rng.h"
#include "io/make_image.h"
#include "io/resize.h"
#include "io/resize_rows.h"
#include "io/safetensors.h"
#include "io/thumbnail.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static const gad_safetensors_tensor *find(const gad_safetensors *set, int number, const char *what)
{
    char name[32];
    snprintf(name, sizeof name, "%d.%s", number, what);
    return gad_safetensors_find(set, name);
}

/* The tensor [height, width, 3] as an image that does not own its pixels. */
static gad_image view(const gad_safetensors_tensor *t)
{
    assert_non_null(t);
    return (gad_image){t->shape[1], t->shape[0], 3, (uint8_t *)(uintptr_t)t->data};
}

static size_t bytes_differing(const gad_image *a, const gad_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    size_t differing = 0;
    for (size_t i = 0; i < gad_image_stride(a) * (size_t)a->height; i++)
        differing += a->pixels[i] != b->pixels[i];
    return differing;
}

static void test_fixtures(void **state)
{
    (void)state;
    const char *path = support_source("tests/fixtures/resize.safetensors");
    if (!gad_file_exists(path))
        fail_msg("resize fixtures: tests/fixtures/resize.safetensors is absent");
    gad_safetensors *set;
    gad_error err;
    ASSERT_OK(gad_safetensors_open(path, &set, &err), &err);
    int cases = 0;
    size_t between = 0;
    for (; find(set, cases, "in"); cases++) {
        gad_image in = view(find(set, cases, "in")), pil = view(find(set, cases, "pil")), tv = view(find(set, cases, "tv"));
        gad_image made;
        ASSERT_OK(gad_resize_bicubic(&in, pil.width, pil.height, GAD_RESIZE_PIL, &made, &err), &err);
        size_t wrong = bytes_differing(&made, &pil);
        gad_image_free(&made);
        ASSERT_OK(gad_resize_bicubic(&in, tv.width, tv.height, GAD_RESIZE_TORCHVISION, &made, &err), &err);
        size_t wrong_tv = bytes_differing(&made, &tv);
        between += bytes_differing(&made, &pil);
        gad_image_free(&made);
        if (wrong || wrong_tv)
            fail_msg("case %d: %zu bytes differ from Pillow, %zu from torchvision", cases, wrong, wrong_tv);
    }
    assert_true(cases >= 10);
    assert_true(between > 0); /* the two kernels are told apart by these cases */
    gad_safetensors_free(set);
}

/* One channel gives what each channel of three gives. */
static void test_grey(void **state)
{
    (void)state;
    gad_image grey = make_smooth(83, 61, 1), rgb, small, small_rgb;
    gad_error err;
    ASSERT_OK(gad_image_new(83, 61, 3, &rgb, &err), &err);
    for (int64_t i = 0; i < 83 * 61 * 3; i++)
        rgb.pixels[i] = grey.pixels[i / 3];
    ASSERT_OK(gad_resize_bicubic(&grey, 31, 97, GAD_RESIZE_PIL, &small, &err), &err);
    ASSERT_OK(gad_resize_bicubic(&rgb, 31, 97, GAD_RESIZE_PIL, &small_rgb, &err), &err);
    assert_int_equal(small.channels, 1);
    for (int64_t i = 0; i < 31 * 97 * 3; i++)
        assert_int_equal(small_rgb.pixels[i], small.pixels[i / 3]);
    gad_image_free(&grey);
    gad_image_free(&rgb);
    gad_image_free(&small);
    gad_image_free(&small_rgb);
}

/* The chosen inner loop equals the portable one, with extreme weights and for every remainder of n. */
static void test_inner_loops(void **state)
{
    (void)state;
    enum { STRIDE = 200, COUNT = 9 };
    uint8_t rows[STRIDE * COUNT], a[STRIDE], b[STRIDE];
    gad_rng rng = gad_rng_make(3, 0);
    for (size_t n = 0; n <= STRIDE; n++) {
        int32_t weights[COUNT];
        int shift = n % 2 ? 22 : 1 + (int)gad_rng_below(&rng, 15);
        for (int k = 0; k < COUNT; k++)
            weights[k] = (int32_t)gad_rng_range(&rng, -0.1 * (1 << shift), 0.2 * (1 << shift));
        for (size_t i = 0; i < sizeof rows; i++)
            rows[i] = (uint8_t)gad_rng_below(&rng, 256);
        memset(a, 1, sizeof a);
        memset(b, 1, sizeof b);
        gad_resize_rows_combine(a, rows, STRIDE, weights, COUNT, n, shift);
        gad_resize_rows_choose()(b, rows, STRIDE, weights, COUNT, n, shift);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    gad_image mask, made;
    gad_error err;
    ASSERT_OK(gad_image_new(3, 2, 1, &mask, &err), &err);
    memcpy(mask.pixels, (const uint8_t[]){10, 20, 30, 40, 50, 60}, 6);
    ASSERT_OK(gad_resize_nearest(&mask, 6, 4, &made, &err), &err);
    static const uint8_t doubled[] = {10, 10, 20, 20, 30, 30, 10, 10, 20, 20, 30, 30,
                                      40, 40, 50, 50, 60, 60, 40, 40, 50, 50, 60, 60};
    assert_memory_equal(made.pixels, doubled, sizeof doubled);
    gad_image_free(&made);
    ASSERT_OK(gad_resize_nearest(&mask, 1, 1, &made, &err), &err);
    assert_int_equal(made.pixels[0], 50); /* the centre lies between 20 and 50: the lower */
    gad_image_free(&made);
    ASSERT_OK(gad_resize_nearest(&mask, 3, 2, &made, &err), &err);
    assert_memory_equal(made.pixels, mask.pixels, 6);
    gad_image_free(&made);
    gad_image_free(&mask);
}

static void test_fit(void **state)
{
    (void)state;
    static const int64_t cases[][6] = {{400, 300, 100, 100, 100, 75},
                                       {300, 400, 100, 100, 75, 100},
                                       {40, 30, 100, 100, 40, 30},
                                       {1000, 3, 50, 50, 50, 1},
                                       {400, 300, 400, 150, 200, 150}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_image image = make_smooth(cases[i][0], cases[i][1], 3), made;
        gad_error err;
        ASSERT_OK(gad_resize_fit(&image, cases[i][2], cases[i][3], &made, &err), &err);
        assert_int_equal(made.width, cases[i][4]);
        assert_int_equal(made.height, cases[i][5]);
        gad_image_free(&image);
        gad_image_free(&made);
    }
}

static void test_refused(void **state)
{
    (void)state;
    gad_image image = make_smooth(20, 10, 3), made = {.width = -3};
    gad_error err;
    assert_int_equal(gad_resize_bicubic(&image, 0, 10, GAD_RESIZE_PIL, &made, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_resize_bicubic(&image, 100000, 100000, GAD_RESIZE_PIL, &made, &err), GAD_E_LIMIT);
    assert_int_equal(gad_resize_nearest(&image, 10, -1, &made, &err), GAD_E_ARGUMENT);
    assert_int_equal(made.width, -3);
    gad_image_free(&image);
}

/* A thumbnail of a JPEG is that of the picture, though it was decoded at a fraction of its size. */
static void test_thumbnail(void **state)
{
    (void)state;
    gad_image image = make_smooth(1600, 1000, 3), full, quick;
    const char *path = support_scratch(GAD_TEST_TMP, "large.jpg");
    gad_error err;
    ASSERT_OK(gad_image_save_jpeg(&image, 95, path, &err), &err);
    ASSERT_OK(gad_resize_fit(&image, 128, 128, &full, &err), &err);
    ASSERT_OK(gad_thumbnail_load(path, 128, &quick, &err), &err);
    assert_int_equal(quick.width, 128);
    assert_int_equal(quick.height, 80);
    for (size_t i = 0; i < 128 * 80 * 3; i++)
        assert_in_range(quick.pixels[i] + 8 - full.pixels[i], 0, 16);
    assert_int_equal(gad_thumbnail_load(path, 0, &quick, &err), GAD_E_ARGUMENT);
    gad_image_free(&image);
    gad_image_free(&full);
    gad_image_free(&quick);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),  cmocka_unit_test(test_grey), cmocka_unit_test(test_inner_loops),
        cmocka_unit_test(test_nearest),   cmocka_unit_test(test_fit),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_thumbnail),
    };
    return cmocka_run_group_tests_name("io/resize", tests, NULL, NULL);
}
