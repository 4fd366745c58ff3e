/* html: the frame of a self-contained HTML page and text in it. In: titles, text, a style sheet, a script (see
 * cmake/assets.cmake). Out: HTML appended to a string. Knows nothing of what a page shows. */
#ifndef GAD_BASE_HTML_H
#define GAD_BASE_HTML_H
#include "base/string.h"

/* Everything up to <body>; the title is escaped. */
void gad_html_begin(gad_string *html, const char *title, const char *style);
/* The script (NULL: none) and everything after the body. */
void gad_html_end(gad_string *html, const char *script);
/* "<name attributes>text</name>"; the text is escaped. `attributes` is HTML, "" for none. */
void gad_html_element(gad_string *html, const char *name, const char *attributes, const char *text);
#endif
