/* head_input: what the evidence head takes from pictures, without learned numbers: pixels without the picture's
 * own colour and contrast, hand-made difference channels, positions, neighbours. In: patch rows of images, who is compared
 * with whom. Out: host tables. Knows nothing of the module's weights. */
#ifndef GAD_EVIDENCE_HEAD_INPUT_H
#define GAD_EVIDENCE_HEAD_INPUT_H
#include "base/arena.h"
#include "evidence/handcrafted.h"
#include "evidence/region_tokens.h"
#include "model/model.h"
#include "model/position.h"

/* Image `test` is compared with the images reference..test-1. */
typedef struct gad_head_pair {
    int64_t reference, test;
} gad_head_pair;

typedef struct gad_head_image {
    gad_grid grid;
    const float *patches;     /* [patches, 3 * temporal * patch * patch], merge-block order */
    const gad_region *forced; /* of a test image: shown in place of what the heat map has; NULL: that is */
    int forced_count;
} gad_head_image;

/* Rows of all images, one after the other, as patches and as tokens (four patches). */
typedef struct gad_head_input {
    gad_arena arena;
    int64_t patches, tokens, tests; /* tests: tokens of test images */
    int64_t cell_px;
    float *pixels;           /* [patches, 3 * patch * patch] */
    float *low;              /* [cells of tests, GAD_EVIDENCE_CHANNELS], in the order of the heat map */
    int32_t *neighbour;      /* [9, tests]: row of the test rows; `tests`: outside the image */
    int32_t *cell_neighbour; /* [9, cells of tests], likewise */
    int32_t *cell_patch;     /* [cells of tests]: row of the test patches */
    int32_t *patch_cell;     /* [cells of a patch, 4 * tests]: row of the cells */
    gad_head_image *test;    /* [pairs] */
    float *residual; /* of each px of a test picture from its references, pictures one after the other, row by row */
    float level;     /* taken off the logits before the heat map is read */
    /* filled by the forward pass: the heat map, its regions, its region tokens, room to find that */
    float *map, *region_tokens; /* [cells of tests], [tests, GAD_REGION_TOKEN_WIDTH] */
    gad_region *region;         /* [pairs][GAD_REGIONS_MAX] */
    int *region_count;          /* [pairs] */
    int32_t *scratch;
    float *patch_q, *patch_k;         /* [patches, 4 * heads]: positions as columns of queries and keys */
    float *token_q, *token_k;         /* [tokens, 4 * heads] */
    int32_t *test_patch, *test_token; /* [4 * tests], [tests]: rows of test images */
    gad_attention_span *patch_span, *token_span;
    int64_t pairs;
} gad_head_input;

gad_status gad_head_input_make(const gad_config *config, const gad_head_image *image, int64_t image_count,
                               const gad_head_pair *pair, int64_t pair_count, gad_head_input *input, gad_error *err);
/* Regions and region tokens of pair i, whose test image begins at token `first`, from what the module said: in->map less
 * the level. */
void gad_head_input_read_map(const gad_evidence_config *config, const gad_head_input *input, int64_t i, int64_t first);
void gad_head_input_free(gad_head_input *input);
#endif
