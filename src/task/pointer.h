/* pointer: answers that name what they were given instead of copying it. "<|region_1|>" stands for the four numbers of a
 * box, and in the reasoning for the place of that region; "<|elsewhere|>" for a place where nothing stands out;
 * "<|object|>" for the product. "{look}" stands for what was measured of the region that was named last, "{level}" for how
 * far that is from what good parts show. A small model says which of the regions that it is shown it means; what was
 * measured, and the name in the question, are put in when the answer is read. In: the text of an answer. Out: the same with
 * region tokens, or without. Knows nothing of where regions come from. */
#ifndef GAD_TASK_POINTER_H
#define GAD_TASK_POINTER_H
#include "base/string.h"
#include "task/measurement.h"
#include "task/place.h"

enum { GAD_POINTER_TOKENS = 7 };
/* "<|region_1|>" for 0, up to GAD_POINTER_TOKENS - 1. */
const char *gad_pointer_mark(int i);

/* In place, in an answer that gad_answer_write wrote: the numbers of the first boxes become region tokens, and in the
 * reasoning the name of the product (NULL: it has none) and the names of places. place [count]: where the boxes lie. */
gad_status gad_pointer_put(gad_string *text, const char *object, const int *place, int count, gad_error *err);

/* What the region tokens of one answer mean. */
typedef struct gad_pointer_meaning {
    const char *object; /* NULL: "product" */
    gad_model_box box[GAD_POINTER_TOKENS];
    int place[GAD_POINTER_TOKENS];
    int count;
    const gad_words *words; /* [count] what was measured of the regions; NULL: nothing, and braces are braces */
    int quiet[GAD_PLACES];  /* places without a region, the one to name first first */
    int quiet_count;
    /* an answer may be expanded piece by piece: quiet places that were named so far, regions that a box was, the last
     * character */
    int named;
    int told; /* the region that was named last */
    bool boxed[GAD_POINTER_TOKENS];
    char last;
} gad_pointer_meaning;

/* box [count]: regions in px of the picture, of which the first GAD_POINTER_TOKENS count. loudest [GAD_PLACES]: how much
 * the evidence says against each place; NULL: not known, places are named row by row. */
gad_pointer_meaning gad_pointer_mean(const gad_box_frame *frame, const char *object, const gad_box *box, int count,
                                     const float *loudest);
extern const char gad_pointer_look[], gad_pointer_level[];
/* In place. A box whose mark has no region means nothing and is left out, as one that the answer had before; a place whose
 * mark has none is that of the last region; an article before the product's name fits. */
gad_status gad_pointer_expand(gad_string *text, gad_pointer_meaning *meaning, gad_error *err);
#endif
