/* lora: PEFT adapters on a loaded model: read from a folder, switched on and off, merged. In: adapter_config.json and
 * adapter_model.safetensors as PEFT writes them. Out: adapters on the model's linear layers. */
#ifndef GAD_MODEL_LORA_H
#define GAD_MODEL_LORA_H
#include "model/model.h"

/* In an adapter's folder: tensors of the evidence head that were trained with it (docs/formats.md). */
#define GAD_ADAPTER_DIFFERENCE "difference.safetensors"

/* Read folder's adapter and attach it (unmerged, fp32). The base weights stay as they are; whole tensors of the adapter
 * (modules_to_save, biases) replace the base's while adapters are on. Whatever gad does not implement is refused, and the
 * model is then as before. */
gad_status gad_lora_load(const char *folder, gad_model *model, gad_error *err);

/* Let replaced whole tensors of the adapter act (on) or the base's own (off). Together with gad_pass.adapters this is the
 * switch between adapted and base model. */
void gad_lora_switch(gad_model *model, bool on);

/* Add every adapter into its base matrix (W += scale * B A, in fp32, rounded once to the matrix's dtype), keep what it
 * replaces as a whole, and forget it. The head of a tied model gets a matrix of its own when an adapter changes it. */
gad_status gad_lora_merge(gad_model *model, gad_error *err);

/* Give the layer at `path` an adapter of rank r without values. The model's layers keep pointers, so gad_lora_reserve says
 * first how many there will be at most. */
gad_status gad_lora_reserve(gad_model *model, size_t count, gad_error *err);
gad_status gad_lora_attach(gad_model *model, const char *path, gad_linear *layer, int rank, float scale, gad_error *err);
#endif
