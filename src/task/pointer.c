/* pointer: see pointer.h */
#include "task/pointer.h"

#include <string.h>

#include "base/error.h"

static const char before_box[] = "'bbox_2d': [";

const char *gad_pointer_mark(int i)
{
    static const char *const marks[GAD_POINTER_MARKS] = {"<|region_1|>", "<|region_2|>", "<|region_3|>", "<|region_4|>",
                                                         "<|region_5|>", "<|region_6|>", "<|region_7|>", "<|region_8|>"};
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

gad_status gad_pointer_put(gad_string *text, gad_error *err)
{
    gad_string made = {0};
    const char *from = gad_string_text(text), *box, *end;
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

gad_status gad_pointer_expand(gad_string *text, const gad_model_box *region, int count, gad_error *err)
{
    gad_string made = {0};
    for (const char *from = gad_string_text(text), *end = from + text->length; from < end;) {
        int i = *from == '<' ? mark_at(from) : -1;
        if (i < 0 || i >= count) {
            gad_string_append(&made, from++, 1);
            continue;
        }
        const double *v = region[i].value;
        gad_string_addf(&made, "%.6g, %.6g, %.6g, %.6g", v[0], v[1], v[2], v[3]);
        from += strlen(gad_pointer_mark(i));
    }
    return replace(text, &made, err);
}
