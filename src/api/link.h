/* link: from a page to a file beside it, as HTML wants it: relative, so that the folder of both can be moved. */
#ifndef GAD_API_LINK_H
#define GAD_API_LINK_H
#include "base/string.h"

/* The address of the file, seen from the page, escaped (RFC 3986). Both are paths; the page need not exist yet. */
void gad_link_add(gad_string *html, const char *page, const char *file);
#endif
