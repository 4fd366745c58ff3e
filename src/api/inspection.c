/* inspection: what a finished inspection becomes: a JSON line, a picture with boxes. Functions of gad.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/picture.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/draw.h"

void gad_inspection_clear(gad_inspection *result)
{
    for (int i = 0; i < result->defect_count; i++)
        gad_memory_free(result->defect[i].label);
    gad_memory_free(result->defect);
    gad_memory_free(result->heat);
    gad_memory_free(result->reasoning);
    gad_memory_free(result->raw);
    gad_memory_free(result->flags);
    *result = (gad_inspection){0};
}

void gad_text_free(char *text)
{
    gad_memory_free(text);
}

static const char *verdict_name(gad_verdict verdict)
{
    static const char *const names[] = {"unreadable", "normal", "anomalous"};
    return names[verdict];
}

static void add_defects(gad_string *s, const gad_inspection *r)
{
    gad_string_add(s, ", \"boxes\": [");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        gad_string_addf(s, "%s{\"bbox_2d\": [%.2f, %.2f, %.2f, %.2f], \"label\": ", i ? ", " : "", d->x1, d->y1, d->x2,
                        d->y2);
        gad_string_add_json(s, d->label);
        gad_string_addf(s, ", \"valid\": %s}", d->valid ? "true" : "false");
    }
    gad_string_add(s, "]");
}

gad_status gad_inspection_json(const gad_inspection *r, const char *part, const char *const *good, int good_count,
                               char **text, gad_error *err)
{
    gad_string s = {0};
    gad_string_add(&s, "{\"part\": ");
    gad_string_add_json(&s, part);
    gad_string_add(&s, ", \"references\": [");
    for (int i = 0; i < good_count; i++) {
        gad_string_add(&s, i ? ", " : "");
        gad_string_add_json(&s, good[i]);
    }
    gad_string_addf(&s, "], \"verdict\": \"%s\", \"score\": ", verdict_name(r->verdict));
    if (r->score >= 0)
        gad_string_addf(&s, "%.6f", r->score);
    else
        gad_string_add(&s, "null");
    if (r->heat)
        gad_string_addf(&s, ", \"difference\": %.6f", r->difference);
    add_defects(&s, r);
    gad_string_add(&s, ", \"reasoning\": ");
    gad_string_add_json(&s, r->reasoning);
    gad_string_add(&s, ", \"raw\": ");
    gad_string_add_json(&s, r->raw);
    gad_string_add(&s, ", \"flags\": ");
    gad_string_add_json(&s, r->flags);
    gad_string_addf(&s,
                    ", \"reasoned\": %s, \"truncated\": %s, \"width\": %d, \"height\": %d, \"input_width\": %d, "
                    "\"input_height\": %d, \"prompt_hash\": \"%s\", \"prompt_tokens\": %lld, \"computed_tokens\": %lld, "
                    "\"answer_tokens\": %lld, \"encode_ms\": %.1f, \"prompt_ms\": %.1f, \"answer_ms\": %.1f}",
                    r->reasoned ? "true" : "false", r->truncated ? "true" : "false", r->width_px, r->height_px,
                    r->input_width_px, r->input_height_px, r->prompt_hash, (long long)r->prompt_tokens,
                    (long long)r->computed_tokens, (long long)r->answer_tokens, r->encode_ms, r->prompt_ms, r->answer_ms);
    if (s.failed) {
        gad_string_free(&s);
        return gad_error_memory(err, "write JSON", s.length);
    }
    *text = s.data;
    return GAD_OK;
}

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

gad_status gad_inspection_save_overlay(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err)
{
    const gad_draw_colour white = {255, 255, 255}, plates[] = {{90, 90, 90}, {20, 120, 60}, {220, 30, 40}};
    gad_image image = {0};
    char title[64];
    gad_status status = copy_picture(part, &image, err);
    if (status)
        return status;
    for (int i = 0; i < r->defect_count; i++)
        if (r->defect[i].valid)
            draw_defect(&image, &r->defect[i]);
    if (r->score >= 0)
        snprintf(title, sizeof title, "%s %.3f", verdict_name(r->verdict), r->score);
    else
        snprintf(title, sizeof title, "%s", verdict_name(r->verdict));
    int scale = gad_draw_scale(&image);
    gad_draw_label(&image, 4 * scale, 4 * scale, title, scale, white, plates[r->verdict]);
    status = gad_image_save_png(&image, path, err);
    gad_image_free(&image);
    return status;
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

gad_status gad_inspection_save_heatmap(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err)
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
    status = gad_image_save_png(&image, path, err);
    gad_image_free(&image);
    return status;
}
