/* answer_object: finds the box objects in free text. In: any bytes. Out: every {...} that holds a box, with its four
 * numbers and the place of its label, and what was broken. Knows nothing of decisions, tags or images. */
#ifndef GAD_TASK_ANSWER_OBJECT_H
#define GAD_TASK_ANSWER_OBJECT_H
#include "gad.h"

#include "base/string.h"

typedef struct gad_answer_object {
    size_t begin, end; /* from its { to after its } (or to the end of the text) */
    size_t parent;     /* while scanning */
    bool has_box, closed;
    bool json, foreign; /* written with double quotes or the like; under another key than bbox_2d */
    bool whole_numbers;
    double value[4];
    size_t label_begin, label_end; /* between the quotes; equal when there is no label */
    char label_quote;
} gad_answer_object;

typedef struct gad_answer_objects {
    gad_answer_object *object; /* those with a box, in the order of their { */
    size_t count, capacity;
    size_t malformed; /* {...} without four numbers under a box key */
    bool json;        /* a list around objects, or a code fence */
    bool cut;         /* the text ended inside an object */
} gad_answer_objects;

/* Linear in the length; needs gad_answer_object_free afterwards, also on failure (which is only lack of memory). */
gad_status gad_answer_object_scan(const char *text, size_t length, gad_answer_objects *found, gad_error *err);
void gad_answer_object_free(gad_answer_objects *found);

/* The end of the string that opens with the quote at text[at]: the index of its closing quote, or `length`. A ' inside
 * single quotes closes only before , } ] ) or : (or at the end), so that 'worker's mark' is one string. */
size_t gad_answer_object_string_end(const char *text, size_t length, size_t at);

/* The label as clean UTF-8 without control characters; backslash escapes resolved. */
void gad_answer_object_label(const char *text, const gad_answer_object *object, gad_string *label);
#endif
