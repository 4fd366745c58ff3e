/* vocab_files: the tokenizer files of a new model in the Hugging Face form. In: tokens and merges. Out: the JSON, the
 * files. Knows nothing of how the merges were found. */
#ifndef GAD_TEXT_VOCAB_FILES_H
#define GAD_TEXT_VOCAB_FILES_H
#include "base/json.h"

typedef struct gad_vocab_files_token {
    size_t start, length; /* in the tokens' bytes */
} gad_vocab_files_token;

typedef struct gad_vocab_files_merge {
    int32_t left, right; /* ids */
} gad_vocab_files_merge;

/* The control tokens, which follow the vocabulary: those of the Qwen models in their order, then the answer marks, so that
 * the word behind them, which decides, is never part of a longer token. */
extern const char *const gad_vocab_files_control[37];

/* The content of tokenizer.json: tokens 0..token_count-1, the merges in order, then the control tokens. */
gad_status gad_vocab_files_json(const char *bytes, const gad_vocab_files_token *token, size_t token_count,
                                const gad_vocab_files_merge *merge, size_t merge_count, json_t **tokenizer, gad_error *err);
/* Write tokenizer.json, tokenizer_config.json and chat_template.json. */
gad_status gad_vocab_files_write(const json_t *tokenizer, const char *directory, gad_error *err);
#endif
