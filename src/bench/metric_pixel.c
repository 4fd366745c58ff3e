/* metric_pixel: see metric_pixel.h
 * A pixel is one 64-bit word while it is kept: the score as an ordered integer above, its region (0: normal) below. A bin
 * holds the scores that agree in the upper 20 bits of the ordered integer, a relative width of 2^-11. */
#include "bench/metric_pixel.h"

#include "base/error.h"
#include "base/memory.h"
#include "bench/components.h"

#include <math.h>
#include <string.h>

enum { BIN_SHIFT = 12, BIN_COUNT = 1 << (32 - BIN_SHIFT) };

typedef struct bin {
    int64_t negatives, positives;
    double overlap; /* sum of 1/size of the region of each positive pixel */
} bin;

struct gad_metric_pixels {
    uint64_t *pixel; /* kept one by one; NULL once binned */
    size_t count, capacity, exact_limit;
    double *region_weight; /* 1/size of region i + 1 */
    size_t region_capacity;
    bin *bins;
    int64_t pixels, positives, regions, images;
};

gad_metric_pixels *gad_metric_pixel_new(size_t exact_pixels)
{
    gad_metric_pixels *p = gad_memory_zero(1, sizeof *p);
    if (p)
        p->exact_limit = exact_pixels;
    return p;
}

void gad_metric_pixel_free(gad_metric_pixels *p)
{
    if (!p)
        return;
    gad_memory_free(p->pixel);
    gad_memory_free(p->region_weight);
    gad_memory_free(p->bins);
    gad_memory_free(p);
}

void gad_metric_pixel_reset(gad_metric_pixels *p)
{
    gad_memory_free(p->bins);
    p->bins = NULL;
    p->count = 0;
    p->pixels = p->positives = p->regions = p->images = 0;
}

/* Order-preserving integer of a finite float; -0 equals 0. */
static uint32_t order_of(float value)
{
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, 4);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

static void bin_pixel(bin *bins, uint32_t order, double weight)
{
    bin *b = &bins[order >> BIN_SHIFT];
    if (weight > 0) {
        b->positives++;
        b->overlap += weight;
    } else {
        b->negatives++;
    }
}

/* Move from single pixels to bins. */
static bool begin_bins(gad_metric_pixels *p)
{
    p->bins = gad_memory_zero(BIN_COUNT, sizeof *p->bins);
    if (!p->bins)
        return false;
    for (size_t i = 0; i < p->count; i++) {
        uint32_t region = (uint32_t)p->pixel[i];
        bin_pixel(p->bins, (uint32_t)(p->pixel[i] >> 32), region ? p->region_weight[region - 1] : 0);
    }
    p->count = p->capacity = 0;
    gad_memory_free(p->pixel);
    p->pixel = NULL;
    return true;
}

static bool make_room(gad_metric_pixels *p, size_t pixels, size_t regions)
{
    if (!p->bins && p->count + pixels > p->exact_limit && !begin_bins(p))
        return false;
    if (p->bins)
        return true;
    if (p->count + pixels > p->capacity) {
        size_t capacity = p->count + pixels > 2 * p->capacity ? p->count + pixels : 2 * p->capacity;
        uint64_t *grown = gad_memory_resize(p->pixel, capacity, sizeof *grown);
        if (!grown)
            return false;
        p->pixel = grown;
        p->capacity = capacity;
    }
    size_t needed = (size_t)p->regions + regions;
    if (needed > p->region_capacity) {
        double *grown = gad_memory_resize(p->region_weight, 2 * needed, sizeof *grown);
        if (!grown)
            return false;
        p->region_weight = grown;
        p->region_capacity = 2 * needed;
    }
    return true;
}

/* Where output pixel i of `size` reads a map of `from` values: value[low] * (1 - part) + value[high] * part. */
typedef struct tap {
    int low, high;
    float part;
} tap;

static tap tap_at(int i, int size, int from)
{
    double at = ((double)i + 0.5) * (double)from / (double)size - 0.5;
    at = at < 0 ? 0 : at > from - 1 ? from - 1 : at;
    int low = (int)at;
    return (tap){low, low + 1 < from ? low + 1 : low, (float)(at - low)};
}

static void enlarge_row(gad_metric_map map, tap y, const tap *x, int width, float *out)
{
    const float *a = map.value + (size_t)y.low * (size_t)map.width, *b = map.value + (size_t)y.high * (size_t)map.width;
    for (int i = 0; i < width; i++) {
        float top = a[x[i].low] + (a[x[i].high] - a[x[i].low]) * x[i].part;
        float bottom = b[x[i].low] + (b[x[i].high] - b[x[i].low]) * x[i].part;
        out[i] = top + (bottom - top) * y.part;
    }
}

static void take(gad_metric_pixels *p, float value, uint32_t region, double weight)
{
    uint32_t order = order_of(value);
    if (p->bins)
        bin_pixel(p->bins, order, weight);
    else
        p->pixel[p->count++] = (uint64_t)order << 32 | region;
}

/* One enlarged row; `run` is the first run of this row or later. Returns the first run of the next row. */
static size_t take_row(gad_metric_pixels *p, const float *row, int width, int y, const gad_components *regions, size_t run)
{
    int x = 0;
    for (; run < regions->run_count && regions->run[run].y == y; run++) {
        const gad_component_run *r = &regions->run[run];
        for (; x < r->x1; x++)
            take(p, row[x], 0, 0);
        uint32_t region = (uint32_t)p->regions + r->region + 1;
        double weight = 1 / (double)regions->pixels[r->region];
        for (; x < r->x2; x++)
            take(p, row[x], region, weight);
        p->positives += r->x2 - r->x1;
    }
    for (; x < width; x++)
        take(p, row[x], 0, 0);
    return run;
}

static bool map_is_finite(gad_metric_map map)
{
    for (size_t i = 0, n = (size_t)map.width * (size_t)map.height; i < n; i++)
        if (!isfinite(map.value[i]))
            return false;
    return true;
}

gad_status gad_metric_pixel_add(gad_metric_pixels *p, gad_metric_map map, const uint8_t *mask, int width, int height,
                                gad_error *err)
{
    static const char operation[] = "score a heat map";
    if (map.width < 1 || map.height < 1 || width < 1 || height < 1)
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "map %dx%d, image %dx%d: empty", map.width, map.height,
                             width, height);
    if (!map_is_finite(map))
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "the map holds a value that is not a number");
    gad_components regions = {0};
    gad_status status = mask ? gad_components_find(mask, width, height, &regions, err) : GAD_OK;
    if (status)
        return status;
    size_t pixels = (size_t)width * (size_t)height;
    tap *columns = gad_memory_alloc((size_t)width, sizeof *columns);
    float *row = gad_memory_alloc((size_t)width, sizeof *row);
    if (!columns || !row || p->regions + (int64_t)regions.count >= UINT32_MAX || !make_room(p, pixels, regions.count)) {
        status = gad_error_memory(err, operation, pixels * sizeof *p->pixel);
        goto done;
    }
    for (int x = 0; x < width; x++)
        columns[x] = tap_at(x, width, map.width);
    if (!p->bins)
        for (size_t i = 0; i < regions.count; i++)
            p->region_weight[(size_t)p->regions + i] = 1 / (double)regions.pixels[i];
    size_t run = 0;
    for (int y = 0; y < height; y++) {
        enlarge_row(map, tap_at(y, height, map.height), columns, width, row);
        run = take_row(p, row, width, y, &regions, run);
    }
    p->pixels += (int64_t)pixels;
    p->regions += (int64_t)regions.count;
    p->images++;
done:
    gad_memory_free(columns);
    gad_memory_free(row);
    gad_components_free(&regions);
    return status;
}

/* The curve so far while thresholds fall: what is at or above the threshold. */
typedef struct sweep {
    int64_t tp, fp, positives, negatives;
    double overlap, regions; /* overlap / regions is PRO */
    double auroc, ap, aupro, fpr_limit;
    double auroc_slack, aupro_slack; /* area of the triangles that binning hides */
} sweep;

static void sweep_step(sweep *s, int64_t negatives, int64_t positives, double overlap)
{
    double n = (double)s->negatives, fpr = (double)s->fp / n, next_fpr = (double)(s->fp + negatives) / n;
    double pro = s->overlap / s->regions, next_pro = (s->overlap + overlap) / s->regions;
    s->auroc += (double)negatives * ((double)s->tp + (double)positives / 2);
    s->auroc_slack += (double)negatives * (double)positives / 2;
    s->tp += positives;
    s->fp += negatives;
    s->overlap += overlap;
    if (positives)
        s->ap += (double)positives * ((double)s->tp / (double)(s->tp + s->fp));
    if (!(fpr < s->fpr_limit) || next_fpr <= fpr)
        return;
    double end = next_fpr < s->fpr_limit ? next_fpr : s->fpr_limit;
    double end_pro = pro + (next_pro - pro) * (end - fpr) / (next_fpr - fpr);
    s->aupro += (end - fpr) * (pro + end_pro) / 2;
    s->aupro_slack += (end - fpr) * (next_pro - pro);
}

/* Ascending by the upper 32 bits: three passes of eleven bits. */
static void sort_pixels(uint64_t *pixel, uint64_t *scratch, size_t count)
{
    enum { DIGIT = 11, BUCKETS = 1 << DIGIT };
    size_t start[BUCKETS];
    for (int shift = 32; shift < 64; shift += DIGIT) {
        memset(start, 0, sizeof start);
        for (size_t i = 0; i < count; i++)
            start[pixel[i] >> shift & (BUCKETS - 1)]++;
        for (size_t b = 0, sum = 0; b < BUCKETS; b++) {
            size_t n = start[b];
            start[b] = sum;
            sum += n;
        }
        for (size_t i = 0; i < count; i++)
            scratch[start[pixel[i] >> shift & (BUCKETS - 1)]++] = pixel[i];
        uint64_t *swap = pixel;
        pixel = scratch;
        scratch = swap;
    }
    memcpy(scratch, pixel, count * sizeof *pixel); /* three passes: the result lies in the caller's scratch */
}

static void sweep_exact(const gad_metric_pixels *p, sweep *s)
{
    for (size_t i = p->count; i > 0;) {
        uint32_t order = (uint32_t)(p->pixel[i - 1] >> 32);
        int64_t negatives = 0, positives = 0;
        double overlap = 0;
        for (; i > 0 && (uint32_t)(p->pixel[i - 1] >> 32) == order; i--) {
            uint32_t region = (uint32_t)p->pixel[i - 1];
            if (region)
                overlap += p->region_weight[region - 1];
            *(region ? &positives : &negatives) += 1;
        }
        sweep_step(s, negatives, positives, overlap);
    }
    s->auroc_slack = s->aupro_slack = 0; /* what is tied here is truly tied */
}

static void sweep_bins(const gad_metric_pixels *p, sweep *s)
{
    for (size_t b = BIN_COUNT; b-- > 0;)
        if (p->bins[b].negatives || p->bins[b].positives)
            sweep_step(s, p->bins[b].negatives, p->bins[b].positives, p->bins[b].overlap);
}

gad_status gad_metric_pixel_result_of(gad_metric_pixels *p, double fpr_limit, gad_metric_pixel_result *result,
                                      gad_error *err)
{
    gad_metric_pixel_result r = {.auroc = NAN,
                                 .ap = NAN,
                                 .aupro = NAN,
                                 .pixels = p->pixels,
                                 .positives = p->positives,
                                 .regions = p->regions,
                                 .images = p->images};
    if (p->positives && p->positives < p->pixels) {
        sweep s = {.positives = p->positives,
                   .negatives = p->pixels - p->positives,
                   .regions = (double)p->regions,
                   .fpr_limit = fpr_limit};
        if (!p->bins) {
            uint64_t *scratch = gad_memory_alloc(p->count, sizeof *scratch);
            if (!scratch)
                return gad_error_memory(err, "sort the pixels of heat maps", p->count * sizeof *scratch);
            sort_pixels(p->pixel, scratch, p->count);
            gad_memory_free(scratch);
            sweep_exact(p, &s);
        } else {
            sweep_bins(p, &s);
        }
        double pairs = (double)s.positives * (double)s.negatives;
        r.auroc = s.auroc / pairs;
        r.auroc_bound = s.auroc_slack / pairs;
        r.ap = s.ap / (double)s.positives;
        r.aupro = s.aupro / fpr_limit;
        r.aupro_bound = s.aupro_slack / fpr_limit;
    }
    *result = r;
    return GAD_OK;
}
