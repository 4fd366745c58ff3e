/* descriptor: see descriptor.h */
#include "features/descriptor.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static const char operation[] = "describe a picture";

/* The mean over the 3 x 3 cells around each; cells outside the map do not count. */
static void smooth(const gad_feature_map *map, float *out)
{
    for (int64_t y = 0; y < map->rows; y++)
        for (int64_t x = 0; x < map->cols; x++) {
            float *to = out + (y * map->cols + x) * map->width;
            const int64_t y1 = y > 0 ? y - 1 : 0, y2 = y + 2 < map->rows ? y + 2 : map->rows;
            const int64_t x1 = x > 0 ? x - 1 : 0, x2 = x + 2 < map->cols ? x + 2 : map->cols;
            const float share = 1 / (float)((y2 - y1) * (x2 - x1));
            memset(to, 0, (size_t)map->width * sizeof *to);
            for (int64_t v = y1; v < y2; v++)
                for (int64_t u = x1; u < x2; u++) {
                    const float *from = gad_feature_cell(map, v, u);
                    for (int64_t c = 0; c < map->width; c++)
                        to[c] += share * from[c];
                }
        }
}

/* Where the centre of cell `at` of `count` lies among `from_count` cells: between `low` and the next, at `share`. */
typedef struct between {
    int64_t low, high;
    float share;
} between;

static between place_of(int64_t at, int64_t count, int64_t from_count)
{
    const float place = fmaxf(((float)at + 0.5f) * (float)from_count / (float)count - 0.5f, 0);
    const int64_t low = (int64_t)place < from_count - 1 ? (int64_t)place : from_count - 1;
    return (between){low, low + 1 < from_count ? low + 1 : low, place - (float)low};
}

static void add_scaled(const float *from, float by, int64_t width, float *to)
{
    for (int64_t c = 0; c < width; c++)
        to[c] += by * from[c];
}

/* Cell (y, x) of a rows x cols grid out of the smoothed map [map->rows, map->cols, width]. */
static void take_cell(const gad_feature_map *map, const float *smoothed, int64_t rows, int64_t cols, int64_t y, int64_t x,
                      float *to)
{
    const int64_t width = map->width;
    memset(to, 0, (size_t)width * sizeof *to);
    if (map->rows > rows || map->cols > cols) {
        const int64_t y1 = y * map->rows / rows, y2 = ((y + 1) * map->rows + rows - 1) / rows;
        const int64_t x1 = x * map->cols / cols, x2 = ((x + 1) * map->cols + cols - 1) / cols;
        for (int64_t v = y1; v < y2; v++)
            for (int64_t u = x1; u < x2; u++)
                add_scaled(smoothed + (v * map->cols + u) * width, 1, width, to);
        return;
    }
    const between v = place_of(y, rows, map->rows), u = place_of(x, cols, map->cols);
    add_scaled(smoothed + (v.low * map->cols + u.low) * width, (1 - v.share) * (1 - u.share), width, to);
    add_scaled(smoothed + (v.low * map->cols + u.high) * width, (1 - v.share) * u.share, width, to);
    add_scaled(smoothed + (v.high * map->cols + u.low) * width, v.share * (1 - u.share), width, to);
    add_scaled(smoothed + (v.high * map->cols + u.high) * width, v.share * u.share, width, to);
}

/* A row without length stays zero: it is like nothing. */
static void set_length(float *row, int64_t width, double length)
{
    double sum = 0;
    for (int64_t c = 0; c < width; c++)
        sum += (double)row[c] * (double)row[c];
    const float by = sum > 0 ? (float)(length / sqrt(sum)) : 0;
    for (int64_t c = 0; c < width; c++)
        row[c] *= by;
}

static void fill(const gad_features *features, float *smoothed, gad_descriptors *d)
{
    const double length = 1 / sqrt((double)features->count);
    int64_t first = 0;
    for (int i = 0; i < features->count; i++) {
        const gad_feature_map *map = &features->map[i];
        smooth(map, smoothed);
        for (int64_t cell = 0; cell < d->rows * d->cols; cell++) {
            float *to = d->data + cell * d->width + first;
            take_cell(map, smoothed, d->rows, d->cols, cell / d->cols, cell % d->cols, to);
            set_length(to, map->width, length);
        }
        first += map->width;
    }
    for (int64_t cell = 0; cell < d->rows * d->cols; cell++)
        add_scaled(d->data + cell * d->width, 1, d->width, d->whole);
    set_length(d->whole, d->width, 1);
}

gad_status gad_descriptor_make(const gad_features *features, int64_t stride, gad_descriptors *descriptors, gad_error *err)
{
    gad_descriptors d = {.stride = stride, .levels.count = features->count};
    size_t most = 0;
    for (int i = 0; i < features->count; i++) {
        const gad_feature_map *map = &features->map[i];
        const size_t numbers = (size_t)(map->rows * map->cols * map->width);
        most = numbers > most ? numbers : most;
        d.width += map->width;
        d.levels.width[i] = map->width;
        if (map->stride == stride && !d.rows) {
            d.rows = map->rows;
            d.cols = map->cols;
        }
    }
    if (!d.rows)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the backbone has no feature map of stride %lld",
                             (long long)stride);
    float *smoothed = gad_memory_alloc(most, sizeof *smoothed);
    d.data = gad_memory_alloc_aligned((size_t)(d.rows * d.cols * d.width), sizeof *d.data);
    d.whole = gad_memory_zero((size_t)d.width, sizeof *d.whole);
    if (smoothed && d.data && d.whole)
        fill(features, smoothed, &d);
    const bool failed = !smoothed || !d.data || !d.whole;
    gad_memory_free(smoothed);
    if (failed) {
        gad_descriptor_free(&d);
        return gad_error_memory(err, operation, most * sizeof *smoothed);
    }
    *descriptors = d;
    return GAD_OK;
}

bool gad_descriptor_is_blank(const gad_descriptors *descriptors, int64_t cell)
{
    const float *row = descriptors->data + cell * descriptors->width;
    for (int64_t c = 0; c < descriptors->width; c++)
        if (row[c] != 0)
            return false;
    return true;
}

void gad_descriptor_free(gad_descriptors *descriptors)
{
    if (!descriptors)
        return;
    gad_memory_free_aligned(descriptors->data);
    gad_memory_free(descriptors->whole);
    *descriptors = (gad_descriptors){0};
}
