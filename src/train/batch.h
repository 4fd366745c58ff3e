/* batch: several samples as one padding-free list of rows for the model. In: segments (ids, images, which ids are to be
 * predicted, which earlier segment they continue). Out: ids, positions, attention spans, image places and label rows as
 * model/lm reads them. Knows nothing of text, losses or files. */
#ifndef GAD_TRAIN_BATCH_H
#define GAD_TRAIN_BATCH_H
#include "base/arena.h"
#include "evidence/head.h"
#include "generate/timeline.h"
#include "model/lm.h"

/* One image of a segment. `patches` may be absent when `rows` are there and nothing else needs pixels. */
typedef struct gad_batch_image {
    gad_grid grid;
    int64_t first;                /* place of its first id in the segment */
    const float *patches;         /* [patches, 3 * temporal * patch * patch], raster (merge block) order */
    const gad_image_rows *rows;   /* what a frozen tower gave for it; NULL: run the tower */
    const gad_prepared *prepared; /* what the evidence head compares; NULL where it does not */
    const float *mask;            /* [cells]: defective part of each cell of the heat map, 0 to 1; NULL: not known */
    const gad_region *forced; /* [forced_count] the true ones, shown in place of the heat map's regions; NULL: these are */
    int forced_count;
} gad_batch_image;

/* A run of ids. Id i is predicted from the row of id i-1 when weight[i] is not 0, so weight[0] must be 0. A segment that
 * continues another one sees all of its rows, has no images, and counts positions on from it: the answers of a group share
 * their prompt this way (Prefix Grouper, arXiv 2506.05433), each opening with the prompt's last id, so that every row
 * predicts one id at most. */
typedef struct gad_segment {
    const int32_t *ids;
    int64_t count;
    const float *weight; /* [count], NULL: nothing is predicted */
    const gad_batch_image *image;
    int64_t image_count;
    int64_t prefix; /* index of the segment that this one continues, -1: none */
} gad_segment;

typedef struct gad_batch {
    gad_arena arena; /* owns the arrays */
    int64_t rows;
    int32_t *ids, *position; /* [rows], [rows, 3] */
    gad_attention_span *span;
    int64_t span_count;
    /* images of all segments, in order; their tokens are the rows image_from of the vision rows */
    gad_batch_image *image;
    int64_t image_count, patches, tokens;
    bool has_rows;            /* the tower's rows are given */
    gad_vision_layout layout; /* of the tower's run; empty when has_rows */
    int32_t *image_at, *image_from;
    /* rows that predict: row label_row[i] predicts label_id[i] with weight label_weight[i], in segment label_segment[i] */
    int64_t labels;
    int32_t *label_row, *label_id;
    float *label_weight;
    int64_t *label_segment;
    /* segments of several images: the last one is compared with the others */
    gad_head_pair *pair;
    int64_t *pair_segment;
    int64_t pair_count;
} gad_batch;

gad_status gad_batch_make(const gad_config *config, const gad_segment *segment, int64_t count, gad_batch *batch,
                          gad_error *err);
void gad_batch_free(gad_batch *batch);
#endif
