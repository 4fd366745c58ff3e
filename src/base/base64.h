/* base64: bytes to base64 text (RFC 4648, with padding) and back. */
#ifndef GAD_BASE_BASE64_H
#define GAD_BASE_BASE64_H
#include "base/string.h"

void gad_base64_encode(const void *bytes, size_t length, gad_string *text);
/* Appends the decoded bytes. White space is skipped, the padding may be absent; false for anything else (what was appended
 * until then stays) or when memory ran out (bytes->failed). */
bool gad_base64_decode(const char *text, size_t length, gad_string *bytes);
#endif
