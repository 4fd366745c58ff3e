/* draw: see draw.h */
#include "io/draw.h"

#include "io/font.h"

#include <math.h>
#include <string.h>

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static gad_draw_area clip(const gad_image *image, gad_draw_area a)
{
    return (gad_draw_area){clamp(a.x1, 0, image->width), clamp(a.y1, 0, image->height), clamp(a.x2, 0, image->width),
                           clamp(a.y2, 0, image->height)};
}

/* Opacity in 0..256 parts. */
static int parts(double opacity)
{
    return opacity > 0 ? (int)(256 * fmin(opacity, 1) + 0.5) : 0;
}

static inline void blend(uint8_t *pixel, int channels, gad_draw_colour colour, int part)
{
    const uint8_t ink[3] = {colour.red, colour.green, colour.blue};
    for (int c = 0; c < channels; c++)
        pixel[c] = (uint8_t)((pixel[c] * (256 - part) + ink[c] * part + 128) >> 8);
}

int gad_draw_scale(const gad_image *image)
{
    int64_t longer = image->width > image->height ? image->width : image->height;
    return (int)(1 + (longer - 1) / 700);
}

void gad_draw_fill(gad_image *image, gad_draw_area area, gad_draw_colour colour, double opacity)
{
    gad_draw_area a = clip(image, area);
    int part = parts(opacity);
    for (int64_t y = a.y1; y < a.y2; y++)
        for (int64_t x = a.x1; x < a.x2; x++)
            blend(gad_image_row(image, y) + x * image->channels, image->channels, colour, part);
}

void gad_draw_frame(gad_image *image, gad_draw_area area, int64_t thickness_px, gad_draw_colour colour)
{
    gad_draw_area a = area;
    int64_t inner_y1 = a.y1 + thickness_px, inner_y2 = a.y2 - thickness_px;
    if (inner_y1 >= inner_y2 || a.x1 + thickness_px >= a.x2 - thickness_px) { /* too small to have an inside */
        gad_draw_fill(image, a, colour, 1);
        return;
    }
    gad_draw_fill(image, (gad_draw_area){a.x1, a.y1, a.x2, inner_y1}, colour, 1);
    gad_draw_fill(image, (gad_draw_area){a.x1, inner_y2, a.x2, a.y2}, colour, 1);
    gad_draw_fill(image, (gad_draw_area){a.x1, inner_y1, a.x1 + thickness_px, inner_y2}, colour, 1);
    gad_draw_fill(image, (gad_draw_area){a.x2 - thickness_px, inner_y1, a.x2, inner_y2}, colour, 1);
}

/* ---- heat map ----------------------------------------------------------------------------------------------------- */

gad_draw_colour gad_draw_heat_colour(double value)
{
    /* Eleven equal steps of "inferno" (Smith and van der Walt, CC0). */
    static const uint8_t step[11][3] = {{0, 0, 4},      {22, 11, 57},   {66, 10, 104},  {106, 23, 110},
                                        {147, 38, 103}, {188, 55, 84},  {221, 81, 58},  {243, 120, 25},
                                        {252, 165, 10}, {246, 215, 70}, {252, 255, 164}};
    double at = value > 0 ? fmin(value, 1) * 10 : 0;
    int i = at < 9 ? (int)at : 9;
    double f = at - i;
    uint8_t mixed[3];
    for (int c = 0; c < 3; c++)
        mixed[c] = (uint8_t)(step[i][c] * (1 - f) + step[i + 1][c] * f + 0.5);
    return (gad_draw_colour){mixed[0], mixed[1], mixed[2]};
}

/* Between which two cells the centre of pixel `at` of `size` lies, and how far towards the second. */
static void between(int64_t at, int64_t size, int64_t cells, int64_t *first, int64_t *second, float *share)
{
    double position = ((double)at + 0.5) * (double)cells / (double)size - 0.5;
    double low = floor(position);
    *share = (float)(position - low);
    *first = clamp((int64_t)low, 0, cells - 1);
    *second = clamp((int64_t)low + 1, 0, cells - 1);
}

void gad_draw_heat(gad_image *image, const float *map, int64_t rows, int64_t cols, float low, float high, double opacity)
{
    gad_draw_colour table[256];
    for (int i = 0; i < 256; i++)
        table[i] = gad_draw_heat_colour(i / 255.0);
    float range = high > low ? high - low : 1;
#pragma omp parallel for schedule(static)
    for (int64_t y = 0; y < image->height; y++) {
        int64_t y1, y2, x1, x2;
        float fy, fx;
        between(y, image->height, rows, &y1, &y2, &fy);
        for (int64_t x = 0; x < image->width; x++) {
            between(x, image->width, cols, &x1, &x2, &fx);
            float top = map[y1 * cols + x1] * (1 - fx) + map[y1 * cols + x2] * fx;
            float bottom = map[y2 * cols + x1] * (1 - fx) + map[y2 * cols + x2] * fx;
            float v = (top * (1 - fy) + bottom * fy - low) / range;
            if (!(v > 0))
                continue;
            v = v > 1 ? 1 : v;
            blend(gad_image_row(image, y) + x * image->channels, image->channels, table[(int)(v * 255 + 0.5f)],
                  parts(opacity * sqrt((double)v)));
        }
    }
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

void gad_draw_text_size(const char *text, int scale, int64_t *width, int64_t *height)
{
    int64_t longest = 0, length = 0, lines = 1;
    while (*text) {
        if (*text == '\n') {
            text++;
            lines++;
            length = 0;
            continue;
        }
        gad_font_glyph(&text);
        length++;
        longest = length > longest ? length : longest;
    }
    *width = longest ? (longest * GAD_FONT_ADVANCE - (GAD_FONT_ADVANCE - GAD_FONT_DOTS)) * scale : 0;
    *height = ((lines - 1) * GAD_FONT_LINE + GAD_FONT_ROWS) * scale;
}

void gad_draw_text(gad_image *image, int64_t x, int64_t y, const char *text, int scale, gad_draw_colour colour)
{
    int64_t left = x;
    while (*text) {
        if (*text == '\n') {
            text++;
            x = left;
            y += GAD_FONT_LINE * scale;
            continue;
        }
        const uint8_t *glyph = gad_font_glyph(&text);
        for (int row = 0; row < GAD_FONT_ROWS; row++)
            for (int dot = 0; dot < GAD_FONT_DOTS; dot++)
                if (glyph[row] >> (GAD_FONT_DOTS - 1 - dot) & 1) {
                    int64_t px = x + dot * scale, py = y + row * scale;
                    gad_draw_fill(image, (gad_draw_area){px, py, px + scale, py + scale}, colour, 1);
                }
        x += GAD_FONT_ADVANCE * scale;
    }
}

void gad_draw_label(gad_image *image, int64_t x, int64_t y, const char *text, int scale, gad_draw_colour ink,
                    gad_draw_colour plate)
{
    int64_t width, height, margin = 2 * (int64_t)scale;
    gad_draw_text_size(text, scale, &width, &height);
    width += 2 * margin;
    height += 2 * margin;
    x = x + width > image->width ? image->width - width : x;
    y = y + height > image->height ? image->height - height : y;
    x = x < 0 ? 0 : x;
    y = y < 0 ? 0 : y;
    gad_draw_fill(image, (gad_draw_area){x, y, x + width, y + height}, plate, 1);
    gad_draw_text(image, x + margin, y + margin, text, scale, ink);
}

void gad_draw_paste(gad_image *image, int64_t x, int64_t y, const gad_image *tile)
{
    gad_draw_area a = clip(image, (gad_draw_area){x, y, x + tile->width, y + tile->height});
    if (a.x1 >= a.x2 || image->channels != tile->channels)
        return;
    for (int64_t row = a.y1; row < a.y2; row++)
        memcpy(gad_image_row(image, row) + a.x1 * image->channels,
               gad_image_row(tile, row - y) + (a.x1 - x) * tile->channels, (size_t)((a.x2 - a.x1) * image->channels));
}
