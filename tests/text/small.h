/* small: what the tests of this room share: a small trained tokenizer and random text. */
#ifndef GAD_TESTS_TEXT_SMALL_H
#define GAD_TESTS_TEXT_SMALL_H
#include "support/support.h"

#include "base/json.h"
#include "base/rng.h"
#include "base/string.h"
#include "text/tokenizer.h"
#include <stdlib.h>
#include <string.h>

extern const char small_text[];
/* The content of a tokenizer.json trained on small_text. */
json_t *small_json(int32_t entries);
/* Its tokenizer. */
gad_tokenizer *small_tokenizer(void);
/* A tokenizer of JSON; the caller frees it. Takes `root`. */
gad_status small_parse(json_t *root, gad_tokenizer **tokenizer, gad_error *err);

/* Replace `text` by random characters of all kinds that matter to a tokenizer: scripts, marks, white space, digits, pieces
 * of control tokens. Valid UTF-8; no characters that Unicode 14 leaves unassigned. */
void small_random_text(gad_rng *rng, gad_string *text);
#endif
