/* string: a growing byte string. In: pieces. Out: one zero-terminated buffer. A failed append is remembered, so that a
 * long run of appends is checked once, at the end. */
#ifndef GAD_BASE_STRING_H
#define GAD_BASE_STRING_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct gad_string {
    char *data; /* NULL while empty; zero-terminated otherwise */
    size_t length, capacity;
    bool failed; /* an append found no memory; the content is incomplete */
} gad_string;

void gad_string_append(gad_string *s, const char *bytes, size_t length);
void gad_string_add(gad_string *s, const char *text);
__attribute__((format(printf, 2, 3))) void gad_string_addf(gad_string *s, const char *format, ...);
/* Text with & < > " ' as HTML entities; invalid UTF-8 bytes and control characters become U+FFFD. */
void gad_string_add_html(gad_string *s, const char *text);
/* Text as one line of Markdown, and as a table's cell: no HTML, no control characters, nothing that ends the line or cell.
 */
void gad_string_add_markdown(gad_string *s, const char *text);
/* Text as a JSON string, quotes included; invalid UTF-8 bytes become U+FFFD. */
void gad_string_add_json(gad_string *s, const char *text);
/* Forget the content, keep the memory. */
void gad_string_clear(gad_string *s);
void gad_string_free(gad_string *s);
/* The content, or "" when empty. Owned by the string. */
const char *gad_string_text(const gad_string *s);

/* Length in bytes of the valid UTF-8 character at `text` (which has `length` bytes left), 0 when it is not one, and
 * -1 when it is a proper beginning of one that is cut off. */
int gad_string_utf8_length(const char *text, size_t length);
/* As much of the text as fits into `to`; UTF-8 is cut between characters. */
void gad_string_cut(char *to, size_t size_bytes, const char *text);
#endif
