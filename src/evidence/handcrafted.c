/* handcrafted: see handcrafted.h */
#include "evidence/handcrafted.h"

#include <math.h>
#include <string.h>

enum { NEAR = 2, FAR = 4 }; /* px that a shift may have: pixel by pixel, and of whole surroundings */
enum { MATCHED = 8, ALIGNED = 11, BASE = 13 };

/* Compiled for wider vectors too where the machine has them; without fused multiply-add, so that results are the same. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* Numbers of a cell's description: mean colours and deviations of its quarters, slopes across and down; and of its
 * surroundings: mean colours and deviations of 3 x 3 cells. */
enum { OWN = 4 * 4 + 2, AROUND = 9 * 4 };

/* Up to ALL cells every cell is compared with every one. A larger picture would take the square of its cells: there a cell
 * is compared with those up to WINDOW away from its own place, where its like mostly is, and with SAMPLED of all of them.
 */
enum { ALL = 4096, SAMPLED = 512, WINDOW = 4 };

/* What a comparison works with, in the caller's scratch memory. Pictures of the reference have a margin of FAR px on all
 * sides that repeats the edge. */
typedef struct work {
    int64_t width, height, cell, stride; /* stride: of pictures with a margin */
    float *light, *reference, *reference_light, *same, *least, *column, *quarter, *cost, *best, *mean, *largest;
    float *own[2], *around[2]; /* of test and reference, [OWN or AROUND][cells]: a number of all cells side by side */
    float *nearest;            /* [cells] */
    float *sampled;            /* [AROUND][SAMPLED]: some of the reference's descriptions */
} work;

static int64_t margined(int64_t width, int64_t height)
{
    return (width + 2 * FAR) * (height + 2 * FAR);
}

int64_t gad_handcrafted_scratch(int64_t width, int64_t height, int64_t cell_px)
{
    int64_t cells = width / cell_px * (height / cell_px);
    return 3 * width * height + 4 * margined(width, height) + (9 + 2 * (OWN + AROUND)) * cells + width + AROUND * SAMPLED;
}

static work lay_out(const gad_handcrafted_planes *p, int64_t cell_px, float *scratch)
{
    int64_t area = p->width * p->height, margin = margined(p->width, p->height);
    int64_t cells = area / (cell_px * cell_px);
    work w = {.width = p->width, .height = p->height, .cell = cell_px, .stride = p->width + 2 * FAR};
    w.light = scratch;
    w.same = w.light + area;
    w.least = w.same + area;
    w.reference = w.least + area;
    w.reference_light = w.reference + 3 * margin;
    w.column = w.reference_light + margin;
    w.quarter = w.column + p->width;
    w.cost = w.quarter + 4 * cells;
    w.best = w.cost + cells;
    w.mean = w.best + cells;
    w.largest = w.mean + cells;
    w.nearest = w.largest + cells;
    for (int i = 0; i < 2; i++) {
        w.own[i] = w.nearest + cells + i * (OWN + AROUND) * cells;
        w.around[i] = w.own[i] + OWN * cells;
    }
    w.sampled = w.around[1] + AROUND * cells;
    return w;
}

static void add_margin(const float *from, int64_t width, int64_t height, float *to)
{
    int64_t stride = width + 2 * FAR;
    for (int64_t y = -FAR; y < height + FAR; y++) {
        const float *row = from + (y < 0 ? 0 : y >= height ? height - 1 : y) * width;
        float *at = to + (y + FAR) * stride;
        for (int i = 0; i < FAR; i++) {
            at[i] = row[0];
            at[FAR + width + i] = row[width - 1];
        }
        memcpy(at + FAR, row, (size_t)width * sizeof *at);
    }
}

static void mean_of_colours(const float *planes, int64_t n, float *light)
{
    for (int64_t i = 0; i < n; i++)
        light[i] = (planes[i] + planes[n + i] + planes[2 * n + i]) * (1 / 3.0f);
}

/* Pixel differences of one line, in place and least over near shifts. */
WIDE static void compare_line(const float *test, const work *w, int64_t y)
{
    int64_t area = w->width * w->height, margin = margined(w->width, w->height);
    const float *a = test + y * w->width;
    float *least = w->least + y * w->width, *same = w->same + y * w->width;
    for (int64_t x = 0; x < w->width; x++)
        least[x] = INFINITY;
    for (int dy = -NEAR; dy <= NEAR; dy++)
        for (int dx = -NEAR; dx <= NEAR; dx++) {
            const float *b = w->reference + (y + dy + FAR) * w->stride + dx + FAR;
            for (int64_t x = 0; x < w->width; x++) {
                float residual =
                    (fabsf(a[x] - b[x]) + fabsf(a[area + x] - b[margin + x]) + fabsf(a[2 * area + x] - b[2 * margin + x])) *
                    (1 / 3.0f);
                least[x] = residual < least[x] ? residual : least[x];
                if (!dy && !dx)
                    same[x] = residual;
            }
        }
}

static void compare_pixels(const float *test, const work *w)
{
#pragma omp parallel for schedule(static)
    for (int64_t y = 0; y < w->height; y++)
        compare_line(test, w, y);
}

/* Means of 3 x 3 px of the least difference: one px of noise makes no edge. */
static void smooth_residual(const work *w, bool better, float *residual)
{
    for (int64_t y = 0; y < w->height; y++)
        for (int64_t x = 0; x < w->width; x++) {
            float sum = 0, n = 0;
            for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < w->height; v++)
                for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < w->width; u++, n++)
                    sum += w->least[v * w->width + u];
            float *at = &residual[y * w->width + x];
            *at = better ? fminf(*at, sum / n) : sum / n;
        }
}

/* Brightness differences under one shift, summed over quarters of cells: columns first, which vectors can do. */
WIDE static void sum_quarters(const work *w, int dy, int dx)
{
    int64_t half = w->cell / 2, across = w->width / half;
    for (int64_t row = 0; row < w->height / half; row++) {
        memset(w->column, 0, (size_t)w->width * sizeof *w->column);
        for (int64_t y = row * half; y < (row + 1) * half; y++) {
            const float *a = w->light + y * w->width, *b = w->reference_light + (y + dy + FAR) * w->stride + dx + FAR;
            for (int64_t x = 0; x < w->width; x++)
                w->column[x] += fabsf(a[x] - b[x]);
        }
        for (int64_t q = 0; q < across; q++) {
            float sum = 0;
            for (int64_t x = q * half; x < (q + 1) * half; x++)
                sum += w->column[x];
            w->quarter[row * across + q] = sum;
        }
    }
}

static float largest_of(float a, float b, float c, float d)
{
    return fmaxf(fmaxf(a, b), fmaxf(c, d));
}

/* Keep what a shift gives for the cells whose surroundings, 3 x 3 cells, fit better than with any shift before. */
static void keep_better(const work *w, int dy, int dx, bool first)
{
    int64_t across = w->width / w->cell, down = w->height / w->cell;
    float per_pixel = 1 / (float)(w->cell * w->cell);
    for (int64_t y = 0; y < down; y++)
        for (int64_t x = 0; x < across; x++) {
            const float *q = w->quarter + 4 * y * across + 2 * x;
            w->cost[y * across + x] = (q[0] + q[1] + q[2 * across] + q[2 * across + 1]) * per_pixel;
        }
    for (int64_t y = 0; y < down; y++)
        for (int64_t x = 0; x < across; x++) {
            float sum = 0;
            int count = 0;
            for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < down; v++)
                for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < across; u++, count++)
                    sum += w->cost[v * across + u];
            /* a little dearer the farther, so that plain areas stay where they are */
            float fit = sum / (float)count * (1 + 0.01f * (float)(dy * dy + dx * dx));
            int64_t at = y * across + x;
            if (!first && !(fit < w->best[at]))
                continue;
            const float *q = w->quarter + 4 * y * across + 2 * x;
            w->best[at] = fit;
            w->mean[at] = w->cost[at];
            w->largest[at] = largest_of(q[0], q[1], q[2 * across], q[2 * across + 1]) * 4 * per_pixel;
        }
}

static void match_surroundings(const work *w)
{
    for (int dy = -FAR; dy <= FAR; dy++)
        for (int dx = -FAR; dx <= FAR; dx++) {
            sum_quarters(w, dy, dx);
            keep_better(w, dy, dx, dy == -FAR && dx == -FAR);
        }
}

/* Mean, deviation and mean slope of the brightness of a cell. */
static void describe_cell(const float *light, int64_t stride, int64_t cell, float *mean, float *deviation, float *slope)
{
    float sum = 0, squares = 0, steps = 0;
    for (int64_t y = 0; y < cell; y++)
        for (int64_t x = 0; x < cell; x++) {
            const float *at = light + y * stride + x;
            sum += at[0];
            squares += at[0] * at[0];
            steps += x + 1 < cell ? fabsf(at[1] - at[0]) : 0;
            steps += y + 1 < cell ? fabsf(at[stride] - at[0]) : 0;
        }
    float n = (float)(cell * cell);
    *mean = sum / n;
    *deviation = sqrtf(fmaxf(0, squares / n - *mean * *mean));
    *slope = steps / n;
}

/* ---- what has no like ---------------------------------------------------------------------------------------------- */

/* Mean and deviation of a square of one plane. */
static void describe_square(const float *plane, int64_t stride, int64_t side, float *mean, float *deviation)
{
    float sum = 0, squares = 0, n = (float)(side * side);
    for (int64_t y = 0; y < side; y++)
        for (int64_t x = 0; x < side; x++) {
            float value = plane[y * stride + x];
            sum += value;
            squares += value * value;
        }
    *mean = sum / n;
    *deviation = sqrtf(fmaxf(0, squares / n - *mean * *mean));
}

static float mean_step(const float *light, int64_t stride, int64_t side, int64_t by)
{
    float sum = 0;
    int64_t right = by == 1 ? side - 1 : side, down = by == 1 ? side : side - 1;
    for (int64_t y = 0; y < down; y++)
        for (int64_t x = 0; x < right; x++)
            sum += fabsf(light[y * stride + x + by] - light[y * stride + x]);
    return sum / (float)(right * down);
}

/* Descriptions of all cells of a picture: three colour planes `plane` apart and its brightness. */
static void describe(const float *colour, int64_t plane, const float *light, int64_t stride, const work *w, float *own,
                     float *around)
{
    int64_t across = w->width / w->cell, down = w->height / w->cell, cells = across * down, half = w->cell / 2;
#pragma omp parallel for schedule(static)
    for (int64_t cell = 0; cell < cells; cell++) {
        int64_t at = cell / across * w->cell * stride + cell % across * w->cell;
        for (int q = 0; q < 4; q++) {
            int64_t corner = at + q / 2 * half * stride + q % 2 * half;
            float ignored;
            for (int c = 0; c < 3; c++)
                describe_square(colour + c * plane + corner, stride, half, &own[(4 * q + c) * cells + cell], &ignored);
            describe_square(light + corner, stride, half, &ignored, &own[(4 * q + 3) * cells + cell]);
        }
        own[16 * cells + cell] = mean_step(light + at, stride, w->cell, 1);
        own[17 * cells + cell] = mean_step(light + at, stride, w->cell, stride);
    }
    for (int k = 0; k < 9; k++)
        for (int c = 0; c < 4; c++)
            for (int64_t cell = 0; cell < cells; cell++) {
                int64_t y = cell / across + k / 3 - 1, x = cell % across + k % 3 - 1;
                y = y < 0 ? 0 : y >= down ? down - 1 : y;
                x = x < 0 ? 0 : x >= across ? across - 1 : x;
                float sum = 0;
                for (int q = 0; q < 4; q++)
                    sum += own[(4 * q + c) * cells + y * across + x];
                around[(4 * k + c) * cells + cell] = sum / 4;
            }
}

/* A stock of descriptions, numbers of all cells side by side. */
typedef struct stock {
    const float *number;
    int64_t cells;
} stock;

/* Least square distance of a description, its numbers `stride` apart, to `count` <= ALL of a stock from `first` on. */
WIDE static float least_distance(const float *value, int64_t stride, int64_t numbers, stock s, int64_t first, int64_t count)
{
    float distance[ALL];
    for (int64_t j = 0; j < count; j++)
        distance[j] = 0;
    for (int64_t k = 0; k < numbers; k++) {
        float mine = value[k * stride];
        const float *other = s.number + k * s.cells + first;
        for (int64_t j = 0; j < count; j++)
            distance[j] += (mine - other[j]) * (mine - other[j]);
    }
    float least = INFINITY;
    for (int64_t j = 0; j < count; j++)
        least = distance[j] < least ? distance[j] : least;
    return least;
}

/* Among the cells around (y, x) of a picture of down x across cells. */
static float least_around(const float *value, int64_t numbers, stock s, int64_t y, int64_t x, int64_t across)
{
    int64_t down = s.cells / across, left = x > WINDOW ? x - WINDOW : 0;
    int64_t right = x + WINDOW < across ? x + WINDOW : across - 1;
    float least = INFINITY;
    for (int64_t v = y > WINDOW ? y - WINDOW : 0; v <= y + WINDOW && v < down; v++)
        least = fminf(least, least_distance(value, s.cells, numbers, s, v * across + left, right - left + 1));
    return least;
}

/* Root mean square distance of each cell's description to the nearest one of the reference. `room` holds SAMPLED
 * descriptions. */
static void find_nearest(const float *test, const float *reference, int64_t numbers, int64_t across, int64_t cells,
                         float *room, float *nearest)
{
    stock whole = {reference, cells}, some = {room, SAMPLED};
    bool large = cells > ALL;
    for (int64_t k = 0; k < numbers && large; k++)
        for (int64_t j = 0; j < SAMPLED; j++)
            room[k * SAMPLED + j] = reference[k * cells + j * cells / SAMPLED];
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < cells; i++) {
        float least = large ? least_distance(test + i, cells, numbers, some, 0, SAMPLED)
                            : least_distance(test + i, cells, numbers, whole, 0, cells);
        if (large)
            least = fminf(least, least_around(test + i, numbers, whole, i / across, i % across, across));
        nearest[i] = sqrtf(least / (float)numbers);
    }
}

/* Channels 11 and 12; where `better`, the least of these and what is there. */
static void look_for_like(const gad_handcrafted_planes *planes, const work *w, bool better, float *low)
{
    int64_t area = w->width * w->height, across = w->width / w->cell, cells = area / (w->cell * w->cell);
    describe(planes->test, area, w->light, w->width, w, w->own[0], w->around[0]);
    mean_of_colours(planes->stock, area, w->same); /* no longer needed */
    describe(planes->stock, area, w->same, w->width, w, w->own[1], w->around[1]);
    for (int k = 0; k < 2; k++) {
        if (k == 0)
            find_nearest(w->own[0], w->own[1], OWN, across, cells, w->sampled, w->nearest);
        else
            find_nearest(w->around[0], w->around[1], AROUND, across, cells, w->sampled, w->nearest);
        for (int64_t i = 0; i < cells; i++) {
            float *at = &low[i * GAD_EVIDENCE_CHANNELS + ALIGNED + k];
            *at = better && *at < w->nearest[i] ? *at : w->nearest[i];
        }
    }
}

/* ---- together ------------------------------------------------------------------------------------------------------ */

static void fill_cell(const float *test, const work *w, int64_t row, int64_t col, float *channel)
{
    int64_t area = w->width * w->height, margin = margined(w->width, w->height);
    int64_t at = row * w->cell * w->width + col * w->cell, to = (row * w->cell + FAR) * w->stride + col * w->cell + FAR;
    float per_pixel = 1 / (float)(w->cell * w->cell), sums[5] = {0}, largest[2] = {0}, a[3], b[3];
    for (int64_t y = 0; y < w->cell; y++)
        for (int64_t x = 0; x < w->cell; x++) {
            int64_t i = at + y * w->width + x, j = to + y * w->stride + x;
            sums[0] += w->same[i];
            sums[1] += w->least[i];
            largest[0] = fmaxf(largest[0], w->same[i]);
            largest[1] = fmaxf(largest[1], w->least[i]);
            for (int c = 0; c < 3; c++)
                sums[2 + c] += test[c * area + i] - w->reference[c * margin + j];
        }
    describe_cell(w->light + at, w->width, w->cell, &a[0], &a[1], &a[2]);
    describe_cell(w->reference_light + to, w->stride, w->cell, &b[0], &b[1], &b[2]);
    int64_t cell = row * (w->width / w->cell) + col;
    const float channels[ALIGNED] = {sums[0] * per_pixel, largest[0],          sums[1] * per_pixel, largest[1],
                                     sums[2] * per_pixel, sums[3] * per_pixel, sums[4] * per_pixel, a[1] - b[1],
                                     w->mean[cell],       w->largest[cell],    a[2] - b[2]};
    memcpy(channel, channels, sizeof channels);
}

void gad_handcrafted_compare(const gad_handcrafted_planes *planes, int64_t cell_px, bool better, float *scratch, float *low,
                             float *residual)
{
    work w = lay_out(planes, cell_px, scratch);
    int64_t area = w.width * w.height, margin = margined(w.width, w.height), across = w.width / cell_px;
    for (int c = 0; c < 3; c++)
        add_margin(planes->reference + c * area, w.width, w.height, w.reference + c * margin);
    mean_of_colours(planes->test, area, w.light);
    mean_of_colours(w.reference, margin, w.reference_light);
    compare_pixels(planes->test, &w);
    match_surroundings(&w);
#pragma omp parallel for schedule(static)
    for (int64_t cell = 0; cell < area / (cell_px * cell_px); cell++)
        if (!better || w.mean[cell] < low[cell * GAD_EVIDENCE_CHANNELS + MATCHED])
            fill_cell(planes->test, &w, cell / across, cell % across, low + cell * GAD_EVIDENCE_CHANNELS);
    smooth_residual(&w, better, residual);
    look_for_like(planes, &w, better, low);
}

/* ---- against the whole picture ------------------------------------------------------------------------------------- */

/* The k-th smallest of n numbers, which are reordered (Hoare's selection). */
static float select_kth(float *v, int64_t n, int64_t k)
{
    int64_t left = 0, right = n - 1;
    while (left < right) {
        float pivot = v[(left + right) / 2];
        int64_t i = left, j = right;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i > j)
                break;
            float swap = v[i];
            v[i++] = v[j];
            v[j--] = swap;
        }
        if (k <= j)
            right = j;
        else if (k >= i)
            left = i;
        else
            break;
    }
    return v[k];
}

void gad_handcrafted_finish(int64_t cells, float *scratch, float *low)
{
    static const int channel[] = {0, 2, 3, 8, 9, 11, 12};
    const float least = 0.02f; /* in deviations of the picture: what no camera sees */
    for (int k = 0; k < GAD_EVIDENCE_CHANNELS - BASE; k++) {
        for (int64_t i = 0; i < cells; i++)
            scratch[i] = low[i * GAD_EVIDENCE_CHANNELS + channel[k]];
        float median = select_kth(scratch, cells, cells / 2);
        for (int64_t i = 0; i < cells; i++) {
            float *at = low + i * GAD_EVIDENCE_CHANNELS;
            at[BASE + k] = log2f((at[channel[k]] + least) / (median + least));
        }
    }
}
