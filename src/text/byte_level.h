/* byte_level: the byte to character map of byte-level BPE files (spec docs/spec/qwen_vl.md 11.4). In: bytes, or the
 * characters a vocabulary file writes for them. Out: the other one. Knows nothing of vocabularies. */
#ifndef GAD_TEXT_BYTE_LEVEL_H
#define GAD_TEXT_BYTE_LEVEL_H
#include "base/string.h"

#include <stdint.h>

/* The byte that `point` stands for, -1 when it stands for none. */
int gad_byte_level_byte(uint32_t point);

/* Append the file form of `length` bytes to `out`. */
void gad_byte_level_write(gad_string *out, const char *bytes, size_t length);
/* Turn a token's file form (valid UTF-8) into its bytes in `out`, which has room for `length`; returns their number. When a
 * character stands for no byte, the token is its own UTF-8 bytes and *plain is set to true. */
size_t gad_byte_level_read(const char *text, size_t length, char *out, bool *plain);
#endif
