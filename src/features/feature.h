/* feature: what a backbone sees of a picture: a list of feature maps, each a grid of cells with one row of numbers a cell.
 * In: sizes. Out: maps that the caller owns. Knows nothing of pictures or networks. */
#ifndef GAD_FEATURES_FEATURE_H
#define GAD_FEATURES_FEATURE_H
#include "gad.h"

enum { GAD_FEATURE_MOST = 8 }; /* maps of one picture */

/* Cell (y, x) covers the square of `stride` px from (x * stride, y * stride) on of the working picture. */
typedef struct gad_feature_map {
    int64_t rows, cols, width; /* cells, numbers a cell */
    int64_t stride;            /* px */
    float *data;               /* [rows * cols, width], row-major, 64-byte aligned; owned */
} gad_feature_map;

/* From fine to coarse, or from early to late where the grid is the same. */
typedef struct gad_features {
    gad_feature_map map[GAD_FEATURE_MOST];
    int count;
} gad_features;

/* Add a map with its numbers not set. */
gad_status gad_feature_add(gad_features *features, int64_t rows, int64_t cols, int64_t width, int64_t stride,
                           gad_error *err);
/* Gives the maps back and clears the struct; NULL and an empty list are fine. */
void gad_feature_free(gad_features *features);

static inline float *gad_feature_cell(const gad_feature_map *map, int64_t row, int64_t col)
{
    return map->data + (row * map->cols + col) * map->width;
}
#endif
