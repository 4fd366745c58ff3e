/* tokenizer_load: the inside of a tokenizer, for the files that fill and use it. */
#ifndef GAD_TEXT_TOKENIZER_LOAD_H
#define GAD_TEXT_TOKENIZER_LOAD_H
#include "text/bpe.h"
#include "text/tokenizer.h"
#include "text/tokenizer_check.h"
#include "text/vocab.h"

#include <jansson.h>

struct gad_tokenizer {
    gad_vocab vocab;
    gad_bpe bpe;
    int32_t
        byte_id[256]; /* the token of each byte; -1: none, it is left out (SmolLM has tokens for what it was trained on) */
    gad_tokenizer_rules rules;
};

/* A tokenizer from a parsed tokenizer.json; `name` says in errors where it came from. */
gad_status gad_tokenizer_read(const json_t *root, const char *name, gad_tokenizer **tokenizer, gad_error *err);
#endif
