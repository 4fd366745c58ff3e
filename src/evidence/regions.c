/* regions: see regions.h */
#include "evidence/regions.h"

#include <math.h>
#include <string.h>

/* A region begins where the map says yes and spreads to what is likely beside it: p = 0.12. One threshold for both loses
 * faint ends of a defect, or takes up faint noise everywhere (docs/results.md). */
static const float begins = 0, spreads = -2;

/* A region while it is found: in cells. */
typedef struct patch {
    int64_t x1, y1, x2, y2, area;
    float peak;
} patch;

/* Everything that touches `start`, taken off the map (visited becomes 1). */
static patch flood(const gad_regions_map *heat, int64_t start, int32_t *visited, int32_t *stack)
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
static bool may_take(const gad_regions_map *heat, int64_t y, int64_t x)
{
    return heat->logit[y / heat->cell_px * heat->cols + x / heat->cell_px] > spreads;
}

static float edge(int64_t at, int64_t least, int64_t most, int64_t of)
{
    return (float)(at < least ? least : at > most ? most : at) / (float)of;
}

/* A patch with the edges of its cells. */
static gad_region cells_region(const gad_regions_map *heat, const patch *p)
{
    float width = (float)heat->cols, height = (float)heat->rows;
    return (gad_region){.x1 = (float)p->x1 / width,
                        .y1 = (float)p->y1 / height,
                        .x2 = (float)p->x2 / width,
                        .y2 = (float)p->y2 / height,
                        .area = p->area,
                        .peak = p->peak};
}

/* The edges of a patch in parts of the picture: of the px whose gap is at least `share` of its largest, and a margin, as
 * people leave one, within its cells. */
static gad_region sharpen(const gad_regions_map *heat, const patch *p)
{
    static const float share = 0.12f;
    int64_t px = heat->cell_px, width = heat->cols * px, height = heat->rows * px, margin = px / 4;
    patch cells = {
        .x1 = p->x1 * px, .y1 = p->y1 * px, .x2 = p->x2 * px, .y2 = p->y2 * px, .area = p->area, .peak = p->peak};
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
    return (gad_region){.x1 = edge(sharp.x1 - margin, cells.x1, cells.x2, width),
                        .y1 = edge(sharp.y1 - margin, cells.y1, cells.y2, height),
                        .x2 = edge(sharp.x2 + margin, cells.x1, cells.x2, width),
                        .y2 = edge(sharp.y2 + margin, cells.y1, cells.y2, height),
                        .area = p->area,
                        .peak = p->peak};
}

static bool comes_before(const gad_region *a, const gad_region *b)
{
    const float left[] = {a->y1, a->x1, a->y2, a->x2}, right[] = {b->y1, b->x1, b->y2, b->x2};
    for (int i = 0; i < 4; i++)
        if (left[i] < right[i] || left[i] > right[i])
            return left[i] < right[i];
    return false;
}

int gad_regions_find(const gad_regions_map *heat, int32_t *scratch, gad_region region[GAD_REGIONS_MAX])
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
        if (count < GAD_REGIONS_MAX)
            region[count++] = sharpen(heat, &found);
        else if (found.peak > region[weakest].peak)
            region[weakest] = sharpen(heat, &found);
    }
    if (!count) {
        int64_t y = first / heat->cols, x = first % heat->cols;
        region[0] =
            cells_region(heat, &(patch){.x1 = x, .y1 = y, .x2 = x + 1, .y2 = y + 1, .area = 1, .peak = heat->logit[first]});
    }
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && comes_before(&region[k], &region[k - 1]); k--) {
            gad_region swap = region[k];
            region[k] = region[k - 1];
            region[k - 1] = swap;
        }
    return count;
}
