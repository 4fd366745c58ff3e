/* save: a model as a Hugging Face folder: config.json and safetensors under the family's published names, and the files
 * beside them. In: a model, the folder it came from. Out: files that gad and transformers load. */
#ifndef GAD_MODEL_SAVE_H
#define GAD_MODEL_SAVE_H
#include "model/model.h"

/* Write into `folder`, which exists, every tensor as `dtype` (F32, BF16 or F16; a value beyond the range of F16 is
 * refused). Adapters are not written: merge them first, or save them with gad_adapter_save. */
gad_status gad_save_model(const gad_model *model, const char *folder, gad_dtype dtype, gad_error *err);

/* What the model's matrices are in memory: F32 when any of them is, else BF16 or F16. */
gad_dtype gad_save_dtype(const gad_model *model);

/* Copy what is small and no weights from a checkpoint's folder: tokenizer, templates, image and generation settings. What
 * was measured with the old weights (threshold.json) stays behind. */
gad_status gad_save_settings(const char *from, const char *folder, gad_error *err);
#endif
