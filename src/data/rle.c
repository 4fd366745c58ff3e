/* rle: see rle.h */
#include "data/rle.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

bool gad_rle_is(const json_t *segmentation)
{
    const json_t *counts = json_object_get(segmentation, "counts");
    return (json_is_array(counts) || json_is_string(counts)) && json_array_size(json_object_get(segmentation, "size")) == 2;
}

/* A whole number, which some programs write as 50.0; -1 when it is none. */
static int64_t whole(const json_t *value)
{
    double real = json_number_value(value);
    if (json_is_integer(value))
        return json_integer_value(value);
    return json_is_real(value) && real >= 0 && real < 0x1p53 && real == floor(real) ? (int64_t)real : -1;
}

bool gad_rle_size(const json_t *segmentation, int64_t *width, int64_t *height)
{
    const json_t *size = json_object_get(segmentation, "size");
    *height = whole(json_array_get(size, 0));
    *width = whole(json_array_get(size, 1));
    return *width > 0 && *height > 0;
}

/* Where the runs are written to: `at` goes down the columns. */
typedef struct painter {
    unsigned char *mask;
    int64_t width, height, at;
    bool set;
} painter;

/* The next run; false when it does not fit. */
static bool paint(painter *p, int64_t run)
{
    if (run < 0 || run > p->width * p->height - p->at)
        return false;
    for (int64_t end = p->at + run; p->at < end; p->at++)
        p->mask[p->at % p->height * p->width + p->at / p->height] = p->set;
    p->set = !p->set;
    return true;
}

/* Five bits per character from '0' on, a sixth says that more follow, the highest bit of the last is the sign; from the
 * fourth number on what is written is the difference to the one two places before (COCO API, maskApi.c). */
static bool paint_packed(painter *p, const char *text)
{
    int64_t before[2] = {0, 0}; /* the last two runs */
    for (int64_t index = 0; *text; index++) {
        int64_t value = 0;
        int shift = 0;
        bool more = true;
        while (more) {
            int c = *text - '0';
            if (c < 0 || c > 63 || shift > 35)
                return false;
            text++;
            value |= (int64_t)(c & 31) << shift;
            shift += 5;
            more = c & 32;
            if (!more && (c & 16))
                value |= -((int64_t)1 << shift);
        }
        value += index > 2 ? before[0] : 0;
        before[0] = before[1];
        before[1] = value;
        if (!paint(p, value))
            return false;
    }
    return true;
}

gad_status gad_rle_read(const json_t *segmentation, int width, int height, const char *name, unsigned char *mask,
                        gad_error *err)
{
    const json_t *counts = json_object_get(segmentation, "counts"), *run;
    int64_t h = 0, w = 0;
    gad_rle_size(segmentation, &w, &h);
    painter p = {.mask = mask, .width = width, .height = height};
    bool good = true;
    size_t i;
    if (w != width || h != height)
        return gad_error_set(err, GAD_E_FORMAT, "read a mask", NULL,
                             "%s: run lengths for %lld x %lld pixels, the image is %d x %d", name, (long long)w,
                             (long long)h, width, height);
    memset(mask, 0, (size_t)width * (size_t)height);
    if (json_is_string(counts))
        good = paint_packed(&p, json_string_value(counts));
    json_array_foreach (counts, i, run) {
        good = good && paint(&p, whole(run));
    }
    if (!good || p.at != p.width * p.height)
        return gad_error_set(err, GAD_E_FORMAT, "read a mask", NULL, "%s: the run lengths do not fill %d x %d pixels", name,
                             width, height);
    return GAD_OK;
}

void gad_rle_write(const unsigned char *mask, int width, int height, gad_box box, gad_string *text)
{
    int64_t run = 0;
    bool set = false, first = true;
    gad_string_addf(text, "{\"size\":[%d,%d],\"counts\":[", height, width);
    for (int x = 0; x < width; x++)
        for (int y = 0; y < height; y++) {
            bool inside = x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
            bool now = inside && mask[(size_t)y * (size_t)width + (size_t)x];
            if (now != set) {
                gad_string_addf(text, "%s%lld", first ? "" : ",", (long long)run);
                first = false;
                run = 0;
                set = now;
            }
            run++;
        }
    gad_string_addf(text, "%s%lld]}", first ? "" : ",", (long long)run);
}
