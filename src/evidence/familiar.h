/* familiar: does a part look like the good parts at all? Another product, a black or blurred picture, a wrong exposure are
 * no defects to find but a question that makes no sense. In: pictures as wholes. Out: a distance and the limit from which
 * it is too far. Knows nothing of positions, features or weights; what measures better fills the same gad_familiarity. */
#ifndef GAD_EVIDENCE_FAMILIAR_H
#define GAD_EVIDENCE_FAMILIAR_H
#include "io/image.h"

enum { GAD_LOOK_BINS = 6 }; /* of each colour */

/* What a picture looks like as a whole. */
typedef struct gad_look {
    float colours[GAD_LOOK_BINS * GAD_LOOK_BINS * GAD_LOOK_BINS]; /* shares that sum to 1, spread over neighbouring bins */
    double contrast;                                              /* standard deviation of the brightness, 0 to 1 */
    double detail;                                                /* mean step of the brightness, across and down */
} gad_look;

/* Part unfamiliar when distance > limit. */
typedef struct gad_familiarity {
    double distance, limit;
} gad_familiarity;

gad_look gad_familiar_look(const gad_image *image);
/* 0: alike. Colours: the share that would have to change; contrast and detail: how many times more or less. */
double gad_familiar_distance(const gad_look *a, const gad_look *b);
/* Distance to the nearest of `count` >= 1 good parts. The limit follows how far these are from each other; of one good part
 * nothing is known, and only what is far from any product's variation is unfamiliar. */
gad_familiarity gad_familiar_measure(const gad_look *part, const gad_look *good, int count);
#endif
