/* familiar: does a part look like the good parts at all? Another product, a black or blurred picture, a wrong exposure are
 * no defects to find but a question that makes no sense. In: pictures as wholes, a backbone where there is one. Out: a
 * distance and the limit from which it is too far. Knows nothing of positions or of defects. */
#ifndef GAD_EVIDENCE_FAMILIAR_H
#define GAD_EVIDENCE_FAMILIAR_H
#include "features/backbone.h"

enum { GAD_LOOK_BINS = 6, GAD_LOOK_WIDTH = 512 }; /* of each colour; numbers of a cell of a backbone's last map at most */

/* What a picture looks like as a whole. */
typedef struct gad_look {
    float colours[GAD_LOOK_BINS * GAD_LOOK_BINS * GAD_LOOK_BINS]; /* shares that sum to 1, spread over neighbouring bins */
    double contrast;                                              /* standard deviation of the brightness, 0 to 1 */
    double detail;                                                /* mean step of the brightness, across and down */
    float seen[GAD_LOOK_WIDTH];                                   /* mean of a backbone's last map, of length 1 */
    int64_t seen_width;                                           /* 0: none looked */
} gad_look;

/* Part unfamiliar when distance > limit. */
typedef struct gad_familiarity {
    double distance, limit;
} gad_familiarity;

/* Colours, contrast and detail. */
gad_look gad_familiar_look(const gad_image *image);
/* What the backbone sees is added to the look. */
gad_status gad_familiar_see(gad_backbone *backbone, const gad_image *image, gad_look *look, gad_error *err);
/* 0: alike. Colours: the share that would have to change; contrast and detail: how many times more or less. */
double gad_familiar_distance(const gad_look *a, const gad_look *b);
/* Distance to the nearest of `count` >= 1 good parts: by what a backbone sees (1 - cosine) or as gad_familiar_distance,
 * whichever is nearer to its limit or farther beyond it. The limit follows how far the good parts are from each other; of
 * one nothing is known, and only what is far from any product's variation is unfamiliar. */
gad_familiarity gad_familiar_measure(const gad_look *part, const gad_look *good, int count);
#endif
