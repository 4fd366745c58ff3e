/* answer_body: see answer_body.h */
#include "task/answer_body.h"

#include "task/answer.h"

#include <string.h>

typedef struct span {
    size_t begin, end;
} span;
#define NOWHERE ((size_t)-1)
enum { THINK_CLOSE_BYTES = 8, ANSWER_OPEN_BYTES = 8, ANSWER_CLOSE_BYTES = 9, THINK_OPEN_BYTES = 7 };

static const char think_open[] = "<think>", think_close[] = "</think>", answer_open[] = "<answer>",
                  answer_close[] = "</answer>";

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static span trim(const char *text, span s)
{
    while (s.begin < s.end && is_space(text[s.begin]))
        s.begin++;
    while (s.end > s.begin && is_space(text[s.end - 1]))
        s.end--;
    return s;
}

static bool is_blank(const char *text, size_t begin, size_t end)
{
    span s = trim(text, (span){begin, end});
    return s.begin == s.end;
}

static size_t find_first(const char *text, size_t from, size_t to, const char *word)
{
    const char *at = from < to ? memmem(text + from, to - from, word, strlen(word)) : NULL;
    return at ? (size_t)(at - text) : NOWHERE;
}

static size_t find_last(const char *text, size_t from, size_t to, const char *word)
{
    size_t last = NOWHERE;
    for (size_t at = find_first(text, from, to, word); at != NOWHERE; at = find_first(text, at + 1, to, word))
        last = at;
    return last;
}

/* Without an opening tag the reasoning begins with the text: the tag stood in the prompt. */
static span find_think(const char *text, size_t length)
{
    size_t open = find_first(text, 0, length, think_open);
    size_t begin = open == NOWHERE ? 0 : open + THINK_OPEN_BYTES, end = find_first(text, begin, length, think_close);
    if (open == NOWHERE && end == NOWHERE)
        return (span){0, 0};
    if (end == NOWHERE)
        end = find_first(text, begin, length, answer_open);
    return trim(text, (span){begin, end == NOWHERE ? length : end});
}

static bool once(const char *text, size_t length, const char *word, size_t *at)
{
    *at = find_first(text, 0, length, word);
    return *at != NOWHERE && find_first(text, *at + 1, length, word) == NOWHERE;
}

static bool tags_in_order(const char *text, size_t length)
{
    size_t a, b, c, d;
    if (!once(text, length, think_open, &a) || !once(text, length, think_close, &b) ||
        !once(text, length, answer_open, &c) || !once(text, length, answer_close, &d) || a > b || b > c || c > d)
        return false;
    return is_blank(text, 0, a) && is_blank(text, b + THINK_CLOSE_BYTES, c) &&
           is_blank(text, d + ANSWER_CLOSE_BYTES, length);
}

static span no_answer(size_t length, unsigned *flags)
{
    *flags |= GAD_ANSWER_UNPARSABLE;
    return (span){length, length};
}

/* The content of the last <answer> in [from, to). *rest: what follows its closing tag, `to` when it has none. */
static bool find_tagged(const char *text, size_t from, size_t to, span *body, size_t *rest)
{
    size_t open = find_last(text, from, to, answer_open);
    if (open == NOWHERE)
        return false;
    size_t begin = open + ANSWER_OPEN_BYTES, close = find_first(text, begin, to, answer_close);
    *body = (span){begin, close == NOWHERE ? to : close};
    *rest = close == NOWHERE ? to : close + ANSWER_CLOSE_BYTES;
    return true;
}

/* The last <think>, at `open`, was never closed. An answer that ends the text, or stands before it, still counts. */
static span find_beside_open_think(const char *text, size_t from, size_t open, size_t length, unsigned *flags)
{
    span body;
    size_t rest;
    if (find_tagged(text, open, length, &body, &rest)) {
        *flags |= body.end == length ? GAD_ANSWER_TRUNCATED : 0u;
        return is_blank(text, rest, length) ? body : no_answer(length, flags);
    }
    if (!from || is_blank(text, from, open))
        return no_answer(length, flags);
    *flags |= GAD_ANSWER_TRUNCATED;
    if (find_tagged(text, from, open, &body, &rest))
        return body;
    *flags |= GAD_ANSWER_UNTAGGED;
    return (span){from, open};
}

static span find_body(const char *text, size_t length, bool cut, unsigned *flags)
{
    size_t close = find_last(text, 0, length, think_close), rest;
    size_t from = close == NOWHERE ? 0 : close + THINK_CLOSE_BYTES;
    size_t open = find_first(text, from, length, think_open);
    span body;
    if (open != NOWHERE)
        return find_beside_open_think(text, from, open, length, flags);
    if (close != NOWHERE && is_blank(text, from, length)) { /* an answer in front of the reasoning */
        size_t first = find_first(text, 0, length, think_open);
        if (first != NOWHERE && find_tagged(text, 0, first, &body, &rest))
            return body;
    }
    if (find_tagged(text, from, length, &body, &rest)) {
        *flags |= body.end == length ? GAD_ANSWER_TRUNCATED : 0u;
        return cut && close == NOWHERE && !is_blank(text, rest, length) ? no_answer(length, flags) : body;
    }
    *flags |= GAD_ANSWER_UNTAGGED | (cut ? GAD_ANSWER_TRUNCATED : 0u);
    return cut && close == NOWHERE ? no_answer(length, flags) : (span){from, length};
}

gad_answer_body gad_answer_body_find(const char *text, size_t length, bool cut)
{
    gad_answer_body found = {.ordered = tags_in_order(text, length)};
    span think = find_think(text, length), body = find_body(text, length, cut, &found.flags);
    found.think_begin = think.begin;
    found.think_length = think.end - think.begin;
    found.begin = body.begin;
    found.length = body.end - body.begin;
    return found;
}
