/* hints: what follows the question to a model that does not compare by itself: text and a heat map of what a product found.
 * In: a picture, the product's inspection of it. Out: the end of the question, a picture to show after it. What asks models
 * asks here, so that gad inspect and gad bench run give the same. Knows nothing of engines or endpoints. */
#ifndef GAD_INSPECT_HINTS_H
#define GAD_INSPECT_HINTS_H
#include "base/string.h"
#include "io/image.h"
#include "task/box.h"

typedef struct gad_hint_set {
    gad_string text; /* to append to the question */
    gad_image heat;  /* to show after it; no pixels: none */
} gad_hint_set;

/* `seen`: how the product sees `image`, which is the whole picture. */
gad_status gad_hints_make(const gad_inspection *seen, const gad_image *image, const gad_box_frame *frame, gad_hints kind,
                          gad_hint_set *set, gad_error *err);
void gad_hints_free(gad_hint_set *set);
/* "none", "text", "image", "both". */
const char *gad_hints_name(gad_hints kind);
#endif
