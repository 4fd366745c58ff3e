/* measure: what can be measured of the places where a part stands out. In: the part and, where there is one, a good part
 * brought to its position and light, as planes; boxes. Out: a gad_measurement each. Knows nothing of features or scores,
 * and no learnt number takes part. */
#ifndef GAD_EVIDENCE_MEASURE_H
#define GAD_EVIDENCE_MEASURE_H
#include "task/measurement.h"

/* Planes [3][height][width], red, green, blue, sRGB from 0 to 1. A reference that does not lie where the part lies (loose
 * texture, another piece) is worse than none: outside the boxes it has to differ less than inside (gad_measure_aligned). */
typedef struct gad_measure_pictures {
    const float *part, *reference; /* reference NULL: places are compared with what lies around them */
    int64_t width, height;
} gad_measure_pictures;

/* Does the reference show the part's own pattern: is their difference, outside the boxes, small against the contrast of the
 * part? Boxes in px of the planes. */
bool gad_measure_aligned(const gad_measure_pictures *pictures, const gad_box *box, int count);

/* measurement[i] of box[i] (px of the planes); what is measured is given in px of a picture of original_width x
 * original_height. `unusual` is left to the caller. */
gad_status gad_measure_places(const gad_measure_pictures *pictures, const gad_box *box, int count, double original_width,
                              double original_height, gad_measurement *measurement, gad_error *err);
#endif
