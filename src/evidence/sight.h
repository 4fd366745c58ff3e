/* sight: how strange each cell of a picture is beside good parts: its distance from the nearest of their cells, raised
 * where the head sees a defect. In: a bank, a head or none, descriptors of a picture. Out: a distance a cell. Knows nothing
 * of thresholds. */
#ifndef GAD_EVIDENCE_SIGHT_H
#define GAD_EVIDENCE_SIGHT_H
#include "evidence/map_head.h"

#include "evidence/bank.h"

/* A distance with what the head says of its cell. */
float gad_sight_raise(float distance, float logit);
/* distance [cells]; a cell whose descriptor has no length is not looked at: -1. Rows of part `except` do not count (-1: all
 * do). Without a head (NULL, or one that does not exist) as gad_bank_compare. `device` is the CPU. */
gad_status gad_sight_look(const gad_bank *bank, const gad_map_head *head, gad_device *device,
                          const gad_descriptors *picture, int64_t except, float *distance, gad_error *err);
#endif
