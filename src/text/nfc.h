/* nfc: Unicode normal form C, in time linear in the text whatever it holds. In: valid UTF-8. Out: its composed form, also
 * without letter case. Knows nothing of tokens. */
#ifndef GAD_TEXT_NFC_H
#define GAD_TEXT_NFC_H
#include "base/string.h"
#include "gad.h"

/* Whether the text is plainly in form C already: no character at or above U+0300, where combining marks begin. */
bool gad_nfc_is_plain(const char *text, size_t length);
/* Append the normalised text to `out`. */
gad_status gad_nfc_append(const char *text, size_t length, gad_string *out, gad_error *err);
/* The same with letter case folded: equal for texts that differ in case and form only. */
gad_status gad_nfc_fold(const char *text, size_t length, gad_string *out, gad_error *err);
#endif
