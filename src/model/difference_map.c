/* difference_map: see difference_map.h */
#include "model/difference_map.h"

#include <math.h>
#include <string.h>

/* ---- regions ------------------------------------------------------------------------------------------------------- */

/* Everything that touches `start`, taken off the map (visited becomes 1). */
static gad_difference_region flood(const float *logit, int64_t rows, int64_t cols, int64_t start, int32_t *visited,
                                   int32_t *stack)
{
    gad_difference_region r = {(int)cols, (int)rows, 0, 0, 0, 0};
    int64_t waiting = 0;
    stack[waiting++] = (int32_t)start;
    visited[start] = 1;
    while (waiting) {
        int64_t at = stack[--waiting], y = at / cols, x = at % cols;
        r.x1 = x < r.x1 ? (int)x : r.x1;
        r.y1 = y < r.y1 ? (int)y : r.y1;
        r.x2 = x + 1 > r.x2 ? (int)x + 1 : r.x2;
        r.y2 = y + 1 > r.y2 ? (int)y + 1 : r.y2;
        r.area++;
        r.peak = fmaxf(r.peak, logit[at]);
        for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < rows; v++)
            for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < cols; u++) {
                int64_t to = v * cols + u;
                if (visited[to] || !(logit[to] > 0))
                    continue;
                visited[to] = 1;
                stack[waiting++] = (int32_t)to;
            }
    }
    return r;
}

static bool comes_before(const gad_difference_region *a, const gad_difference_region *b)
{
    const int left[] = {a->y1, a->x1, a->y2, a->x2}, right[] = {b->y1, b->x1, b->y2, b->x2};
    for (int i = 0; i < 4; i++)
        if (left[i] != right[i])
            return left[i] < right[i];
    return false;
}

int gad_difference_regions(const float *logit, int64_t rows, int64_t cols, int32_t *scratch,
                           gad_difference_region region[GAD_DIFFERENCE_REGIONS])
{
    int count = 0;
    memset(scratch, 0, (size_t)(rows * cols) * sizeof *scratch);
    for (int64_t i = 0; i < rows * cols; i++) {
        if (scratch[i] || !(logit[i] > 0))
            continue;
        gad_difference_region found = flood(logit, rows, cols, i, scratch, scratch + rows * cols);
        int weakest = 0;
        for (int k = 1; k < count; k++)
            weakest = region[k].peak < region[weakest].peak ? k : weakest;
        if (count < GAD_DIFFERENCE_REGIONS)
            region[count++] = found;
        else if (found.peak > region[weakest].peak)
            region[weakest] = found;
    }
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && comes_before(&region[k], &region[k - 1]); k--) {
            gad_difference_region swap = region[k];
            region[k] = region[k - 1];
            region[k - 1] = swap;
        }
    return count;
}

/* ---- figures ------------------------------------------------------------------------------------------------------- */

/* A place from 0 to 1, shared by the two knots beside it. */
static void write_place(float *knots, double place)
{
    double at = place * (GAD_DIFFERENCE_KNOTS - 1);
    int below = (int)at < GAD_DIFFERENCE_KNOTS - 1 ? (int)at : GAD_DIFFERENCE_KNOTS - 2;
    knots[below] = (float)(1 - (at - below));
    knots[below + 1] = (float)(at - below);
}

/* One of 17 levels of a logit from `least` up. Whole levels, so that no gradient is lost that would have to flow. */
static void write_level(float *levels, float logit, float least, float step)
{
    float at = roundf((logit - least) / step);
    levels[at > 0 ? (at < GAD_DIFFERENCE_LEVELS - 1 ? (int)at : GAD_DIFFERENCE_LEVELS - 1) : 0] = 1;
}

void gad_difference_figures(const float *logit, int64_t down, int64_t across, int64_t side, int32_t *scratch,
                            float *figures)
{
    int64_t rows = down * side, cols = across * side, tokens = down * across;
    float *map = (float *)(scratch + 2 * rows * cols), peak = -INFINITY;
    gad_difference_region region[GAD_DIFFERENCE_REGIONS];
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < cols; x++) {
            float z = logit[gad_difference_cell(across, side, y, x)];
            map[y * cols + x] = z;
            peak = fmaxf(peak, z);
        }
    int count = gad_difference_regions(map, rows, cols, scratch, region);
    memset(figures, 0, (size_t)(tokens * GAD_DIFFERENCE_FIGURES) * sizeof *figures);
    for (int k = 0; k < count && k < tokens; k++) {
        float *f = figures + (int64_t)k * GAD_DIFFERENCE_FIGURES, *edge = f + GAD_DIFFERENCE_REGIONS;
        const gad_difference_region *r = &region[k];
        f[k] = 1;
        write_place(edge, (double)r->x1 / (double)cols);
        write_place(edge + GAD_DIFFERENCE_KNOTS, (double)r->y1 / (double)rows);
        write_place(edge + 2 * GAD_DIFFERENCE_KNOTS, (double)r->x2 / (double)cols);
        write_place(edge + 3 * GAD_DIFFERENCE_KNOTS, (double)r->y2 / (double)rows);
        write_level(edge + 4 * GAD_DIFFERENCE_KNOTS, r->peak, 0, 0.5f);
    }
    for (int64_t t = 0; t < tokens; t++) {
        float *whole = figures + (t + 1) * GAD_DIFFERENCE_FIGURES - GAD_DIFFERENCE_LEVELS - 9;
        write_level(whole, peak, -8, 1);
        whole[GAD_DIFFERENCE_LEVELS + count] = 1;
    }
}
