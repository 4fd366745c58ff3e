/* answer_decision: see answer_decision.h */
#include "task/answer_decision.h"

#include "task/answer_text.h"

#include <string.h>
#include <strings.h>

typedef struct span {
    size_t begin, end;
} span;

typedef enum search_pass {
    DECIDING, /* free text, and values under keys that decide */
    VALUES,   /* whole values of objects without a box */
    WORDS     /* any word outside boxes */
} search_pass;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Bytes of a letter, digit or underscore at `at`, accented Latin letters included; 0 for anything else. */
static size_t word_step(const char *text, size_t length, size_t at)
{
    unsigned char c = (unsigned char)text[at];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
        return 1;
    return c >= 0xC3 && c <= 0xC9 && gad_string_utf8_length(text + at, length - at) == 2 ? 2 : 0;
}

static size_t word_end(const char *text, size_t length, size_t at)
{
    for (size_t step; at < length && (step = word_step(text, length, at));)
        at += step;
    return at;
}

static gad_answer_decision decide(const char *word, size_t length, bool boolean)
{
    if (length == 3 && !strncasecmp(word, "yes", 3))
        return GAD_ANSWER_YES;
    if (length == 2 && !strncasecmp(word, "no", 2))
        return GAD_ANSWER_NO;
    if (boolean && length == 4 && !strncasecmp(word, "true", 4))
        return GAD_ANSWER_YES;
    if (boolean && length == 5 && !strncasecmp(word, "false", 5))
        return GAD_ANSWER_NO;
    return GAD_ANSWER_NONE;
}

/* ---- keys and values ---------------------------------------------------------------------------------------------- */

static bool contains(const char *key, size_t length, const char *word)
{
    size_t n = strlen(word);
    for (size_t at = 0; at + n <= length; at++)
        if (!strncasecmp(key + at, word, n))
            return true;
    return false;
}

/* 1 when a Yes under the key means anomalous, -1 when it means normal, 0 when the key does not decide. */
static int sense_of(const char *key, size_t length)
{
    static const char *const words[] = {"anomal", "defect", "abnormal", "answer", "decision", "result", "verdict"},
                             *const opposite[] = {"normal", "ok", "good", "pass", "passed"};
    bool inverted = (length > 2 && !strncasecmp(key, "no", 2)) || contains(key, length, "free");
    size_t prefix = length > 3 && !strncasecmp(key, "is", 2) && (key[2] == '_' || key[2] == ' ') ? 3 : 0;
    for (size_t i = 0; i < sizeof opposite / sizeof opposite[0]; i++)
        if (length - prefix == strlen(opposite[i]) && !strncasecmp(key + prefix, opposite[i], length - prefix))
            return -1;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (contains(key, length, words[i]))
            return inverted ? -1 : 1;
    return 0;
}

static gad_answer_decision turned(gad_answer_decision decision, int sense)
{
    if (sense >= 0 || decision == GAD_ANSWER_NONE)
        return decision;
    return decision == GAD_ANSWER_YES ? GAD_ANSWER_NO : GAD_ANSWER_YES;
}

/* "Yes", "yes.", "No, the rim is whole": a Yes or No that ends the value or stands before punctuation. With `alone`,
 * nothing else may follow. */
static gad_answer_decision decide_value(const char *text, span value, bool alone)
{
    while (value.begin < value.end && is_space(text[value.begin]))
        value.begin++;
    size_t end = word_end(text, value.end, value.begin), rest = end;
    while (rest < value.end && (is_space(text[rest]) || text[rest] == '.' || text[rest] == '!'))
        rest++;
    if (rest < value.end && (alone || !strchr(".,;:!", text[end])))
        return GAD_ANSWER_NONE;
    return decide(text + value.begin, end - value.begin, true);
}

/* ---- the search --------------------------------------------------------------------------------------------------- */

typedef struct search {
    const char *text;
    size_t length, at;
    const gad_answer_objects *found;
    size_t box; /* the next box object */
    size_t depth;
    span key; /* of the value that comes next, empty without one */
    search_pass pass;
} search;

/* Whether a box begins here that this pass leaves out; its end is then the place to go on. */
static bool skip_box(search *s)
{
    while (s->box < s->found->count && s->found->object[s->box].begin < s->at)
        s->box++;
    if (s->box == s->found->count || s->found->object[s->box].begin != s->at ||
        (s->pass == DECIDING && s->text[s->at] == '{'))
        return false;
    s->at = s->found->object[s->box].end;
    return true;
}

/* The quoted or bare word at `token`, which ends before `after`, as this pass sees it. */
static gad_answer_decision judge(search *s, span token, size_t after, bool quoted)
{
    size_t next = after;
    while (next < s->length && is_space(s->text[next]))
        next++;
    if (s->depth && s->pass != WORDS && next < s->length && s->text[next] == ':') {
        s->key = token;
        return GAD_ANSWER_NONE;
    }
    int sense = s->depth ? sense_of(s->text + s->key.begin, s->key.end - s->key.begin) : 0;
    s->key = (span){0, 0};
    if (s->depth && s->pass == DECIDING && !sense)
        return GAD_ANSWER_NONE;
    if (quoted)
        return turned(decide_value(s->text, token, s->pass == VALUES), sense);
    return turned(decide(s->text + token.begin, token.end - token.begin, s->depth > 0), sense);
}

static gad_answer_decision step(search *s, size_t *where)
{
    size_t begin = s->at, end = word_end(s->text, s->length, begin), after = end;
    char c = s->text[begin];
    bool quoted = end == begin && s->depth && s->pass != WORDS &&
                  gad_answer_text_string(s->text, s->length, begin, &begin, &end, &after);
    if (end > begin || quoted) {
        s->at = after;
        gad_answer_decision decision = judge(s, (span){begin, end}, after, quoted);
        if (decision)
            *where = begin;
        return decision;
    }
    s->depth += c == '{';
    s->depth -= c == '}' && s->depth;
    if (c == ',' || c == '{' || c == '}')
        s->key = (span){0, 0};
    s->at++;
    return GAD_ANSWER_NONE;
}

gad_answer_decision gad_answer_decision_find(const char *text, size_t length, const gad_answer_objects *found,
                                             size_t *where, bool *in_object)
{
    for (search_pass pass = DECIDING; pass <= WORDS; pass++) {
        search s = {.text = text, .length = length, .found = found, .pass = pass};
        while (s.at < length) {
            gad_answer_decision decision = skip_box(&s) ? GAD_ANSWER_NONE : step(&s, where);
            if (decision) {
                *in_object = s.depth > 0;
                return decision;
            }
        }
    }
    return GAD_ANSWER_NONE;
}
