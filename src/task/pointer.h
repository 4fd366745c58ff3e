/* pointer: answers that name a region instead of its place: "<|region_1|>" where the four numbers of a box stand. A small
 * model says which of the regions that it is shown it means; what was measured is put in when the answer is read. In: the
 * text of an answer. Out: the same with marks, or with numbers. Knows nothing of where regions come from. */
#ifndef GAD_TASK_POINTER_H
#define GAD_TASK_POINTER_H
#include "base/string.h"
#include "task/box.h"

enum { GAD_POINTER_MARKS = 8 };
/* "<|region_1|>" for 0, up to GAD_POINTER_MARKS - 1. */
const char *gad_pointer_mark(int i);

/* In place: the numbers of the first boxes of an answer that gad_answer_write wrote become marks. */
gad_status gad_pointer_put(gad_string *text, gad_error *err);
/* In place: the marks of regions 1 to count become their numbers; other marks stay, and make the box unreadable. */
gad_status gad_pointer_expand(gad_string *text, const gad_model_box *region, int count, gad_error *err);
#endif
