/* answer: a model's text into decision and boxes, and back. The reader takes anything and says how far it deviates; the
 * writer makes the one strict form. In: text and the frame of its coordinates. Knows nothing of truth or models. */
#ifndef GAD_TASK_ANSWER_H
#define GAD_TASK_ANSWER_H
#include "base/string.h"
#include "task/box.h"

typedef enum gad_answer_decision { GAD_ANSWER_NONE, GAD_ANSWER_NO, GAD_ANSWER_YES } gad_answer_decision;

/* Deviations from the strict form. */
typedef enum gad_answer_flag {
    GAD_ANSWER_TRUNCATED = 1 << 0,     /* no </answer>, or an object cut off */
    GAD_ANSWER_UNTAGGED = 1 << 1,      /* no <answer> */
    GAD_ANSWER_UNPARSABLE = 1 << 2,    /* no decision could be read */
    GAD_ANSWER_IMPLIED = 1 << 3,       /* boxes without a decision word: read as Yes */
    GAD_ANSWER_JSON = 1 << 4,          /* double quotes, a list, a code fence, a decision inside an object */
    GAD_ANSWER_FOREIGN = 1 << 5,       /* a box under another key or in another shape than bbox_2d: [x1, y1, x2, y2] */
    GAD_ANSWER_FLOATS = 1 << 6,        /* coordinates with a decimal point (not in rel1, which has no others) */
    GAD_ANSWER_CLAMPED = 1 << 7,       /* a side lay more than one pixel outside the image */
    GAD_ANSWER_DEGENERATE = 1 << 8,    /* a box without area */
    GAD_ANSWER_CONTRADICTION = 1 << 9, /* No, with boxes */
    GAD_ANSWER_LOST = 1 << 10,         /* something that means a box could not be read */
} gad_answer_flag;
enum { GAD_ANSWER_FLAGS = 11 };
/* "truncated", ... for the flag 1 << index. */
const char *gad_answer_flag_name(int index);

typedef struct gad_answer_box {
    gad_box box;         /* original pixels, clamped to the image */
    gad_model_box model; /* as written */
    bool valid;          /* has area; an invalid box is a prediction that matches nothing */
    char *label;         /* UTF-8, "" when there is none */
} gad_answer_box;

typedef struct gad_answer {
    gad_answer_decision decision; /* GAD_ANSWER_NONE exactly when flagged unparsable */
    unsigned flags;
    bool well_formed; /* tags once and in order, Yes or No first, every object four whole numbers inside the frame and a
                         label */
    bool strict;      /* well formed and no flag */
    gad_answer_box *boxes;
    size_t count;                     /* boxes that count: all when the decision is Yes, else none */
    size_t ignored;                   /* further entries in `boxes`, read but not counted */
    size_t think_begin, think_length; /* the reasoning in the text, trimmed; its opening tag may be in the prompt */
    size_t body_begin, body_length;   /* the part that was read as the answer */
    size_t decision_begin;            /* where the decision word stands in the text; (size_t)-1 without one */
} gad_answer;

/* Reads any bytes; fails only for lack of memory. Give the result back with gad_answer_free. */
gad_status gad_answer_read(const char *text, size_t length, const gad_box_frame *frame, gad_answer *answer, gad_error *err);
/* The same for a text that, when `cut`, stopped at a token limit: reasoning that it never left is then no answer. */
gad_status gad_answer_read_cut(const char *text, size_t length, bool cut, const gad_box_frame *frame, gad_answer *answer,
                               gad_error *err);
void gad_answer_free(gad_answer *answer);

typedef struct gad_answer_item {
    gad_model_box box; /* from gad_box_to_model */
    const char *label;
} gad_answer_item;

/* Appends the strict form: <think>\n...\n</think><answer>...</answer>. `think` may be empty. Refuses what could not be
 * read back: a tag inside the reasoning or a label, an empty label, boxes without anomaly. */
gad_status gad_answer_write(const char *think, bool anomalous, const gad_answer_item *items, size_t count, gad_string *text,
                            gad_error *err);
#endif
