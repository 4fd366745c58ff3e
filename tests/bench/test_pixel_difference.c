/* pixel_difference, and the baseline on it: another exposure is no anomaly when colours are matched and is one when they
 * are not; a shift of two pixels is none; a defect is found where it is. */
#include "base/memory.h"
#include "base/rng.h"
#include "bench/model_baseline.h"
#include "bench/pixel_difference.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

enum { SIDE = 96 };

/* Coarse random tiles, brought to value * gain + offset per channel and moved by (dx, dy). */
static gad_image tiles(double gain, double offset, int dx, int dy)
{
    gad_image image;
    gad_error err;
    ASSERT_OK(gad_image_new(SIDE, SIDE, 3, &image, &err), &err);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            gad_rng rng = gad_rng_make(1, (uint64_t)((y + dy + 16) / 8 * 100 + (x + dx + 16) / 8));
            for (int c = 0; c < 3; c++)
                gad_image_row(&image, y)[3 * x + c] = (uint8_t)lround(gad_rng_range(&rng, 60, 140) * gain + offset);
        }
    return image;
}

static gad_pixel_difference compare(const gad_image *reference, const gad_image *test, gad_pixel_difference_colours colours)
{
    gad_pixel_difference d;
    gad_error err;
    ASSERT_OK(gad_pixel_difference_make(reference, test, colours, &d, &err), &err);
    return d;
}

static double rms_of(const gad_image *reference, const gad_image *test, gad_pixel_difference_colours colours)
{
    gad_pixel_difference d = compare(reference, test, colours);
    double rms = d.rms;
    gad_pixel_difference_free(&d);
    return rms;
}

static void test_exposure(void **state)
{
    (void)state;
    gad_image plain = tiles(1, 0, 0, 0), bright = tiles(1.5, 20, 0, 0);
    assert_true(rms_of(&plain, &bright, GAD_PIXEL_DIFFERENCE_MATCHED) < 1);
    assert_true(rms_of(&bright, &plain, GAD_PIXEL_DIFFERENCE_MATCHED) < 1);
    /* values of mean 100 become 1.5 * 100 + 20: the differences are about 70, a little less where tiles meet */
    double raw = rms_of(&plain, &bright, GAD_PIXEL_DIFFERENCE_RAW);
    assert_true(raw > 55 && raw < 75);
    assert_true(rms_of(&plain, &plain, GAD_PIXEL_DIFFERENCE_RAW) == 0);
    gad_image_free(&plain);
    gad_image_free(&bright);
}

static void test_shift(void **state)
{
    (void)state;
    gad_image plain = tiles(1, 0, 0, 0), near = tiles(1, 0, 2, -2), far = tiles(1, 0, 5, 4);
    assert_true(rms_of(&plain, &near, GAD_PIXEL_DIFFERENCE_RAW) < .25 * rms_of(&plain, &far, GAD_PIXEL_DIFFERENCE_RAW));
    gad_image_free(&plain);
    gad_image_free(&near);
    gad_image_free(&far);
}

static void test_defect(void **state)
{
    (void)state;
    gad_image plain = tiles(1, 0, 0, 0), marked = tiles(1.2, 5, 0, 0);
    for (int y = 30; y < 50; y++)
        memset(gad_image_row(&marked, y) + 3 * 60, 255, 3 * 20);
    gad_pixel_difference d = compare(&plain, &marked, GAD_PIXEL_DIFFERENCE_MATCHED);
    assert_int_equal(d.box_count, 1);
    assert_true(gad_box_iou(d.box[0], (gad_box){60, 30, 80, 50}) > .6);
    gad_pixel_difference_free(&d);
    gad_image_free(&plain);
    gad_image_free(&marked);
}

/* The answer of the baseline to one reference and one image, and its name and settings. */
static void test_baseline(void **state)
{
    (void)state;
    gad_error err;
    gad_image picture[2] = {tiles(1, 0, 0, 0), tiles(1.5, 20, 0, 0)};
    gad_bench_request request = {.id = "a", .picture = picture, .pictures = 2};
    static const char *const names[] = {"pixel-difference", "pixel-difference (raw colours)"};
    static const char *const colours[] = {"matched", "raw"}, *const words[] = {"<answer>No", "<answer>Yes"};
    for (int k = 0; k < 2; k++) {
        gad_bench_model model;
        gad_bench_reply reply = gad_bench_reply_start();
        ASSERT_OK(
            gad_model_baseline_difference(&(gad_pixel_difference_settings){.threshold = 24, .colours = k}, &model, &err),
            &err);
        assert_string_equal(model.name, names[k]);
        json_t *settings = model.describe(model.self);
        assert_string_equal(json_string_value(json_object_get(settings, "colours")), colours[k]);
        json_decref(settings);
        ASSERT_OK(model.answer(model.self, &request, &reply, &err), &err);
        assert_non_null(strstr(gad_string_text(&reply.text), words[k]));
        assert_true((reply.score > .5) == (k == 1)); /* the score crosses a half where the decision does */
        gad_string_free(&reply.text);
        gad_memory_free(reply.map);
        request.pictures = 1;
        assert_int_equal(model.answer(model.self, &request, &reply, &err), GAD_E_UNSUPPORTED);
        request.pictures = 2;
        model.free(model.self);
    }
    gad_image_free(&picture[0]);
    gad_image_free(&picture[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exposure), cmocka_unit_test(test_shift),
                                       cmocka_unit_test(test_defect), cmocka_unit_test(test_baseline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
