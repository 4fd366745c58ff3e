/* map_samples: what a map head (evidence/map_head.h) learns from: the channels of pictures beside references, and where
 * their defects lie. In: a store of samples with masks or boxes, a backbone. Out: samples in memory: maps are small. Knows
 * nothing of weights. */
#ifndef GAD_TRAIN_MAP_SAMPLES_H
#define GAD_TRAIN_MAP_SAMPLES_H
#include "features/backbone.h"
#include "gad_train.h"

typedef struct gad_map_sample {
    int64_t rows, cols;
    float *channel; /* [cells, channels], not normalised; owned */
    float *target;  /* [cells]: 1 on a defect */
    bool anomalous;
    double distance; /* the score of the distances alone (evidence/bank.h) */
} gad_map_sample;

typedef struct gad_map_samples {
    gad_map_sample *item;
    size_t count, capacity;
    int64_t maps; /* each of two channels */
} gad_map_samples;

/* In an order that the settings' seed says. Samples without a reference, and anomalous ones whose places are not known, are
 * left out. */
gad_status gad_map_samples_read(const gad_head_settings *settings, gad_backbone *backbone, gad_map_samples *samples,
                                gad_error *err);
void gad_map_samples_free(gad_map_samples *samples);
#endif
