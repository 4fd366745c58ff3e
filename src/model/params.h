/* params: the one table of a model's parameters: name, shape, dtype, memory, gradient. It drives loading, quantising,
 * optimizer, LoRA, checkpoint and printing. A value lies on the host; ops read it there, or a copy on a device with memory
 * of its own. Knows nothing of what a parameter is for. */
#ifndef GAD_MODEL_PARAMS_H
#define GAD_MODEL_PARAMS_H
#include "gad.h"
#include "op/op.h"

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
    gad_device *device;                /* of the two below; NULL: there is neither. It outlives the table */
    gad_weight placed;                 /* the copy on a device with memory of its own, which is then what trains */
    bool trainable;
    gad_tensor gradient; /* [rows, cols], exact, while trainable, else no data */
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
/* Make the parameter own its values on the host as `dtype` (F32, BF16 or F64; from any dtype). */
gad_status gad_param_convert(gad_param *param, gad_dtype dtype, gad_error *err);
/* Quantise a matrix to GAD_Q8 or GAD_Q4. */
gad_status gad_param_quantise(gad_param *param, gad_dtype dtype, gad_error *err);
/* Value i of the host in row-major order, whatever the dtype. */
double gad_param_get(const gad_param *param, int64_t i);

/* Give a device with memory of its own its copy of the host's value, in place of an earlier one; nothing on others. What
 * cannot be had shows at gad_device_check. */
void gad_param_place(gad_param *param, gad_device *device);
/* Switch training on: exact values, a zeroed gradient; or off (device not needed). */
gad_status gad_param_train(gad_param *param, bool trainable, gad_device *device, gad_error *err);
/* Bring what was trained on a device with memory of its own back to the host's value. */
void gad_params_fetch(gad_params *params);
/* What ops read. */
gad_weight gad_param_weight(const gad_param *param);
/* A vector parameter as a [1, n] tensor that ops read; a tensor without data for NULL. */
gad_tensor gad_param_vector(const gad_param *param);
/* The values of a trainable parameter, [rows, cols], as the optimizer works on them; and their exchange with others of the
 * same size from the same device's allocate_exact. */
gad_tensor gad_param_trained(const gad_param *param);
void gad_param_swap(gad_param *param, gad_tensor *other);
#endif
