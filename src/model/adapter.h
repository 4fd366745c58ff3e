/* adapter: new LoRA adapters for training, and adapters as PEFT folders. In: a model, which layers, rank. Out: attached
 * adapters with start values; adapter_config.json and adapter_model.safetensors that PEFT loads unchanged. */
#ifndef GAD_MODEL_ADAPTER_H
#define GAD_MODEL_ADAPTER_H
#include "gad_train.h"
#include "model/lora.h"

/* Attach adapters: A uniform in +-1/sqrt(in), B zero, so that the model's answers do not change yet. GAD_E_ARGUMENT when no
 * layer matches or a name matches none. */
gad_status gad_adapter_create(gad_model *model, const gad_adapter_settings *settings, gad_error *err);
/* Numbers that such adapters would have. */
int64_t gad_adapter_count(gad_model *model, const gad_adapter_settings *settings);
/* Write the model's adapters, what they replace as a whole, and the tensors of the evidence head that train with them,
 * into `folder`, which exists; fp32. */
gad_status gad_adapter_save(gad_model *model, const char *folder, const char *base, gad_error *err);
#endif
