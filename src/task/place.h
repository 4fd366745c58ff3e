/* place: the nine named places of a picture, "upper left" to "lower right", by thirds. In: a box. Out: a name. */
#ifndef GAD_TASK_PLACE_H
#define GAD_TASK_PLACE_H
#include "task/box.h"

enum { GAD_PLACES = 9 }; /* row by row */

/* Where the middle of a box lies in a picture of that size. */
int gad_place_of(const gad_box *box, double width_px, double height_px);
const char *gad_place_name(int place);
#endif
