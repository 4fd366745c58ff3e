/* inspection_picture: what a finished inspection becomes as a picture: boxes, heat map. Functions of gad.h and
 * inspection.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/inspection.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "io/draw.h"

enum { QUALITY = 90, SHADES = 1024 };

/* ---- overlay ------------------------------------------------------------------------------------------------------- */

static gad_status copy_picture(const gad_picture *picture, gad_image *copy, gad_error *err)
{
    gad_status status = gad_image_new(picture->image.width, picture->image.height, picture->image.channels, copy, err);
    if (!status)
        memcpy(copy->pixels, picture->image.pixels, gad_image_stride(copy) * (size_t)copy->height);
    return status;
}

/* How many times larger than on a small picture lines and letters are: on a screen that shows all of a large one they are
 * still 7 px high. */
static int find_scale(const gad_image *image)
{
    const int64_t longer = image->width > image->height ? image->width : image->height;
    return (int)(1 + (longer - 1) / 560);
}

/* A frame around the box and its label above it, inside when there is no room above. */
static void draw_defect(gad_image *image, const gad_defect *d)
{
    const gad_draw_colour red = {220, 30, 40}, white = {255, 255, 255};
    int scale = find_scale(image);
    gad_draw_area area = {(int64_t)floor(d->x1), (int64_t)floor(d->y1), (int64_t)ceil(d->x2), (int64_t)ceil(d->y2)};
    int64_t width, height;
    gad_draw_frame(image, area, 2 * scale, red);
    if (!d->label[0])
        return;
    gad_draw_text_size(d->label, scale, &width, &height);
    int64_t above = area.y1 - height - 2 * scale;
    gad_draw_label(image, area.x1, above >= 0 ? above : area.y1 + 2 * scale, d->label, scale, white, red);
}

/* Verdict and score; on a picture that is too small for both, whose plate has a colour, the score. */
static void write_title(const gad_inspection *r, const gad_image *image, int scale, char *title, size_t size_bytes)
{
    int64_t width, height;
    snprintf(title, size_bytes, "%s", gad_verdict_name(r->verdict));
    if (r->score < 0)
        return;
    snprintf(title, size_bytes, "%s %.3f", gad_verdict_name(r->verdict), r->score);
    gad_draw_text_size(title, scale, &width, &height);
    if (width + 8 * scale > image->width)
        snprintf(title, size_bytes, "%.3f", r->score);
}

gad_status gad_inspection_draw_overlay(const gad_inspection *r, const gad_picture *part, gad_image *drawn, gad_error *err)
{
    const gad_draw_colour white = {255, 255, 255}, plates[] = {{90, 90, 90}, {20, 120, 60}, {220, 30, 40}, {150, 90, 10}};
    gad_image image = {0};
    char title[64];
    gad_status status = copy_picture(part, &image, err);
    if (status)
        return status;
    for (int i = 0; i < r->defect_count; i++)
        if (r->defect[i].valid)
            draw_defect(&image, &r->defect[i]);
    int scale = find_scale(&image);
    write_title(r, &image, scale, title, sizeof title);
    gad_draw_label(&image, 4 * scale, 4 * scale, title, scale, white, plates[r->verdict]);
    *drawn = image;
    return GAD_OK;
}

/* ---- heat map ------------------------------------------------------------------------------------------------------ */

/* Between which cells a pixel's centre lies, and how far towards the second. */
typedef struct between {
    int first, second;
    float share;
} between;

static between find_cells(int64_t at, int64_t pixels, int cells)
{
    const double place = fmin(fmax(((double)at + 0.5) * cells / (double)pixels - 0.5, 0), cells - 1);
    const int first = (int)place;
    return (between){first, first + 1 < cells ? first + 1 : first, (float)(place - first)};
}

/* Of a probability: its colour, and in 256 parts how thick it lies. */
typedef struct shade {
    uint8_t colour[3];
    int part;
} shade;

/* Blue over green and yellow to red as p goes from 0 to 1, and as thick: nothing stays nothing. */
static void make_shades(shade table[SHADES])
{
    const double ramp[5][3] = {{40, 60, 200}, {20, 170, 200}, {90, 200, 60}, {250, 210, 40}, {220, 30, 40}};
    for (int k = 0; k < SHADES; k++) {
        const double p = (double)k / (SHADES - 1), at = p * 4;
        const int i = at < 3 ? (int)at : 3;
        for (int c = 0; c < 3; c++)
            table[k].colour[c] = (uint8_t)lround(ramp[i][c] + (at - i) * (ramp[i + 1][c] - ramp[i][c]));
        table[k].part = (int)lround(256 * 0.75 * fmin(1, 2 * p));
    }
}

/* One row of the picture: the cells around it are mixed first, then those around each pixel. */
static void tint_row(gad_image *image, int64_t y, const gad_inspection *r, const between *column, const shade *table,
                     float *mixed)
{
    const between row = find_cells(y, image->height, r->heat_height);
    const float *upper = r->heat + (size_t)row.first * (size_t)r->heat_width,
                *lower = r->heat + (size_t)row.second * (size_t)r->heat_width;
    uint8_t *pixel = gad_image_row(image, y);
    for (int i = 0; i < r->heat_width; i++)
        mixed[i] = upper[i] + row.share * (lower[i] - upper[i]);
    for (int64_t x = 0; x < image->width; x++, pixel += image->channels) {
        const between *b = &column[x];
        const float p = mixed[b->first] + b->share * (mixed[b->second] - mixed[b->first]);
        const shade *s = &table[p > 0 ? (int)((p < 1 ? p : 1) * (SHADES - 1) + 0.5f) : 0];
        for (int c = 0; c < image->channels; c++)
            pixel[c] = (uint8_t)((pixel[c] * (256 - s->part) + s->colour[c] * s->part + 128) >> 8);
    }
}

static gad_status tint(gad_image *image, const gad_inspection *r, gad_error *err)
{
    shade table[SHADES];
    between *column = gad_memory_alloc((size_t)image->width, sizeof *column);
    float *mixed = gad_memory_alloc((size_t)r->heat_width, sizeof *mixed);
    gad_status status =
        column && mixed ? GAD_OK : gad_error_memory(err, "draw the heat map", (size_t)image->width * sizeof *column);
    make_shades(table);
    for (int64_t x = 0; !status && x < image->width; x++)
        column[x] = find_cells(x, image->width, r->heat_width);
    for (int64_t y = 0; !status && y < image->height; y++)
        tint_row(image, y, r, column, table, mixed);
    gad_memory_free(column);
    gad_memory_free(mixed);
    return status;
}

gad_status gad_inspection_draw_heatmap(const gad_inspection *r, const gad_picture *part, gad_image *drawn, gad_error *err)
{
    gad_image image = {0};
    if (!r->heat)
        return gad_error_set(err, GAD_E_ARGUMENT, "draw the heat map",
                             "use a model with a difference module, and give a good part", "there is no heat map");
    gad_status status = copy_picture(part, &image, err);
    if (!status)
        status = tint(&image, r, err);
    if (status)
        gad_image_free(&image);
    else
        *drawn = image;
    return status;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static gad_status save(gad_status status, gad_image *image, const char *path, gad_error *err)
{
    if (!status && (gad_file_has_extension(path, "jpg") || gad_file_has_extension(path, "jpeg")))
        status = gad_image_save_jpeg(image, QUALITY, path, err);
    else if (!status)
        status = gad_image_save_png(image, path, err);
    gad_image_free(image);
    return status;
}

gad_status gad_inspection_save_overlay(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err)
{
    gad_image image = {0};
    return save(gad_inspection_draw_overlay(r, part, &image, err), &image, path, err);
}

gad_status gad_inspection_save_heatmap(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err)
{
    gad_image image = {0};
    return save(gad_inspection_draw_heatmap(r, part, &image, err), &image, path, err);
}
