/* json_text: see json_text.h */
#include "base/json_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"

/* A piece of the input and what stands for it. */
typedef struct piece {
    size_t taken;
    const char *text;
    size_t length;
    const char *more; /* behind it; NULL: nothing */
} piece;

static piece as_is(const char *text, size_t length)
{
    return (piece){.taken = length, .text = text, .length = length};
}

static piece instead(size_t taken, const char *text)
{
    return (piece){.taken = taken, .text = text, .length = strlen(text)};
}

/* The value of \uXXXX; -1 when it is none. */
static long escaped(const char *text, size_t length)
{
    char digits[5] = {0};
    if (length < 6 || text[0] != '\\' || text[1] != 'u')
        return -1;
    memcpy(digits, text + 2, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

static piece in_string(const char *text, size_t length)
{
    int bytes = gad_string_utf8_length(text, length);
    if (bytes <= 0)
        return instead(1, REPLACEMENT);
    if (text[0] != '\\')
        return as_is(text, (size_t)bytes);
    long first = escaped(text, length);
    if (first < 0)
        return as_is(text, length > 1 && (unsigned char)text[1] < 0x80 ? 2 : 1);
    long second = escaped(text + 6, length - 6);
    if (first >= 0xD800 && first <= 0xDBFF && second >= 0xDC00 && second <= 0xDFFF)
        return as_is(text, 12);
    return first == 0 || (first >= 0xD800 && first <= 0xDFFF) ? instead(6, REPLACEMENT) : as_is(text, 6);
}

static bool starts(const char *text, size_t length, const char *word, size_t *taken)
{
    size_t n = strlen(word);
    *taken = n;
    return length >= n && memcmp(text, word, n) == 0;
}

static bool is_integer(const char *text)
{
    return !strpbrk(text, ".eE");
}

static piece number(const char *text, size_t length)
{
    char digits[64];
    size_t n = 0;
    while (n < length && strchr("+-.0123456789eE", text[n]) && text[n])
        n++;
    if (n >= sizeof digits) { /* a long fraction is fine, and a long integer is one beyond 64 bits */
        bool whole = true;
        for (size_t i = 0; i < n; i++)
            whole = whole && !strchr(".eE", text[i]);
        return whole ? (piece){.taken = n, .text = text, .length = n, .more = ".0"} : as_is(text, n);
    }
    memcpy(digits, text, n);
    digits[n] = 0;
    errno = 0;
    if (!isfinite(strtod(digits, NULL)))
        return instead(n, "\"\"");
    errno = 0;
    if (is_integer(digits)) {
        (void)strtoll(digits, NULL, 10);
        if (errno == ERANGE)
            return (piece){.taken = n, .text = text, .length = n, .more = ".0"};
    }
    return as_is(text, n);
}

static piece outside(const char *text, size_t length)
{
    static const char *const words[] = {"NaN", "-NaN", "Infinity", "-Infinity"};
    size_t taken;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (starts(text, length, words[i], &taken))
            return instead(taken, "\"\"");
    if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
        return number(text, length);
    return as_is(text, 1);
}

/* The bytes of the list or object that opens at text[0]; 0 when it is cut off. */
static size_t nested_bytes(const char *text, size_t length)
{
    size_t depth = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        if (inside && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            inside = !inside;
        else if (!inside && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!inside && (text[i] == ']' || text[i] == '}') && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* Moves *depth along. A list or object inside DEEPEST others is one that nobody reads. */
static piece structure(const char *text, size_t length, size_t *depth)
{
    enum { DEEPEST = 1024 };
    bool opens = text[0] == '[' || text[0] == '{', closes = text[0] == ']' || text[0] == '}';
    size_t bytes = opens && *depth == DEEPEST ? nested_bytes(text, length) : 0;
    if (bytes)
        return instead(bytes, "\"\"");
    *depth += opens;
    *depth -= closes && *depth;
    return outside(text, length);
}

size_t gad_json_text_mend(const char *text, size_t length, size_t most, gad_string *mended)
{
    bool inside = false;
    size_t at = 0, depth = 0;
    while (at < length && !mended->failed) {
        piece p = inside ? in_string(text + at, length - at) : structure(text + at, length - at, &depth);
        if (mended->length + p.length + (p.more ? strlen(p.more) : 0) > most)
            break;
        if (text[at] == '"')
            inside = !inside;
        gad_string_append(mended, p.text, p.length);
        if (p.more)
            gad_string_add(mended, p.more);
        at += p.taken;
    }
    return at;
}

bool gad_json_text_is_blank(const char *text, size_t length)
{
    size_t at = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < length && text[at] && strchr(" \t\r\n", text[at]))
        at++;
    return at == length;
}

void gad_json_text_place(const char *text, size_t at, int *line, int *column)
{
    *line = 1;
    *column = 0;
    for (size_t i = 0; i < at; i++) {
        bool middle = ((unsigned char)text[i] & 0xC0) == 0x80;
        *column += !middle;
        if (text[i] == '\n') {
            ++*line;
            *column = 0;
        }
    }
}
