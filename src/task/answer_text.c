/* answer_text: see answer_text.h */
#include "task/answer_text.h"

#include <string.h>

static size_t skip_space(const char *text, size_t length, size_t at)
{
    while (at < length && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
        at++;
    return at;
}

size_t gad_answer_text_string_end(const char *text, size_t length, size_t at)
{
    char quote = text[at++];
    for (; at < length; at++) {
        if (text[at] == '\\' && at + 1 < length) {
            at++;
            continue;
        }
        if (text[at] != quote)
            continue;
        size_t next = skip_space(text, length, at + 1);
        if (quote == '"' || next == length || strchr(",}]):", text[next]))
            return at;
    }
    return length;
}

bool gad_answer_text_string(const char *text, size_t length, size_t at, size_t *begin, size_t *end, size_t *after)
{
    static const char open[2][4] = {"\xE2\x80\x9C", "\xE2\x80\x98"}, close[2][4] = {"\xE2\x80\x9D", "\xE2\x80\x99"};
    if (at < length && (text[at] == '"' || text[at] == '\'')) {
        *begin = at + 1;
        *end = gad_answer_text_string_end(text, length, at);
        *after = *end < length ? *end + 1 : *end;
        return true;
    }
    for (int i = 0; i < 2; i++)
        if (at + 3 <= length && !memcmp(text + at, open[i], 3)) {
            const char *found = memmem(text + at + 3, length - at - 3, close[i], 3);
            *begin = at + 3;
            *end = found ? (size_t)(found - text) : length;
            *after = found ? *end + 3 : *end;
            return true;
        }
    return false;
}
