/* draw: every mark covers exactly the pixels it should, is cut at the edge, and leaves the rest alone; sheets hold what was
 * put on them. */
#include "io/draw.h"
#include "io/font.h"
#include "io/make_image.h"
#include "io/sheet.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static const gad_draw_colour red = {200, 10, 20}, white = {255, 255, 255}, black = {0, 0, 0};

static gad_image flat(int64_t width, int64_t height, int channels, uint8_t value)
{
    gad_image image;
    gad_error err;
    ASSERT_OK(gad_image_new(width, height, channels, &image, &err), &err);
    memset(image.pixels, value, gad_image_stride(&image) * (size_t)height);
    return image;
}

static bool is(const gad_image *image, int64_t x, int64_t y, gad_draw_colour colour)
{
    const uint8_t *p = gad_image_row(image, y) + x * image->channels;
    return p[0] == colour.red && (image->channels == 1 || (p[1] == colour.green && p[2] == colour.blue));
}

static int64_t count(const gad_image *image, gad_draw_colour colour)
{
    int64_t n = 0;
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++)
            n += is(image, x, y, colour);
    return n;
}

static void test_frame(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        gad_image image = flat(50, 40, channels, 7);
        gad_draw_frame(&image, (gad_draw_area){10, 5, 30, 25}, 2, red);
        assert_int_equal(count(&image, red), 20 * 20 - 16 * 16);
        assert_true(is(&image, 10, 5, red) && is(&image, 29, 24, red) && is(&image, 11, 6, red));
        assert_false(is(&image, 9, 5, red) || is(&image, 30, 24, red) || is(&image, 12, 7, red));
        gad_image_free(&image);
    }
    gad_image image = flat(50, 40, 3, 7);
    gad_draw_frame(&image, (gad_draw_area){-10, -10, 5, 5}, 1, red); /* only its lower right corner is seen */
    assert_int_equal(count(&image, red), 9);
    gad_draw_frame(&image, (gad_draw_area){100, 100, 200, 200}, 3, red);
    assert_int_equal(count(&image, red), 9);
    gad_draw_frame(&image, (gad_draw_area){20, 20, 23, 23}, 5, red); /* thicker than itself */
    assert_int_equal(count(&image, red), 9 + 9);
    gad_draw_frame(&image, (gad_draw_area){30, 30, 20, 20}, 1, white); /* inside out: nothing */
    assert_int_equal(count(&image, white), 0);
    gad_image_free(&image);
}

static void test_fill(void **state)
{
    (void)state;
    gad_image image = flat(10, 10, 3, 100);
    gad_draw_fill(&image, (gad_draw_area){2, 2, 5, 4}, white, 0.5);
    assert_int_equal(count(&image, (gad_draw_colour){178, 178, 178}), 6); /* 177.5, rounded */
    gad_draw_fill(&image, (gad_draw_area){0, 0, 10, 10}, red, 0);
    gad_draw_fill(&image, (gad_draw_area){0, 0, 10, 10}, red, NAN);
    assert_int_equal(count(&image, (gad_draw_colour){100, 100, 100}), 94);
    gad_draw_fill(&image, (gad_draw_area){-5, 8, 50, 90}, red, 7);
    assert_int_equal(count(&image, red), 20);
    gad_image_free(&image);
}

static void test_heat(void **state)
{
    (void)state;
    gad_image image = flat(30, 20, 3, 90);
    float map[6] = {0, 0, 0, 0, 0, 1};
    gad_draw_heat(&image, map, 2, 3, 0, 1, 1);
    assert_true(is(&image, 0, 0, (gad_draw_colour){90, 90, 90})); /* cold: the picture */
    assert_true(is(&image, 29, 19, gad_draw_heat_colour(1)));     /* hot: the colour */
    int last = 0;
    for (int64_t x = 15; x < 30; x++) { /* the bottom row grows brighter towards the hot cell */
        const uint8_t *p = gad_image_row(&image, 19) + 3 * x;
        assert_true(p[0] >= last || x < 18);
        last = p[0];
    }
    gad_image_free(&image);
    image = flat(30, 20, 3, 90);
    float odd[2] = {NAN, INFINITY};
    gad_draw_heat(&image, odd, 1, 2, 0, 1, 1);
    assert_true(is(&image, 0, 0, (gad_draw_colour){90, 90, 90}));
    assert_true(is(&image, 29, 0, gad_draw_heat_colour(1)));
    gad_image_free(&image);
    int brightness = -1; /* the scale can be read without colour */
    for (int i = 0; i <= 10; i++) {
        gad_draw_colour c = gad_draw_heat_colour(i / 10.0);
        int now = 299 * c.red + 587 * c.green + 114 * c.blue;
        assert_true(now > brightness);
        brightness = now;
    }
}

static void test_font(void **state)
{
    (void)state;
    char text[2] = "";
    for (int a = GAD_FONT_FIRST; a <= GAD_FONT_LAST; a++) {
        text[0] = (char)a;
        const char *at = text;
        const uint8_t *glyph = gad_font_glyph(&at);
        assert_ptr_equal(at, text + 1);
        bool blank = true;
        for (int r = 0; r < GAD_FONT_ROWS; r++) {
            assert_true(glyph[r] < 32);
            blank = blank && !glyph[r];
        }
        assert_int_equal(blank, a == ' ');
        for (int b = GAD_FONT_FIRST; b < a; b++) {
            char other[2] = {(char)b, 0};
            at = other;
            assert_memory_not_equal(glyph, gad_font_glyph(&at), GAD_FONT_ROWS);
        }
    }
    const char *at = "\xC3\xBC\xFFx"; /* one box for a letter of two bytes, one for a byte that is no letter */
    const uint8_t *box = gad_font_glyph(&at);
    assert_ptr_equal(gad_font_glyph(&at), box);
    assert_int_equal(*at, 'x');
}

static void test_text(void **state)
{
    (void)state;
    int64_t width, height;
    gad_draw_text_size("", 1, &width, &height);
    assert_int_equal(width, 0);
    gad_draw_text_size("ab\nc", 3, &width, &height);
    assert_int_equal(width, 11 * 3);
    assert_int_equal(height, (11 + 9) * 3);
    gad_image image = flat(40, 30, 3, 255);
    gad_draw_text(&image, 3, 2, "L", 2, black);
    assert_int_equal(count(&image, black), (6 + 5) * 4); /* six dots down, five along the line */
    assert_true(is(&image, 3, 2, black) && is(&image, 4, 15, black) && is(&image, 12, 14, black));
    assert_false(is(&image, 5, 2, black) || is(&image, 13, 14, black));
    gad_draw_text(&image, 35, 25, "MMM", 4, black); /* cut at the edge */
    gad_draw_text(&image, -1000, -1000, "MMM", 4, black);
    gad_image_free(&image);
    image = flat(60, 30, 3, 90);
    gad_draw_label(&image, 55, 28, "ab", 1, white, red); /* moved inside: 11 + 4 wide, 9 + 4 high */
    assert_int_equal(count(&image, red) + count(&image, white), 15 * 13);
    assert_true(is(&image, 59, 29, red) && is(&image, 45, 17, red));
    gad_image_free(&image);
}

static void test_scale(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1}, {700, 100, 1}, {100, 701, 2}, {4000, 3000, 6}};
    for (int i = 0; i < 4; i++) {
        gad_image image = {.width = sizes[i][0], .height = sizes[i][1], .channels = 3};
        assert_int_equal(gad_draw_scale(&image), sizes[i][2]);
    }
}

static void test_sheet(void **state)
{
    (void)state;
    gad_sheet sheet = {.count = -5};
    gad_error err;
    ASSERT_OK(gad_sheet_new(5, 3, 50, 50, 1, &sheet, &err), &err);
    assert_int_equal(sheet.image.width, 8 + 3 * 58);
    assert_int_equal(sheet.image.height, 8 + 2 * (50 + 8 + 4 + 11));
    gad_image tile = flat(200, 100, 3, 0), wrong = flat(5, 5, 1, 0);
    for (int64_t i = 0; i < 200 * 100; i++)
        memcpy(tile.pixels + 3 * i, &red, 3);
    ASSERT_OK(gad_sheet_put(&sheet, 4, &tile, NULL, &err), &err);
    assert_int_equal(count(&sheet.image, red), 50 * 25);
    assert_true(is(&sheet.image, 8 + 58, 8 + 73 + 12, red)); /* second row, second column, centred */
    ASSERT_OK(gad_sheet_put(&sheet, 0, &tile, "a caption that is too long", &err), &err);
    int64_t inked = count(&sheet.image, (gad_draw_colour){40, 40, 40});
    assert_true(inked > 20);
    for (int64_t y = 0; y < sheet.image.height; y++) /* nothing reaches the neighbour's column */
        for (int64_t x = 58; x < sheet.image.width; x++)
            assert_false(is(&sheet.image, x, y, (gad_draw_colour){40, 40, 40}));
    assert_int_equal(gad_sheet_put(&sheet, 5, &tile, NULL, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_sheet_put(&sheet, -1, &tile, NULL, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_sheet_put(&sheet, 0, &wrong, NULL, &err), GAD_E_ARGUMENT);
    gad_sheet_free(&sheet);
    assert_int_equal(gad_sheet_new(0, 3, 50, 50, 1, &sheet, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_sheet_new(1000000, 1000, 65536, 65536, 1, &sheet, &err), GAD_E_LIMIT);
    gad_image_free(&tile);
    gad_image_free(&wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame), cmocka_unit_test(test_fill), cmocka_unit_test(test_heat),
        cmocka_unit_test(test_font),  cmocka_unit_test(test_text), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_sheet),
    };
    return cmocka_run_group_tests_name("io/draw", tests, NULL, NULL);
}
