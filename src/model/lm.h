/* lm: the language model: embedding, image rows in their places, decoder blocks with DeepStack, final norm, head; forward
 * and backward. In: ids, positions, who sees whom, image rows. Out: hidden rows and logits of the rows asked for. Knows
 * nothing of images, text or sampling. */
#ifndef GAD_MODEL_LM_H
#define GAD_MODEL_LM_H
#include "model/model.h"
#include "model/position.h"
#include "model/vision.h"

/* Keys and values of all layers: [capacity, kv_heads * head_dim] each. */
typedef struct gad_lm_cache {
    gad_tensor *k, *v; /* [layers] */
    int layers;
    int64_t heads, capacity;
} gad_lm_cache;

/* The rows of one call. All arrays are host memory of `rows` entries and must live until the backward pass is done. */
typedef struct gad_lm_input {
    int64_t rows;
    const int32_t *ids;      /* token of each row; image rows are replaced below */
    const int32_t *position; /* [rows, 3] */
    const gad_attention_span *spans;
    int64_t span_count;
    const gad_vision_rows *image; /* rows for image tokens; NULL: none */
    const int32_t *image_at;      /* [image_count]: row of the call that gets ... */
    const int32_t *image_from;    /* ... this row of `image` */
    int64_t image_count;
    const gad_lm_cache *cache; /* NULL: rows see only each other */
    int64_t cache_row;         /* where the new keys and values go */
    const int32_t *cache_rows; /* or: a place for each row (answers that are decoded together); NULL: from cache_row on */
    const int32_t *pages;      /* [page_count] of the cache, where spans count key rows by pages (gad_ops.attention) */
    int64_t page_count;
} gad_lm_input;

/* What the backward pass needs; the arrays are the caller's. */
typedef struct gad_lm_saved {
    gad_tensor *block_input; /* [layers] */
    gad_block_saved *block;  /* [layers]; NULL: checkpointing */
    gad_tensor last, stats;  /* output of the last block, statistics of the final norm */
} gad_lm_saved;

/* Rows of one prefill step. On the CPU few enough to bound scratch memory (each row takes about 12 hidden + 2 intermediate
 * numbers); a device is filled by more. */
int64_t gad_lm_piece_rows(const gad_device *device);
/* Runs the blocks; returns the rows after the final norm, [rows, hidden], on the device's stack. */
gad_tensor gad_lm_forward(const gad_pass *pass, const gad_model *model, const gad_lm_input *in, gad_lm_saved *saved);
/* Logits [hidden.rows, vocab] of normalised rows, exact, on the stack. */
gad_tensor gad_lm_logits(const gad_pass *pass, const gad_model *model, gad_tensor hidden);
/* d_hidden += gradient through the head; adds the head's gradient. d_logits are activations. */
void gad_lm_logits_backward(const gad_pass *pass, const gad_model *model, gad_tensor d_hidden, gad_tensor d_logits,
                            gad_tensor hidden);
/* Gradient of the normalised rows back to parameters and, when d_image is not NULL, added to the image rows' gradients
 * (zeroed by the caller). */
void gad_lm_backward(const gad_pass *pass, const gad_model *model, gad_tensor d_hidden, const gad_lm_input *in,
                     const gad_lm_saved *saved, gad_vision_rows *d_image);

gad_status gad_lm_cache_open(gad_device *device, const gad_text_config *text, int64_t capacity, gad_lm_cache *cache,
                             gad_error *err);
/* More rows, of which the first `keep` stay; layer by layer, so that little more than the new rows is needed on the way. */
gad_status gad_lm_cache_grow(gad_device *device, gad_lm_cache *cache, int64_t capacity, int64_t keep, gad_error *err);
void gad_lm_cache_close(gad_device *device, gad_lm_cache *cache);
#endif
