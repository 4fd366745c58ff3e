/* pillow: pictures as the newest Pillow decodes and resizes them, bit for bit (reference/fixtures_pillow.py). Up to 12.3 it
 * passes over rows first, as gad does; since 13.0 over columns first where so many more rows go that this is cheaper. */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "io/resize.h"
#include "io/safetensors.h"
#include "support/support.h"

static gad_safetensors *fixture;

static const gad_safetensors_tensor *find(int i, const char *what)
{
    char name[40];
    snprintf(name, sizeof name, "%d.%s", i, what);
    return gad_safetensors_find(fixture, name);
}

static size_t bytes_differing(const gad_image *made, const gad_safetensors_tensor *wanted)
{
    const uint8_t *bytes = wanted->data;
    size_t differing = 0;
    assert_int_equal(made->channels, 3);
    assert_int_equal(made->height, wanted->shape[0]);
    assert_int_equal(made->width, wanted->shape[1]);
    for (int64_t y = 0; y < made->height; y++)
        for (int64_t x = 0; x < 3 * made->width; x++)
            differing += gad_image_row(made, y)[x] != bytes[y * 3 * made->width + x];
    return differing;
}

/* The order that the newest Pillow takes: both passes round to 8 bits, so it shows. */
static bool columns_first(const gad_image *from, int64_t width, int64_t height)
{
    return height < from->height && from->height - height > 2 * (from->width - width);
}

static void check_resize(int i, const gad_image *whole)
{
    gad_error err;
    gad_image made, low = {0};
    const gad_safetensors_tensor *wanted = find(i, "small");
    const int64_t height = wanted->shape[0], width = wanted->shape[1];
    ASSERT_OK(gad_resize_bicubic(whole, width, height, GAD_RESIZE_PIL, &made, &err), &err);
    size_t wrong = bytes_differing(&made, wanted);
    gad_image_free(&made);
    if (!columns_first(whole, width, height)) {
        assert_int_equal(wrong, 0);
        return;
    }
    assert_true(wrong > 0); /* what Pillow up to 12.3 makes is another picture */
    ASSERT_OK(gad_resize_bicubic(whole, whole->width, height, GAD_RESIZE_PIL, &low, &err), &err);
    ASSERT_OK(gad_resize_bicubic(&low, width, height, GAD_RESIZE_PIL, &made, &err), &err);
    assert_int_equal(bytes_differing(&made, wanted), 0);
    gad_image_free(&low);
    gad_image_free(&made);
}

static void test_cases(void **state)
{
    (void)state;
    gad_error err;
    json_t *about = NULL;
    ASSERT_OK(gad_safetensors_open(support_source("tests/fixtures/pillow.safetensors"), &fixture, &err), &err);
    ASSERT_OK(gad_json_load(support_source("tests/fixtures/pillow.json"), &about, &err), &err);
    const char *version = json_string_value(json_object_get(about, "pillow"));
    int cases = (int)json_integer_value(json_object_get(about, "cases")), swapped = 0;
    assert_true(version && strtol(version, NULL, 10) >= 13);
    assert_true(cases >= 12);
    for (int i = 0; i < cases; i++) {
        const gad_safetensors_tensor *file = find(i, "file"), *rgb = find(i, "rgb");
        gad_image image;
        ASSERT_OK(gad_image_decode(file->data, file->size_bytes, "case", INT64_MAX, &image, &err), &err);
        size_t wrong = bytes_differing(&image, rgb);
        if (wrong)
            fail_msg("case %d: %zu bytes of the picture differ from Pillow %s", i, wrong, version);
        swapped += columns_first(&image, find(i, "small")->shape[1], find(i, "small")->shape[0]);
        check_resize(i, &image);
        gad_image_free(&image);
    }
    assert_true(swapped > 0 && swapped < cases);
    json_decref(about);
    gad_safetensors_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
