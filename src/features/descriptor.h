/* descriptor: feature maps as one grid of rows of unit length, by which places of parts are compared. In: the maps of one
 * picture. Out: descriptors, and one row for the whole picture. Knows nothing of backbones, good parts or scores.
 *
 * PatchCore (Roth et al., arXiv 2106.08265): the mean over 3 x 3 cells of every map, brought to one grid. Every map then
 * gets unit length and the same weight, so that a product of two rows is the mean cosine of the maps. */
#ifndef GAD_FEATURES_DESCRIPTOR_H
#define GAD_FEATURES_DESCRIPTOR_H
#include "features/feature.h"

/* The feature maps that a row is made of, one after the other. */
typedef struct gad_descriptor_levels {
    int64_t width[GAD_FEATURE_MOST];
    int count;
} gad_descriptor_levels;

typedef struct gad_descriptors {
    int64_t rows, cols, width; /* cells, numbers a cell */
    gad_descriptor_levels levels;
    int64_t stride; /* px of the working picture along a cell */
    float *data;    /* [rows * cols, width] row by row, each of length 1; 64-byte aligned; owned */
    float *whole;   /* [width] mean of all cells, of length 1; owned */
} gad_descriptors;

/* The grid is that of the first map with this stride; finer maps are averaged, coarser ones interpolated. */
gad_status gad_descriptor_make(const gad_features *features, int64_t stride, gad_descriptors *descriptors, gad_error *err);
/* Has the cell no length? It is like nothing. */
bool gad_descriptor_is_blank(const gad_descriptors *descriptors, int64_t cell);
/* Gives the memory back and clears the struct; NULL is fine. */
void gad_descriptor_free(gad_descriptors *descriptors);
#endif
