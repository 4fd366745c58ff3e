/* save: a model as a Hugging Face folder: config.json and safetensors under the family's published names. In: a model. Out:
 * files that gad and transformers load. Copies nothing else: tokenizer and settings files are the caller's. */
#ifndef GAD_MODEL_SAVE_H
#define GAD_MODEL_SAVE_H
#include "model/model.h"

/* Write into `folder`, which exists. Matrices as `dtype` (F32 or BF16), vectors as they are published: the same dtype.
 * Adapters are not written: merge them first, or save them with gad_adapter_save. */
gad_status gad_save_model(const gad_model *model, const char *folder, gad_dtype dtype, gad_error *err);
#endif
