/* pretokenize: see pretokenize.h */
#include "text/pretokenize.h"

#include <stdbool.h>
#include <stdint.h>
#include <utf8proc.h>

typedef enum kind { LETTER, NUMBER, SPACE, NEWLINE, OTHER, END } kind;

/* One character: its class and where the next one begins. */
typedef struct character {
    kind kind;
    int32_t point;
    size_t next;
} character;

static kind kind_of_ascii(unsigned char c)
{
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return LETTER;
    if (c >= '0' && c <= '9')
        return NUMBER;
    if (c == '\n' || c == '\r')
        return NEWLINE;
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' ? SPACE : OTHER;
}

/* \p{L}, \p{N}, and \s as the property White_Space; every other character, combining marks included, is OTHER. */
static kind kind_of(int32_t point)
{
    if (point == 0x85)
        return SPACE;
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return NUMBER;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return SPACE;
    default: return OTHER;
    }
}

static character read(const char *text, size_t length, size_t at)
{
    if (at >= length)
        return (character){.kind = END, .point = -1, .next = at};
    unsigned char first = (unsigned char)text[at];
    if (first < 0x80)
        return (character){.kind = kind_of_ascii(first), .point = first, .next = at + 1};
    utf8proc_int32_t point;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &point);
    if (n <= 0) /* callers check their text; a stray byte is a piece like any symbol */
        return (character){.kind = OTHER, .point = -1, .next = at + 1};
    return (character){.kind = kind_of(point), .point = point, .next = at + (size_t)n};
}

static size_t skip(const char *text, size_t length, size_t at, kind wanted)
{
    for (character c = read(text, length, at); c.kind == wanted; c = read(text, length, at))
        at = c.next;
    return at;
}

/* The end of 's 't 're 've 'm 'll 'd after the apostrophe, 0 when there is none. Where case does not count, U+017F, the
 * long s, folds to s and is the only character outside ASCII that folds to one of these letters. */
static size_t contraction_end(const char *text, size_t length, size_t at, bool any_case)
{
    character first = read(text, length, at), second = read(text, length, first.next);
    const int32_t fold = any_case ? 0x20 : 0;
    int32_t a = first.point == 0x17F && any_case ? 's' : first.point | fold, b = second.point | fold;
    if (first.kind != LETTER)
        return 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return first.next;
    if (second.kind == LETTER && ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')))
        return second.next;
    return 0;
}

/* A piece that begins with white space (`lines`: line ends are kept apart, as in Qwen's expression) and is not a space
 * before a word or a symbol: up to the last line end of the run, else all of the run but its last character (which may
 * belong to what follows), else that one character. */
static size_t space_end(const char *text, size_t length, size_t at, bool lines)
{
    size_t line_end = 0, last = at, end = at, count = 0;
    character c = read(text, length, at);
    for (; c.kind == SPACE || c.kind == NEWLINE; c = read(text, length, end), count++) {
        last = end;
        end = c.next;
        if (c.kind == NEWLINE && lines)
            line_end = end;
    }
    if (line_end)
        return line_end;
    return c.kind == END || (c.kind == NUMBER && !lines) || count == 1 ? end : last;
}

/* 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+ between digits. */
static size_t next_by_digits(const char *text, size_t length, size_t at)
{
    character c = read(text, length, at), after = read(text, length, c.next);
    size_t end = c.point == '\'' ? contraction_end(text, length, c.next, false) : 0;
    if (end)
        return end;
    if (c.kind == NUMBER)
        return c.next;
    if (c.kind == LETTER || (c.point == ' ' && after.kind == LETTER))
        return skip(text, length, c.next, LETTER);
    if (c.kind == OTHER || (c.point == ' ' && after.kind == OTHER))
        return skip(text, length, c.next, OTHER);
    return space_end(text, length, at, false);
}

size_t gad_pretokenize_next(gad_pretokenize_rule rule, const char *text, size_t length, size_t at)
{
    if (rule == GAD_PRETOKENIZE_DIGITS)
        return next_by_digits(text, length, at);
    character c = read(text, length, at), after = read(text, length, c.next);
    if (c.point == '\'') {
        size_t end = contraction_end(text, length, c.next, true);
        if (end)
            return end;
    }
    if (c.kind == LETTER)
        return skip(text, length, c.next, LETTER);
    if ((c.kind == SPACE || c.kind == OTHER) && after.kind == LETTER)
        return skip(text, length, after.next, LETTER);
    if (c.kind == NUMBER)
        return c.next;
    if (c.kind == OTHER || (c.point == ' ' && after.kind == OTHER))
        return skip(text, length, skip(text, length, c.kind == OTHER ? c.next : after.next, OTHER), NEWLINE);
    return space_end(text, length, at, true);
}
