/* weights: values for a model's parameters: from a checkpoint (mapped, 16-bit values stay as they are), or random. In: a
 * built model. Out: every parameter has its value. Knows the tensor names of both naming styles of safetensors; those of
 * GGUF are gguf_tensors'. */
#ifndef GAD_MODEL_WEIGHTS_H
#define GAD_MODEL_WEIGHTS_H
#include "io/tensor_source.h"
#include "model/model.h"

typedef struct gad_weights_options {
    gad_quantise quantise;
    const char *mmproj; /* the file of a GGUF model's vision tower; NULL: none */
} gad_weights_options;

/* Load a folder's safetensors, or a .gguf file, into the model. Matrices point into the mapped files, so *files must
 * outlive the model (free with gad_tensor_source_free), but for those that GGUF holds quantised or in parts: they become
 * 16-bit numbers. Vectors become fp32. Missing tensors are an error that lists them; extra ones are logged. */
gad_status gad_weights_load(const char *path, const gad_weights_options *options, gad_model *model,
                            gad_tensor_source **files, const gad_log *log, gad_error *err);

/* Start values for training (docs/spec/training.md 13.2 point 8): matrices with deviation 0.02, those that write into the
 * residual stream scaled by 1 / sqrt(2 * layers), norm weights 1, biases 0; matrices of `dtype` F32 or BF16. Equal seeds
 * give equal values. Also serves to measure speed without a checkpoint. */
gad_status gad_weights_random(gad_model *model, uint64_t seed, gad_dtype dtype, gad_error *err);

/* What to multiply: F32 or BF16, as asked, or as most bytes of the files are (NULL: random weights, BF16). */
gad_dtype gad_weights_products(const gad_tensor_source *files, gad_precision precision);
/* The dtype of a parameter that `options` quantise; its own otherwise. */
gad_dtype gad_weights_dtype(const gad_model *model, const gad_param *param, const gad_weights_options *options);
/* Quantise as `options` say; parameters that are quantised already stay. */
gad_status gad_weights_quantise(gad_model *model, const gad_weights_options *options, gad_error *err);

/* `name` of any naming style in internal style ("model.visual.x" -> "visual.x", "model.language_model.x" -> "model.x"). */
void gad_weights_internal_name(const char *name, char *internal, size_t size);
/* A parameter's name as the family's published checkpoints write it. */
void gad_weights_file_name(const gad_model *model, const char *internal, char *name, size_t size);
#endif
