/* checkpoint: a training run on disk. In: model, optimizer, step, score. Out: a folder out/step-000100 that holds the
 * model for others (adapter or full weights, Hugging Face layout) and the state for going on, bit for bit; it exists when
 * its DONE file exists, which is written last. Knows nothing of data or losses. */
#ifndef GAD_TRAIN_CHECKPOINT_H
#define GAD_TRAIN_CHECKPOINT_H
#include <math.h>

#include "model/model.h"
#include "train/optimizer.h"

typedef struct gad_checkpoint_settings {
    const char *out;       /* folder of the run */
    const char *base;      /* folder the model came from: its tokenizer and settings files are copied; NULL: none */
    gad_dtype dtype;       /* of full weights for others: F32 or BF16 */
    int64_t keep;          /* latest checkpoints that stay, besides the best */
    const char *signature; /* what a resumed run must have in common: kind, data, model, seed */
} gad_checkpoint_settings;

/* Save after `step` steps; score NaN: not evaluated. Older checkpoints beyond `keep` go, but never the best one; a failure
 * (full disk) removes only what it wrote. Averaged weights, if there are any, are what others get. */
gad_status gad_checkpoint_save(const gad_checkpoint_settings *settings, gad_model *model, gad_optimizer *optimizer,
                               int64_t step, double score, gad_error *err);
/* Remove the checkpoints that a killed run left without their DONE. Only the run that holds the folder may call it. */
void gad_checkpoint_tidy(const char *out);
/* The steps of the latest complete checkpoint in out and of the one with the best score; -1: none, none was scored. */
gad_status gad_checkpoint_find(const char *out, int64_t *latest, int64_t *best, gad_error *err);
/* Weights, moments and counts of step `step`, into an optimizer (and its parameters) made as for the start of the run. */
gad_status gad_checkpoint_restore(const gad_checkpoint_settings *settings, gad_optimizer *optimizer, int64_t step,
                                  gad_error *err);
#endif
