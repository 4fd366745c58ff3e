/* sight: how strange each cell of a picture is beside good parts: its distance from the nearest of their cells, raised
 * where the head sees a defect, by as much as good parts of the product allow. In: a bank, a head or none, descriptors of a
 * picture. Out: a distance a cell. Knows nothing of thresholds. */
#ifndef GAD_EVIDENCE_SIGHT_H
#define GAD_EVIDENCE_SIGHT_H
#include "evidence/bank.h"
#include "evidence/map_head.h"

typedef struct gad_sight {
    gad_map_head head;   /* it may be none */
    double slope, level; /* a logit z adds slope * log(1 + exp(z - level)) */
} gad_sight;

/* Without a head, of a product whose good parts were not compared with each other yet. */
gad_sight gad_sight_make(void);
/* What is known of n good parts, each from the others: the score of its distances, and the mean of its largest logits.
 * Where distances scatter and logits do not, the head counts for more, and it begins where it finds something on good
 * parts. */
void gad_sight_fit(gad_sight *sight, const double *distance, const double *logit, int64_t parts);
/* In place: distances with what the head says of their cells; logit NULL: nothing. */
void gad_sight_raise(const gad_sight *sight, float *distance, const float *logit, int64_t cells);

/* distance [cells], and where there is a head logit [cells] (NULL: not wanted); a cell whose descriptor has no length is
 * not looked at: its distance is -1. Rows of part `except` do not count (-1: all do). `device` is the CPU. */
gad_status gad_sight_measure(const gad_bank *bank, const gad_sight *sight, gad_device *device,
                             const gad_descriptors *picture, int64_t except, float *distance, float *logit, gad_error *err);
/* The same, raised. */
gad_status gad_sight_look(const gad_bank *bank, const gad_sight *sight, gad_device *device, const gad_descriptors *picture,
                          float *distance, gad_error *err);
#endif
