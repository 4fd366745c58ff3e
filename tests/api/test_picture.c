/* picture: gad_picture_load on files that are no good image: the status fits, the message names the file, and there is no
 * picture; pictures from memory are those of the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "io/image.h"
#include "model/golden.h"
#include "support/support.h"

static const char *put(const char *name, const void *data, size_t size_bytes)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_write(path, data, size_bytes, &err), &err);
    return path;
}

static void assert_refused(const char *path, gad_status expected)
{
    gad_error err = {0};
    gad_picture *picture = NULL;
    gad_status status = gad_picture_load(path, &picture, &err);
    if (status != expected || picture || !strstr(err.cause, path) || !err.operation[0])
        fail_msg("%s: %s: cannot %s: %s", path, gad_status_name(status), err.operation, err.cause);
}

static void test_no_image(void **state)
{
    (void)state;
    assert_refused("/nonexistent/part.png", GAD_E_IO);
    assert_refused(GAD_TEST_TMP, GAD_E_IO);
    assert_refused(put("empty.png", "", 0), GAD_E_FORMAT);
    assert_refused(put("text.png", "this is text", 12), GAD_E_FORMAT);
    assert_refused(put("zeros.jpg", (char[512]){0}, 512), GAD_E_FORMAT);
    assert_refused(support_source("tests/fuzz/corpus/image/cmyk.jpg"), GAD_E_UNSUPPORTED);
}

/* Cut at every length that leaves something out of the pixels' data. */
static void test_truncated(void **state)
{
    (void)state;
    static const char *const files[] = {"tests/fixtures/images/plate.png",         "tests/fuzz/corpus/image/baseline.jpg",
                                        "tests/fuzz/corpus/image/progressive.jpg", "tests/fuzz/corpus/image/lzw.tif",
                                        "tests/fuzz/corpus/image/lossy.webp",      "tests/fuzz/corpus/image/rgb.bmp"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        gad_error err;
        char *data = NULL;
        size_t size = 0;
        ASSERT_OK(gad_file_read(support_source(files[i]), 1 << 20, &data, &size, &err), &err);
        for (size_t part = 1; part < 16; part++) {
            gad_picture *picture = NULL;
            size_t keep = size * part / 16;
            const char *path = put("cut.bin", data, keep);
            gad_status status = gad_picture_load(path, &picture, &err);
            if ((status != GAD_E_FORMAT && status != GAD_E_UNSUPPORTED) || !strstr(err.cause, path))
                fail_msg("%s cut to %zu of %zu: %s: %s", files[i], keep, size, gad_status_name(status), err.cause);
        }
        gad_memory_free(data);
    }
}

/* A BMP header that promises width x height pixels and has none. */
static const char *bmp_of(const char *name, int32_t width, int32_t height)
{
    unsigned char header[54] = {'B', 'M'};
    const uint32_t offset = 54, info = 40;
    memcpy(header + 10, &offset, 4);
    memcpy(header + 14, &info, 4);
    memcpy(header + 18, &width, 4);
    memcpy(header + 22, &height, 4);
    header[26] = 1;
    header[28] = 24;
    return put(name, header, sizeof header);
}

static void test_size(void **state)
{
    (void)state;
    assert_refused(bmp_of("huge.bmp", 20000, 10001), GAD_E_LIMIT); /* over 200 megapixels, before any of them is read */
    assert_refused(bmp_of("line.bmp", 2147483647, 1), GAD_E_LIMIT);
    assert_refused(bmp_of("none.bmp", 0, 10), GAD_E_FORMAT);
    assert_refused(bmp_of("flat.bmp", 10, 0), GAD_E_FORMAT);
    assert_refused(bmp_of("short.bmp", 100, 100), GAD_E_FORMAT);
}

static void test_good(void **state)
{
    (void)state;
    gad_error err;
    gad_picture *picture = NULL, *again = NULL;
    ASSERT_OK(gad_picture_load(support_source("tests/fixtures/images/plate.png"), &picture, &err), &err);
    ASSERT_OK(gad_picture_load(support_source("tests/fixtures/images/plate.png"), &again, &err), &err);
    assert_int_equal(gad_picture_width_px(picture), 133);
    assert_int_equal(gad_picture_height_px(picture), 90);
    assert_int_equal(strlen(gad_picture_hash(picture)), 32);
    assert_string_equal(gad_picture_hash(picture), gad_picture_hash(again));
    gad_picture_free(picture);
    gad_picture_free(again);
    gad_picture_free(NULL);
    assert_true(gad_picture_is_name("a/b.JPG") && gad_picture_is_name("x.tiff") && !gad_picture_is_name("x.txt"));
}

/* The same picture as a file, as its bytes, and as rows with gaps between them. */
static void test_from_memory(void **state)
{
    (void)state;
    gad_error err;
    char *bytes = NULL;
    size_t size = 0;
    gad_image image = {0};
    gad_picture *file = NULL, *decoded = NULL, *rows = NULL;
    const char *path = support_source("tests/fixtures/images/plate.png");
    ASSERT_OK(gad_file_read(path, 1 << 20, &bytes, &size, &err), &err);
    ASSERT_OK(gad_image_load(path, &image, &err), &err);
    ASSERT_OK(gad_picture_load(path, &file, &err), &err);
    ASSERT_OK(gad_picture_decode(bytes, size, &decoded, &err), &err);
    assert_string_equal(gad_picture_hash(decoded), gad_picture_hash(file));
    enum { STRIDE = 133 * 3 + 17 };
    static uint8_t wide[90 * STRIDE];
    memset(wide, 0xA5, sizeof wide);
    for (int64_t y = 0; y < 90; y++)
        memcpy(wide + y * STRIDE, gad_image_row(&image, y), 133 * 3);
    ASSERT_OK(gad_picture_from_rgb(wide, 133, 90, STRIDE, &rows, &err), &err);
    memset(wide, 0, sizeof wide); /* it was copied */
    assert_string_equal(gad_picture_hash(rows), gad_picture_hash(file));
    gad_image_free(&image);
    gad_memory_free(bytes);
    gad_picture_free(file);
    gad_picture_free(decoded);
    gad_picture_free(rows);
}

static void test_from_grey(void **state)
{
    (void)state;
    gad_error err;
    gad_picture *grey = NULL, *rgb = NULL;
    static const uint8_t one[2][4] = {{7, 200, 31, 99}, {0, 255, 128, 99}}; /* the last column is padding */
    static const uint8_t three[2][9] = {{7, 7, 7, 200, 200, 200, 31, 31, 31}, {0, 0, 0, 255, 255, 255, 128, 128, 128}};
    ASSERT_OK(gad_picture_from_grey(&one[0][0], 3, 2, 4, &grey, &err), &err);
    ASSERT_OK(gad_picture_from_rgb(&three[0][0], 3, 2, 9, &rgb, &err), &err);
    assert_int_equal(gad_picture_width_px(grey), 3);
    assert_int_equal(gad_picture_height_px(grey), 2);
    assert_string_equal(gad_picture_hash(grey), gad_picture_hash(rgb));
    gad_picture_free(grey);
    gad_picture_free(rgb);
}

static void test_bad_memory(void **state)
{
    (void)state;
    gad_error err;
    gad_picture *picture = NULL;
    static const uint8_t rows[12] = {0};
    assert_int_equal(gad_picture_from_rgb(NULL, 2, 2, 6, &picture, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_picture_from_rgb(rows, 2, 2, 5, &picture, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_picture_from_grey(rows, 3, 2, 2, &picture, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_picture_from_grey(rows, 0, 2, 2, &picture, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_picture_from_grey(rows, 3, -1, 3, &picture, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_picture_from_rgb(rows, 1 << 20, 1 << 20, 3 << 20, &picture, &err), GAD_E_LIMIT);
    assert_int_equal(gad_picture_decode("no image", 8, &picture, &err), GAD_E_FORMAT);
    assert_int_equal(gad_picture_decode(NULL, 0, &picture, &err), GAD_E_ARGUMENT);
    assert_null(picture);
}

/* What a model is said to see of a picture is what an inspection shows it. */
static void test_described_as_seen(void **state)
{
    (void)state;
    static const struct {
        const char *image_size;
        int64_t max_pixels;
        int width_px, height_px;
    } rows[] = {{"canvas", 1003520, 900, 600}, {"original", 50176, 400, 300}, {"200", 0, 300, 500}, {NULL, 0, 60, 90}};
    gad_error err;
    uint8_t *grey = calloc(900, 600);
    assert_non_null(grey);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gad_engine *engine = NULL;
        gad_picture *picture = NULL;
        gad_model_info info;
        gad_inspection seen;
        gad_engine_options options = {.model = golden_path("qwen25", "model"),
                                      .compute.threads = 1,
                                      .image_size = rows[i].image_size,
                                      .max_pixels = rows[i].max_pixels};
        gad_inspect_settings settings = gad_inspect_settings_default();
        settings.reason = GAD_REASON_NEVER;
        const int width = rows[i].width_px, height = rows[i].height_px;
        ASSERT_OK(gad_picture_from_grey(grey, width, height, (size_t)width, &picture, &err), &err);
        ASSERT_OK(gad_model_describe(&options, width, height, 1, 1, &info, &err), &err);
        ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
        ASSERT_OK(gad_inspect(engine, NULL, 0, picture, &settings, &seen, &err), &err);
        assert_int_equal(info.input_width_px, seen.input_width_px);
        assert_int_equal(info.input_height_px, seen.input_height_px);
        gad_inspection_clear(&seen);
        gad_engine_free(engine);
        gad_picture_free(picture);
    }
    free(grey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_image),   cmocka_unit_test(test_truncated),         cmocka_unit_test(test_size),
        cmocka_unit_test(test_good),       cmocka_unit_test(test_from_memory),       cmocka_unit_test(test_from_grey),
        cmocka_unit_test(test_bad_memory), cmocka_unit_test(test_described_as_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
