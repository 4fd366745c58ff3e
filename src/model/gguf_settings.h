/* gguf_settings: what the keys of llama.cpp's model files say, as the JSON files of a Hugging Face folder say it, so that
 * the same readers check both. In: the language model's file and that of its vision tower. Out: config.json and
 * preprocessor_config.json. Knows nothing of tensors but of what shape and whether they are there, nor of tokens. */
#ifndef GAD_MODEL_GGUF_SETTINGS_H
#define GAD_MODEL_GGUF_SETTINGS_H
#include <jansson.h>

#include "io/gguf.h"

/* "qwen2vl", "llama", "clip", ..: general.architecture, terminated. */
gad_status gad_gguf_settings_architecture(const gad_gguf *file, char name[32], gad_error *err);
/* config.json of a pair, or of a `llama` model alone (vision NULL); the caller's (json_decref). */
gad_status gad_gguf_settings_config(const gad_gguf *text, const gad_gguf *vision, json_t **root, gad_error *err);
/* preprocessor_config.json of a vision tower. */
gad_status gad_gguf_settings_pictures(const gad_gguf *vision, json_t **root, gad_error *err);
#endif
