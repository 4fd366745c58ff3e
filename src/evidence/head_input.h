/* head_input: what the evidence head takes from pictures, without learned numbers: feature maps with the places of their
 * rows, handcrafted channels, neighbours. In: prepared pictures, who is compared with whom. Out: host tables that nobody
 * writes to afterwards. Knows nothing of weights. */
#ifndef GAD_EVIDENCE_HEAD_INPUT_H
#define GAD_EVIDENCE_HEAD_INPUT_H
#include "base/arena.h"
#include "evidence/prepared.h"
#include "evidence/regions.h"
#include "model/model.h"

/* Image `test` is compared with the images reference..test-1. */
typedef struct gad_head_pair {
    int64_t reference, test;
} gad_head_pair;

typedef struct gad_head_image {
    const gad_prepared *picture; /* NULL in a batch that compares nothing */
    const gad_region *forced;    /* of a test image: shown in place of what the heat map has; NULL: that is */
    int forced_count;
    const float *memory; /* of a test image: logits of its cells, row by row, of who does not compare pixels; NULL: none */
} gad_head_image;

/* A feature map: rows of all images, one image after the other, for the matcher of the same number
 * (gad_evidence_head.matcher). */
typedef struct gad_head_map {
    int64_t rows, width;
    int64_t per_token;        /* rows a token has: 4 on the grid of patches, 1 on that of tokens */
    float *value;             /* [rows, width]; NULL: those of the vision tower, which lie on the device */
    float *q_place, *k_place; /* [rows, 4 * heads]: positions as columns of queries and keys */
    gad_attention_span *span; /* [pairs]: which rows look at which */
    int32_t *test;            /* [tests]: rows of test images */
    int64_t tests;
} gad_head_map;

typedef struct gad_head_input {
    gad_arena arena;
    int64_t pairs, tests; /* tests: tokens of test images */
    int64_t cell_px;
    gad_head_image *test; /* [pairs]: the test images; their pictures are borrowed */
    gad_head_map map[GAD_EVIDENCE_MAPS];
    float *low;         /* [cells of tests, GAD_EVIDENCE_CHANNELS], in the order of the heat map */
    float *residual;    /* of each px of a test picture from its references, pictures one after the other */
    float *registered;  /* the nearest reference as it lies on each test picture, planes; pictures one after the other */
    int32_t *neighbour; /* [9, tests]: row of the test rows; `tests`: outside the image */
    int32_t *cell_neighbour; /* [9, cells of tests], likewise */
    int32_t *cell_patch;     /* [cells of tests]: row of the test patches */
    int32_t *patch_cell;     /* [cells of a patch, 4 * tests]: row of the cells */
    float level;             /* taken off the logits before the heat map is read; 0 unless the caller sets it */
} gad_head_input;

gad_status gad_head_input_make(const gad_config *config, const gad_head_image *image, int64_t image_count,
                               const gad_head_pair *pair, int64_t pair_count, gad_head_input *input, gad_error *err);
void gad_head_input_free(gad_head_input *input);
#endif
