/* position: where rows stand: rotary angles of patches and tokens, window order, interpolated position rows. In: grids and
 * token ids. Out: small host tables. Pure integer and double arithmetic, no model values. */
#ifndef GAD_MODEL_POSITION_H
#define GAD_MODEL_POSITION_H
#include "model/config.h"
#include "op/op.h"

/* Patches of one image, after resizing: rows and columns of patches, both multiples of the merge size. */
typedef struct gad_grid {
    int32_t rows, cols;
} gad_grid;

int64_t gad_grid_patches(gad_grid grid);
/* Tokens the language model gets: one for 2 x 2 patches. */
int64_t gad_grid_tokens(gad_grid grid);

/* Order and segments of the vision rows of several images (docs/spec/qwen_vl.md section 4, points 2 to 5). All arrays are
 * owned. */
typedef struct gad_vision_layout {
    int64_t patches, tokens;
    int32_t *token_order; /* [tokens]: place i of the working order holds token token_order[i] of the raster order */
    int32_t *patch_order; /* [patches]: the same for patches */
    float *cos, *sin;     /* [patches, head_dim/2], in working order */
    gad_attention_span *window, *full; /* segments of windowed and of full attention */
    int64_t window_count, full_count;
    int32_t *mix_index; /* [patches, 4] and weights: rows of the learned position grid, raster (merge block) order; */
    float *mix_weight;  /* NULL when the tower has none */
} gad_vision_layout;
gad_status gad_vision_layout_make(const gad_vision_config *vision, const gad_grid *grids, int64_t count,
                                  gad_vision_layout *layout, gad_error *err);
void gad_vision_layout_free(gad_vision_layout *layout);

/* M-RoPE positions of a prompt (section 5.2): position[3 * t + axis] for axis temporal, height, width; ids equal to
 * image_token are taken from `grids` in order. *next is the position of the first token after the prompt. Fails when the
 * runs of image tokens do not fit the grids. */
gad_status gad_position_make(const int32_t *ids, int64_t count, int32_t image_token, const gad_grid *grids,
                             int64_t grid_count, int32_t *position, int32_t *next, gad_error *err);

/* cos and sin tables [count, head_dim/2] of those positions (sections 5.4 and 10.4). */
void gad_position_rope(const gad_text_config *text, const int32_t *position, int64_t count, float *cos, float *sin);
#endif
