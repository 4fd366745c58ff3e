/* reasoning: see reasoning.h. Text grows from rules: "{name}" in an alternative stands for a fact or another rule. */
#include "task/reasoning.h"

#include "base/error.h"
#include "task/place.h"

#include <math.h>
#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char *const OPEN[] = {"The reference shows a {class} in good order.",
                                   "Both images show a {class}.",
                                   "The object is a {class}.",
                                   "I compare the two views of the {class}.",
                                   "The first image gives the normal look of this {class}.",
                                   "A {class} is to be inspected against a normal one.",
                                   "First the overall view: a {class}, lit and placed much alike in both images.",
                                   "We look at a {class}; the first image is the sample without fault.",
                                   "The normal {class} sets the standard here.",
                                   "Starting from the {class} in the first image, I go over the second one.",
                                   "The part in question is a {class}.",
                                   "Against the good {class}, the second image is checked region by region.",
                                   "Two pictures of a {class} lie side by side.",
                                   "This is an inspection of a {class}.",
                                   NULL};
static const char *const OPEN_ALONE[] = {"The image shows a {class}.",
                                         "A {class} is seen.",
                                         "The object is a {class}.",
                                         "I look at a {class} without a reference.",
                                         "There is one picture of a {class} to judge.",
                                         "This is a {class}.",
                                         "We see a {class} and nothing to compare it with.",
                                         "The part in question is a {class}.",
                                         "A single view of a {class} is given.",
                                         "I inspect the {class} on its own.",
                                         NULL};
static const char *const SAME[] = {"The {free} and the {free} agree in {aspect}.",
                                   "In the {free} nothing has changed.",
                                   "{Aspect} match in the {free}.",
                                   "At the {free} I see the same {aspect} in both.",
                                   "The {free} looks as it should.",
                                   "Neither the {free} nor the {free} differs in {aspect}.",
                                   "Going from the {free} to the {free}, {aspect} stay the same.",
                                   "The {free} is unchanged apart from the light.",
                                   "Comparing the {free}: {aspect} are alike.",
                                   "There is no change in the {free}.",
                                   "{Aspect} of the {free} correspond to the normal one.",
                                   "The {free} repeats the normal pattern.",
                                   NULL};
static const char *const SAME_ALONE[] = {"The {free} looks regular.",
                                         "In the {free} {aspect} are even.",
                                         "Nothing stands out in the {free}.",
                                         "{Aspect} are as expected in the {free}.",
                                         "The {free} and the {free} are consistent with each other.",
                                         "I find no irregularity in the {free}.",
                                         "The {free} appears intact.",
                                         "{Aspect} continue evenly through the {free}.",
                                         "The {free} is clean.",
                                         "At the {free} everything is in order.",
                                         NULL};
static const char *const DIFFER[] = {"In the {region}, however, there is {sight}.",
                                     "The {region} differs: {sight} appears there.",
                                     "At the {region} I notice {sight} that the normal one lacks.",
                                     "Only the {region} stands out, with {sight}.",
                                     "But the {region} shows {sight}.",
                                     "The second image has {sight} in the {region}.",
                                     "What does not match is the {region}, where I see {sight}.",
                                     "Then, in the {region}, {sight} comes into view.",
                                     "The clear difference lies in the {region}: {sight}.",
                                     "Moving to the {region}, I find {sight}.",
                                     "{Sight} is visible in the {region}.",
                                     "Unlike the reference, the {region} has {sight}.",
                                     "Where the reference is sound, in the {region}, there is now {sight}.",
                                     NULL};
static const char *const DIFFER_ALONE[] = {"In the {region} there is {sight}.",
                                           "The {region} breaks the pattern with {sight}.",
                                           "At the {region} I notice {sight}.",
                                           "But the {region} shows {sight}.",
                                           "{Sight} is visible in the {region}.",
                                           "What stands out is {sight} in the {region}.",
                                           "Moving to the {region}, I find {sight}.",
                                           "One place is odd: the {region}, with {sight}.",
                                           "The {region} has {sight}, which does not belong there.",
                                           "Only the {region} is irregular: {sight}.",
                                           NULL};
static const char *const ALSO[] = {"There is also {sight} in the {region}.",
                                   "A further fault, {sight}, lies in the {region}.",
                                   "Besides, the {region} has {sight}.",
                                   "The {region} is affected too: {sight}.",
                                   "In addition I see {sight} in the {region}.",
                                   "Another deviation is {sight} in the {region}.",
                                   "{Sight} shows up in the {region} as well.",
                                   "Next to that, the {region} carries {sight}.",
                                   "I also count {sight} in the {region}.",
                                   "The {region} brings a second finding, {sight}.",
                                   NULL};
static const char *const DETAIL[] = {"The place is {tone} than it should be.",
                                     "It is {tone} than the same spot on the good one.",
                                     "Its colour is {tone}.",
                                     "Compared with normal, the area is {tone}.",
                                     "That spot came out {tone}.",
                                     "There the surface turns {tone}.",
                                     "The change makes the area {tone}.",
                                     "One sees it because it is {tone} than its normal state.",
                                     "The affected pixels are {tone}.",
                                     "Its tone is {tone} than before.",
                                     NULL};
static const char *const VERDICT[] = {"This is a {label}.",
                                      "So the finding is a {label}.",
                                      "I conclude: {label}.",
                                      "Such a mark is a {label}, not normal variation.",
                                      "The part has a {label} and is anomalous.",
                                      "Light or position cannot explain it; it is a {label}.",
                                      "That counts as {label}.",
                                      "Hence the {class} is defective: {label}.",
                                      "It fits the type {label}.",
                                      "I judge it as {label}.",
                                      "The deviation is of the type {label}.",
                                      "Therefore the answer is yes, with {label}.",
                                      NULL};
static const char *const VERDICT_MANY[] = {"The findings are {labels}.",
                                           "Together they make the part anomalous: {labels}.",
                                           "I conclude that there are several faults: {labels}.",
                                           "So the {class} is defective, with {labels}.",
                                           "These count as {labels}.",
                                           "Light or position cannot explain them; they are {labels}.",
                                           "Hence the verdict is anomalous: {labels}.",
                                           "The deviations are of the types {labels}.",
                                           "All in all: {labels}.",
                                           "I list {labels}.",
                                           NULL};
static const char *const NORMAL[] = {"I find no defect.",
                                     "The {class} is normal.",
                                     "What differs is light and position only.",
                                     "So there is no anomaly.",
                                     "Nothing is missing, added or damaged.",
                                     "The small differences are normal variation.",
                                     "Hence the part is good.",
                                     "No scratch, stain or missing piece can be found.",
                                     "All of it is within normal variation.",
                                     "The answer is no.",
                                     "Everything that should be there is there, and nothing else.",
                                     "I conclude that the {class} is sound.",
                                     NULL};
static const char *const ASPECT[] = {"colour and outline",
                                     "shape and position",
                                     "surface and edges",
                                     "texture and tone",
                                     "the details",
                                     "pattern and spacing",
                                     "brightness and colour",
                                     "contours and surface",
                                     "structure and colour",
                                     "layout and edges",
                                     NULL};
/* "a small dark scratch on the gear" */
static const char *const SIGHT[] = {"{thing}", "{thing}", "{thing} {where}", "{thing} {where}", NULL};
static const char *const WHERE_PART[] = {"on the {noun}", "at the {noun}", "where the {noun} is", NULL};
static const char *const WHERE_NONE[] = {"of {size} extent", "on the {class}", "on the surface",
                                         "about {share} of the image wide", NULL};

typedef struct kind_words {
    const char *label;
    const char *const *sights;
} kind_words;

static const kind_words SIGHTS[] = {
    {"scratch", LIST("a thin scratch", "a {size} scratch line", "a fine line scored into the surface", "a {size} scrape",
                     "a narrow streak that cuts across", "scoring of {size} length")},
    {"crack", LIST("a crack", "a jagged dark line", "a {size} branching crack", "a fracture line",
                   "a {size} split that runs unevenly")},
    {"cut", LIST("a cut", "a {size} slit", "an open gash", "a straight-edged {size} opening", "a slit with dark inside")},
    {"hole", LIST("a hole", "a {size} hole", "a {size} puncture", "a pit that should not be there",
                  "a {size} opening through the surface")},
    {"dent", LIST("a dent", "a {size} hollow", "a pressed-in spot", "a shallow depression with light and dark sides",
                  "a {size} bump in the relief")},
    {"stain", LIST("a stain", "a {size} blotch", "a {size} soiled patch", "a smudge with uneven border",
                   "a spot as from a dried liquid")},
    {"contamination", LIST("foreign matter", "a {size} foreign particle", "something lying on it that does not belong",
                           "dirt of {size} extent", "a {size} piece of foreign material")},
    {"discoloration", LIST("a discoloured area", "a {size} change of colour", "a patch of wrong colour",
                           "a {size} area off in tone", "faded or tinted material")},
    {"missing part", LIST("an empty place where the {part} should be", "a missing {part}", "the lack of a {part}",
                          "a gap instead of the {part}", "no {part} where one belongs")},
    {"extra part", LIST("an additional {part}", "a surplus {part}", "a {part} that the normal one does not have",
                        "one {part} too many", "an added {part}")},
    {"misplaced part", LIST("a {part} out of position", "a shifted {part}", "a {part} that sits wrong",
                            "a displaced {part}", "a {part} away from its proper place")},
    {"swapped part", LIST("a wrong {part}", "a {part} of another kind", "an exchanged {part}",
                          "a {part} that does not belong at this place", "a mixed-up {part}")},
    {"deformation", LIST("a bent {part}", "a deformed {part}", "a distorted outline of the {part}", "a {part} out of shape",
                         "a warped {part}")},
    {"broken edge", LIST("a broken edge", "a chipped border", "a {size} piece broken off", "a ragged edge on the {part}",
                         "a bite missing from the {part}")},
    {"print defect", LIST("faulty printing", "damaged lettering", "a misprint", "print that is smeared or incomplete",
                          "ink that is not as it should be")},
    {"texture defect", LIST("a break in the texture", "an irregular texture", "a {size} flaw in the pattern",
                            "a patch whose structure differs", "a disturbed weave or grain")},
};

static const char *const OTHER_SIGHT[] = {
    "a {size} {label}", "a {label}", "signs of {label}", "a fault of the kind {label}", "an area with {label}", NULL};

typedef struct state {
    const gad_reasoning_facts *facts;
    const gad_reasoning_finding *finding; /* the one being described */
    gad_rng *rng;
    int regions_used; /* bits of the 3 x 3 grid that were named or are faulty */
} state;

static int place_of(const gad_reasoning_facts *facts, const gad_reasoning_finding *f)
{
    return gad_place_of(&f->box, facts->width, facts->height);
}

static const char *pick(gad_rng *rng, const char *const *list)
{
    uint32_t n = 0;
    while (list[n])
        n++;
    return list[gad_rng_below(rng, n)];
}

/* A region that is neither faulty nor mentioned; after nine mentions any. */
static const char *free_region(state *s)
{
    for (int attempt = 0; attempt < 40; attempt++) {
        int r = (int)gad_rng_below(s->rng, GAD_PLACES);
        if (!(s->regions_used >> r & 1)) {
            s->regions_used |= 1 << r;
            return gad_place_name(r);
        }
    }
    return "rest";
}

static const char *size_word(const state *s)
{
    const gad_reasoning_finding *f = s->finding;
    double share = gad_box_area(f->box) / ((double)s->facts->width * s->facts->height);
    return share < 0.004 ? "tiny" : share < 0.02 ? "small" : share < 0.09 ? "medium-sized" : "large";
}

static const char *share_word(const state *s)
{
    const gad_reasoning_finding *f = s->finding;
    double share = (f->box.x2 - f->box.x1) / s->facts->width;
    return share < 0.08   ? "a twentieth"
           : share < 0.15 ? "a tenth"
           : share < 0.29 ? "a fifth"
           : share < 0.42 ? "a third"
           : share < 0.6  ? "half"
                          : "most";
}

/* How the colour changed; NULL when it hardly did. */
static const char *tone_word(const gad_reasoning_finding *f)
{
    float light = (f->change[0] + f->change[1] + f->change[2]) / 3, strongest = 0;
    int channel = 0;
    for (int i = 0; i < 3; i++)
        if (fabsf(f->change[i] - light) > fabsf(strongest)) {
            strongest = f->change[i] - light;
            channel = i;
        }
    if (fabsf(strongest) > 0.05f && fabsf(strongest) > 0.7f * fabsf(light)) {
        static const char *const more[3] = {"redder", "greener", "bluer"}, *const less[3] = {"less red", "less green",
                                                                                             "more yellow"};
        return strongest > 0 ? more[channel] : less[channel];
    }
    if (fabsf(light) < 0.03f)
        return NULL;
    return light < -0.15f ? "much darker" : light < 0 ? "darker" : light > 0.15f ? "much brighter" : "brighter";
}

static const char *const *sights_of(const char *label)
{
    for (size_t i = 0; i < sizeof SIGHTS / sizeof *SIGHTS; i++)
        if (strcmp(SIGHTS[i].label, label) == 0)
            return SIGHTS[i].sights;
    return OTHER_SIGHT;
}

static void expand(state *s, const char *text, gad_string *out, int depth);

/* Labels of all findings as a list: "scratch, hole and dent". */
static void add_labels(const state *s, gad_string *out)
{
    for (int i = 0; i < s->facts->count; i++) {
        if (i)
            gad_string_add(out, i + 1 == s->facts->count ? " and " : ", ");
        gad_string_add(out, s->facts->findings[i].label);
    }
}

/* A word after an article: "a" becomes "an" before a vowel. */
static void add_word(gad_string *out, const char *word)
{
    bool article = out->length >= 2 && out->data[out->length - 1] == ' ' && (out->data[out->length - 2] | 0x20) == 'a' &&
                   (out->length == 2 || out->data[out->length - 3] == ' ');
    if (article && strchr("aeiouAEIOU", word[0]) && word[0]) {
        out->data[--out->length] = 0;
        gad_string_add(out, "n ");
    }
    gad_string_add(out, word);
}

/* The value of one slot. */
static void fill(state *s, const char *name, size_t length, gad_string *out, int depth)
{
    char key[16];
    bool capital = name[0] >= 'A' && name[0] <= 'Z';
    memcpy(key, name, length);
    key[length] = 0;
    size_t start = out->length;
    if (capital)
        key[0] = (char)(key[0] - 'A' + 'a');
    const gad_reasoning_finding *f = s->finding;
    if (strcmp(key, "class") == 0)
        add_word(out, s->facts->class_text);
    else if (strcmp(key, "free") == 0)
        gad_string_add(out, free_region(s));
    else if (strcmp(key, "aspect") == 0)
        gad_string_add(out, pick(s->rng, ASPECT));
    else if (strcmp(key, "labels") == 0)
        add_labels(s, out);
    else if (strcmp(key, "region") == 0)
        gad_string_add(out, gad_place_name(place_of(s->facts, f)));
    else if (strcmp(key, "size") == 0)
        gad_string_add(out, size_word(s));
    else if (strcmp(key, "share") == 0)
        gad_string_add(out, share_word(s));
    else if (strcmp(key, "tone") == 0)
        gad_string_add(out, tone_word(f));
    else if (strcmp(key, "label") == 0)
        add_word(out, f->label);
    else if (strcmp(key, "noun") == 0 || strcmp(key, "part") == 0)
        add_word(out, f->noun ? f->noun : "part");
    else if (strcmp(key, "where") == 0)
        expand(s, pick(s->rng, f->noun ? WHERE_PART : WHERE_NONE), out, depth + 1);
    else if (strcmp(key, "sight") == 0)
        expand(s, pick(s->rng, SIGHT), out, depth + 1);
    else if (strcmp(key, "thing") == 0)
        expand(s, pick(s->rng, sights_of(f->label)), out, depth + 1);
    if (capital && !out->failed && out->length > start && out->data[start] >= 'a' && out->data[start] <= 'z')
        out->data[start] = (char)(out->data[start] - 'a' + 'A');
}

static void expand(state *s, const char *text, gad_string *out, int depth)
{
    while (*text && depth < 6) {
        const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            gad_string_add(out, text);
            return;
        }
        gad_string_append(out, text, (size_t)(open - text));
        fill(s, open + 1, (size_t)(close - open - 1), out, depth);
        text = close + 1;
    }
}

static void sentence(state *s, const char *const *list, gad_string *out)
{
    if (out->length)
        gad_string_add(out, " ");
    expand(s, pick(s->rng, list), out, 0);
}

static void write_anomalous(state *s, gad_string *text)
{
    const gad_reasoning_facts *facts = s->facts;
    for (int i = 0; i < facts->count; i++) {
        s->finding = &facts->findings[i];
        sentence(s, i ? ALSO : facts->has_reference ? DIFFER : DIFFER_ALONE, text);
        if (facts->has_reference && tone_word(s->finding) && gad_rng_below(s->rng, facts->brief ? 3 : 2) == 0)
            sentence(s, DETAIL, text);
    }
    s->finding = &facts->findings[0];
    bool equal = true;
    for (int i = 1; i < facts->count; i++)
        equal = equal && strcmp(facts->findings[i].label, facts->findings[0].label) == 0;
    sentence(s, equal ? VERDICT : VERDICT_MANY, text);
}

gad_status gad_reasoning_write(const gad_reasoning_facts *facts, gad_rng *rng, gad_string *text, gad_error *err)
{
    state s = {.facts = facts, .rng = rng};
    gad_string made = {0};
    for (int i = 0; i < facts->count; i++)
        s.regions_used |= 1 << place_of(facts, &facts->findings[i]);
    /* The normal case names at least two regions (spec 7.2); the anomalous one at least one that agrees, unless brief. */
    int compared = facts->count ? (facts->brief ? (int)gad_rng_below(rng, 2) : 1 + (int)gad_rng_below(rng, 2))
                                : 2 + (int)gad_rng_below(rng, facts->brief ? 1 : 3);
    bool open = !facts->brief || gad_rng_below(rng, 3) != 0;
    if (open)
        sentence(&s, facts->has_reference ? OPEN : OPEN_ALONE, &made);
    for (int i = 0; i < compared; i++)
        sentence(&s, facts->has_reference ? SAME : SAME_ALONE, &made);
    if (facts->count)
        write_anomalous(&s, &made);
    else
        sentence(&s, NORMAL, &made);
    gad_string_append(text, gad_string_text(&made), made.length);
    bool failed = made.failed || text->failed;
    gad_string_free(&made);
    return failed ? gad_error_memory(err, "write reasoning text", 0) : GAD_OK;
}
