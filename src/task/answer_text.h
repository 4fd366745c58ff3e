/* answer_text: strings in free text, in the quotes that models write. In: text and a place. Out: where the string ends.
 * Knows nothing of what they say. */
#ifndef GAD_TASK_ANSWER_TEXT_H
#define GAD_TASK_ANSWER_TEXT_H
#include <stdbool.h>
#include <stddef.h>

/* The end of the string that opens with the quote at text[at]: the index of its closing quote, or `length`. A ' inside
 * single quotes closes only before , } ] ) or : (or at the end), so that 'worker's mark' is one string. */
size_t gad_answer_text_string_end(const char *text, size_t length, size_t at);

/* The string that opens at text[at], if one does: its content, and where the text goes on. Typographic quotes count. */
bool gad_answer_text_string(const char *text, size_t length, size_t at, size_t *begin, size_t *end, size_t *after);
#endif
