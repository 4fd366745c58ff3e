/* inspection_picture: what a finished inspection becomes as a picture: boxes, heat map. Functions of gad.h and
 * inspection.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/inspection.h"
#include "base/error.h"
#include "io/draw.h"

/* ---- overlay ------------------------------------------------------------------------------------------------------- */

static gad_status copy_picture(const gad_picture *picture, gad_image *copy, gad_error *err)
{
    gad_status status = gad_image_new(picture->image.width, picture->image.height, picture->image.channels, copy, err);
    if (!status)
        memcpy(copy->pixels, picture->image.pixels, gad_image_stride(copy) * (size_t)copy->height);
    return status;
}

/* A frame around the box and its label above it, inside when there is no room above. */
static void draw_defect(gad_image *image, const gad_defect *d)
{
    const gad_draw_colour red = {220, 30, 40}, white = {255, 255, 255};
    int scale = gad_draw_scale(image);
    gad_draw_area area = {(int64_t)floor(d->x1), (int64_t)floor(d->y1), (int64_t)ceil(d->x2), (int64_t)ceil(d->y2)};
    int64_t width, height;
    gad_draw_frame(image, area, 2 * scale, red);
    if (!d->label[0])
        return;
    gad_draw_text_size(d->label, scale, &width, &height);
    int64_t above = area.y1 - height - 2 * scale;
    gad_draw_label(image, area.x1, above >= 0 ? above : area.y1 + 2 * scale, d->label, scale, white, red);
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
    if (r->score >= 0)
        snprintf(title, sizeof title, "%s %.3f", gad_verdict_name(r->verdict), r->score);
    else
        snprintf(title, sizeof title, "%s", gad_verdict_name(r->verdict));
    int scale = gad_draw_scale(&image);
    gad_draw_label(&image, 4 * scale, 4 * scale, title, scale, white, plates[r->verdict]);
    *drawn = image;
    return GAD_OK;
}

/* ---- heat map ------------------------------------------------------------------------------------------------------ */

/* Probability at a place between cell centres, bilinear. */
static double heat_at(const gad_inspection *r, double y, double x)
{
    double v = fmin(fmax(y * r->heat_height - 0.5, 0), r->heat_height - 1);
    double u = fmin(fmax(x * r->heat_width - 0.5, 0), r->heat_width - 1);
    int top = (int)v, left = (int)u;
    int bottom = top + 1 < r->heat_height ? top + 1 : top, right = left + 1 < r->heat_width ? left + 1 : left;
    const float *upper = r->heat + (size_t)top * (size_t)r->heat_width,
                *lower = r->heat + (size_t)bottom * (size_t)r->heat_width;
    double a = (double)upper[left] + (u - left) * (double)(upper[right] - upper[left]);
    double b = (double)lower[left] + (u - left) * (double)(lower[right] - lower[left]);
    return a + (v - top) * (b - a);
}

/* Blue over green and yellow to red as p goes from 0 to 1, and as thick: nothing stays nothing. */
static void colour_pixel(unsigned char *pixel, int channels, double p)
{
    const double ramp[5][3] = {{40, 60, 200}, {20, 170, 200}, {90, 200, 60}, {250, 210, 40}, {220, 30, 40}};
    double at = p * 4, cover = 0.75 * fmin(1, 2 * p);
    int i = at < 3 ? (int)at : 3;
    for (int c = 0; c < channels && c < 3; c++) {
        double colour = ramp[i][c] + (at - i) * (ramp[i + 1][c] - ramp[i][c]);
        pixel[c] = (unsigned char)lround(pixel[c] + cover * (colour - pixel[c]));
    }
}

gad_status gad_inspection_draw_heatmap(const gad_inspection *r, const gad_picture *part, gad_image *drawn, gad_error *err)
{
    gad_image image = {0};
    if (!r->heat)
        return gad_error_set(err, GAD_E_ARGUMENT, "draw the heat map",
                             "use a model with a difference module, and give a good part", "there is no heat map");
    gad_status status = copy_picture(part, &image, err);
    if (status)
        return status;
    for (int64_t y = 0; y < image.height; y++)
        for (int64_t x = 0; x < image.width; x++)
            colour_pixel(image.pixels + (y * image.width + x) * image.channels, (int)image.channels,
                         heat_at(r, ((double)y + 0.5) / (double)image.height, ((double)x + 0.5) / (double)image.width));
    *drawn = image;
    return GAD_OK;
}

/* ---- files --------------------------------------------------------------------------------------------------------- */

static gad_status save(gad_status status, gad_image *image, const char *path, gad_error *err)
{
    if (!status)
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
