/* gguf_vocab: the tokens of llama.cpp's model files, as tokenizer.json says them, so that the same reader checks both. In:
 * a language model's file. Out: JSON, the chat template's text. Knows nothing of encoding. */
#ifndef GAD_MODEL_GGUF_VOCAB_H
#define GAD_MODEL_GGUF_VOCAB_H
#include <jansson.h>

#include "io/gguf.h"

/* tokenizer.json, of a byte-level BPE of Qwen's (tokenizer.ggml.pre qwen2) or SmolLM's; the caller's (json_decref). */
gad_status gad_gguf_vocab_json(const gad_gguf *file, json_t **root, gad_error *err);
/* The id of a token by its text, -1: there is none. */
int64_t gad_gguf_vocab_find(const gad_gguf *file, const char *token);
/* tokenizer.chat_template; an empty text when there is none. */
gad_gguf_string gad_gguf_vocab_template(const gad_gguf *file);
/* Kinds of tokens, as tokenizer.ggml.token_type numbers them. */
enum { GAD_GGUF_NORMAL = 1, GAD_GGUF_CONTROL = 3, GAD_GGUF_USER_DEFINED = 4, GAD_GGUF_UNUSED = 5 };
#endif
