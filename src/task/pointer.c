/* pointer: see pointer.h */
#include "task/pointer.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"

const char gad_pointer_look[] = "{look}", gad_pointer_level[] = "{level}";
static const char before_box[] = "'bbox_2d': [", object_mark[] = "<|object|>", elsewhere_mark[] = "<|elsewhere|>";

const char *gad_pointer_mark(int i)
{
    static const char *const marks[GAD_POINTER_TOKENS] = {"<|region_1|>", "<|region_2|>", "<|region_3|>", "<|region_4|>",
                                                          "<|region_5|>", "<|region_6|>", "<|region_7|>"};
    return marks[i];
}

/* `made` takes the place of the text. */
static gad_status replace(gad_string *text, gad_string *made, gad_error *err)
{
    if (made->failed) {
        gad_string_free(made);
        return gad_error_memory(err, "write answer", text->length);
    }
    gad_string_free(text);
    *text = *made;
    return GAD_OK;
}

static bool begins_with(const char *text, const char *word)
{
    return !strncmp(text, word, strlen(word));
}

/* The place that a text begins with the name of; -1: none. */
static int place_at(const char *text)
{
    for (int p = 0; p < GAD_PLACES; p++)
        if (begins_with(text, gad_place_name(p)))
            return p;
    return -1;
}

static const char *mark_of_place(int p, const int *place, int count)
{
    for (int i = 0; i < count; i++)
        if (place[i] == p)
            return gad_pointer_mark(i);
    return elsewhere_mark;
}

/* Append reasoning up to `end` with region tokens for the product's name and for places. */
static void put_names(const char *from, const char *end, const char *object, const int *place, int count, gad_string *made)
{
    while (from < end) {
        int p = place_at(from);
        if (object && *object && begins_with(from, object)) {
            gad_string_add(made, object_mark);
            from += strlen(object);
        } else if (p >= 0) {
            gad_string_add(made, mark_of_place(p, place, count));
            from += strlen(gad_place_name(p));
        } else {
            gad_string_append(made, from++, 1);
        }
    }
}

gad_status gad_pointer_put(gad_string *text, const char *object, const int *place, int count, gad_error *err)
{
    gad_string made = {0};
    const char *from = gad_string_text(text), *answer = strstr(from, "<answer>"), *box, *end;
    if (answer)
        put_names(from, answer, object, place, count < GAD_POINTER_TOKENS ? count : GAD_POINTER_TOKENS, &made);
    from = answer ? answer : from;
    for (int i = 0; i < GAD_POINTER_TOKENS && (box = strstr(from, before_box)) && (end = strchr(box, ']')); i++) {
        box += strlen(before_box);
        gad_string_append(&made, from, (size_t)(box - from));
        gad_string_add(&made, gad_pointer_mark(i));
        from = end;
    }
    gad_string_add(&made, from);
    return replace(text, &made, err);
}

gad_pointer_meaning gad_pointer_mean(const gad_box_frame *frame, const char *object, const gad_box *box, int count,
                                     const float *loudest)
{
    gad_pointer_meaning m = {.object = object && *object ? object : "product",
                             .count = count < GAD_POINTER_TOKENS ? count : GAD_POINTER_TOKENS};
    bool taken[GAD_PLACES] = {false};
    for (int i = 0; i < m.count; i++)
        m.box[i] = gad_box_to_model(frame, box[i]);
    for (int i = 0; i < count; i++) {
        int p = gad_place_of(&box[i], frame->width_px, frame->height_px);
        taken[p] = true;
        if (i < m.count)
            m.place[i] = p;
    }
    for (int p = 0; p < GAD_PLACES; p++) {
        if (taken[p])
            continue;
        int at = m.quiet_count++;
        for (; loudest && at > 0 && loudest[m.quiet[at - 1]] > loudest[p]; at--)
            m.quiet[at] = m.quiet[at - 1];
        m.quiet[at] = p;
    }
    return m;
}

/* The region that a text begins with the mark of; -1: none. */
static int mark_at(const char *text)
{
    for (int i = 0; i < GAD_POINTER_TOKENS; i++)
        if (begins_with(text, gad_pointer_mark(i)))
            return i;
    return -1;
}

/* "a" or "an" at the end of a text, as the name asks for. */
static void fit_article(gad_string *text, const char *object)
{
    const char *all = gad_string_text(text);
    size_t n = text->length;
    bool vowel = strchr("aeiouAEIOU", *object) != NULL, an = n >= 3 && !strcasecmp(all + n - 3, "an ");
    bool a = n >= 2 && !strcasecmp(all + n - 2, "a ");
    size_t word = an ? 3 : 2;
    if ((!a && !an) || an == vowel || (n > word && all[n - word - 1] != ' ' && all[n - word - 1] != '\n'))
        return;
    text->length -= an ? 2 : 1;
    gad_string_add(text, vowel ? "n " : " ");
}

/* Take the box that a mark stands in out of what is made; returns where the text goes on. */
static const char *leave_out(gad_string *made, const char *from)
{
    size_t n = made->length;
    const char *all = gad_string_text(made), *end = strchr(from, '}');
    while (n && all[n - 1] != '{')
        n--;
    if (!n || !end)
        return strchr(from, '>') + 1;
    n--;
    while (n && (all[n - 1] == ' ' || all[n - 1] == ','))
        n--;
    made->length = n;
    made->data[n] = 0;
    return end + 1;
}

/* Append what the mark of region i at `from` means; returns where the text goes on. */
static const char *expand_region(gad_string *made, const char *from, int i, gad_pointer_meaning *meaning)
{
    const double *v = meaning->box[i].value;
    bool in_box = (made->length ? made->data[made->length - 1] : meaning->last) == '[', known = i < meaning->count;
    if (in_box && (!known || meaning->boxed[i]))
        return leave_out(made, from);
    meaning->boxed[i] |= in_box;
    meaning->told = known ? i : meaning->count ? meaning->count - 1 : 0;
    if (in_box)
        gad_string_addf(made, "%.6g, %.6g, %.6g, %.6g", v[0], v[1], v[2], v[3]);
    else if (meaning->count)
        gad_string_add(made, gad_place_name(meaning->place[known ? i : meaning->count - 1]));
    else
        gad_string_add(made, "picture");
    return from + strlen(gad_pointer_mark(i));
}

gad_status gad_pointer_expand(gad_string *text, gad_pointer_meaning *meaning, gad_error *err)
{
    gad_string made = {0};
    for (const char *from = gad_string_text(text), *end = from + text->length; from < end;) {
        int i = *from == '<' ? mark_at(from) : -1;
        if (i >= 0) {
            from = expand_region(&made, from, i, meaning);
        } else if (meaning->words && begins_with(from, gad_pointer_look)) {
            gad_measurement_say(&meaning->words[meaning->told], &made);
            from += strlen(gad_pointer_look);
        } else if (meaning->words && begins_with(from, gad_pointer_level)) {
            int level = meaning->words[meaning->told].of[GAD_WORD_LEVEL];
            gad_string_add(&made, gad_measurement_word(GAD_WORD_LEVEL, level));
            from += strlen(gad_pointer_level);
        } else if (begins_with(from, object_mark)) {
            fit_article(&made, meaning->object);
            gad_string_add(&made, meaning->object);
            from += strlen(object_mark);
        } else if (begins_with(from, elsewhere_mark)) {
            int quiet = meaning->named < meaning->quiet_count ? meaning->quiet[meaning->named++] : -1;
            gad_string_add(&made, quiet < 0 ? "rest" : gad_place_name(quiet));
            from += strlen(elsewhere_mark);
        } else {
            gad_string_append(&made, from++, 1);
        }
    }
    if (made.length)
        meaning->last = made.data[made.length - 1];
    return replace(text, &made, err);
}
