/* findings: what was measured of the regions of an inspection, in words that only say what was measured. In: the picture,
 * the boxes, how far each cell is from good parts. Out: a line a region; for a normal part, where it came nearest to a
 * reject. */
#ifndef GAD_INSPECT_FINDINGS_H
#define GAD_INSPECT_FINDINGS_H
#include "inspect/turn.h"

/* Distances of cells, row by row over the whole picture, and the one from which on a part is rejected. */
typedef struct gad_findings_map {
    const float *distance;
    int64_t rows, cols;
    double threshold;
} gad_findings_map;

/* Fills result->found from its verdict and boxes. */
gad_status gad_findings_write(const gad_image *image, const gad_findings_map *map, gad_inspection *result, gad_error *err);
/* The same of a model's own regions, which were measured when it compared: each box gets what was measured of the region
 * that it is. Nothing where nothing was compared. */
gad_status gad_findings_take(const gad_turn *turn, gad_inspection *result, gad_error *err);
#endif
