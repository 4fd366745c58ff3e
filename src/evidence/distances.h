/* distances: how far each cell of a picture is from its like, looked for in several ways: 1 - the largest cosine of its
 * descriptor with one of the good parts (joint), with one elsewhere in the picture itself (self), and of each feature map
 * alone with one of the good parts (levels). In: descriptors of a picture, a bank. Out: maps. Knows nothing of weights. */
#ifndef GAD_EVIDENCE_DISTANCES_H
#define GAD_EVIDENCE_DISTANCES_H
#include "evidence/bank.h"

/* The maps in their order; those of the levels follow. */
enum { GAD_DISTANCES_JOINT, GAD_DISTANCES_SELF, GAD_DISTANCES_LEVELS };
/* Elsewhere in the picture: so many cells away at least, across or down. */
enum { GAD_DISTANCES_FAR = 4 };

static inline int gad_distances_maps(const gad_descriptor_levels *levels)
{
    return GAD_DISTANCES_LEVELS + levels->count;
}

/* map [maps][cells]. Rows of part `except` do not count (-1: all do). A cell whose descriptor has no length is not looked
 * at: -1 in every map. `device` is the CPU. */
gad_status gad_distances_make(const gad_bank *bank, gad_device *device, const gad_descriptors *picture, int64_t except,
                              float *map, gad_error *err);
#endif
