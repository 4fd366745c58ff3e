/* pixel_difference: see pixel_difference.h */
#include "bench/pixel_difference.h"

#include "base/error.h"
#include "base/memory.h"
#include "bench/components.h"
#include "io/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JOIN_PX = 3, MIN_AREA_PX = 12 };
static const double min_noise = 2.0; /* grey levels: under this, differences are rounding and compression */

/* Three planes of floats, blurred over 3x3. */
typedef struct planes {
    float *value; /* [3, height, width] */
    size_t width, height;
} planes;

static void blur_rows(const float *from, float *to, size_t width, size_t height, size_t radius)
{
    for (size_t y = 0; y < height; y++) {
        const float *row = from + y * width;
        float *out = to + y * width;
        for (size_t x = 0; x < width; x++) {
            size_t a = x > radius ? x - radius : 0, b = x + radius < width ? x + radius : width - 1;
            float sum = 0;
            for (size_t k = a; k <= b; k++)
                sum += row[k];
            out[x] = sum / (float)(b - a + 1);
        }
    }
}

static void blur_columns(const float *from, float *to, size_t width, size_t height, size_t radius)
{
    for (size_t y = 0; y < height; y++) {
        size_t a = y > radius ? y - radius : 0, b = y + radius < height ? y + radius : height - 1;
        float *out = to + y * width, scale = 1 / (float)(b - a + 1);
        memset(out, 0, width * sizeof *out);
        for (size_t k = a; k <= b; k++)
            for (size_t x = 0; x < width; x++)
                out[x] += from[k * width + x] * scale;
    }
}

static bool make_planes(const gad_image *image, planes *p)
{
    size_t width = (size_t)image->width, height = (size_t)image->height, n = width * height;
    float *scratch = gad_memory_alloc(n, sizeof *scratch);
    *p = (planes){gad_memory_alloc(3 * n, sizeof(float)), width, height};
    bool done = scratch && p->value;
    for (size_t c = 0; done && c < 3; c++) {
        float *plane = p->value + c * n;
        size_t channel = image->channels == 3 ? c : 0;
        for (size_t i = 0; i < n; i++)
            plane[i] = image->pixels[i * (size_t)image->channels + channel];
        blur_rows(plane, scratch, width, height, 1);
        blur_columns(scratch, plane, width, height, 1);
    }
    gad_memory_free(scratch);
    return done;
}

static void moments(const float *value, size_t n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)value[i];
        squares += (double)value[i] * (double)value[i];
    }
    *mean = sum / (double)n;
    *deviation = sqrt(fmax(0, squares / (double)n - *mean * *mean));
}

/* Give each plane of `from` the mean and deviation that it has in `like`; the contrast changes at most twofold. */
static void match_colours(planes *from, const planes *like)
{
    size_t n = from->width * from->height;
    for (size_t c = 0; c < 3; c++) {
        double mean, deviation, to_mean, to_deviation;
        float *plane = from->value + c * n;
        moments(plane, n, &mean, &deviation);
        moments(like->value + c * n, n, &to_mean, &to_deviation);
        double gain = deviation > 1 ? fmin(2, fmax(.5, to_deviation / deviation)) : 1;
        for (size_t i = 0; i < n; i++)
            plane[i] = (float)(((double)plane[i] - mean) * gain + to_mean);
    }
}

/* One row of |test - shifted reference|, mean over channels, kept where it is smaller than before. */
static void keep_smaller(const planes *test, const planes *reference, size_t y, int dx, int dy, float *best)
{
    size_t w = test->width, h = test->height, n = w * h;
    int64_t yy = (int64_t)y + dy;
    size_t row = (size_t)(yy < 0 ? 0 : yy >= (int64_t)h ? (int64_t)h - 1 : yy);
    size_t first = dx < 0 ? (size_t)-dx : 0, end = dx > 0 && w > (size_t)dx ? w - (size_t)dx : w;
    const float *t = test->value + y * w, *r = reference->value + row * w;
    for (size_t x = first; x < end; x++) {
        size_t s = x + (size_t)(int64_t)dx;
        float d = (fabsf(t[x] - r[s]) + fabsf(t[n + x] - r[n + s]) + fabsf(t[2 * n + x] - r[2 * n + s])) / 3;
        best[x] = d < best[x] ? d : best[x];
    }
}

static void compare_planes(const planes *test, const planes *reference, float *map)
{
#pragma omp parallel for schedule(static)
    for (size_t y = 0; y < test->height; y++) {
        float *best = map + y * test->width;
        for (size_t x = 0; x < test->width; x++)
            best[x] = 255;
        for (int dy = -GAD_PIXEL_DIFFERENCE_SHIFT; dy <= GAD_PIXEL_DIFFERENCE_SHIFT; dy++)
            for (int dx = -GAD_PIXEL_DIFFERENCE_SHIFT; dx <= GAD_PIXEL_DIFFERENCE_SHIFT; dx++)
                keep_smaller(test, reference, y, dx, dy, best);
    }
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The median of the map (of at most 65536 of its values) and its root mean square. */
static double measure_map(gad_pixel_difference *d, float *scratch)
{
    size_t n = (size_t)d->width * (size_t)d->height, step = n > 65536 ? n / 65536 : 1, count = 0;
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (double)d->map[i] * (double)d->map[i];
    for (size_t i = 0; i < n; i += step)
        scratch[count++] = d->map[i];
    qsort(scratch, count, sizeof *scratch, rising);
    d->rms = sqrt(squares / (double)n);
    return (double)scratch[count / 2];
}

/* ---- boxes ---- */

typedef struct spot {
    gad_box box;
    double peak;
    int64_t pixels;
} spot;

static int by_peak_falling(const void *a, const void *b)
{
    double x = ((const spot *)a)->peak, y = ((const spot *)b)->peak;
    if (x != y)
        return x < y ? 1 : -1;
    gad_box p = ((const spot *)a)->box, q = ((const spot *)b)->box;
    return p.y1 != q.y1 ? (p.y1 > q.y1) - (p.y1 < q.y1) : (p.x1 > q.x1) - (p.x1 < q.x1);
}

static bool nearly_touch(gad_box a, gad_box b)
{
    return a.x1 - JOIN_PX <= b.x2 && b.x1 - JOIN_PX <= a.x2 && a.y1 - JOIN_PX <= b.y2 && b.y1 - JOIN_PX <= a.y2;
}

static size_t join_spots(spot *s, size_t n)
{
    for (bool joined = true; joined;) {
        joined = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++)
                if (nearly_touch(s[i].box, s[j].box)) {
                    s[i].box = (gad_box){fmin(s[i].box.x1, s[j].box.x1), fmin(s[i].box.y1, s[j].box.y1),
                                         fmax(s[i].box.x2, s[j].box.x2), fmax(s[i].box.y2, s[j].box.y2)};
                    s[i].peak = fmax(s[i].peak, s[j].peak);
                    s[i].pixels += s[j].pixels;
                    s[j--] = s[--n];
                    joined = true;
                }
    }
    return n;
}

static void measure_spots(const gad_pixel_difference *d, const gad_components *regions, spot *s)
{
    for (size_t i = 0; i < regions->count; i++)
        s[i] = (spot){{1e9, 1e9, 0, 0}, 0, regions->pixels[i]};
    for (size_t k = 0; k < regions->run_count; k++) {
        const gad_component_run *run = &regions->run[k];
        spot *to = &s[run->region];
        to->box = (gad_box){fmin(to->box.x1, run->x1), fmin(to->box.y1, run->y), fmax(to->box.x2, run->x2),
                            fmax(to->box.y2, run->y + 1)};
        for (int x = run->x1; x < run->x2; x++)
            to->peak = fmax(to->peak, (double)d->map[(size_t)run->y * (size_t)d->width + (size_t)x]);
    }
}

/* Strongest regions first; a picture that differs nearly everywhere has more regions than are worth joining. */
static gad_status find_boxes(gad_pixel_difference *d, double threshold, gad_error *err)
{
    enum { MAX_SPOTS = 256 };
    size_t n = (size_t)d->width * (size_t)d->height;
    uint8_t *mask = gad_memory_alloc(n, 1);
    gad_components regions = {0};
    spot *s = NULL;
    gad_status status = mask ? GAD_OK : gad_error_memory(err, "compare two images", n);
    for (size_t i = 0; !status && i < n; i++)
        mask[i] = (double)d->map[i] >= threshold;
    if (!status)
        status = gad_components_find(mask, (int)d->width, (int)d->height, &regions, err);
    if (!status && !(s = gad_memory_alloc(regions.count, sizeof *s)))
        status = gad_error_memory(err, "compare two images", regions.count * sizeof *s);
    if (!status && regions.count) {
        measure_spots(d, &regions, s);
        qsort(s, regions.count, sizeof *s, by_peak_falling);
        size_t count = join_spots(s, regions.count < MAX_SPOTS ? regions.count : MAX_SPOTS);
        qsort(s, count, sizeof *s, by_peak_falling);
        for (size_t i = 0; i < count && d->box_count < GAD_PIXEL_DIFFERENCE_BOXES; i++)
            if (s[i].pixels >= MIN_AREA_PX)
                d->box[d->box_count++] = s[i].box;
    }
    gad_memory_free(s);
    gad_memory_free(mask);
    gad_components_free(&regions);
    return status;
}

gad_status gad_pixel_difference_make(const gad_image *reference, const gad_image *test,
                                     gad_pixel_difference_colours colours, gad_pixel_difference *difference, gad_error *err)
{
    gad_pixel_difference d = {.width = test->width, .height = test->height};
    gad_image resized = {0};
    planes a = {0}, b = {0};
    size_t n = (size_t)(test->width * test->height);
    float *scratch = gad_memory_alloc(n, sizeof *scratch);
    d.map = gad_memory_alloc(n, sizeof *d.map);
    gad_status status = scratch && d.map ? GAD_OK : gad_error_memory(err, "compare two images", n * sizeof *d.map);
    if (!status && (reference->width != test->width || reference->height != test->height))
        status = gad_resize_bicubic(reference, test->width, test->height, GAD_RESIZE_PIL, &resized, err);
    if (!status && !(make_planes(test, &a) && make_planes(resized.pixels ? &resized : reference, &b)))
        status = gad_error_memory(err, "compare two images", 3 * n * sizeof *d.map);
    if (!status) {
        if (colours == GAD_PIXEL_DIFFERENCE_MATCHED)
            match_colours(&b, &a);
        compare_planes(&a, &b, d.map);
        blur_rows(d.map, scratch, a.width, a.height, 2);
        blur_columns(scratch, d.map, a.width, a.height, 2);
        status = find_boxes(&d, GAD_PIXEL_DIFFERENCE_REGION * (measure_map(&d, scratch) + min_noise), err);
    }
    gad_image_free(&resized);
    gad_memory_free(a.value);
    gad_memory_free(b.value);
    gad_memory_free(scratch);
    if (status)
        gad_pixel_difference_free(&d);
    else
        *difference = d;
    return status;
}

void gad_pixel_difference_free(gad_pixel_difference *difference)
{
    gad_memory_free(difference->map);
    *difference = (gad_pixel_difference){0};
}
