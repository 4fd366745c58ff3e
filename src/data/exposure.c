/* exposure: see exposure.h */
#include "data/exposure.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SCALES = 3,
    STEPS_PER_OCTAVE = 32,
    MAX_STEPS = 48,     /* of brightness, up and down: a factor of 2.8 */
    STEPS_PER_TINT = 4, /* colour differences need a coarser gain */
    MAX_TINTS = MAX_STEPS / STEPS_PER_TINT,
    DARK = 8,         /* keeps the ratio of dark blocks from being noise */
    OFFSET_STEP = 2,  /* of colour differences, in 1/255 */
    MAX_OFFSETS = 16, /* up and down */
    TABLES_Y = 2 * MAX_STEPS + 1,
    TABLES_C = (2 * MAX_TINTS + 1) * (2 * MAX_OFFSETS + 1)
};

struct gad_exposure {
    const uint16_t *feature;
    int side[MAX_SCALES], scales, blocks; /* blocks: of all scales */
    bool fit;
    float *means, *ratios; /* of the query; scratch */
    gad_exposure_table y[TABLES_Y], c[2][TABLES_C], edges;
};

/* Where the four histograms of a block begin: as levels, and as bins. */
static const int LEVEL_START[4] = {0, GAD_EXPOSURE_LEVELS_Y, GAD_EXPOSURE_LEVELS_Y + GAD_EXPOSURE_LEVELS_C,
                                   GAD_EXPOSURE_LEVELS_Y + 2 * GAD_EXPOSURE_LEVELS_C};
static const int BIN_COUNT[4] = {GAD_EXPOSURE_BINS_Y, GAD_EXPOSURE_BINS_C, GAD_EXPOSURE_BINS_C, GAD_EXPOSURE_EDGES};

/* Levels of a histogram into its bins, each level's value scaled about `middle` and moved. A value is shared between the
 * two nearest bin centres; levels lie on all centres, so an unchanged value is shared exactly as its pixels would be. */
static void to_bins(const uint16_t *levels, int h, double middle, double gain, double offset, double *bins)
{
    int count = h == 0 ? GAD_EXPOSURE_LEVELS_Y : GAD_EXPOSURE_LEVELS_C, n = BIN_COUNT[h];
    double step = 256.0 / count, width = 256.0 / n;
    memset(bins, 0, (size_t)n * sizeof *bins);
    for (int i = 0; i < count; i++) {
        if (!levels[i])
            continue;
        double place = ((i * step - middle) * gain + middle + offset) / width - 0.5;
        int low = place <= 0 ? 0 : place >= n - 1 ? n - 1 : (int)place;
        double share = place <= 0 || low == n - 1 ? 0 : place - low;
        bins[low] += (1 - share) * levels[i];
        if (share > 0)
            bins[low + 1] += share * levels[i];
    }
}

/* a = 0.5 pixels per bin. Returns sum p log p. */
static double smooth(const double *bins, int n, float *p, float *log_p)
{
    double total = 0, own = 0;
    for (int i = 0; i < n; i++)
        total += bins[i];
    for (int i = 0; i < n; i++) {
        double value = (bins[i] / GAD_EXPOSURE_UNIT + 0.5) / (total / GAD_EXPOSURE_UNIT + 0.5 * n), l = log(value);
        if (p)
            p[i] = (float)value;
        log_p[i] = (float)l;
        own += value * l;
    }
    return own;
}

static void edge_bins(const uint16_t *block, double *bins)
{
    for (int i = 0; i < GAD_EXPOSURE_EDGES; i++)
        bins[i] = block[LEVEL_START[3] + i];
}

void gad_exposure_block(const uint16_t *block, float *p, float *log_p)
{
    double bins[GAD_EXPOSURE_BINS_Y];
    for (int h = 0, at = 0; h < 4; at += BIN_COUNT[h], h++) {
        if (h < 3)
            to_bins(block + LEVEL_START[h], h, 0, 1, 0, bins);
        else
            edge_bins(block, bins);
        smooth(bins, BIN_COUNT[h], p ? p + at : NULL, log_p + at);
    }
}

void gad_exposure_means(const uint16_t *feature, int blocks, float *means)
{
    for (int h = 0; h < 3; h++)
        for (int b = 0; b < blocks; b++) {
            const uint16_t *levels = feature + (size_t)b * GAD_EXPOSURE_FINE + LEVEL_START[h];
            int count = h == 0 ? GAD_EXPOSURE_LEVELS_Y : GAD_EXPOSURE_LEVELS_C;
            double sum = 0, weighted = 0;
            for (int i = 0; i < count; i++) {
                sum += levels[i];
                weighted += (double)levels[i] * i;
            }
            double mean = sum > 0 ? weighted / sum * 256 / count : 0;
            means[h * blocks + b] = (float)(h == 0 ? log2(mean + DARK) : mean);
        }
}

/* ---- tables ---- */

static void free_table(gad_exposure_table *t)
{
    gad_memory_free(t->p);
}

static gad_status make_table(const gad_exposure *e, int h, double gain, double offset, gad_exposure_table *t,
                             gad_error *err)
{
    size_t n = (size_t)e->blocks * (size_t)BIN_COUNT[h];
    double bins[GAD_EXPOSURE_BINS_Y];
    if (!(t->p = gad_memory_alloc(2 * n + (size_t)e->blocks, sizeof *t->p)))
        return gad_error_memory(err, "search normals", 2 * n * sizeof *t->p);
    t->log_p = t->p + n;
    t->own = t->log_p + n;
    for (int b = 0; b < e->blocks; b++) {
        const uint16_t *block = e->feature + (size_t)b * GAD_EXPOSURE_FINE;
        size_t at = (size_t)b * (size_t)BIN_COUNT[h];
        if (h < 3)
            to_bins(block + LEVEL_START[h], h, h == 0 ? 0 : 128, gain, offset, bins);
        else
            edge_bins(block, bins);
        t->own[b] = (float)smooth(bins, BIN_COUNT[h], t->p + at, t->log_p + at);
    }
    return GAD_OK;
}

gad_status gad_exposure_new(const uint16_t *feature, const int *side, int scales, bool fit, gad_exposure **out,
                            gad_error *err)
{
    gad_exposure *e = gad_memory_zero(1, sizeof *e);
    int blocks = 0;
    if (!e)
        return gad_error_memory(err, "search normals", sizeof *e);
    e->feature = feature;
    e->scales = scales;
    e->fit = fit;
    for (int i = 0; i < scales; i++) {
        e->side[i] = side[i];
        blocks += side[i] * side[i];
    }
    e->blocks = blocks;
    e->means = gad_memory_alloc((size_t)blocks * 4, sizeof *e->means);
    gad_status status =
        e->means ? make_table(e, 3, 1, 0, &e->edges, err) : gad_error_memory(err, "search normals", (size_t)blocks * 16);
    if (status) {
        gad_exposure_free(e);
        return status;
    }
    e->ratios = e->means + 3 * blocks;
    gad_exposure_means(feature, blocks, e->means);
    *out = e;
    return GAD_OK;
}

void gad_exposure_free(gad_exposure *e)
{
    if (!e)
        return;
    for (int i = 0; i < TABLES_Y; i++)
        free_table(&e->y[i]);
    for (int i = 0; i < TABLES_C; i++) {
        free_table(&e->c[0][i]);
        free_table(&e->c[1][i]);
    }
    free_table(&e->edges);
    gad_memory_free(e->means);
    gad_memory_free(e);
}

/* The middle one of few numbers: counting has no branches to guess and runs in vectors, three times as fast at 64. */
static float small_median(const float *v, int n)
{
    int middle = n / 2;
    for (int i = 0; i < n; i++) {
        int less = 0, equal = 0;
        for (int k = 0; k < n; k++) {
            less += v[k] < v[i];
            equal += v[k] == v[i];
        }
        if (less <= middle && middle < less + equal)
            return v[i];
    }
    return v[0];
}

/* The middle one of n numbers, which may be reordered (Hoare's selection). */
static float median(float *v, int n)
{
    if (n <= 64)
        return small_median(v, n);
    int low = 0, high = n - 1, middle = n / 2;
    while (low < high) {
        float pivot = v[(low + high) / 2];
        int i = low, k = high;
        while (i <= k) {
            while (v[i] < pivot)
                i++;
            while (v[k] > pivot)
                k--;
            if (i <= k) {
                float swap = v[i];
                v[i++] = v[k];
                v[k--] = swap;
            }
        }
        if (middle <= k)
            high = k;
        else if (middle >= i)
            low = i;
        else
            break;
    }
    return v[middle];
}

/* To the nearest whole number, from -most to most. */
static int nearest(float value, int most)
{
    value = value < (float)-most ? (float)-most : value > (float)most ? (float)most : value;
    return (int)(value + (float)most + 0.5f) - most;
}

/* Brightness of the candidate against the query on one grid: log2 of the gain in the middle, and its change over half the
 * image to the right and down. Each is a median over blocks, or over pairs of blocks half an image apart. */
typedef struct light {
    float middle, right, down;
} light;

static light fit_light(gad_exposure *e, const float *candidate, const float *query, int side)
{
    float ratio[256];
    int n = side * side, half = side / 2;
    light l;
    for (int b = 0; b < n; b++)
        ratio[b] = candidate[b] - query[b];
    for (int b = 0, k = 0; b < n; b++)
        if (b % side < half)
            e->ratios[k++] = ratio[b + half] - ratio[b];
    l.right = median(e->ratios, n / 2);
    for (int b = 0; b < n / 2; b++)
        e->ratios[b] = ratio[b + half * side] - ratio[b];
    l.down = median(e->ratios, n / 2);
    for (int b = 0; b < n; b++)
        e->ratios[b] = ratio[b] - l.right * ((float)(b % side) + 0.5f - (float)half) / (float)half -
                       l.down * ((float)(b / side) + 0.5f - (float)half) / (float)half;
    l.middle = median(e->ratios, n);
    return l;
}

/* The table of each block of one grid, which begins at block `first`. */
static gad_status fit_scale(gad_exposure *e, const float *means, int first, int side, gad_exposure_match *match,
                            float *middle, gad_error *err)
{
    light l = {0};
    gad_status status = GAD_OK;
    if (e->fit)
        l = fit_light(e, means + first, e->means + first, side);
    float half = (float)side / 2;
    for (int b = 0; b < side * side && !status; b++) {
        float u = ((float)(b % side) + 0.5f - half) / half, v = ((float)(b / side) + 0.5f - half) / half;
        int step = nearest(STEPS_PER_OCTAVE * (l.middle + l.right * u + l.down * v), MAX_STEPS);
        gad_exposure_table *y = &e->y[step + MAX_STEPS];
        if (!y->p)
            status = make_table(e, 0, exp2((double)step / STEPS_PER_OCTAVE), 0, y, err);
        match->y[first + b] = y;
    }
    *middle = l.middle;
    return status;
}

gad_status gad_exposure_fit(gad_exposure *e, const float *means, gad_exposure_match *match, gad_error *err)
{
    int n = e->blocks;
    float middle = 0;
    gad_status status = GAD_OK;
    for (int s = 0, first = 0; s < e->scales && !status; first += e->side[s] * e->side[s], s++)
        status = fit_scale(e, means, first, e->side[s], match, &middle, err);
    int tint = nearest(middle * STEPS_PER_OCTAVE / STEPS_PER_TINT, MAX_TINTS);
    double gain = exp2((double)(tint * STEPS_PER_TINT) / STEPS_PER_OCTAVE);
    const gad_exposure_table **colours[2] = {&match->cb, &match->cr};
    for (int h = 1; h < 3 && !status; h++) {
        int offset = 0;
        if (e->fit) {
            for (int b = 0; b < n; b++)
                e->ratios[b] = means[h * n + b] - ((e->means[h * n + b] - 128) * (float)gain + 128);
            offset = nearest(median(e->ratios, n) / OFFSET_STEP, MAX_OFFSETS);
        }
        gad_exposure_table *c = &e->c[h - 1][(tint + MAX_TINTS) * (2 * MAX_OFFSETS + 1) + offset + MAX_OFFSETS];
        if (!c->p)
            status = make_table(e, h, gain, (double)offset * OFFSET_STEP, c, err);
        *colours[h - 1] = c;
    }
    match->edges = &e->edges;
    return status;
}
