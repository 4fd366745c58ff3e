/* account: see account.h. Text grows from rules as in reasoning.c: "{name}" in an alternative stands for a measured word or
 * another rule; a sentence whose words have nothing to say is not written. A region is named before what was measured of
 * it: that is read off where its name points. */
#include "task/account.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "task/place.h"

static const char *const OPEN[] = {"Both images show a {class}.",
                                   "I compare the two views of the {class}.",
                                   "The first image gives the normal look of this {class}.",
                                   "The normal {class} sets the standard here.",
                                   "The {class} is compared with the good part.",
                                   "Against the good part, the last image is checked region by region.",
                                   "This is an inspection of a {class}.",
                                   "Two pictures of a {class} lie side by side.",
                                   NULL};
static const char *const SAME[] = {"In the {free} nothing stands out.",
                                   "The {free} looks as it should.",
                                   "There is no change in the {free}.",
                                   "The {free} agrees with the good part.",
                                   "At the {free} I see the same in both.",
                                   "Nothing differs in the {free}.",
                                   NULL};
static const char *const DIFFER[] = {"In the {region} I see {look}.",
                                     "The {region} differs: there is {look}.",
                                     "The {region} shows {look}.",
                                     "At the {region} there is {look}.",
                                     "But in the {region} I find {look}.",
                                     "The difference lies in the {region}: {look}.",
                                     NULL};
static const char *const ALSO[] = {"In the {region} there is also {look}.",     "The {region} differs too: {look}.",
                                   "Besides, the {region} shows {look}.",       "Another one lies in the {region}: {look}.",
                                   "Another one lies in the {region}: {look}.", NULL};
static const char *const LEVEL[] = {"It is {level} what good parts show.", "That is {level} what good parts show.",
                                    "The deviation is {level} what good parts show.", NULL};
static const char *const VERDICT[] = {"This is a {label}.",
                                      "So the finding is a {label}.",
                                      "I judge it as {label}.",
                                      "The part has a {label} and is anomalous.",
                                      "That counts as {label}.",
                                      "Hence the {class} is anomalous: {label}.",
                                      "It fits the type {label}.",
                                      "I conclude: {label}.",
                                      NULL};
static const char *const VERDICT_MANY[] = {"The findings are {labels}.",
                                           "Together they make the part anomalous: {labels}.",
                                           "So the {class} is anomalous, with {labels}.",
                                           "These count as {labels}.",
                                           "I conclude that there are several: {labels}.",
                                           NULL};
static const char *const LARGEST[] = {"The largest deviation is in the {region}: {look}.",
                                      "Most deviates the {region}, with {look}.",
                                      "The {region} differs most: {look}.",
                                      "Only the {region} shows a little: {look}.",
                                      "Nearest to a defect comes the {region}, with {look}.",
                                      NULL};
static const char *const WITHIN[] = {"It is {level} what rejects a part.", "That is {level} what rejects a part.",
                                     "It stays {level} what rejects a part.",
                                     "The deviation is {level} what rejects a part.", NULL};
static const char *const BEYOND[] = {"It is {level} what rejects a part, but good parts differ like that.",
                                     "Good parts differ like that, though it is {level} what rejects a part.", NULL};
static const char *const NORMAL[] = {"So the {class} is normal.",
                                     "I find no defect.",
                                     "All of it is within the range of good parts.",
                                     "Hence the part is good.",
                                     "The answer is no.",
                                     "Good parts differ as much.",
                                     NULL};
/* Levels below 0 of the heat map's logit: what a good part shows. */
enum { FIRST_LEVEL_ABOVE = 3 };

typedef struct state {
    const gad_account_facts *facts;
    const gad_account_region *region; /* that is being described */
    gad_rng *rng;
} state;

static const char *pick(gad_rng *rng, const char *const *list)
{
    uint32_t n = 0;
    while (list[n])
        n++;
    return list[gad_rng_below(rng, n)];
}

static void write_label(const char *label, gad_string *out)
{
    bool article = out->length >= 3 && !strcmp(out->data + out->length - 3, " a ");
    if (article && strchr("aeiou", *label)) {
        out->data[--out->length] = 0;
        gad_string_add(out, "n ");
    }
    gad_string_add(out, label);
}

/* "a scratch, a hole": each named once. */
static void write_labels(const state *s, gad_string *out)
{
    for (int i = 0, named = 0; i < s->facts->count; i++) {
        bool before = false;
        for (int k = 0; k < i; k++)
            before = before || !strcmp(s->facts->region[k].label, s->facts->region[i].label);
        if (!before)
            gad_string_addf(out, "%s%s", named++ ? ", " : "", s->facts->region[i].label);
    }
}

static void fill(const state *s, const char *name, size_t length, gad_string *out)
{
    static const char *const names[] = {"class", "free", "region", "look", "level", "label", "labels"};
    int which = 0;
    while (strlen(names[which]) != length || strncmp(names[which], name, length) != 0)
        which++;
    switch (which) {
    case 0: gad_string_add(out, "<|object|>"); break;
    case 1: gad_string_add(out, "<|elsewhere|>"); break;
    case 2: gad_string_add(out, gad_pointer_mark(s->region->mark)); break;
    case 3: gad_string_add(out, gad_pointer_look); break;
    case 4: gad_string_add(out, gad_pointer_level); break;
    case 5: write_label(s->region->label, out); break;
    default: write_labels(s, out);
    }
}

static void sentence(const state *s, const char *const *list, gad_string *out)
{
    const char *text = pick(s->rng, list);
    gad_string_add(out, out->length ? " " : "");
    for (const char *open = strchr(text, '{'); open; open = strchr(text, '{')) {
        const char *close = strchr(open, '}');
        gad_string_append(out, text, (size_t)(open - text));
        fill(s, open + 1, (size_t)(close - open - 1), out);
        text = close + 1;
    }
    gad_string_add(out, text);
}

static bool one_in(const state *s, uint32_t n)
{
    return gad_rng_below(s->rng, n) == 0;
}

static void write_anomalous(state *s, gad_string *out)
{
    const gad_account_facts *facts = s->facts;
    bool equal = true;
    for (int i = 0; i < facts->count; i++) {
        s->region = &facts->region[i];
        sentence(s, i ? ALSO : DIFFER, out);
        if (i == 0 && s->region->words.of[GAD_WORD_LEVEL] >= FIRST_LEVEL_ABOVE && one_in(s, 2))
            sentence(s, LEVEL, out);
        equal = equal && !strcmp(facts->region[i].label, facts->region[0].label);
    }
    s->region = &facts->region[0];
    sentence(s, equal ? VERDICT : VERDICT_MANY, out);
}

static void write_normal(state *s, gad_string *out)
{
    s->region = &s->facts->region[0];
    sentence(s, LARGEST, out);
    sentence(s, s->region->words.of[GAD_WORD_LEVEL] < FIRST_LEVEL_ABOVE ? WITHIN : BEYOND, out);
    sentence(s, NORMAL, out);
}

gad_status gad_account_write(const gad_account_facts *facts, gad_rng *rng, gad_string *text, gad_error *err)
{
    state s = {.facts = facts, .region = facts->region, .rng = rng};
    gad_string made = {0};
    if (!one_in(&s, 3))
        sentence(&s, OPEN, &made);
    if (one_in(&s, facts->anomalous ? 3 : 2))
        sentence(&s, SAME, &made);
    if (facts->anomalous)
        write_anomalous(&s, &made);
    else
        write_normal(&s, &made);
    gad_string_append(text, gad_string_text(&made), made.length);
    bool failed = made.failed || text->failed;
    gad_string_free(&made);
    return failed ? gad_error_memory(err, "write an account", 0) : GAD_OK;
}

/* ---- checking ------------------------------------------------------------------------------------------------------ */

static const char *const *const RULES[] = {OPEN,         SAME,    DIFFER, ALSO,   LEVEL, VERDICT,
                                           VERDICT_MANY, LARGEST, WITHIN, BEYOND, NORMAL};

static bool same_word(const char *text, size_t length, const char *with)
{
    return strncasecmp(text, with, length) == 0 && !isalpha((unsigned char)with[length]);
}

/* Does a text have the word as a whole word, outside of "{..}" and marks? */
static bool has_word(const char *text, const char *wanted, size_t length)
{
    for (bool begins = true; *text; text++) {
        if (*text == '{' || (*text == '<' && text[1] == '|'))
            text += strcspn(text, *text == '{' ? "}" : ">");
        else if (begins && same_word(wanted, length, text))
            return true;
        begins = !isalpha((unsigned char)*text);
        if (!*text)
            break;
    }
    return false;
}

static bool in_grammar(const char *wanted, size_t length)
{
    static const char further[] =
        "a an patch and than it with nothing like in the good part where something is missing which "
        "found again at another place";
    for (size_t r = 0; r < sizeof RULES / sizeof *RULES; r++)
        for (const char *const *rule = RULES[r]; *rule; rule++)
            if (has_word(*rule, wanted, length))
                return true;
    for (int kind = 0; kind < GAD_WORD_KINDS; kind++)
        for (int i = 0; i < gad_measurement_word_count((gad_word_kind)kind); i++)
            if (has_word(gad_measurement_word((gad_word_kind)kind, i), wanted, length))
                return true;
    for (int p = 0; p < GAD_PLACES; p++)
        if (has_word(gad_place_name(p), wanted, length))
            return true;
    return has_word(further, wanted, length) || has_word("rest picture", wanted, length);
}

static void note(gad_account_faults *f, const char *from, size_t length)
{
    size_t n = length < sizeof f->first ? length : sizeof f->first - 1;
    if (f->first[0])
        return;
    memcpy(f->first, from, n);
    f->first[n] = 0;
}

static void check_words(const char *text, const char *object, const char *labels, gad_account_faults *f)
{
    for (const char *at = text; *at;) {
        size_t length = 0;
        if (*at == '<' && at[1] == '|')
            at += strcspn(at, ">");
        while (isalpha((unsigned char)at[length]) || (length && at[length] == '-'))
            length++;
        if (!length) {
            at += *at != 0;
            continue;
        }
        if (!in_grammar(at, length) && !(object && has_word(object, at, length)) &&
            !(labels && has_word(labels, at, length))) {
            f->broken++;
            note(f, at, length);
        }
        at += length;
    }
}

/* Does the text state that word of a kind? A longer word of the kind is another one: "much darker" is not "darker". */
static bool states(const char *text, gad_word_kind kind, int number)
{
    const char *wanted = gad_measurement_word(kind, number);
    size_t length = strlen(wanted);
    for (const char *at = strstr(text, wanted); length && at; at = strstr(at + 1, wanted)) {
        bool longer = (at > text && isalpha((unsigned char)at[-1])) || isalpha((unsigned char)at[length]);
        for (int i = 0; i < gad_measurement_word_count(kind) && !longer; i++) {
            const char *other = gad_measurement_word(kind, i);
            size_t more = strlen(other);
            longer = more > length && !strcmp(other + more - length, wanted) && (size_t)(at - text) >= more - length &&
                     !strncmp(at - (more - length), other, more);
        }
        if (!longer)
            return true;
    }
    return false;
}

static void check_kind(const char *text, gad_word_kind kind, const gad_words *words, int count, gad_account_faults *f)
{
    for (int i = 0; i < gad_measurement_word_count(kind); i++) {
        bool measured = false;
        for (int k = 0; k < count; k++)
            measured = measured || words[k].of[kind] == i;
        if (measured || !states(text, kind, i))
            continue;
        f->unmeasured++;
        note(f, gad_measurement_word(kind, i), strlen(gad_measurement_word(kind, i)));
    }
}

gad_account_faults gad_account_check(const char *text, const gad_words *words, int count, const char *object,
                                     const char *labels)
{
    /* "the good part" and "its surroundings" are compared with something else in other sentences */
    static const gad_word_kind kinds[] = {GAD_WORD_SIZE,      GAD_WORD_TONE,      GAD_WORD_COLOUR, GAD_WORD_FORM,
                                          GAD_WORD_DIRECTION, GAD_WORD_STRUCTURE, GAD_WORD_LEVEL};
    gad_account_faults f = {0};
    check_words(text, object, labels, &f);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind(text, kinds[i], words, count, &f);
    return f;
}
