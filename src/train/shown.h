/* shown: what the region tokens in an example's answers mean (task/pointer.h): the regions that the present weights show of
 * it. In: an example. Out: its `shown` boxes. */
#ifndef GAD_TRAIN_SHOWN_H
#define GAD_TRAIN_SHOWN_H
#include "train/example.h"
#include "train/step.h"

/* Does nothing for examples whose boxes are numbers. */
gad_status gad_shown_find(const gad_step *step, gad_example *example, gad_error *err);
/* For each of the first true boxes the region that lies on it best, which is its alone; -1: none does. */
void gad_shown_match(const gad_example *example, int region[GAD_POINTER_TOKENS]);
/* Let the answer to learn name, for each true box, the region that is shown there. A mark in the reasoning without such a
 * region is not learnt; in the answer all that follows is not. */
void gad_shown_name(gad_example *example);
#endif
