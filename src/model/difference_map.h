/* difference_map: the heat map of the difference module as a picture of cells: where each cell lies, which regions stand
 * out, and what the map shows in figures that a language model can read off. In: anomaly logits. Out: regions, figures.
 * Knows nothing of weights or devices. */
#ifndef GAD_MODEL_DIFFERENCE_MAP_H
#define GAD_MODEL_DIFFERENCE_MAP_H
#include "model/config.h"
#include "model/position.h"
#include "task/box.h"

/* Cells of a token: (2 * cells)^2, row by row. The cells of an image: token by token, tokens in raster order. */
static inline int64_t gad_difference_side(const gad_difference_config *d)
{
    return 2 * (int64_t)d->cells;
}
static inline int64_t gad_difference_cells(const gad_difference_config *d)
{
    return gad_difference_side(d) * gad_difference_side(d);
}
/* Features of a cell. */
static inline int64_t gad_difference_width(const gad_difference_config *d)
{
    return d->hidden < 8 ? 2 : d->hidden / 4;
}
/* Number of the cell in row y and column x of an image of `across` tokens a row, `side` cells along a token. */
static inline int64_t gad_difference_cell(int64_t across, int64_t side, int64_t y, int64_t x)
{
    return ((y / side * across + x / side) * side + y % side) * side + x % side;
}

/* Cells that touch, corners included, and stand out, at least one of them with a positive logit: a half-open box in parts
 * of the picture's width and height. */
typedef struct gad_difference_region {
    float x1, y1, x2, y2;
    int64_t area; /* cells */
    float peak;   /* largest logit */
} gad_difference_region;
/* Of a picture of that size. */
static inline gad_box gad_difference_box(const gad_difference_region *r, double width_px, double height_px)
{
    return (gad_box){(double)r->x1 * width_px, (double)r->y1 * height_px, (double)r->x2 * width_px,
                     (double)r->y2 * height_px};
}

enum {
    GAD_DIFFERENCE_REGIONS = 8, /* at most, those with the largest peaks */
    GAD_DIFFERENCE_CHARS = 4,   /* of an edge's place, 0 to 1000 */
    GAD_DIFFERENCE_LEVELS = 33, /* of a logit, in halves */
    GAD_DIFFERENCE_FIGURES =
        GAD_DIFFERENCE_REGIONS + 4 + 11 * GAD_DIFFERENCE_CHARS + 2 * GAD_DIFFERENCE_LEVELS + GAD_DIFFERENCE_REGIONS + 1
};

/* A map of rows x cols cells, row by row, and what it was made of: how far each px of the picture is from the reference,
 * [rows * cell_px][cols * cell_px]; without it (NULL) the edges of regions are those of cells. */
typedef struct gad_difference_heat {
    const float *logit, *gap;
    int64_t rows, cols, cell_px;
} gad_difference_heat;

/* Regions of a map, ordered by (y1, x1, y2, x2). Edges are where the gap falls to a part of what the region has at most: a
 * defect is smaller than the cells it touches. `scratch` has room for 2 * rows * cols numbers. */
/* When nothing stands out, the count is 0 and region[0] the cell with the largest logit: where to look first. */
int gad_difference_regions(const gad_difference_heat *heat, int32_t *scratch,
                           gad_difference_region region[GAD_DIFFERENCE_REGIONS]);

/* figures [tokens, GAD_DIFFERENCE_FIGURES] of an image whose map has `count` regions. Tokens 4k to 4k + 3 carry region k,
 * an edge each (x1, y1, x2, y2), in the order in which an answer writes numbers: which region and edge it is, the
 * characters of its place from 0 to 1000 (ten digits, or none), the level of the region's peak. A language model can copy
 * that; a place that is one number would have to be turned into digits by it. Every token carries the level of the whole
 * map's peak and the number of regions. */
void gad_difference_figures(const gad_difference_region *region, int count, float peak, int64_t tokens, float *figures);
#endif
