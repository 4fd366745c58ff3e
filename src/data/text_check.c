/* text_check: see text_check.h */
#include "data/text_check.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "task/answer.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

gad_text_check_rule gad_text_check_default(void)
{
    return (gad_text_check_rule){.iou = 0.9,
                                 .quoted_iou = 0.5,
                                 .words_low = 20,
                                 .words_high = 400,
                                 .foreign_share = 0.05,
                                 .forbidden =
                                     "red box|red rectangle|rectangle|bounding box|red frame|red "
                                     "outline|highlighted|annotated|the hint|as given|marked in red|provided label"};
}

void gad_text_check_text(const gad_text_check_rule *rule, char *text, size_t size_bytes)
{
    snprintf(text, size_bytes, "check:iou=%g,quoted=%g,words=%d-%d,v1", rule->iou, rule->quoted_iou, rule->words_low,
             rule->words_high);
}

typedef struct checker {
    const gad_text_check_rule *rule;
    const gad_sample *truth;
    const gad_box_frame *frame;
    const char *think;
    size_t length;
    char *reason;
    size_t reason_bytes;
} checker;

__attribute__((format(printf, 2, 3))) static bool refuse(checker *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->reason, c->reason_bytes, format, args);
    va_end(args);
    return false;
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
        n++;
    return n;
}

/* (a) Each tag once, and nothing but white space outside them. */
static bool check_tags(checker *c, const char *text)
{
    static const char *const tags[] = {"<think>", "</think>", "<answer>", "</answer>"};
    for (int i = 0; i < 4; i++)
        if (count_of(text, tags[i]) != 1)
            return refuse(c, "%d times %s", count_of(text, tags[i]), tags[i]);
    const char *begin = text + strspn(text, " \t\r\n"), *end = strstr(text, "</answer>") + strlen("</answer>");
    const char *between = strstr(text, "</think>") + strlen("</think>");
    if (strncmp(begin, "<think>", 7) != 0 || end[strspn(end, " \t\r\n")] ||
        strncmp(between + strspn(between, " \t\r\n"), "<answer>", 8) != 0)
        return refuse(c, "text outside the tags");
    return true;
}

/* (b) to (e): decision, boxes one to one, labels. */
static bool check_answer(checker *c, const gad_answer *answer)
{
    enum { MOST = 64 };
    const gad_sample *t = c->truth;
    if (answer->flags & (GAD_ANSWER_UNPARSABLE | GAD_ANSWER_TRUNCATED | GAD_ANSWER_CONTRADICTION | GAD_ANSWER_DEGENERATE |
                         GAD_ANSWER_CLAMPED))
        return refuse(c, "the answer is malformed");
    if ((answer->decision == GAD_ANSWER_YES) != (t->label == 1))
        return refuse(c, "the answer is %s, the truth is %s", answer->decision == GAD_ANSWER_YES ? "Yes" : "No",
                      t->label ? "anomalous" : "normal");
    if (answer->count != t->box_count)
        return refuse(c, "%zu boxes instead of %zu", answer->count, t->box_count);
    if (answer->count > MOST)
        return refuse(c, "more than %d boxes", MOST);
    gad_box truth[MOST], predicted[MOST];
    int64_t partner[MOST], other[MOST];
    for (size_t i = 0; i < answer->count; i++) {
        truth[i] = t->boxes[i].box;
        predicted[i] = answer->boxes[i].box;
    }
    gad_box_match_one(truth, answer->count, predicted, answer->count, c->rule->iou, partner, other);
    for (size_t i = 0; i < answer->count; i++) {
        if (partner[i] < 0)
            return refuse(c, "box %zu agrees with no true box (best IoU %.2f)", i,
                          gad_box_best_iou(predicted[i], truth, answer->count));
        char label[128];
        snprintf(label, sizeof label, "%s", answer->boxes[i].label);
        gad_sample_normalise(label);
        if (strcmp(label, t->boxes[partner[i]].label) != 0)
            return refuse(c, "label \"%.60s\" instead of \"%.60s\"", label, t->boxes[partner[i]].label);
    }
    return true;
}

/* Words of the reasoning: where each begins and how long it is. Returns the number, at most `most`. */
static int split_words(const checker *c, const char *starts[], int lengths[], int most)
{
    int n = 0;
    for (size_t i = 0; i < c->length && n < most;) {
        while (i < c->length && isspace((unsigned char)c->think[i]))
            i++;
        size_t from = i;
        while (i < c->length && !isspace((unsigned char)c->think[i]))
            i++;
        if (i > from) {
            starts[n] = c->think + from;
            lengths[n++] = (int)(i - from);
        }
    }
    return n;
}

/* (f) length, (i) no eight words in a row more than twice. */
static bool check_words(checker *c)
{
    enum { MOST = 2048, GRAM = 8 };
    static const int no_limit = MOST;
    const char *starts[MOST];
    int lengths[MOST];
    uint64_t grams[MOST];
    int n = split_words(c, starts, lengths, no_limit);
    if (n < c->rule->words_low || n > c->rule->words_high)
        return refuse(c, "%d words of reasoning; %d to %d are wanted", n, c->rule->words_low, c->rule->words_high);
    for (int i = 0; i + GRAM <= n; i++) {
        const char *end = starts[i + GRAM - 1] + lengths[i + GRAM - 1];
        grams[i] = gad_hash_bytes(starts[i], (size_t)(end - starts[i])).low;
        int same = 0;
        for (int k = 0; k <= i; k++)
            same += grams[k] == grams[i];
        if (same > 2)
            return refuse(c, "it repeats \"%.*s\"", (int)(end - starts[i] > 80 ? 80 : end - starts[i]), starts[i]);
    }
    return true;
}

/* The hint may not be talked about. A word of the class's own name is no hint. */
static bool check_hint(checker *c)
{
    char *lower = gad_memory_alloc(c->length + 1, 1), word[64];
    bool good = true;
    if (!lower)
        return refuse(c, "no memory");
    for (size_t i = 0; i < c->length; i++)
        lower[i] = (char)tolower((unsigned char)c->think[i]);
    lower[c->length] = 0;
    for (const char *at = c->rule->forbidden; at && *at && good;) {
        size_t n = strcspn(at, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        at += n + (at[n] == '|');
        bool own = c->truth->class_text && strcasestr(c->truth->class_text, word);
        if (word[0] && !own && strstr(lower, word))
            good = refuse(c, "it speaks of the hint: \"%s\"", word);
    }
    gad_memory_free(lower);
    return good;
}

/* (g) [a, b, c, d] in the reasoning must be near a true box. */
static bool check_quoted(checker *c)
{
    for (size_t i = 0; i < c->length; i++) {
        gad_model_box model;
        int used = 0;
        char piece[96];
        if (c->think[i] != '[')
            continue;
        snprintf(piece, sizeof piece, "%.*s", (int)(c->length - i < 95 ? c->length - i : 95), c->think + i);
        if (sscanf(piece, "[%lf , %lf , %lf , %lf ]%n", &model.value[0], &model.value[1], &model.value[2], &model.value[3],
                   &used) < 4 ||
            !used)
            continue;
        gad_box quoted = gad_box_from_model(c->frame, model);
        double best = 0;
        for (size_t k = 0; k < c->truth->box_count; k++) {
            double iou = gad_box_iou(quoted, c->truth->boxes[k].box);
            best = iou > best ? iou : best;
        }
        if (best < c->rule->quoted_iou)
            return refuse(c, "the coordinates %.*s in the reasoning are no true box", used, piece);
    }
    return true;
}

/* (h) Letters outside ASCII. */
static bool check_language(checker *c)
{
    size_t foreign = 0, letters = 0;
    for (size_t i = 0; i < c->length; i++) {
        unsigned char b = (unsigned char)c->think[i];
        if (b >= 0xC0)
            foreign++;
        letters += b >= 0xC0 || isalpha(b);
    }
    return (double)foreign <= c->rule->foreign_share * (double)letters ||
           refuse(c, "%zu of %zu letters are not English", foreign, letters);
}

gad_status gad_text_check(const gad_text_check_rule *rule, const gad_sample *truth, const gad_box_frame *frame,
                          const char *text, char **think, char *reason, size_t reason_bytes, gad_error *err)
{
    checker c = {.rule = rule, .truth = truth, .frame = frame, .reason = reason, .reason_bytes = reason_bytes};
    gad_answer answer;
    *think = NULL;
    reason[0] = 0;
    gad_status status = gad_answer_read(text, strlen(text), frame, &answer, err);
    if (status)
        return status;
    c.think = text + answer.think_begin;
    c.length = answer.think_length;
    if (check_tags(&c, text) && check_answer(&c, &answer) && check_words(&c) && check_hint(&c) && check_quoted(&c) &&
        check_language(&c)) {
        gad_string kept = {0};
        gad_string_append(&kept, c.think, c.length);
        if (kept.failed)
            status = gad_error_memory(err, "check a text", c.length);
        else
            *think = kept.data;
    }
    gad_answer_free(&answer);
    return status;
}
