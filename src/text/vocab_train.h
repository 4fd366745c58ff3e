/* vocab_train: makes a small byte-level BPE vocabulary from texts, for models that gad makes itself (spec
 * docs/spec/training.md 13.2). In: texts, the number of entries. Out: tokenizer files in the Hugging Face form. Equal texts
 * give equal files, whatever their order. Knows nothing of models. */
#ifndef GAD_TEXT_VOCAB_TRAIN_H
#define GAD_TEXT_VOCAB_TRAIN_H
#include "base/json.h"

typedef struct gad_vocab_train gad_vocab_train;

enum {
    GAD_VOCAB_TRAIN_ADDED = 37, /* control tokens (vocab_files.h); <|endoftext|> is the first */
    GAD_VOCAB_TRAIN_LEAST = 256 + GAD_VOCAB_TRAIN_ADDED,
    GAD_VOCAB_TRAIN_MOST = 16384
};

gad_status gad_vocab_train_new(gad_vocab_train **train, gad_error *err);
void gad_vocab_train_free(gad_vocab_train *train);
/* Count the words of a text (UTF-8). Control tokens in it are left out. */
gad_status gad_vocab_train_add(gad_vocab_train *train, const char *text, size_t length, gad_error *err);
/* Merge until the vocabulary has `entries` tokens, bytes and control tokens included, or no pair occurs twice. Digits are
 * never merged (the pre-tokeniser keeps them apart). *tokenizer is the content of a tokenizer.json, the caller's
 * (json_decref), for gad_vocab_files_write. Afterwards `train` can only be freed. */
gad_status gad_vocab_train_run(gad_vocab_train *train, int32_t entries, const gad_progress *progress, json_t **tokenizer,
                               gad_error *err);
#endif
