/* align: see align.h. Per block four histograms: Y 16 bins (shared linearly between neighbours), Cb 8, Cr 8, edge direction
 * 8 + 1 flat. KL(p||q) = sum p log p - sum p log q: the second sum is a dot product with what the index keeps. */
#include "data/align.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS_Y = 16, BINS_C = 8, BINS_EDGE = 9, UNIT = 16 /* feature units per pixel */ };

static const int HISTOGRAMS[4] = {BINS_Y, BINS_C, BINS_C, BINS_EDGE};

struct gad_align_index {
    gad_align_rule rule;
    size_t count, capacity, size; /* size: numbers per candidate */
    float *log_q;                 /* [capacity][size] */
    float *q;                     /* the same without logarithm; only for distances that need it */
};

gad_align_rule gad_align_rule_default(void)
{
    return (gad_align_rule){8, 0.15, GAD_ALIGN_KL, false};
}

const char *gad_align_distance_name(gad_align_distance distance)
{
    static const char *const names[] = {"kl", "kl_rev", "jeffreys", "js"};
    return names[distance];
}

static int tau_of(const gad_align_rule *rule)
{
    return (int)floor(rule->tau_frac * rule->blocks * rule->blocks + 0.5);
}

void gad_align_rule_text(const gad_align_rule *rule, char *text, size_t size_bytes)
{
    snprintf(text, size_bytes, "align:S=%d,tau=%d,dist=%s,gain=%d,v2", rule->blocks, tau_of(rule),
             gad_align_distance_name(rule->distance), rule->gain);
}

size_t gad_align_count(const gad_align_rule *rule)
{
    return (size_t)rule->blocks * (size_t)rule->blocks * GAD_ALIGN_BINS;
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

/* Bring the mean brightness to the middle (by at most a factor of two). Doing it to every image alike is what fitting each
 * candidate to each query would give, without its cost. Not the default: a defect changes the mean of all blocks. */
static void equalise(float *rgb)
{
    double sum = 0;
    int n = GAD_ALIGN_SIDE * GAD_ALIGN_SIDE;
    for (int i = 0; i < n; i++)
        sum += (double)(0.299f * rgb[3 * i] + 0.587f * rgb[3 * i + 1] + 0.114f * rgb[3 * i + 2]);
    double gain = sum > 0 ? 128.0 * n / sum : 1;
    float factor = (float)fmin(2, fmax(0.5, gain));
    for (int i = 0; i < 3 * n; i++)
        rgb[i] *= factor;
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

/* One pixel into its two nearest bins (centres at width/2, 3*width/2, ...). With hard bins an even surface near a border
 * would jump from one bin to the next at the slightest change of light. */
static void share_out(int *counts, int bins, int width, int value)
{
    int place = value - width / 2, low = place < 0 ? 0 : place / width;
    int share = place < 0 || low >= bins - 1 ? 0 : place % width * UNIT / width;
    low = low > bins - 1 ? bins - 1 : low;
    counts[low] += UNIT - share;
    if (share)
        counts[low + 1] += share;
}

static void block_histograms(const unsigned char *y, const unsigned char *cb, const unsigned char *cr, int left, int top,
                             int side, uint16_t *bins)
{
    double edges[BINS_EDGE] = {0}, edge_mass = 0;
    int counts[BINS_Y + 2 * BINS_C] = {0};
    for (int j = top; j < top + side; j++)
        for (int i = left; i < left + side; i++) {
            int at = j * GAD_ALIGN_SIDE + i;
            share_out(counts, BINS_Y, 16, y[at]);
            share_out(counts + BINS_Y, BINS_C, 32, cb[at]);
            share_out(counts + BINS_Y + BINS_C, BINS_C, 32, cr[at]);
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
    for (int i = 0; i < BINS_Y + 2 * BINS_C; i++)
        bins[i] = (uint16_t)(counts[i] > 65535 ? 65535 : counts[i]);
    /* The edge histogram gets the mass of the others, so that smoothing weighs the same. */
    for (int i = 0; i < BINS_EDGE; i++)
        bins[BINS_Y + 2 * BINS_C + i] = (uint16_t)lround(fmin(65535, edges[i] / edge_mass * side * side * UNIT));
}

gad_status gad_align_feature(const gad_image *image, const gad_align_rule *rule, uint16_t *feature, gad_error *err)
{
    enum { N = GAD_ALIGN_SIDE * GAD_ALIGN_SIDE };
    if ((rule->blocks != 4 && rule->blocks != 8 && rule->blocks != 16) || !(rule->tau_frac >= 0 && rule->tau_frac < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, "measure an image", "blocks are 4, 8 or 16 per side", "S = %d, tau = %g",
                             rule->blocks, rule->tau_frac);
    if (image->channels != 3)
        return gad_error_set(err, GAD_E_ARGUMENT, "measure an image", NULL, "an image of %d channels", image->channels);
    float *rgb = gad_memory_alloc(N * 3, sizeof *rgb);
    unsigned char *planes = gad_memory_alloc(N * 3, 1);
    gad_status status = rgb && planes ? shrink(image, rgb, err) : gad_error_memory(err, "measure an image", N * 15);
    if (!status) {
        int side = GAD_ALIGN_SIDE / rule->blocks;
        if (rule->gain)
            equalise(rgb);
        to_ycc(rgb, planes, planes + N, planes + 2 * N);
        for (int b = 0; b < rule->blocks * rule->blocks; b++)
            block_histograms(planes, planes + N, planes + 2 * N, b % rule->blocks * side, b / rule->blocks * side, side,
                             feature + b * GAD_ALIGN_BINS);
    }
    gad_memory_free(rgb);
    gad_memory_free(planes);
    return status;
}

/* ---- search ---- */

/* Smoothed probabilities (a = 0.5 pixels per bin) and their logarithms. */
static void probabilities(const uint16_t *feature, size_t size, float *p, float *log_p)
{
    for (size_t at = 0; at < size;)
        for (int h = 0; h < 4; h++) {
            int bins = HISTOGRAMS[h];
            double n = 0;
            for (int i = 0; i < bins; i++)
                n += feature[at + (size_t)i];
            for (int i = 0; i < bins; i++, at++) {
                double value = ((double)feature[at] / UNIT + 0.5) / (n / UNIT + 0.5 * bins);
                if (p)
                    p[at] = (float)value;
                log_p[at] = (float)log(value);
            }
        }
}

gad_status gad_align_index_new(const gad_align_rule *rule, size_t capacity, gad_align_index **out, gad_error *err)
{
    gad_align_index *index = gad_memory_zero(1, sizeof *index);
    if (!index)
        return gad_error_memory(err, "index normals", sizeof *index);
    index->rule = *rule;
    index->size = gad_align_count(rule);
    index->capacity = capacity ? capacity : 1;
    index->log_q = gad_memory_alloc(index->capacity * index->size, sizeof(float));
    bool plain = rule->distance != GAD_ALIGN_KL;
    if (plain)
        index->q = gad_memory_alloc(index->capacity * index->size, sizeof(float));
    if (!index->log_q || (plain && !index->q)) {
        gad_align_index_free(index);
        return gad_error_memory(err, "index normals", capacity * gad_align_count(rule) * sizeof(float));
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
    gad_memory_free(index);
}

gad_status gad_align_index_add(gad_align_index *index, const uint16_t *feature, gad_error *err)
{
    if (index->count == index->capacity)
        return gad_error_set(err, GAD_E_INTERNAL, "index normals", NULL, "more than the %zu candidates announced",
                             index->capacity);
    size_t at = index->count * index->size;
    probabilities(feature, index->size, index->q ? index->q + at : NULL, index->log_q + at);
    index->count++;
    return GAD_OK;
}

size_t gad_align_index_count(const gad_align_index *index)
{
    return index->count;
}

/* Four sums side by side, always in the same order: the compiler can use vectors without changing the result. */
static float dot(const float *a, const float *b)
{
    float s[8] = {0};
    for (int i = 0; i < 40; i += 8)
        for (int k = 0; k < 8; k++)
            s[k] += a[i + k] * b[i + k];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + a[40] * b[40];
}

static float js(const float *p, const float *log_p, const float *q, const float *log_q)
{
    float sum = 0;
    for (int i = 0; i < GAD_ALIGN_BINS; i++) {
        float log_m = logf(0.5f * (p[i] + q[i]));
        sum += 0.5f * (p[i] * (log_p[i] - log_m) + q[i] * (log_q[i] - log_m));
    }
    return sum;
}

typedef struct query {
    float *p, *log_p, own[GAD_ALIGN_BLOCKS_MOST]; /* own: sum p log p of each block */
} query;

/* Divergence of each block, the mean of its four histograms. */
static void block_distances(const gad_align_index *index, const query *q, size_t candidate, float *d)
{
    int blocks = index->rule.blocks * index->rule.blocks;
    const float *log_q = index->log_q + candidate * index->size,
                *plain = index->q ? index->q + candidate * index->size : NULL;
    for (int b = 0; b < blocks; b++) {
        const float *lq = log_q + b * GAD_ALIGN_BINS, *p = q->p + b * GAD_ALIGN_BINS, *lp = q->log_p + b * GAD_ALIGN_BINS;
        const float *pq = plain ? plain + b * GAD_ALIGN_BINS : NULL;
        float forward = q->own[b] - dot(p, lq), value = forward;
        if (index->rule.distance == GAD_ALIGN_KL_REVERSE)
            value = dot(pq, lq) - dot(pq, lp);
        else if (index->rule.distance == GAD_ALIGN_JEFFREYS)
            value = forward + dot(pq, lq) - dot(pq, lp);
        else if (index->rule.distance == GAD_ALIGN_JS)
            value = js(p, lp, pq, lq);
        d[b] = value > 0 ? 0.25f * value : 0;
    }
}

static int compare_floats(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

/* Means over the better blocks and over all, summed in ascending order so that nothing depends on the block order. */
static void score(float *d, int blocks, int tau, gad_align_match *match)
{
    double sum = 0;
    int kept = blocks - tau;
    qsort(d, (size_t)blocks, sizeof *d, compare_floats);
    for (int i = 0; i < kept; i++)
        sum += (double)d[i];
    match->score = sum / kept;
    for (int i = kept; i < blocks; i++)
        sum += (double)d[i];
    match->total = sum / blocks;
}

/* A lower bound that costs no sort: the sum without the tau largest, found in one pass. */
static double quick_score(const float *d, int blocks, int tau)
{
    float worst[64] = {0}; /* descending */
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

gad_status gad_align_search(const gad_align_index *index, const uint16_t *feature, const unsigned char *allowed, int k,
                            gad_align_match *best, int *found, gad_error *err)
{
    int blocks = index->rule.blocks * index->rule.blocks, tau = tau_of(&index->rule), count = 0;
    query q;
    q.p = gad_memory_alloc(index->size, sizeof(float));
    q.log_p = gad_memory_alloc(index->size, sizeof(float));
    if (!q.p || !q.log_p) {
        gad_memory_free(q.p);
        gad_memory_free(q.log_p);
        return gad_error_memory(err, "search normals", index->size * 8);
    }
    probabilities(feature, index->size, q.p, q.log_p);
    for (int b = 0; b < blocks; b++)
        q.own[b] = dot(q.p + b * GAD_ALIGN_BINS, q.log_p + b * GAD_ALIGN_BINS);
    for (size_t i = 0; i < index->count && k > 0; i++) {
        float d[GAD_ALIGN_BLOCKS_MOST];
        if (allowed && !allowed[i])
            continue;
        block_distances(index, &q, i, d);
        /* The quick sum may differ from the exact one by rounding only. */
        if (count == k && tau <= 64 && quick_score(d, blocks, tau) > best[count - 1].score * (1 + 1e-9) + 1e-12)
            continue;
        gad_align_match match = {.candidate = i};
        score(d, blocks, tau, &match);
        if (count == k && !better(&match, &best[count - 1]))
            continue;
        int at = count < k ? count++ : k - 1;
        for (; at > 0 && better(&match, &best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = match;
    }
    *found = count;
    gad_memory_free(q.p);
    gad_memory_free(q.log_p);
    return GAD_OK;
}
