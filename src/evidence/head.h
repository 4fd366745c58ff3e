/* head: what a part has that its reference has not. In: pictures as tables (head_input.h), the tower's rows.
 * Out: an anomaly logit for every cell of the test image (a heat map), and evidence added to the rows that the first
 * layers of the language model get at the test image's tokens, the way DeepStack adds rows. Forward and backward.
 *
 * References are registered onto the test picture and aligned photometrically (register.h). Two levels, pixels of patches
 * and merged rows of tokens. Features f = W2 gelu(W1 x). Every test row looks for its like among the reference rows with
 * several heads that differ in how far they look (the first: at its own place), by cosine and distance; what remains after
 * subtracting the best mixture is the residual. Of a cell: f = gelu(W [channels of the 3 x 3 cells around] + W residual of
 * its patch), m = f + gelu(W [f of the 3 x 3 cells]). Of a token: e = gelu(W m of its cells + W residual), evidence h = e +
 * gelu(W [e of the 3 x 3 tokens around]). Logit of a cell = w m + what W h says of it; rows of layer j += W_j h
 * (VD-DeepStack's idea; docs/spec/training.md 13.6). The first of these layers also gets what the heat map shows as region
 * tokens (regions.h), through which no gradient flows. */
#ifndef GAD_EVIDENCE_HEAD_H
#define GAD_EVIDENCE_HEAD_H
#include "evidence/head_result.h"
#include "model/vision.h"

/* What the backward pass needs of one level. */
typedef struct gad_head_level_saved {
    gad_tensor x, h1, g1, f;                      /* input, hidden before and after GELU, features */
    gad_tensor q_stats, k_stats, q, k, v, o, lse; /* of the matching */
    gad_tensor residual;                          /* of the test rows */
} gad_head_level_saved;

typedef struct gad_head_saved {
    gad_head_level_saved level[GAD_EVIDENCE_MAPS];
    gad_tensor low, c, f;  /* of cells: channels of 3 x 3, features before and after GELU */
    gad_tensor near, g, m; /* features of 3 x 3 cells, what they add before GELU, all of it [cells, width] */
    gad_tensor a, e;       /* a token's own evidence before and after GELU [tests, hidden] */
    gad_tensor wide, b;    /* e of the tokens around [tests, 9 * hidden], and what they add before GELU */
    gad_tensor h, region_tokens;
    gad_tensor logits; /* [cells of tests, 1] */
} gad_head_saved;

static inline bool gad_head_exists(const gad_model *model)
{
    return model->config.evidence.heads > 0;
}
/* Adds the evidence to rows->deepstack, which has gad_config_added_sets of them. `result` is filled. What `saved` holds
 * stays on the stack; the caller rewinds. */
void gad_head_forward(const gad_pass *pass, const gad_model *model, const gad_head_input *input,
                      const gad_vision_rows *rows, gad_head_result *result, gad_head_saved *saved);
/* d_logits [cells of tests, 1] may be without data. Adds parameter gradients and, when `into_rows`, the gradient of
 * rows->out to d_rows->out. */
void gad_head_backward(const gad_pass *pass, const gad_model *model, const gad_head_input *input, gad_tensor d_logits,
                       const gad_vision_rows *d_rows, bool into_rows, const gad_head_saved *saved);
#endif
