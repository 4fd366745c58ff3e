/* difference_map: see difference_map.h */
#include "model/difference_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- regions ------------------------------------------------------------------------------------------------------- */

/* A region begins where the map says yes and spreads to what is likely beside it: p = 0.12. One threshold for both loses
 * faint ends of a defect, or takes up faint noise everywhere (docs/results.md). */
static const float begins = 0, spreads = -2;

/* A region while it is found: in cells. */
typedef struct patch {
    int64_t x1, y1, x2, y2, area;
    float peak;
} patch;

/* Everything that touches `start`, taken off the map (visited becomes 1). */
static patch flood(const gad_difference_heat *heat, int64_t start, int32_t *visited, int32_t *stack)
{
    int64_t rows = heat->rows, cols = heat->cols, waiting = 0;
    patch r = {.x1 = cols, .y1 = rows};
    stack[waiting++] = (int32_t)start;
    visited[start] = 1;
    while (waiting) {
        int64_t at = stack[--waiting], y = at / cols, x = at % cols;
        r.x1 = x < r.x1 ? x : r.x1;
        r.y1 = y < r.y1 ? y : r.y1;
        r.x2 = x + 1 > r.x2 ? x + 1 : r.x2;
        r.y2 = y + 1 > r.y2 ? y + 1 : r.y2;
        r.area++;
        r.peak = fmaxf(r.peak, heat->logit[at]);
        for (int64_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < rows; v++)
            for (int64_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < cols; u++) {
                int64_t to = v * cols + u;
                if (visited[to] || !(heat->logit[to] > spreads))
                    continue;
                visited[to] = 1;
                stack[waiting++] = (int32_t)to;
            }
    }
    return r;
}

/* Is px (x, y) of the picture in a cell that a region may take? */
static bool may_take(const gad_difference_heat *heat, int64_t y, int64_t x)
{
    return heat->logit[y / heat->cell_px * heat->cols + x / heat->cell_px] > spreads;
}

static float edge(int64_t at, int64_t least, int64_t most, int64_t of)
{
    return (float)(at < least ? least : at > most ? most : at) / (float)of;
}

/* A patch with the edges of its cells. */
static gad_difference_region cells_region(const gad_difference_heat *heat, const patch *p)
{
    float width = (float)heat->cols, height = (float)heat->rows;
    return (gad_difference_region){
        (float)p->x1 / width, (float)p->y1 / height, (float)p->x2 / width, (float)p->y2 / height, p->area, p->peak};
}

/* The edges of a patch in parts of the picture: of the px whose gap is at least `share` of its largest, and a margin, as
 * people leave one, within its cells. */
static gad_difference_region sharpen(const gad_difference_heat *heat, const patch *p)
{
    static const float share = 0.12f;
    int64_t px = heat->cell_px, width = heat->cols * px, height = heat->rows * px, margin = px / 4;
    patch cells = {p->x1 * px, p->y1 * px, p->x2 * px, p->y2 * px, p->area, p->peak};
    patch sharp = {.x1 = width, .y1 = height};
    float largest = 0;
    for (int64_t y = cells.y1; heat->gap && y < cells.y2; y++)
        for (int64_t x = cells.x1; x < cells.x2; x++)
            if (may_take(heat, y, x))
                largest = fmaxf(largest, heat->gap[y * width + x]);
    for (int64_t y = cells.y1; largest > 0 && y < cells.y2; y++)
        for (int64_t x = cells.x1; x < cells.x2; x++) {
            if (!(heat->gap[y * width + x] >= share * largest) || !may_take(heat, y, x))
                continue;
            sharp.x1 = x < sharp.x1 ? x : sharp.x1;
            sharp.y1 = y < sharp.y1 ? y : sharp.y1;
            sharp.x2 = x + 1 > sharp.x2 ? x + 1 : sharp.x2;
            sharp.y2 = y + 1 > sharp.y2 ? y + 1 : sharp.y2;
        }
    if (!(largest > 0))
        return cells_region(heat, p);
    return (gad_difference_region){edge(sharp.x1 - margin, cells.x1, cells.x2, width),
                                   edge(sharp.y1 - margin, cells.y1, cells.y2, height),
                                   edge(sharp.x2 + margin, cells.x1, cells.x2, width),
                                   edge(sharp.y2 + margin, cells.y1, cells.y2, height),
                                   p->area,
                                   p->peak};
}

static bool comes_before(const gad_difference_region *a, const gad_difference_region *b)
{
    const float left[] = {a->y1, a->x1, a->y2, a->x2}, right[] = {b->y1, b->x1, b->y2, b->x2};
    for (int i = 0; i < 4; i++)
        if (left[i] < right[i] || left[i] > right[i])
            return left[i] < right[i];
    return false;
}

int gad_difference_regions(const gad_difference_heat *heat, int32_t *scratch,
                           gad_difference_region region[GAD_DIFFERENCE_REGIONS])
{
    int64_t cells = heat->rows * heat->cols, first = 0;
    int count = 0;
    memset(scratch, 0, (size_t)cells * sizeof *scratch);
    for (int64_t i = 0; i < cells; i++) {
        first = heat->logit[i] > heat->logit[first] ? i : first;
        if (scratch[i] || !(heat->logit[i] > begins))
            continue;
        patch found = flood(heat, i, scratch, scratch + cells);
        int weakest = 0;
        for (int k = 1; k < count; k++)
            weakest = region[k].peak < region[weakest].peak ? k : weakest;
        if (count < GAD_DIFFERENCE_REGIONS)
            region[count++] = sharpen(heat, &found);
        else if (found.peak > region[weakest].peak)
            region[weakest] = sharpen(heat, &found);
    }
    if (!count) {
        int64_t y = first / heat->cols, x = first % heat->cols;
        region[0] = cells_region(heat, &(patch){x, y, x + 1, y + 1, 1, heat->logit[first]});
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

/* The characters of a place as an answer writes it. */
static void write_place(float *chars, float place)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%ld", lround(1000 * fmin(fmax((double)place, 0), 1)));
    for (int i = 0; i < GAD_DIFFERENCE_CHARS; i++)
        chars[11 * i + (i < length ? text[i] - '0' : 10)] = 1;
}

/* One of 33 levels of a logit from `least` up. Whole levels, so that no gradient is lost that would have to flow. */
static void write_level(float *levels, float logit, float least)
{
    float at = roundf(2 * (logit - least));
    levels[at > 0 ? (at < GAD_DIFFERENCE_LEVELS - 1 ? (int)at : GAD_DIFFERENCE_LEVELS - 1) : 0] = 1;
}

void gad_difference_figures(const gad_difference_region *region, int count, float peak, int64_t tokens, float *figures)
{
    memset(figures, 0, (size_t)(tokens * GAD_DIFFERENCE_FIGURES) * sizeof *figures);
    for (int64_t t = 0; t < 4 * (int64_t)count && t < tokens; t++) {
        const gad_difference_region *r = &region[t / 4];
        const float edge[] = {r->x1, r->y1, r->x2, r->y2};
        float *f = figures + t * GAD_DIFFERENCE_FIGURES, *chars = f + GAD_DIFFERENCE_REGIONS + 4;
        f[t / 4] = 1;
        f[GAD_DIFFERENCE_REGIONS + t % 4] = 1;
        write_place(chars, edge[t % 4]);
        write_level(chars + 11 * GAD_DIFFERENCE_CHARS, r->peak, 0);
    }
    for (int64_t t = 0; t < tokens; t++) {
        float *whole = figures + (t + 1) * GAD_DIFFERENCE_FIGURES - GAD_DIFFERENCE_LEVELS - GAD_DIFFERENCE_REGIONS - 1;
        write_level(whole, peak, -8);
        whole[GAD_DIFFERENCE_LEVELS + count] = 1;
    }
}
