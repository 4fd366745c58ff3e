/* pointer: answers that name what they were given instead of copying it: "<|region_1|>" where the four numbers of a box
 * stand,
 * "<|object|>" where the product is named. A small model says which of the regions that it is shown it means; what was
 * measured, and the name in the question, are put in when the answer is read. In: the text of an answer. Out: the same with
 * marks, or without. Knows nothing of where regions come from. */
#ifndef GAD_TASK_POINTER_H
#define GAD_TASK_POINTER_H
#include "base/string.h"
#include "task/box.h"

enum { GAD_POINTER_MARKS = 7 };
/* "<|region_1|>" for 0, up to GAD_POINTER_MARKS - 1. */
const char *gad_pointer_mark(int i);

/* In place, in an answer that gad_answer_write wrote: the numbers of the first boxes become marks, and the name of the
 * product (NULL: it has none) where the reasoning mentions it. */
gad_status gad_pointer_put(gad_string *text, const char *object, gad_error *err);
/* In place: the marks of regions 1 to count become their numbers; a box with another mark means nothing and is left out.
 * The mark of the product becomes `object` (NULL: "product"), and an article before it fits. */
gad_status gad_pointer_expand(gad_string *text, const char *object, const gad_model_box *region, int count, gad_error *err);
#endif
