/* answer_object: finds the boxes in free text. In: any bytes. Out: every {...}, marked or bare list that holds a box, with
 * its four numbers and the place of its label, and what was broken. Knows nothing of decisions, tags or images. */
#ifndef GAD_TASK_ANSWER_OBJECT_H
#define GAD_TASK_ANSWER_OBJECT_H
#include "gad.h"

#include "base/string.h"

typedef struct gad_answer_object {
    size_t begin, end; /* from its { (or its mark) to after its } (or to the end of the text) */
    size_t parent;     /* while scanning */
    bool has_box, closed;
    bool same_place;    /* a further box of the object `parent` */
    bool named;         /* the values came by name: x1, y1, x2, y2, whatever the order of the model's lists */
    bool json, foreign; /* written with double quotes or the like; under another key or in another shape than
                           bbox_2d: [x1, y1, x2, y2] */
    bool unread, stray; /* while scanning: a box that could not be read; a list of numbers under an unknown key */
    bool whole_numbers;
    unsigned corners; /* while scanning: which of x1, y1, x2, y2 were named */
    double value[4];
    size_t label_begin, label_end; /* between the quotes; equal when there is no label */
} gad_answer_object;

typedef struct gad_answer_objects {
    gad_answer_object *object; /* those with a box; begins rise, but for further boxes of one place */
    size_t count, capacity;
    size_t malformed; /* {...} without four numbers under a box key */
    bool json;        /* a list around objects, or a code fence */
    bool cut;         /* the text ended inside an object */
    bool unread;      /* something that means a box could not be read */
} gad_answer_objects;

/* A copy of the same length, zero-terminated, in which full-width punctuation is ASCII and two spaces: places stay the
 * same. NULL without memory. */
char *gad_answer_object_narrow(const char *text, size_t length);

/* `narrowed` is the text's copy. Linear in the length; needs gad_answer_object_free afterwards, also on failure (which is
 * only lack of memory). */
gad_status gad_answer_object_scan(const char *text, const char *narrowed, size_t length, gad_answer_objects *found,
                                  gad_error *err);
void gad_answer_object_free(gad_answer_objects *found);

/* The label as clean UTF-8 without control characters; backslash escapes resolved. */
void gad_answer_object_label(const char *text, const gad_answer_object *object, gad_string *label);
#endif
