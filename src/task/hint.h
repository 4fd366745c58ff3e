/* hint: what a comparison with good parts found in a part, as text for a model that does not compare by itself: its
 * regions in the coordinates that the model speaks, how large, how unusual, what was measured of them. In: an inspection, a
 * frame. Out: text to follow a question. Knows nothing of pictures. */
#ifndef GAD_TASK_HINT_H
#define GAD_TASK_HINT_H
#include "base/string.h"
#include "task/box.h"

/* `seen`: an inspection with a product. It is evidence, not truth, and the text says so. `pictured`: the heat map follows
 * the text as a further image. */
void gad_hint_write(const gad_inspection *seen, const gad_box_frame *frame, bool pictured, gad_string *text);
/* The same without regions: a heat map follows. */
void gad_hint_write_pictured(gad_string *text);
#endif
