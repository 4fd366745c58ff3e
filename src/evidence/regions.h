/* regions: the heat map as a picture of cells: where each cell lies, and which regions stand out. In: anomaly logits and
 * how far each px is from the reference. Out: regions in parts of the picture. Knows nothing of weights or devices. */
#ifndef GAD_EVIDENCE_REGIONS_H
#define GAD_EVIDENCE_REGIONS_H
#include <stdint.h>

#include "task/box.h"

/* Number of the cell in row y and column x of an image of `across` tokens a row, `side` cells along a token. */
static inline int64_t gad_regions_cell(int64_t across, int64_t side, int64_t y, int64_t x)
{
    return ((y / side * across + x / side) * side + y % side) * side + x % side;
}

/* Cells that touch, corners included, and stand out, at least one of them with a positive logit: a half-open box in parts
 * of the picture's width and height. */
typedef struct gad_region {
    float x1, y1, x2, y2;
    int64_t area; /* cells */
    float peak;   /* largest logit */
} gad_region;
/* Of a picture of that size. */
static inline gad_box gad_regions_box(const gad_region *r, double width_px, double height_px)
{
    return (gad_box){(double)r->x1 * width_px, (double)r->y1 * height_px, (double)r->x2 * width_px,
                     (double)r->y2 * height_px};
}

enum { GAD_REGIONS_MAX = 8 }; /* those with the largest peaks */

/* A map of rows x cols cells, row by row, and what it was made of: how far each px of the picture is from the reference,
 * [rows * cell_px][cols * cell_px]; without it (NULL) the edges of regions are those of cells. */
typedef struct gad_regions_map {
    const float *logit, *gap;
    int64_t rows, cols, cell_px;
} gad_regions_map;

/* Regions of a map, ordered by (y1, x1, y2, x2). Edges are where the gap falls to a part of what the region has at most: a
 * defect is smaller than the cells it touches. `scratch` has room for 2 * rows * cols numbers. */
/* When nothing stands out, the count is 0 and region[0] the cell with the largest logit: where to look first. */
int gad_regions_find(const gad_regions_map *heat, int32_t *scratch, gad_region region[GAD_REGIONS_MAX]);
#endif
