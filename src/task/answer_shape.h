/* answer_shape: boxes in the shapes that models write them: a list of four numbers, lists of such lists, corner points, a
 * fifth number, any of it inside a string. In: text at the value. Out: boxes of four numbers. Knows nothing of keys. */
#ifndef GAD_TASK_ANSWER_SHAPE_H
#define GAD_TASK_ANSWER_SHAPE_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct gad_answer_shape {
    double (*box)[4];
    size_t count, capacity;
    size_t numbers; /* read, boxes or not */
    bool whole;     /* no number has a decimal point or an exponent */
    bool round;     /* one list in ( ) */
    bool foreign;   /* another shape than [x1, y1, x2, y2] */
    bool unread;    /* numbers, or something else, that make no box; an empty list and null are no boxes and no loss */
} gad_answer_shape;

/* Reads the value at text[*at] and moves *at behind what was understood. A list of objects is left alone. Empties `shape`
 * before; gad_answer_shape_free afterwards, also on failure (which is only lack of memory). */
gad_status gad_answer_shape_read(const char *text, size_t length, size_t *at, gad_answer_shape *shape, gad_error *err);
/* The same for numbers that stand without brackets around them, up to `length`. */
gad_status gad_answer_shape_items(const char *text, size_t length, size_t at, gad_answer_shape *shape, gad_error *err);
void gad_answer_shape_free(gad_answer_shape *shape);

/* A decimal number, ASCII or full-width digits; the locale has no say. False when there is none at *at. */
bool gad_answer_shape_number(const char *text, size_t length, size_t *at, double *value, bool *whole);
#endif
