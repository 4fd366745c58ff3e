/* holdout: what good parts look like to a bank that has not seen them: each is compared with the others. In: a bank of good
 * parts, with all their rows. Out: distances and scores. Knows nothing of thresholds.
 *
 * A bank that is thinned afterwards is thinned here too, without the part: what a later good part meets is a coreset. Parts
 * are left out in groups then, for a coreset a part would take too long. */
#ifndef GAD_EVIDENCE_HOLDOUT_H
#define GAD_EVIDENCE_HOLDOUT_H
#include "evidence/sight.h"

typedef struct gad_holdout {
    int64_t parts, cells; /* cells of all parts together */
    double *score;        /* [parts] */
    double *unfamiliar;   /* [parts] as whole pictures */
    float *distance;      /* [cells] parts one after the other; with a head raised by it */
} gad_holdout;

/* `sight` is fitted to the parts; `views`: how many each part was remembered in. Two parts at least, none of a file. */
gad_status gad_holdout_measure(const gad_bank *bank, gad_sight *sight, gad_device *device, int views, int64_t most,
                               gad_holdout *holdout, gad_error *err);
/* The score of a single good part: its cells against its own that lie GAD_DISTANCES_FAR cells away at least, across or
 * down; of many cells, about a thousand that are spread evenly. What a product varies in shows in one picture of it too.
 * NaN: no cell is so far from another. */
gad_status gad_holdout_alone(const gad_descriptors *part, double *score, gad_error *err);
void gad_holdout_free(gad_holdout *holdout);
#endif
