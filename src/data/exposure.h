/* exposure: the block histograms of a query as the camera that took a candidate would have seen them: a gain of brightness
 * that may slope across the image, an offset of each colour difference. All are medians over blocks, so that an anomaly in
 * some blocks does not count. In: features of align.h. Out: probabilities. Knows nothing of images or of the search. */
#ifndef GAD_DATA_EXPOSURE_H
#define GAD_DATA_EXPOSURE_H
#include "gad.h"

/* A feature's block: brightness at 64 levels, two colour differences at 32 each, 9 edge directions. Compared are 16, 8 and
 * 8 bins, made of the levels, and the 9 directions. */
enum {
    GAD_EXPOSURE_LEVELS_Y = 64,
    GAD_EXPOSURE_LEVELS_C = 32,
    GAD_EXPOSURE_EDGES = 9,
    GAD_EXPOSURE_FINE = GAD_EXPOSURE_LEVELS_Y + 2 * GAD_EXPOSURE_LEVELS_C + GAD_EXPOSURE_EDGES,
    GAD_EXPOSURE_BINS_Y = 16,
    GAD_EXPOSURE_BINS_C = 8,
    GAD_EXPOSURE_BINS = GAD_EXPOSURE_BINS_Y + 2 * GAD_EXPOSURE_BINS_C + GAD_EXPOSURE_EDGES,
    GAD_EXPOSURE_UNIT = 16 /* feature units per pixel */
};

/* log2 of the mean brightness (and a little, for dark blocks), mean colour differences of each block: means[3][blocks]. */
void gad_exposure_means(const uint16_t *feature, int blocks, float *means);
/* Smoothed probabilities of a block's bins and their logarithms, as the image is. `p` may be NULL. */
void gad_exposure_block(const uint16_t *block, float *p, float *log_p);

/* One histogram of all blocks: p, log_p [blocks][bins], own [blocks]: sum p log p. */
typedef struct gad_exposure_table {
    float *p, *log_p, *own;
} gad_exposure_table;

/* A query of `scales` grids of side[i] x side[i] blocks, one after the other. Tables are made when a candidate first needs
 * them and kept. `fit` false: the query stays as it is. The feature must outlive it. */
typedef struct gad_exposure gad_exposure;
gad_status gad_exposure_new(const uint16_t *feature, const int *side, int scales, bool fit, gad_exposure **exposure,
                            gad_error *err);
void gad_exposure_free(gad_exposure *exposure);

/* The query beside a candidate with these means: for each block the table that holds its brightness; the colour differences
 * and the edges of all blocks. */
enum { GAD_EXPOSURE_BLOCKS_MOST = 16 + 64 + 256 };
typedef struct gad_exposure_match {
    const gad_exposure_table *y[GAD_EXPOSURE_BLOCKS_MOST], *cb, *cr, *edges;
} gad_exposure_match;
gad_status gad_exposure_fit(gad_exposure *exposure, const float *candidate_means, gad_exposure_match *match,
                            gad_error *err);
#endif
