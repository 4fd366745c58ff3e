/* mask: keeps keys out of what is shown or stored. In: text or an address. Out: the same with *** where a secret stood. */
#ifndef GAD_BASE_MASK_H
#define GAD_BASE_MASK_H
#include "base/string.h"

/* Appends an address without its secrets: user and password, and the values of its query (except a version's). */
void gad_mask_url(const char *url, gad_string *out);

/* Overwrites each place of `secret` in the text with stars, in the same length, also where backslashes escape its
 * characters as in JSON. Secrets of less than 4 characters are left: they would hit everything. */
void gad_mask_text(char *text, size_t length, const char *secret);
/* The same for the secrets of an address: its password and the values of its query. */
void gad_mask_text_of_url(char *text, size_t length, const char *url);
#endif
