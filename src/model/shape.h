/* shape: configurations by name: the published sizes of both families and our own presets. */
#ifndef GAD_MODEL_SHAPE_H
#define GAD_MODEL_SHAPE_H
#include "model/config.h"

/* "qwen2.5-vl-3b", "qwen3-vl-4b", ... or a preset of ours ("gad-s"). */
gad_status gad_shape_find(const char *name, gad_config *config, gad_error *err);
#endif
