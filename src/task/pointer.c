/* pointer: see pointer.h */
#include "task/pointer.h"

#include <string.h>

#include "base/error.h"

static const char before_box[] = "'bbox_2d': [", object_mark[] = "<|object|>";

const char *gad_pointer_mark(int i)
{
    static const char *const marks[GAD_POINTER_MARKS] = {"<|region_1|>", "<|region_2|>", "<|region_3|>", "<|region_4|>",
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

/* Append `from` up to `end` with the product's name as its mark. */
static void put_object(const char *from, const char *end, const char *object, gad_string *made)
{
    size_t length = object ? strlen(object) : 0;
    while (from < end)
        if (length && (size_t)(end - from) >= length && !strncmp(from, object, length)) {
            gad_string_add(made, object_mark);
            from += length;
        } else {
            gad_string_append(made, from++, 1);
        }
}

gad_status gad_pointer_put(gad_string *text, const char *object, gad_error *err)
{
    gad_string made = {0};
    const char *from = gad_string_text(text), *answer = strstr(from, "<answer>"), *box, *end;
    if (answer)
        put_object(from, answer, object, &made);
    from = answer ? answer : from;
    for (int i = 0; i < GAD_POINTER_MARKS && (box = strstr(from, before_box)) && (end = strchr(box, ']')); i++) {
        box += strlen(before_box);
        gad_string_append(&made, from, (size_t)(box - from));
        gad_string_add(&made, gad_pointer_mark(i));
        from = end;
    }
    gad_string_add(&made, from);
    return replace(text, &made, err);
}

/* The region that a text begins with the mark of; -1: none. */
static int mark_at(const char *text)
{
    for (int i = 0; i < GAD_POINTER_MARKS; i++)
        if (!strncmp(text, gad_pointer_mark(i), strlen(gad_pointer_mark(i))))
            return i;
    return -1;
}

/* "a" or "an" at the end of a text, as the name asks for. */
static void fit_article(gad_string *text, const char *object)
{
    const char *all = gad_string_text(text);
    size_t n = text->length;
    bool vowel = strchr("aeiouAEIOU", *object) != NULL, an = n >= 3 && !strcmp(all + n - 3, "an ");
    bool a = n >= 2 && !strcmp(all + n - 2, "a ");
    size_t word = an ? 3 : 2;
    if ((!a && !an) || an == vowel || (n > word && all[n - word - 1] != ' ' && all[n - word - 1] != '\n'))
        return;
    text->length -= an ? 2 : 1;
    gad_string_add(text, vowel ? "n " : " ");
}

/* Take the box that a mark without a region stands in out of what is made; returns where the text goes on. */
static const char *leave_out(gad_string *made, const char *from)
{
    const char *all = gad_string_text(made), *end = strchr(from, '}');
    size_t n = made->length;
    while (n && all[n - 1] != '{')
        n--;
    if (!n || !end) /* no box around it: only the mark goes */
        return strchr(from, '>') + 1;
    n--;
    while (n && (all[n - 1] == ' ' || all[n - 1] == ','))
        n--;
    made->length = n;
    made->data[n] = 0;
    return end + 1;
}

gad_status gad_pointer_expand(gad_string *text, const char *object, const gad_model_box *region, int count, gad_error *err)
{
    gad_string made = {0};
    const char *name = object && *object ? object : "product";
    for (const char *from = gad_string_text(text), *end = from + text->length; from < end;) {
        int i = *from == '<' ? mark_at(from) : -1;
        if (*from == '<' && !strncmp(from, object_mark, strlen(object_mark))) {
            fit_article(&made, name);
            gad_string_add(&made, name);
            from += strlen(object_mark);
        } else if (i >= 0 && i < count) {
            const double *v = region[i].value;
            gad_string_addf(&made, "%.6g, %.6g, %.6g, %.6g", v[0], v[1], v[2], v[3]);
            from += strlen(gad_pointer_mark(i));
        } else if (i >= 0) {
            from = leave_out(&made, from);
        } else {
            gad_string_append(&made, from++, 1);
        }
    }
    return replace(text, &made, err);
}
