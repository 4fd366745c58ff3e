/* map_trainer: trains a map head on samples in memory: focal and Dice loss of the cells, cross-entropy of the picture (the
 * mean of its largest hundredth of logits), AdamW, pictures mirrored and turned at random. Says what the head is worth on
 * samples that it was not trained on. Knows nothing of pictures or files. */
#ifndef GAD_TRAIN_MAP_TRAINER_H
#define GAD_TRAIN_MAP_TRAINER_H
#include "evidence/map_head.h"
#include "train/map_samples.h"

/* Makes channels of mean 0 and deviation 1 over the samples; of a new head. */
void gad_map_trainer_normalise(const gad_map_samples *samples, gad_map_head *head);
/* The last share of the samples is kept back. */
gad_status gad_map_trainer_run(const gad_head_settings *settings, const gad_map_samples *samples, gad_map_head *head,
                               gad_head_report *report, gad_error *err);
#endif
