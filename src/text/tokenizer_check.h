/* tokenizer_check: says whether a tokenizer file asks for what gad implements, and nothing else. In: the JSON. Out: GAD_OK,
 * or an error that names what is not supported. Knows nothing of tokens. */
#ifndef GAD_TEXT_TOKENIZER_CHECK_H
#define GAD_TEXT_TOKENIZER_CHECK_H
#include "base/json.h"
#include "text/pretokenize.h"

/* What a tokenizer does to text before it looks for tokens. */
typedef struct gad_tokenizer_rules {
    bool normalizes; /* to NFC */
    gad_pretokenize_rule pieces;
} gad_tokenizer_rules;

/* tokenizer.json: model, normalizer, pre-tokenizer, decoder, post-processor. */
gad_status gad_tokenizer_check(const json_t *root, const char *name, gad_tokenizer_rules *rules, gad_error *err);
/* tokenizer_config.json beside vocab.json and merges.txt: the class, which implies all of these. */
gad_status gad_tokenizer_check_config(const json_t *config, const char *name, gad_error *err);
#endif
