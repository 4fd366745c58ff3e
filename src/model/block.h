/* block: one transformer block, the same text for both vision towers and both language models: norm, attention, norm, MLP,
 * each with its residual. In: rows x [T, C], rotary tables, who sees whom. Out: rows x [T, C]. Backward beside forward.
 * Knows nothing of images, tokens or caches' owners.
 *
 *     x += proj(attention(rope(norm(q)), rope(norm(k)), v)),   q, k, v = linear(norm1(x))
 *     x += down(silu(gate(n)) * up(n)) or down(gelu(up(n))),   n = norm2(x) */
#ifndef GAD_MODEL_BLOCK_H
#define GAD_MODEL_BLOCK_H
#include "model/linear.h"

typedef struct gad_block {
    const char *stage; /* for the tap: "vis" or "lm" */
    int index;
    int heads, kv_heads, head_dim;
    gad_norm norm1, norm2;
    gad_linear qkv;          /* fused [3C, C], or: */
    gad_linear q, k, v;      /* separate */
    gad_norm q_norm, k_norm; /* over each head (Qwen3); weight NULL: none */
    gad_linear proj;
    gad_linear gate, up, down; /* gate.weight NULL: plain MLP with GELU */
    gad_gelu_kind gelu;
} gad_block;

/* What surrounds the rows of one call. */
typedef struct gad_block_input {
    gad_tensor cos, sin; /* [T, head_dim/2]; without data nothing is turned */
    const gad_attention_span *spans;
    int64_t span_count;
    /* Keys and values of all rows so far, [capacity, kv_heads*head_dim]; the T new ones are written from row kv_row on, and
     * span key rows count from row 0. Without data: only the T rows of this call exist. */
    gad_tensor k_cache, v_cache;
    int64_t kv_row;
    const int32_t *kv_rows; /* or: row t is written to row kv_rows[t] (uploaded); NULL: from kv_row on */
    const int32_t *pages;   /* of the cache, where span key rows are counted by pages (gad_ops.attention, uploaded) */
} gad_block_input;

/* What a forward pass keeps for its backward pass (docs/spec/qwen_vl.md section 15: 4d + 2 Hq dh + 2 Hk dh + 3 I numbers a
 * row). */
typedef struct gad_block_saved {
    gad_tensor x, stats1;                      /* input of the block */
    gad_tensor q_raw, k_raw, q_stats, k_stats; /* before the q and k norms, if there are any */
    gad_tensor q, k, v, o, lse;                /* q and k turned */
    gad_tensor mid, stats2;                    /* after attention */
    gad_tensor gate, up;                       /* before the activation */
} gad_block_saved;

/* x is replaced by the block's output. `saved` NULL: inference; else x and the rest stay on the device's stack, above the
 * caller's mark, and the call must run without a cache. */
void gad_block_forward(const gad_pass *pass, const gad_block *block, gad_tensor x, const gad_block_input *in,
                       gad_block_saved *saved);
/* dx: gradient of the output on entry, of the input on return. Gradients of trainable parameters are added. */
void gad_block_backward(const gad_pass *pass, const gad_block *block, gad_tensor dx, const gad_block_input *in,
                        const gad_block_saved *saved);
#endif
