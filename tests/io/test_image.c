/* image: every format and kind gives the pixels that were put in, turned as its file says. What is wrong with a file:
 * test_image_bad.c. */
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

static gad_image decode(gad_string *bytes, const char *name)
{
    gad_image image;
    gad_error err;
    ASSERT_OK(gad_image_decode(bytes->data, bytes->length, name, 0, &image, &err), &err);
    return image;
}

static const char *keep(const gad_string *bytes, const char *name)
{
    const char *path = support_scratch(GAD_TEST_TMP, name);
    gad_error err;
    ASSERT_OK(gad_file_write(path, bytes->data, bytes->length, &err), &err);
    return path;
}

static unsigned on_white(unsigned v, unsigned alpha)
{
    return (255 * (255 - alpha) + v * alpha + 127) / 255; /* rounded: 255 is odd, so there are no ties */
}

typedef unsigned (*expected_fn)(int64_t x, int64_t y, int c, const void *user);

static void check(const char *name, gad_image *image, int64_t width, int64_t height, int channels, expected_fn expected,
                  const void *user)
{
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    assert_int_equal(image->channels, channels);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                unsigned got = gad_image_row(image, y)[x * channels + c], want = expected(x, y, c, user);
                if (got != want)
                    fail_msg("%s: pixel (%d, %d) channel %d is %u, not %u", name, (int)x, (int)y, c, got, want);
            }
    gad_image_free(image);
}

/* ---- what each kind of file must give ----------------------------------------------------------------------------- */

/* Samples of a file: `samples` of `bits`, then how they become a colour. */
typedef struct kind {
    unsigned bits;
    int samples;
    bool palette, inverted, premultiplied;
} kind;

static unsigned to_eight(unsigned v, unsigned bits)
{
    return bits == 16 ? v >> 8 : v * 255 / ((1u << bits) - 1);
}

static unsigned rgb_of(int64_t x, int64_t y, int c, const void *user)
{
    const kind *k = user;
    int colours = k->samples <= 2 ? 1 : 3;
    unsigned v = make_sample(x, y, colours == 1 ? 0 : c, 1u << k->bits);
    if (k->palette) {
        uint8_t rgb[3];
        make_palette(v, rgb);
        return rgb[c];
    }
    v = to_eight(v, k->bits);
    if (k->inverted)
        v = 255 - v;
    if (k->samples == 2 || k->samples == 4) {
        unsigned alpha = to_eight(make_sample(x, y, k->samples - 1, 1u << k->bits), k->bits);
        if (!k->premultiplied)
            return on_white(v, alpha);
        return v + 255 - alpha > 255 ? 255 : v + 255 - alpha;
    }
    return v;
}

static unsigned mask_of(int64_t x, int64_t y, int c, const void *user)
{
    (void)c;
    const kind *k = user;
    unsigned most = 0;
    for (int i = 0; i < (k->samples <= 2 ? 1 : 3); i++) {
        unsigned wide = make_sample(x, y, i, 1u << k->bits), v = to_eight(wide, k->bits);
        if (k->bits == 16 && wide && !v)
            v = 1;
        most = v > most ? v : most;
    }
    if (k->palette) {
        uint8_t rgb[3];
        make_palette(make_sample(x, y, 0, 1u << k->bits), rgb);
        most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
        most = most > rgb[2] ? most : rgb[2];
    }
    return most;
}

static unsigned index_of(int64_t x, int64_t y, int c, const void *user)
{
    (void)c;
    return make_sample(x, y, 0, 1u << ((const kind *)user)->bits);
}

static void test_png_kinds(void **state)
{
    (void)state;
    static const int types[][2] = {
        {PNG_COLOR_TYPE_GRAY, 1},        {PNG_COLOR_TYPE_GRAY, 2},       {PNG_COLOR_TYPE_GRAY, 4},
        {PNG_COLOR_TYPE_GRAY, 8},        {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_GRAY_ALPHA, 8},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 16}, {PNG_COLOR_TYPE_RGB, 8},        {PNG_COLOR_TYPE_RGB, 16},
        {PNG_COLOR_TYPE_RGB_ALPHA, 8},   {PNG_COLOR_TYPE_RGB_ALPHA, 16}, {PNG_COLOR_TYPE_PALETTE, 1},
        {PNG_COLOR_TYPE_PALETTE, 2},     {PNG_COLOR_TYPE_PALETTE, 4},    {PNG_COLOR_TYPE_PALETTE, 8}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            int type = types[i][0];
            kind k = {.bits = (unsigned)types[i][1], .palette = type == PNG_COLOR_TYPE_PALETTE};
            k.samples = type == PNG_COLOR_TYPE_RGB ? 3 : type == PNG_COLOR_TYPE_RGB_ALPHA ? 4 : 1;
            k.samples = type == PNG_COLOR_TYPE_GRAY_ALPHA ? 2 : k.samples;
            gad_string bytes = make_png((make_png_options){
                .width = W, .height = H, .colour_type = type, .depth = types[i][1], .interlaced = interlaced});
            gad_image image = decode(&bytes, "png");
            check("PNG as RGB", &image, W, H, 3, rgb_of, &k);
            gad_error err;
            const char *path = keep(&bytes, "kind.bin"); /* the extension does not matter */
            ASSERT_OK(gad_image_load_mask(path, GAD_IMAGE_PALETTE_COLOUR, &image, &err), &err);
            check("PNG as mask", &image, W, H, 1, mask_of, &k);
            ASSERT_OK(gad_image_load_mask(path, GAD_IMAGE_PALETTE_INDEX, &image, &err), &err);
            check("PNG as indices", &image, W, H, 1, k.palette ? index_of : mask_of, &k);
            gad_string_free(&bytes);
        }
}

static unsigned transparent_palette(int64_t x, int64_t y, int c, const void *user)
{
    (void)user;
    unsigned index = make_sample(x, y, 0, 16);
    uint8_t rgb[3];
    make_palette(index, rgb);
    return index == 0 ? 255 : index == 1 ? on_white(rgb[c], 128) : rgb[c];
}

static unsigned transparent_grey(int64_t x, int64_t y, int c, const void *user)
{
    (void)c;
    (void)user;
    unsigned v = make_sample(x, y, 0, 16);
    return v == 5 ? 255 : v * 17;
}

static void test_png_transparent_colours(void **state)
{
    (void)state;
    make_png_options o = {.width = W, .height = H, .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 4, .transparent = true};
    gad_string bytes = make_png(o);
    gad_image image = decode(&bytes, "palette with alpha");
    check("palette with alpha", &image, W, H, 3, transparent_palette, NULL);
    gad_string_free(&bytes);
    o.colour_type = PNG_COLOR_TYPE_GRAY;
    bytes = make_png(o);
    image = decode(&bytes, "grey with a clear value");
    check("grey with a clear value", &image, W, H, 3, transparent_grey, NULL);
    gad_string_free(&bytes);
}

static void check_tiff(make_tiff_options o, kind k)
{
    const char *path = support_scratch(GAD_TEST_TMP, "kind.tif");
    gad_string bytes = make_tiff(path, o);
    gad_image image = decode(&bytes, "tiff");
    check("TIFF as RGB", &image, o.width, o.height, 3, rgb_of, &k);
    gad_error err;
    if (k.palette) {
        ASSERT_OK(gad_image_load_mask(path, GAD_IMAGE_PALETTE_INDEX, &image, &err), &err);
        check("TIFF as indices", &image, o.width, o.height, 1, index_of, &k);
    } else if (!k.inverted) {
        ASSERT_OK(gad_image_load_mask(path, GAD_IMAGE_PALETTE_COLOUR, &image, &err), &err);
        check("TIFF as mask", &image, o.width, o.height, 1, mask_of, &k);
    }
    gad_string_free(&bytes);
}

static void test_tiff_kinds(void **state)
{
    (void)state;
    static const uint16_t bits[] = {1, 2, 4, 8, 16};
    for (int variant = 0; variant < 16; variant++) {
        make_tiff_options o = {.width = W,
                               .height = H,
                               .separate = variant & 1,
                               .tiled = variant & 2,
                               .big_endian = variant & 4,
                               .compression = variant & 8 ? COMPRESSION_LZW : COMPRESSION_NONE};
        o.samples = 1;
        for (size_t i = 0; i < 5; i++) {
            o.bits = bits[i];
            o.photometric = PHOTOMETRIC_MINISBLACK;
            check_tiff(o, (kind){.bits = o.bits, .samples = 1});
            o.photometric = PHOTOMETRIC_MINISWHITE;
            check_tiff(o, (kind){.bits = o.bits, .samples = 1, .inverted = true});
            o.photometric = PHOTOMETRIC_PALETTE;
            if (o.bits <= 8)
                check_tiff(o, (kind){.bits = o.bits, .samples = 1, .palette = true});
        }
        for (size_t i = 3; i < 5; i++) {
            o.bits = bits[i];
            o.photometric = PHOTOMETRIC_RGB;
            o.samples = 3;
            o.extra = 0;
            check_tiff(o, (kind){.bits = o.bits, .samples = 3});
            o.samples = 4;
            o.extra = EXTRASAMPLE_UNASSALPHA;
            check_tiff(o, (kind){.bits = o.bits, .samples = 4});
            o.extra = EXTRASAMPLE_ASSOCALPHA;
            check_tiff(o, (kind){.bits = o.bits, .samples = 4, .premultiplied = true});
            o.photometric = PHOTOMETRIC_MINISBLACK;
            o.samples = 2;
            o.extra = EXTRASAMPLE_UNASSALPHA;
            check_tiff(o, (kind){.bits = o.bits, .samples = 2});
        }
    }
}

static void test_webp(void **state)
{
    (void)state;
    for (int samples = 3; samples <= 4; samples++) {
        gad_string bytes = make_webp(W, H, samples);
        gad_image image = decode(&bytes, "webp");
        check("WebP", &image, W, H, 3, rgb_of, &(kind){.bits = 8, .samples = samples});
        gad_string_free(&bytes);
    }
}

/* Colours of 16- and 32-bit BMP pixels under masks. */
static unsigned masked_colour(int64_t x, int64_t y, int c, const void *user)
{
    const make_bmp_options *o = user;
    uint32_t v = make_sample(x, y, 0, 65536) | (o->bits == 32 ? make_sample(x, y, 1, 65536) << 16 : 0);
    uint32_t part[4];
    for (int i = 0; i < 4; i++) {
        uint32_t mask = o->masks[i], low = mask & (~mask + 1);
        part[i] = mask ? (uint32_t)((uint64_t)((v & mask) / low) * 255 / (mask / low)) : 255;
    }
    return on_white(part[c], part[3]);
}

static void test_bmp_kinds(void **state)
{
    (void)state;
    static const unsigned indexed[] = {1, 4, 8};
    for (int i = 0; i < 3; i++)
        for (int variant = 0; variant < 6; variant++) {
            make_bmp_options o = {.width = W,
                                  .height = H,
                                  .bits = indexed[i],
                                  .top_down = variant == 1,
                                  .core_header = variant == 2,
                                  .runs = variant >= 3 && i > 0};
            gad_string bytes = make_bmp(o);
            gad_image image = decode(&bytes, "bmp");
            kind k = {.bits = o.bits, .samples = 1, .palette = true};
            check("BMP with a palette", &image, W, H, 3, rgb_of, &k);
            gad_error err;
            ASSERT_OK(gad_image_load_mask(keep(&bytes, "kind.bmp"), GAD_IMAGE_PALETTE_INDEX, &image, &err), &err);
            check("BMP as indices", &image, W, H, 1, index_of, &k);
            gad_string_free(&bytes);
        }
    gad_string bytes = make_bmp((make_bmp_options){.width = W, .height = H, .bits = 24});
    gad_image image = decode(&bytes, "bmp24");
    check("BMP of 24 bits", &image, W, H, 3, rgb_of, &(kind){.bits = 8, .samples = 3});
    gad_string_free(&bytes);
    static const make_bmp_options masked[] = {
        {.width = W, .height = H, .bits = 16, .masks = {0xF800, 0x07E0, 0x001F, 0}},
        {.width = W, .height = H, .bits = 16, .masks = {0x0F00, 0x00F0, 0x000F, 0xF000}},
        {.width = W, .height = H, .bits = 32, .masks = {0xFF000000, 0x00FF0000, 0x0000FF00, 0x000000FF}},
        {.width = W, .height = H, .bits = 32, .masks = {0x3FF00000, 0x000FFC00, 0x000003FF, 0}, .top_down = true}};
    for (int i = 0; i < 4; i++) {
        bytes = make_bmp(masked[i]);
        image = decode(&bytes, "masked bmp");
        check("BMP with masks", &image, W, H, 3, masked_colour, &masked[i]);
        gad_string_free(&bytes);
    }
}

/* ---- JPEG: close to what went in, and everything that its header can say ------------------------------------------- */

static void check_close(const gad_image *got, const gad_image *want, int tolerance)
{
    assert_int_equal(got->width, want->width);
    assert_int_equal(got->height, want->height);
    for (int64_t i = 0; i < got->width * got->height; i++)
        for (int c = 0; c < got->channels; c++) {
            int a = got->pixels[i * got->channels + c], b = want->pixels[want->channels == 1 ? i : i * 3 + c];
            if (abs(a - b) > tolerance)
                fail_msg("pixel %d: %d against %d", (int)i, a, b);
        }
}

static void test_jpeg_kinds(void **state)
{
    (void)state;
    for (int components = 1; components <= 3; components += 2)
        for (int progressive = 0; progressive < 2; progressive++) {
            gad_string bytes = make_jpeg(
                (make_jpeg_options){.width = 160, .height = 120, .components = components, .progressive = progressive});
            gad_image image = decode(&bytes, "jpeg"), smooth = make_smooth(160, 120, components);
            assert_int_equal(image.channels, 3);
            check_close(&image, &smooth, 8);
            gad_image_free(&image);
            gad_error err;
            ASSERT_OK(gad_image_load_mask(keep(&bytes, "mask.jpg"), GAD_IMAGE_PALETTE_COLOUR, &image, &err), &err);
            assert_int_equal(image.channels, 1);
            if (components == 1)
                check_close(&image, &smooth, 8);
            gad_image_free(&image);
            gad_image_free(&smooth);
            gad_string_free(&bytes);
        }
}

static void test_jpeg_shrunk(void **state)
{
    (void)state;
    gad_string bytes = make_jpeg((make_jpeg_options){.width = 803, .height = 402, .components = 3, .orientation = 6});
    const char *path = keep(&bytes, "shrunk.jpg");
    static const int64_t sides[][3] = {{804, 402, 803}, {402, 402, 803}, {401, 201, 402}, {100, 51, 101}, {1, 51, 101}};
    for (int i = 0; i < 5; i++) {
        gad_image image;
        gad_error err;
        ASSERT_OK(gad_image_load_shrunk(path, sides[i][0], &image, &err), &err);
        assert_int_equal(image.width, sides[i][1]);
        assert_int_equal(image.height, sides[i][2]);
        gad_image_free(&image);
    }
    gad_string_free(&bytes);
}

/* ---- orientation: all eight, in all formats that carry one --------------------------------------------------------- */

/* What stands at (x, y) of the upright picture, by the definition in the EXIF standard: where row 0 and column 0 of the
 * stored picture are seen. */
static void stored_at(int orientation, int64_t x, int64_t y, int64_t width, int64_t height, int64_t *sx, int64_t *sy)
{
    switch (orientation) {
    case 2: *sx = width - 1 - x, *sy = y; break;              /* row 0 top, column 0 right */
    case 3: *sx = width - 1 - x, *sy = height - 1 - y; break; /* row 0 bottom, column 0 right */
    case 4: *sx = x, *sy = height - 1 - y; break;             /* row 0 bottom, column 0 left */
    case 5: *sx = y, *sy = x; break;                          /* row 0 left, column 0 top */
    case 6: *sx = y, *sy = height - 1 - x; break;             /* row 0 right, column 0 top */
    case 7: *sx = width - 1 - y, *sy = height - 1 - x; break; /* row 0 right, column 0 bottom */
    case 8: *sx = width - 1 - y, *sy = x; break;              /* row 0 left, column 0 bottom */
    default: *sx = x, *sy = y; break;
    }
}

static void check_turned(gad_string *turned, gad_string *plain, int orientation, const char *name)
{
    gad_image stored = decode(plain, name), upright = decode(turned, name);
    bool swap = orientation >= 5;
    assert_int_equal(upright.width, swap ? stored.height : stored.width);
    assert_int_equal(upright.height, swap ? stored.width : stored.height);
    for (int64_t y = 0; y < upright.height; y++)
        for (int64_t x = 0; x < upright.width; x++) {
            int64_t sx, sy;
            stored_at(orientation, x, y, stored.width, stored.height, &sx, &sy);
            if (memcmp(gad_image_row(&upright, y) + 3 * x, gad_image_row(&stored, sy) + 3 * sx, 3))
                fail_msg("%s, orientation %d: pixel (%d, %d)", name, orientation, (int)x, (int)y);
        }
    int64_t width, height;
    gad_error err;
    ASSERT_OK(gad_image_probe(keep(turned, "turned"), &width, &height, &err), &err);
    assert_int_equal(width, upright.width);
    assert_int_equal(height, upright.height);
    gad_image_free(&stored);
    gad_image_free(&upright);
    gad_string_free(turned);
    gad_string_free(plain);
}

/* A WebP in the extended container with an EXIF chunk after the picture. */
static gad_string webp_with_exif(int orientation)
{
    gad_string plain = make_webp(W, H, 3), out = {0};
    make_png_options o = {
        .width = 1, .height = 1, .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 8, .orientation = orientation};
    gad_string png = make_png(o);
    const char *exif = memmem(png.data, png.length, "eXIf", 4);
    assert_non_null(exif);
    enum { EXIF_BYTES = 26 };
    uint32_t size = (uint32_t)(4 + 18 + (plain.length - 12) + 8 + EXIF_BYTES);
    uint8_t head[30] = {'R',
                        'I',
                        'F',
                        'F',
                        (uint8_t)size,
                        (uint8_t)(size >> 8),
                        (uint8_t)(size >> 16),
                        0,
                        'W',
                        'E',
                        'B',
                        'P',
                        'V',
                        'P',
                        '8',
                        'X',
                        10,
                        0,
                        0,
                        0,
                        8 /* EXIF follows */,
                        0,
                        0,
                        0,
                        W - 1,
                        0,
                        0,
                        H - 1,
                        0,
                        0};
    gad_string_append(&out, (const char *)head, sizeof head);
    gad_string_append(&out, plain.data + 12, plain.length - 12);
    gad_string_append(&out, "EXIF\x1A\0\0\0", 8);
    gad_string_append(&out, exif + 4, EXIF_BYTES);
    gad_string_free(&plain);
    gad_string_free(&png);
    return out;
}

static void test_orientation(void **state)
{
    (void)state;
    const char *path = support_scratch(GAD_TEST_TMP, "orientation.tif");
    for (int o = 1; o <= 8; o++) {
        make_png_options png = {.width = W, .height = H, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8};
        make_jpeg_options jpeg = {.width = W, .height = H, .components = 3};
        make_tiff_options tiff = {.width = W, .height = H, .samples = 3, .bits = 8, .photometric = PHOTOMETRIC_RGB};
        gad_string plain = make_png(png), turned;
        png.orientation = o;
        turned = make_png(png);
        check_turned(&turned, &plain, o, "PNG");
        png.exif_at_the_end = true;
        turned = make_png(png);
        png.orientation = 0;
        plain = make_png(png);
        check_turned(&turned, &plain, o, "PNG with EXIF at its end");
        plain = make_jpeg(jpeg);
        jpeg.orientation = o;
        turned = make_jpeg(jpeg);
        check_turned(&turned, &plain, o, "JPEG");
        plain = make_tiff(path, tiff);
        tiff.orientation = (uint16_t)o;
        turned = make_tiff(path, tiff);
        check_turned(&turned, &plain, o, "TIFF");
        plain = make_webp(W, H, 3);
        turned = webp_with_exif(o);
        check_turned(&turned, &plain, o, "WebP");
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void test_round_trip(void **state)
{
    (void)state;
    gad_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        gad_image image = make_smooth(67, 45, channels), back;
        const char *png = support_scratch(GAD_TEST_TMP, "round.png"), *jpeg = support_scratch(GAD_TEST_TMP, "round.jpg");
        ASSERT_OK(gad_image_save_png(&image, png, &err), &err);
        ASSERT_OK(channels == 1 ? gad_image_load_mask(png, GAD_IMAGE_PALETTE_COLOUR, &back, &err)
                                : gad_image_load(png, &back, &err),
                  &err);
        assert_true(gad_hash_equal(gad_image_hash(&image), gad_image_hash(&back)));
        back.pixels[5]++;
        assert_false(gad_hash_equal(gad_image_hash(&image), gad_image_hash(&back)));
        back.pixels[5]--;
        gad_image reshaped = {back.height, back.width, back.channels, back.pixels};
        assert_false(gad_hash_equal(gad_image_hash(&image), gad_image_hash(&reshaped)));
        gad_image_free(&back);
        ASSERT_OK(gad_image_save_jpeg(&image, 95, jpeg, &err), &err);
        ASSERT_OK(gad_image_load(jpeg, &back, &err), &err);
        check_close(&back, &image, 6);
        gad_image_free(&back);
        assert_int_equal(gad_image_save_jpeg(&image, 0, jpeg, &err), GAD_E_ARGUMENT);
        assert_int_equal(gad_image_save_png(&image, support_scratch(GAD_TEST_TMP, "no/such/x.png"), &err), GAD_E_IO);
        gad_image_free(&image);
    }
}

static void test_new_bounds(void **state)
{
    (void)state;
    gad_image image;
    gad_error err;
    assert_int_equal(gad_image_new(0, 5, 3, &image, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_image_new(5, 5, 2, &image, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_image_new(INT64_MAX, INT64_MAX, 3, &image, &err), GAD_E_LIMIT);
    assert_int_equal(gad_image_new(20001, 10000, 1, &image, &err), GAD_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_kinds),   cmocka_unit_test(test_png_transparent_colours),
        cmocka_unit_test(test_tiff_kinds),  cmocka_unit_test(test_webp),
        cmocka_unit_test(test_bmp_kinds),   cmocka_unit_test(test_jpeg_kinds),
        cmocka_unit_test(test_jpeg_shrunk), cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_new_bounds),
    };
    return cmocka_run_group_tests_name("io/image", tests, NULL, NULL);
}
