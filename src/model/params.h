/* params: the one table of a model's parameters: name, shape, dtype, memory, gradient. It drives loading, quantising,
 * optimizer, LoRA, checkpoint and printing. Knows nothing of what a parameter is for. */
#ifndef GAD_MODEL_PARAMS_H
#define GAD_MODEL_PARAMS_H
#include "gad.h"
#include "op/tensor.h"

enum { GAD_PARAM_MAX_RANK = 5 };

/* What part of a model a parameter belongs to; set where the model is built. */
typedef enum gad_param_group {
    GAD_PARAM_LANGUAGE,
    GAD_PARAM_VISION,
    GAD_PARAM_MERGER,   /* between the vision tower and the language model */
    GAD_PARAM_EVIDENCE, /* the learned head on top of the feature maps */
    GAD_PARAM_INJECTION /* what the language model gets of the evidence: rows added in its layers, region tokens */
} gad_param_group;

typedef struct gad_param {
    char name[128]; /* internal style: "visual.blocks.0.attn.qkv.weight", "model.layers.0.mlp.up_proj.weight" */
    gad_param_group group;
    int rank;
    int64_t shape[GAD_PARAM_MAX_RANK]; /* as in a checkpoint */
    bool is_matrix;                    /* a linear layer's or embedding's matrix [rows, cols]; else a vector [1, cols] */
    gad_weight value;                  /* data NULL until loaded; points into a mapped file or to `owned` */
    void *owned, *owned_scale;         /* freed with the table; NULL while mapped */
    bool trainable;
    gad_tensor gradient; /* [rows, cols] of the device's dtype while trainable, else no data; owned */
} gad_param;

typedef struct gad_params {
    gad_param **item; /* in the order they were added; addresses stay valid */
    size_t count, capacity;
    gad_param_group group; /* of what is added next */
} gad_params;

/* Add a parameter without data. `shape` has `rank` numbers; a matrix of rank above 2 counts all but the first as columns.
 * NULL without memory. */
__attribute__((format(printf, 5, 6))) gad_param *gad_params_add(gad_params *params, bool is_matrix, int rank,
                                                                const int64_t *shape, const char *format, ...);
gad_param *gad_params_find(const gad_params *params, const char *name);
/* Take one out of the table and free it. */
void gad_params_remove(gad_params *params, size_t index);
void gad_params_free(gad_params *params);

/* Of the vision tower or its merger. */
bool gad_param_is_visual(const gad_param *param);
/* Of the evidence head or of what it puts into the language model; its names start with "difference." in checkpoints. */
bool gad_param_is_evidence(const gad_param *param);
/* Number of values, and bytes the value takes in `dtype`, without and with scales. */
int64_t gad_param_count(const gad_param *param);
size_t gad_param_data_bytes(const gad_param *param, gad_dtype dtype);
size_t gad_param_bytes(const gad_param *param, gad_dtype dtype);
/* Make the parameter own its values as `dtype` (F32, BF16 or F64; from any dtype). */
gad_status gad_param_convert(gad_param *param, gad_dtype dtype, gad_error *err);
/* Quantise a matrix to GAD_Q8 or GAD_Q4. */
gad_status gad_param_quantise(gad_param *param, gad_dtype dtype, gad_error *err);
/* Value i in row-major order, whatever the dtype. */
double gad_param_get(const gad_param *param, int64_t i);
/* Switch training on: own values in `dtype` (F32, or F64 for the reference device) and a zeroed gradient; or off. */
gad_status gad_param_train(gad_param *param, bool trainable, gad_dtype dtype, gad_error *err);
/* A vector parameter as a [1, n] tensor; a tensor without data for NULL. */
gad_tensor gad_param_vector(const gad_param *param);
#endif
