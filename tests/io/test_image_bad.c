/* image_bad: cut-off, damaged, oversized and foreign files are refused or handled as image.h says, and running out of
 * memory is an error that leaks nothing. */
#include "base/file.h"
#include "base/memory.h"
#include "io/image_jpeg.h"
#include "io/image_png.h"
#include "io/make_image.h"
#include "support/support.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

enum { W = 37, H = 23 };

/* ---- what is refused, and how -------------------------------------------------------------------------------------- */

static void refuses(const void *bytes, size_t size, const char *name, gad_status code, const char *cause)
{
    gad_image image = {.width = -7};
    gad_error err = {0};
    gad_status status = gad_image_decode(bytes, size, name, 0, &image, &err);
    if (status != code || !strstr(err.cause, cause) || !strstr(err.cause, name) || !err.hint[0])
        fail_msg("%s: status %s, cause \"%s\", hint \"%s\"; wanted %s, \"%s\"", name, gad_status_name(status), err.cause,
                 err.hint, gad_status_name(code), cause);
    assert_int_equal(image.width, -7); /* the output is not touched */
}

static void test_refused(void **state)
{
    (void)state;
    refuses("", 0, "nothing.png", GAD_E_FORMAT, "empty");
    refuses("hello, world", 12, "text.jpg", GAD_E_FORMAT, "is not an image");
    refuses("GIF89a......", 12, "a.gif", GAD_E_UNSUPPORTED, "GIF");
    refuses("\0\0\0\x1c"
            "ftypheic",
            12, "a.heic", GAD_E_UNSUPPORTED, "HEIC");
    refuses("<svg></svg>", 11, "a.svg", GAD_E_UNSUPPORTED, "drawing");
    refuses("BM", 2, "two.bmp", GAD_E_FORMAT, "truncated");
    gad_string bytes = make_jpeg((make_jpeg_options){.width = 16, .height = 16, .components = 4});
    refuses(bytes.data, bytes.length, "print.jpg", GAD_E_UNSUPPORTED, "CMYK");
    gad_string_free(&bytes);
    const char *path = support_scratch(GAD_TEST_TMP, "refused.tif");
    make_tiff_options tiff = {.width = W, .height = H, .samples = 4, .bits = 8, .photometric = PHOTOMETRIC_SEPARATED};
    bytes = make_tiff(path, tiff);
    refuses(bytes.data, bytes.length, "print.tif", GAD_E_UNSUPPORTED, "CMYK");
    gad_string_free(&bytes);
    tiff = (make_tiff_options){.width = W, .height = H, .samples = 1, .bits = 32, .photometric = 1, .floating = true};
    bytes = make_tiff(path, tiff);
    refuses(bytes.data, bytes.length, "depth.tif", GAD_E_UNSUPPORTED, "floating point");
    gad_string_free(&bytes);
    gad_image image;
    gad_error err;
    assert_int_equal(gad_image_load(support_scratch(GAD_TEST_TMP, "absent.png"), &image, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "absent.png"));
    assert_true(err.hint[0]);
    assert_int_equal(gad_image_load(GAD_TEST_TMP, &image, &err), GAD_E_IO);
}

static void put_u32(gad_string *bytes, size_t at, uint32_t v, bool big_endian)
{
    for (int i = 0; i < 4; i++)
        bytes->data[at + (size_t)i] = (char)(v >> (big_endian ? 24 - 8 * i : 8 * i));
}

/* Headers that promise too much or nothing, before any pixel is read. */
static void test_sizes(void **state)
{
    (void)state;
    gad_string bytes = make_bmp((make_bmp_options){.width = 4, .height = 4, .bits = 24});
    put_u32(&bytes, 18, 20001, false);
    put_u32(&bytes, 22, 10000, false);
    refuses(bytes.data, bytes.length, "huge.bmp", GAD_E_LIMIT, "200.0 megapixels");
    put_u32(&bytes, 18, 0x7FFFFFFF, false);
    put_u32(&bytes, 22, 0x80000000, false);
    refuses(bytes.data, bytes.length, "enormous.bmp", GAD_E_LIMIT, "megapixels");
    put_u32(&bytes, 18, 1, false); /* as many pixels as are allowed, in one column */
    put_u32(&bytes, 22, 200000000, false);
    refuses(bytes.data, bytes.length, "strip.bmp", GAD_E_LIMIT, "1 x 200000000: no side may exceed 1000000 pixels");
    put_u32(&bytes, 18, 0, false);
    put_u32(&bytes, 22, 0x80000000, false);
    refuses(bytes.data, bytes.length, "zero.bmp", GAD_E_FORMAT, "no pixels");
    put_u32(&bytes, 18, 20000, false);
    put_u32(&bytes, 22, 10000, false);
    refuses(bytes.data, bytes.length, "cut.bmp", GAD_E_FORMAT, "truncated"); /* allowed size, but no data */
    gad_string_free(&bytes);
    bytes = make_png((make_png_options){.width = 4, .height = 4, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8});
    bytes.data[18] = 0x7F; /* the checksum of the header is then wrong */
    refuses(bytes.data, bytes.length, "bent.png", GAD_E_FORMAT, "damaged PNG");
    gad_string_free(&bytes);
    bytes = make_jpeg((make_jpeg_options){.width = 16, .height = 16, .components = 3});
    char *frame = memmem(bytes.data, bytes.length, "\xFF\xC0", 2);
    assert_non_null(frame);
    memset(frame + 5, 0xEA, 4); /* 60138 x 60138 */
    refuses(bytes.data, bytes.length, "huge.jpg", GAD_E_LIMIT, "60138 x 60138");
    memset(frame + 7, 0, 2);
    refuses(bytes.data, bytes.length, "zero.jpg", GAD_E_FORMAT, "JPEG");
    gad_string_free(&bytes);
    bytes = make_png((make_png_options){.width = 40, .height = 30, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8});
    gad_image image;
    gad_error err;
    assert_int_equal(gad_image_decode(bytes.data, bytes.length, "small", 1199, &image, &err), GAD_E_LIMIT);
    ASSERT_OK(gad_image_decode(bytes.data, bytes.length, "small", 1200, &image, &err), &err);
    gad_image_free(&image);
    gad_string_free(&bytes);
}

/* Every beginning of a file that lacks the end of its picture is an error; most say that the file is cut off. */
static void cut_everywhere(gad_string *bytes, const char *name, size_t tail)
{
    size_t step = bytes->length / 150 + 1, said = 0, tried = 0;
    for (size_t size = 12; size + tail < bytes->length; size += step, tried++) {
        uint8_t *copy = malloc(size); /* of the exact size, so that AddressSanitizer sees a step too far */
        memcpy(copy, bytes->data, size);
        gad_image image;
        gad_error err = {0};
        gad_status status = gad_image_decode(copy, size, name, 0, &image, &err);
        if (status != GAD_E_FORMAT)
            fail_msg("%s cut at %zu of %zu: %s", name, size, bytes->length, gad_status_name(status));
        said += strstr(err.cause, "truncated") != NULL;
        free(copy);
    }
    if (said * 2 < tried)
        fail_msg("%s: only %zu of %zu cuts were called truncated", name, said, tried);
    gad_string_free(bytes);
}

static void test_truncated(void **state)
{
    (void)state;
    gad_string bytes = make_jpeg((make_jpeg_options){.width = 160, .height = 120, .components = 3});
    cut_everywhere(&bytes, "JPEG", 2);
    bytes = make_jpeg((make_jpeg_options){.width = 160, .height = 120, .components = 3, .progressive = true});
    cut_everywhere(&bytes, "progressive JPEG", 2);
    bytes = make_png((make_png_options){.width = W, .height = H, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8});
    cut_everywhere(&bytes, "PNG", 0);
    bytes = make_png(
        (make_png_options){.width = W, .height = H, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8, .interlaced = true});
    cut_everywhere(&bytes, "interlaced PNG", 0);
    bytes = make_webp(W, H, 4);
    cut_everywhere(&bytes, "WebP", 1); /* the last byte is padding */
    bytes = make_bmp((make_bmp_options){.width = W, .height = H, .bits = 24});
    cut_everywhere(&bytes, "BMP", 3);
    bytes = make_bmp((make_bmp_options){.width = W, .height = H, .bits = 8, .runs = true});
    cut_everywhere(&bytes, "BMP with runs", 4);
    const char *path = support_scratch(GAD_TEST_TMP, "cut.tif");
    make_tiff_options tiff = {.width = W, .height = H, .samples = 3, .bits = 8, .photometric = PHOTOMETRIC_RGB};
    bytes = make_tiff(path, tiff);
    size_t directory = bytes.length; /* libtiff writes it at the end: every cut loses it */
    cut_everywhere(&bytes, "TIFF", 0);
    assert_true(directory > 0);
}

/* Bits flipped anywhere: an error or an image, never a crash (the sanitizers watch), and the error is filled. */
static void test_flipped(void **state)
{
    (void)state;
    const char *path = support_scratch(GAD_TEST_TMP, "flip.tif");
    gad_string files[] = {
        make_jpeg((make_jpeg_options){.width = 48, .height = 32, .components = 3, .orientation = 3}),
        make_jpeg((make_jpeg_options){.width = 48, .height = 32, .components = 1, .progressive = true}),
        make_png((make_png_options){
            .width = W, .height = H, .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 4, .orientation = 6}),
        make_webp(W, H, 4),
        make_bmp((make_bmp_options){.width = W, .height = H, .bits = 4, .runs = true}),
        make_tiff(path, (make_tiff_options){.width = W,
                                            .height = H,
                                            .samples = 4,
                                            .bits = 8,
                                            .photometric = PHOTOMETRIC_RGB,
                                            .separate = true,
                                            .tiled = true,
                                            .compression = COMPRESSION_LZW,
                                            .extra = EXTRASAMPLE_UNASSALPHA}),
    };
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        for (unsigned trial = 0; trial < 400; trial++) {
            size_t at = make_sample(trial, (int64_t)f, 0, 65536) % files[f].length;
            char was = files[f].data[at];
            files[f].data[at] = (char)(was ^ (1 << make_sample(trial, (int64_t)f, 1, 8)));
            gad_image image = {0};
            gad_error err = {0};
            gad_status status = gad_image_decode(files[f].data, files[f].length, "flipped", 1 << 20, &image, &err);
            assert_true(status == GAD_OK ? image.pixels != NULL : err.cause[0] && err.code == status && !image.pixels);
            gad_image_free(&image);
            files[f].data[at] = was;
        }
        gad_string_free(&files[f]);
    }
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

typedef struct failing {
    int until; /* allocations that still succeed */
    int live;
} failing;

static void *failing_allocate(void *user, size_t size)
{
    failing *f = user;
    if (f->until-- <= 0)
        return NULL;
    f->live++;
    return malloc(size);
}

static void *failing_resize(void *user, void *old, size_t size)
{
    failing *f = user;
    if (f->until-- <= 0)
        return NULL;
    f->live += !old;
    return realloc(old, size);
}

static void failing_release(void *user, void *old)
{
    ((failing *)user)->live -= old != NULL;
    free(old);
}

/* Failing the n-th allocation gives an error and leaks nothing, for every n. */
static void test_out_of_memory(void **state)
{
    (void)state;
    const char *path = support_scratch(GAD_TEST_TMP, "memory.tif");
    gad_string files[] = {make_jpeg((make_jpeg_options){.width = 48, .height = 32, .components = 3, .orientation = 6}),
                          make_png((make_png_options){.width = W,
                                                      .height = H,
                                                      .colour_type = PNG_COLOR_TYPE_RGB_ALPHA,
                                                      .depth = 16,
                                                      .interlaced = true,
                                                      .orientation = 6}),
                          make_webp(W, H, 4),
                          make_bmp((make_bmp_options){.width = W, .height = H, .bits = 8, .runs = true}),
                          make_tiff(path, (make_tiff_options){.width = W,
                                                              .height = H,
                                                              .samples = 3,
                                                              .bits = 8,
                                                              .photometric = PHOTOMETRIC_RGB,
                                                              .separate = true,
                                                              .orientation = 8})};
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        for (int n = 0;; n++) {
            assert_true(n < 100);
            failing counter = {n, 0};
            gad_use_allocator(&(gad_allocator){failing_allocate, failing_resize, failing_release, &counter});
            gad_image image = {0};
            gad_error err = {0};
            gad_string png = {0};
            gad_status status = gad_image_decode(files[f].data, files[f].length, "memory", 0, &image, &err);
            if (!status)
                status = gad_image_png_encode(&image, &png, &err);
            if (!status)
                status = gad_image_jpeg_encode(&image, 90, &png, &err);
            gad_image_free(&image);
            gad_string_free(&png);
            gad_use_allocator(NULL);
            assert_int_equal(counter.live, 0);
            if (!status)
                break;
            assert_int_equal(status, GAD_E_MEMORY);
        }
        gad_string_free(&files[f]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_sizes),         cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("io/image_bad", tests, NULL, NULL);
}
