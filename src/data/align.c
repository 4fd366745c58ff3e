/* align: see align.h. Per block four histograms: Y 16 bins, Cb 8, Cr 8 (a pixel is shared between the two nearest), edge
 * direction 8 + 1 flat. KL(p||q) = sum p log p - sum p log q: the second sum is a dot product with what the index keeps. */
#include "data/align.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/exposure.h"
#include "data/shortlist.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS_EDGE = GAD_EXPOSURE_EDGES, BINS = GAD_EXPOSURE_BINS, UNIT = GAD_EXPOSURE_UNIT, MAX_SCALES = 3, MAX_TAU = 64 };

/* Blocks per side of the scales of a rule. */
typedef struct scales {
    int count, side[MAX_SCALES], tau[MAX_SCALES], blocks; /* blocks: of all together */
} scales;

struct gad_align_index {
    gad_align_rule rule;
    scales scales;
    size_t count, capacity, size; /* size: numbers per candidate */
    float *log_q;                 /* [capacity][size] */
    float *q;                     /* the same without logarithm; only for distances that need it */
    float *means;                 /* [capacity][3][blocks] */
    float *centred;               /* the same for shortlists */
};

gad_align_rule gad_align_rule_default(void)
{
    return (gad_align_rule){.blocks = 8, .tau_frac = 0.15, .distance = GAD_ALIGN_KL, .gain = true};
}

static const char *distance_name(gad_align_distance distance)
{
    static const char *const names[] = {GAD_ALIGN_DISTANCE_WORDS};
    return names[distance];
}

static scales scales_of(const gad_align_rule *rule)
{
    scales s = {.count = rule->blocks ? 1 : MAX_SCALES, .side = {4, 8, 16}};
    if (rule->blocks)
        s.side[0] = rule->blocks;
    for (int i = 0; i < s.count; i++) {
        s.tau[i] = (int)floor(rule->tau_frac * s.side[i] * s.side[i] + 0.5);
        s.blocks += s.side[i] * s.side[i];
    }
    return s;
}

void gad_align_rule_text(const gad_align_rule *rule, char *text, size_t size_bytes)
{
    scales s = scales_of(rule);
    char side[24], tau[32];
    snprintf(side, sizeof side, s.count == 1 ? "%d" : "%d+%d+%d", s.side[0], s.side[1], s.side[2]);
    snprintf(tau, sizeof tau, s.count == 1 ? "%d" : "%d+%d+%d", s.tau[0], s.tau[1], s.tau[2]);
    snprintf(text, size_bytes, "align:S=%s,tau=%s,dist=%s,gain=%d,v3", side, tau, distance_name(rule->distance),
             rule->gain);
}

size_t gad_align_count(const gad_align_rule *rule)
{
    return (size_t)scales_of(rule).blocks * GAD_EXPOSURE_FINE;
}

/* ---- feature ---- */

/* Area averages of an axis: output i covers [i*n/m, (i+1)*n/m). */
static void shrink_rows(const unsigned char *in, int64_t width, int64_t row_bytes, int64_t y, double *sum, double weight)
{
    const unsigned char *row = in + y * row_bytes;
    for (int64_t x = 0; x < width * 3; x++)
        sum[x] += weight * row[x];
}

/* RGB of any size to SIDE x SIDE by exact area averaging. */
static gad_status shrink(const gad_image *image, float *out, gad_error *err)
{
    int64_t w = image->width, h = image->height;
    double *row = gad_memory_alloc((size_t)w * 3, sizeof *row);
    if (!row)
        return gad_error_memory(err, "measure an image", (size_t)w * 24);
    for (int j = 0; j < GAD_ALIGN_SIDE; j++) {
        double top = (double)j * (double)h / GAD_ALIGN_SIDE, bottom = (double)(j + 1) * (double)h / GAD_ALIGN_SIDE;
        memset(row, 0, (size_t)w * 3 * sizeof *row);
        for (int64_t y = (int64_t)top; y < h && (double)y < bottom; y++)
            shrink_rows(image->pixels, w, w * 3, y, row, fmin(bottom, (double)(y + 1)) - fmax(top, (double)y));
        for (int i = 0; i < GAD_ALIGN_SIDE; i++) {
            double left = (double)i * (double)w / GAD_ALIGN_SIDE, right = (double)(i + 1) * (double)w / GAD_ALIGN_SIDE,
                   sum[3] = {0};
            for (int64_t x = (int64_t)left; x < w && (double)x < right; x++) {
                double weight = fmin(right, (double)(x + 1)) - fmax(left, (double)x);
                for (int c = 0; c < 3; c++)
                    sum[c] += weight * row[x * 3 + c];
            }
            for (int c = 0; c < 3; c++)
                out[(j * GAD_ALIGN_SIDE + i) * 3 + c] = (float)(sum[c] / ((bottom - top) * (right - left)));
        }
    }
    gad_memory_free(row);
    return GAD_OK;
}

static int byte_of(float x)
{
    int i = (int)(x + 0.5f);
    return i < 0 ? 0 : i > 255 ? 255 : i;
}

/* ITU-R BT.601, full range. */
static void to_ycc(const float *rgb, unsigned char *y, unsigned char *cb, unsigned char *cr)
{
    for (int i = 0; i < GAD_ALIGN_SIDE * GAD_ALIGN_SIDE; i++) {
        float r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
        y[i] = (unsigned char)byte_of(0.299f * r + 0.587f * g + 0.114f * b);
        cb[i] = (unsigned char)byte_of(128 - 0.168736f * r - 0.331264f * g + 0.5f * b);
        cr[i] = (unsigned char)byte_of(128 + 0.5f * r - 0.418688f * g - 0.081312f * b);
    }
}

/* Direction bin of a gradient over [0, pi). */
static int edge_bin(int dx, int dy)
{
    double angle = atan2(dy, dx);
    if (angle < 0)
        angle += 3.14159265358979323846;
    int bin = (int)(angle * (8 / 3.14159265358979323846));
    return bin > 7 ? 0 : bin;
}

/* One pixel into its two nearest levels (0, width, 2*width, ...). With hard bins an even surface near a border would jump
 * from one bin to the next at the slightest change of light. */
static void share_out(int *counts, int levels, int width, int value)
{
    int low = value / width, share = low >= levels - 1 ? 0 : value % width * UNIT / width;
    low = low > levels - 1 ? levels - 1 : low;
    counts[low] += UNIT - share;
    if (share)
        counts[low + 1] += share;
}

static void block_histograms(const unsigned char *y, const unsigned char *cb, const unsigned char *cr, int left, int top,
                             int side, uint16_t *feature)
{
    enum { Y = GAD_EXPOSURE_LEVELS_Y, C = GAD_EXPOSURE_LEVELS_C };
    double edges[BINS_EDGE] = {0}, edge_mass = 0;
    int counts[Y + 2 * C] = {0};
    for (int j = top; j < top + side; j++)
        for (int i = left; i < left + side; i++) {
            int at = j * GAD_ALIGN_SIDE + i;
            share_out(counts, Y, 256 / Y, y[at]);
            share_out(counts + Y, C, 256 / C, cb[at]);
            share_out(counts + Y + C, C, 256 / C, cr[at]);
            int x0 = i > 0 ? at - 1 : at, x1 = i + 1 < GAD_ALIGN_SIDE ? at + 1 : at;
            int y0 = j > 0 ? at - GAD_ALIGN_SIDE : at, y1 = j + 1 < GAD_ALIGN_SIDE ? at + GAD_ALIGN_SIDE : at;
            int dx = y[x1] - y[x0], dy = y[y1] - y[y0], square = dx * dx + dy * dy;
            if (square < 64) {
                edges[BINS_EDGE - 1] += 1;
                edge_mass += 1;
            } else {
                double magnitude = sqrt(square);
                edges[edge_bin(dx, dy)] += magnitude;
                edge_mass += magnitude;
            }
        }
    for (int i = 0; i < Y + 2 * C; i++)
        feature[i] = (uint16_t)(counts[i] > 65535 ? 65535 : counts[i]);
    /* The edge histogram gets the mass of the others, so that smoothing weighs the same. */
    for (int i = 0; i < BINS_EDGE; i++)
        feature[Y + 2 * C + i] = (uint16_t)lround(fmin(65535, edges[i] / edge_mass * side * side * UNIT));
}

gad_status gad_align_feature(const gad_image *image, const gad_align_rule *rule, uint16_t *feature, gad_error *err)
{
    enum { N = GAD_ALIGN_SIDE * GAD_ALIGN_SIDE };
    if ((rule->blocks && rule->blocks != 4 && rule->blocks != 8 && rule->blocks != 16) ||
        !(rule->tau_frac >= 0 && rule->tau_frac < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, "measure an image", "blocks are 4, 8 or 16 per side", "S = %d, tau = %g",
                             rule->blocks, rule->tau_frac);
    if (image->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, "measure an image", NULL, "an image of %d channels", image->channels);
    float *rgb = gad_memory_alloc(N * 3, sizeof *rgb);
    unsigned char *planes = gad_memory_alloc(N * 3, 1);
    gad_status status = rgb && planes ? shrink(image, rgb, err) : gad_error_memory(err, "measure an image", N * 15);
    scales all = scales_of(rule);
    if (!status)
        to_ycc(rgb, planes, planes + N, planes + 2 * N);
    for (int s = 0; s < all.count && !status; s++) {
        int side = GAD_ALIGN_SIDE / all.side[s];
        for (int b = 0; b < all.side[s] * all.side[s]; b++, feature += GAD_EXPOSURE_FINE)
            block_histograms(planes, planes + N, planes + 2 * N, b % all.side[s] * side, b / all.side[s] * side, side,
                             feature);
    }
    gad_memory_free(rgb);
    gad_memory_free(planes);
    return status;
}

/* ---- search ---- */

gad_status gad_align_index_new(const gad_align_rule *rule, size_t capacity, gad_align_index **out, gad_error *err)
{
    gad_align_index *index = gad_memory_zero(1, sizeof *index);
    if (!index)
        return gad_error_memory(err, "index normals", sizeof *index);
    index->rule = *rule;
    index->scales = scales_of(rule);
    index->size = (size_t)index->scales.blocks * BINS;
    index->capacity = capacity ? capacity : 1;
    index->log_q = gad_memory_alloc(index->capacity * index->size, sizeof(float));
    index->means = gad_memory_alloc(index->capacity * (size_t)index->scales.blocks, 3 * sizeof(float));
    index->centred = gad_memory_alloc(index->capacity * (size_t)index->scales.blocks, 3 * sizeof(float));
    bool plain = rule->distance != GAD_ALIGN_KL;
    if (plain)
        index->q = gad_memory_alloc(index->capacity * index->size, sizeof(float));
    if (!index->log_q || !index->means || !index->centred || (plain && !index->q)) {
        size_t size = index->size;
        gad_align_index_free(index);
        return gad_error_memory(err, "index normals", capacity * size * sizeof(float));
    }
    *out = index;
    return GAD_OK;
}

void gad_align_index_free(gad_align_index *index)
{
    if (!index)
        return;
    gad_memory_free(index->log_q);
    gad_memory_free(index->q);
    gad_memory_free(index->means);
    gad_memory_free(index->centred);
    gad_memory_free(index);
}

gad_status gad_align_index_add(gad_align_index *index, const uint16_t *feature, gad_error *err)
{
    if (index->count == index->capacity)
        return gad_error_set(err, GAD_E_INTERNAL, "index normals", NULL, "more than the %zu candidates announced",
                             index->capacity);
    size_t at = index->count * index->size;
    int blocks = index->scales.blocks;
    for (int b = 0; b < blocks; b++, at += BINS)
        gad_exposure_block(feature + (size_t)b * GAD_EXPOSURE_FINE, index->q ? index->q + at : NULL, index->log_q + at);
    const size_t planes = index->count * (size_t)blocks * 3;
    gad_exposure_means(feature, blocks, index->means + planes);
    gad_shortlist_centre(index->means + planes, blocks, index->centred + planes);
    index->count++;
    return GAD_OK;
}

/* Eight sums side by side, always in the same order: the compiler can use vectors without changing the result. n is known
 * where this is inlined. */
static inline float dot(const float *a, const float *b, int n)
{
    float s[8] = {0}, rest = 0;
    for (int i = 0; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += a[i + k] * b[i + k];
    for (int i = n / 8 * 8; i < n; i++)
        rest += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + rest;
}

static float js(const float *p, const float *log_p, const float *q, const float *log_q, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++) {
        float log_m = logf(0.5f * (p[i] + q[i]));
        sum += 0.5f * (p[i] * (log_p[i] - log_m) + q[i] * (log_q[i] - log_m));
    }
    return sum;
}

/* Divergence of one histogram of one block. */
static inline float divergence(gad_align_distance distance, const gad_exposure_table *query, int b, const float *log_q,
                               const float *q, int n)
{
    const float *p = query->p + b * n, *log_p = query->log_p + b * n;
    float sum = 0;
    if (distance == GAD_ALIGN_KL || distance == GAD_ALIGN_JEFFREYS)
        sum += query->own[b] - dot(p, log_q, n);
    if (distance == GAD_ALIGN_KL_REVERSE || distance == GAD_ALIGN_JEFFREYS)
        sum += dot(q, log_q, n) - dot(q, log_p, n);
    if (distance == GAD_ALIGN_JS)
        sum += js(p, log_p, q, log_q, n);
    return sum;
}

/* Divergence of each block, the mean of its four histograms. */
static void block_distances(const gad_align_index *index, const gad_exposure_match *query, size_t candidate, float *d)
{
    enum { Y = GAD_EXPOSURE_BINS_Y, C = GAD_EXPOSURE_BINS_C, E = GAD_EXPOSURE_EDGES };
    const float *lq = index->log_q + candidate * index->size, *q = index->q ? index->q + candidate * index->size : lq;
    gad_align_distance how = index->rule.distance;
    for (int b = 0; b < index->scales.blocks; b++, lq += BINS, q += BINS) {
        float sum = divergence(how, query->y[b], b, lq, q, Y) + divergence(how, query->cb, b, lq + Y, q + Y, C) +
                    divergence(how, query->cr, b, lq + Y + C, q + Y + C, C) +
                    divergence(how, query->edges, b, lq + Y + 2 * C, q + Y + 2 * C, E);
        d[b] = sum > 0 ? 0.25f * sum : 0;
    }
}

static int compare_floats(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* Means over the better blocks and over all, summed in ascending order so that nothing depends on the block order; added to
 * the match with the weight of one scale. */
static void score(float *d, int blocks, int tau, double weight, gad_align_match *match)
{
    double sum = 0;
    int kept = blocks - tau;
    qsort(d, (size_t)blocks, sizeof *d, compare_floats);
    for (int i = 0; i < kept; i++)
        sum += (double)d[i];
    match->score += weight * sum / kept;
    for (int i = kept; i < blocks; i++)
        sum += (double)d[i];
    match->total += weight * sum / blocks;
}

/* A lower bound that costs no sort: the sum without the tau largest, found in one pass. */
static double quick_score(const float *d, int blocks, int tau)
{
    float worst[MAX_TAU] = {0}; /* descending */
    double sum = 0;
    for (int b = 0; b < blocks; b++) {
        sum += (double)d[b];
        if (tau == 0 || d[b] <= worst[tau - 1])
            continue;
        int at = tau - 1;
        while (at > 0 && worst[at - 1] < d[b]) {
            worst[at] = worst[at - 1];
            at--;
        }
        worst[at] = d[b];
    }
    for (int i = 0; i < tau; i++)
        sum -= (double)worst[i];
    return sum / (blocks - tau);
}

static bool better(const gad_align_match *a, const gad_align_match *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    return a->total != b->total ? a->total < b->total : a->candidate < b->candidate;
}

static gad_align_match match_of(const scales *all, float *d, size_t candidate)
{
    gad_align_match match = {.candidate = candidate};
    for (int s = 0, at = 0; s < all->count; at += all->side[s] * all->side[s], s++)
        score(d + at, all->side[s] * all->side[s], all->tau[s], 1.0 / all->count, &match);
    return match;
}

/* Certainly not among the best? The quick sum may differ from the exact one by rounding only. */
static bool hopeless(const scales *all, const float *d, double worst)
{
    double sum = 0;
    for (int s = 0, at = 0; s < all->count; at += all->side[s] * all->side[s], s++) {
        if (all->tau[s] > MAX_TAU)
            return false;
        sum += quick_score(d + at, all->side[s] * all->side[s], all->tau[s]) / all->count;
    }
    return sum > worst * (1 + 1e-9) + 1e-12;
}

/* One candidate against the query: into the best where it belongs there. */
static gad_status compare(const gad_align_index *index, gad_exposure *query, size_t candidate, int k, gad_align_match *best,
                          int *count, gad_error *err)
{
    const scales *all = &index->scales;
    float d[GAD_EXPOSURE_BLOCKS_MOST];
    gad_exposure_match fitted;
    gad_status status = gad_exposure_fit(query, index->means + candidate * (size_t)all->blocks * 3, &fitted, err);
    if (status)
        return status;
    block_distances(index, &fitted, candidate, d);
    if (*count == k && hopeless(all, d, best[k - 1].score))
        return GAD_OK;
    gad_align_match match = match_of(all, d, candidate);
    if (*count == k && !better(&match, &best[k - 1]))
        return GAD_OK;
    int at = *count < k ? (*count)++ : k - 1;
    for (; at > 0 && better(&match, &best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = match;
    return GAD_OK;
}

static size_t count_allowed(const gad_align_index *index, const unsigned char *allowed)
{
    size_t n = 0;
    for (size_t i = 0; i < index->count; i++)
        n += !allowed || allowed[i];
    return n;
}

/* The candidates of a shortlist. */
static gad_status search_listed(const gad_align_index *index, gad_exposure *query, const uint16_t *feature,
                                const unsigned char *allowed, int k, gad_align_match *best, int *found, gad_error *err)
{
    float means[3 * GAD_EXPOSURE_BLOCKS_MOST], centred[3 * GAD_EXPOSURE_BLOCKS_MOST];
    size_t list[GAD_SHORTLIST_MOST];
    gad_status status = GAD_OK;
    gad_exposure_means(feature, index->scales.blocks, means);
    gad_shortlist_centre(means, index->scales.blocks, centred);
    const size_t n = gad_shortlist_make(centred, index->centred, index->count, index->scales.blocks, allowed, list);
    for (size_t i = 0; i < n && !status; i++)
        status = compare(index, query, list[i], k, best, found, err);
    return status;
}

gad_status gad_align_search(const gad_align_index *index, const uint16_t *feature, const unsigned char *allowed, int k,
                            gad_align_match *best, int *found, gad_error *err)
{
    gad_exposure *query = NULL;
    *found = 0;
    gad_status status = gad_exposure_new(feature, index->scales.side, index->scales.count, index->rule.gain, &query, err);
    if (!status && k > 0 && count_allowed(index, allowed) > GAD_SHORTLIST_FROM)
        status = search_listed(index, query, feature, allowed, k, best, found, err);
    else
        for (size_t i = 0; i < index->count && k > 0 && !status; i++)
            if (!allowed || allowed[i])
                status = compare(index, query, i, k, best, found, err);
    gad_exposure_free(query);
    return status;
}
