/* tokenizer_load: the inside of a tokenizer, for the files that fill and use it. */
#ifndef GAD_TEXT_TOKENIZER_LOAD_H
#define GAD_TEXT_TOKENIZER_LOAD_H
#include "text/bpe.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

struct gad_tokenizer {
    gad_vocab vocab;
    gad_bpe bpe;
    int32_t byte_id[256]; /* the token of each byte */
    bool normalizes;      /* to NFC */
};
#endif
