/* tokenizer_check: says whether a tokenizer file asks for what gad implements, and nothing else. In: the JSON. Out: GAD_OK,
 * or an error that names what is not supported. Knows nothing of tokens. */
#ifndef GAD_TEXT_TOKENIZER_CHECK_H
#define GAD_TEXT_TOKENIZER_CHECK_H
#include "base/json.h"

/* tokenizer.json: model, normalizer (*normalizes: whether it is NFC), pre-tokenizer, decoder, post-processor. */
gad_status gad_tokenizer_check(const json_t *root, const char *name, bool *normalizes, gad_error *err);
/* tokenizer_config.json beside vocab.json and merges.txt: the class, which implies all of these. */
gad_status gad_tokenizer_check_config(const json_t *config, const char *name, gad_error *err);
#endif
