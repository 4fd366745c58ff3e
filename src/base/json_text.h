/* json_text: JSON as other programs write it made into JSON as RFC 8259 has it. In: text. Out: text that a strict parser
 * takes, and which byte of the input a byte of it came from. Knows nothing of values. */
#ifndef GAD_BASE_JSON_TEXT_H
#define GAD_BASE_JSON_TEXT_H
#include "base/string.h"

#include <stdint.h>

/* Appends the text with these changes: bad UTF-8, lone surrogates and \u0000 in strings become U+FFFD; NaN, Infinity and
 * numbers beyond double become "" (so that nobody takes them for a number); integers beyond 64 bits become reals;
 * what is nested deeper than 1024 becomes "". Stops
 * before `mended` gets more than `most` bytes and returns how much of the input was taken. */
size_t gad_json_text_mend(const char *text, size_t length, size_t most, gad_string *mended);
/* Nothing but white space, or a byte order mark before it. */
bool gad_json_text_is_blank(const char *text, size_t length);
/* Line and column (in characters), from 1, of a byte. */
void gad_json_text_place(const char *text, size_t at, int *line, int *column);
#endif
