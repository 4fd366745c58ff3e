/* near: pictures that are copies of one another in another size or compression. In: files that may train, files that are
 * held out. Out: pairs. Candidates by where brightness rises and falls (256 places), decided on 32 x 32 grey
 * means. Knows nothing of the
 * store. */
#ifndef GAD_DATA_NEAR_H
#define GAD_DATA_NEAR_H
#include "gad.h"
#include "io/image.h"

enum { GAD_NEAR_SIDE = 32 };

/* What is remembered of a picture. */
typedef struct gad_near_print {
    uint64_t up[4], down[4]; /* of 16 x 16 places: clearly brighter, clearly darker to the right */
    uint8_t grey[GAD_NEAR_SIDE * GAD_NEAR_SIDE];
    bool telling; /* false: too even to be told from other even ones; it is near nothing */
} gad_near_print;

gad_status gad_near_measure(const gad_image *image, gad_near_print *print, gad_error *err);
bool gad_near_same(const gad_near_print *a, const gad_near_print *b);
#endif
