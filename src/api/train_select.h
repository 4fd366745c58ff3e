/* train_select: which parameters train. In: the words of gad_train_settings.train ("lora,difference", "language", the
 * beginning of a name). Out: how many numbers that is, and the parameters made ready. Knows nothing of data. */
#ifndef GAD_API_TRAIN_SELECT_H
#define GAD_API_TRAIN_SELECT_H
#include "gad_train.h"
#include "model/model.h"

/* Whether adapters train. */
bool gad_train_select_lora(const char *words);
/* Numbers that will train, before any adapter is made; an error where the words select nothing or do not go together. */
gad_status gad_train_select_count(const gad_train_settings *settings, gad_model *model, int64_t *count, gad_error *err);
/* Make the adapters, and the selected parameters fp32 on the device. */
gad_status gad_train_select_apply(const gad_train_settings *settings, gad_model *model, gad_device *device, gad_error *err);
#endif
