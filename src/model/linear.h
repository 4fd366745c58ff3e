/* linear: a linear layer, with or without a LoRA adapter, and a norm layer, forward and backward. In: rows. Out: rows, and
 * gradients added to the parameters that train. Knows nothing of where it stands in the model. */
#ifndef GAD_MODEL_LINEAR_H
#define GAD_MODEL_LINEAR_H
#include "model/params.h"
#include "op/op.h"

/* What every step of a pass through the model needs. */
typedef struct gad_pass {
    gad_device *device;
    bool adapters; /* whether LoRA adapters act */
    /* Sees intermediate results by name ("vis.0.norm1"), for tests and for finding faults; may be NULL. */
    void (*tap)(void *user, const char *name, gad_device *device, gad_tensor value);
    void *tap_user;
} gad_pass;

/* Hands a value to the tap, if there is one; the name is formatted like printf. */
__attribute__((format(printf, 3, 4))) void gad_pass_tap(const gad_pass *pass, gad_tensor value, const char *format, ...);

/* y += scale * (x A^T) B^T (Hu et al., arXiv 2106.09685). */
typedef struct gad_lora {
    gad_param *a, *b; /* [r, in], [out, r] */
    gad_param *bias;  /* lora_bias times scale, or NULL */
    float scale;
} gad_lora;

typedef struct gad_linear {
    gad_param *weight, *bias; /* bias NULL if there is none; weight NULL: no such layer */
    gad_lora *lora;           /* NULL if there is none; owned by the model */
} gad_linear;

/* y = x W^T + b (+ y when `add`), adapter included. */
void gad_linear_forward(const gad_pass *pass, const gad_linear *layer, gad_tensor y, gad_tensor x, bool add);
/* Layers of one input: each target is layer(x), then turned by rotary positions unless its heads are 0. At most
 * GAD_LINEAR_PARTS. */
typedef struct gad_linear_target {
    const gad_linear *layer;
    gad_tensor y;
    int heads;
} gad_linear_target;
void gad_linear_forward_all(const gad_pass *pass, const gad_linear_target *target, int count, gad_tensor x, gad_tensor cos,
                            gad_tensor sin);
/* Whether an adapter acts on the layer's output. */
bool gad_linear_adapts(const gad_pass *pass, const gad_linear *layer);
/* Adds the gradients of the layer's trainable parameters and writes (or adds) dx; dx without data is not wanted. */
void gad_linear_backward(const gad_pass *pass, const gad_linear *layer, gad_tensor dx, gad_tensor dy, gad_tensor x,
                         bool add);

/* LayerNorm when there is a bias, else RMSNorm. */
typedef struct gad_norm {
    gad_param *weight, *bias;
    float eps;
} gad_norm;

/* Columns of the statistics that a norm keeps for its backward pass of `cols` channels. */
int64_t gad_norm_stats_cols(const gad_norm *norm, int64_t cols);
void gad_norm_forward(const gad_pass *pass, const gad_norm *norm, gad_tensor y, gad_tensor stats, gad_tensor x);
/* dx is written, or added to when `add`. */
void gad_norm_backward(const gad_pass *pass, const gad_norm *norm, gad_tensor dx, gad_tensor dy, gad_tensor x,
                       gad_tensor stats, bool add);
#endif
