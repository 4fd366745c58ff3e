/* handcrafted: hand-made channels of what differs between two aligned pictures, cell by cell, useful before anything is
 * learnt (docs/spec/training.md section 13.6). In: pictures as planes. Out: channels. Knows nothing of patches or weights.
 */
#ifndef GAD_EVIDENCE_HANDCRAFTED_H
#define GAD_EVIDENCE_HANDCRAFTED_H
#include <stdbool.h>
#include <stdint.h>

#include "model/config.h"

/* Channels of a cell. In place: mean (0) and largest (1) colour difference. Least over shifts of up to 2 px, pixel by
 * pixel: mean (2), largest (3). Signed difference of each colour's mean (4-6), of the local deviation (7). After moving the
 * surroundings to where they fit best, up to 4 px: mean (8) and largest quarter (9) of the brightness difference. Signed
 * difference of the mean slope (10). Distance of the cell's description to the most similar cell anywhere in the reference,
 * alone (11) and with its surroundings (12): what has no like, wherever parts lie. 0, 2, 3, 8, 9, 11 and 12 against their
 * median over the picture, log2 (13-19): what stands out from the noise and wear that this pair has everywhere. Together
 * GAD_EVIDENCE_CHANNELS. */

/* Planes [3][height][width]; width and height are multiples of cell_px, which is even. */
typedef struct gad_handcrafted_planes {
    const float *test, *reference;
    const float *stock; /* where cells look for their like: may be the reference */
    int64_t width, height;
} gad_handcrafted_planes;

/* Numbers of scratch memory that a comparison needs. */
int64_t gad_handcrafted_scratch(int64_t width, int64_t height, int64_t cell_px);

/* Channels 0-12 of each cell, row by row, into low [cells, GAD_EVIDENCE_CHANNELS]; where `better`, those of cells whose
 * channel 8 is less than what is there, and the least of 11 and 12: the best of several references. residual
 * [height][width]: what channel 2 is the mean of, smoothed over 3 x 3 px; where `better`, the least of it and what is
 * there. */
void gad_handcrafted_compare(const gad_handcrafted_planes *planes, int64_t cell_px, bool better, float *scratch, float *low,
                             float *residual);
/* Channels 13-19 from the others; scratch has room for `cells` numbers. */
void gad_handcrafted_finish(int64_t cells, float *scratch, float *low);
#endif
