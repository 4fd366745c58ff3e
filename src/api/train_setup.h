/* train_setup: what both kinds of training need before step 0, from the public settings: model, data, trainable set, memory
 * plan. In: gad_train_settings. Out: parts that the train room takes. */
#ifndef GAD_API_TRAIN_SETUP_H
#define GAD_API_TRAIN_SETUP_H
#include "gad_train.h"
#include "generate/engine.h"
#include "train/source_mix.h"
#include "train/source_samples.h"
#include "train/source_synth.h"
#include "train/trainer.h"

typedef struct gad_train_setup {
    const gad_train_settings *settings;
    gad_dist dist;
    gad_engine *engine;
    gad_example_maker maker;
    gad_source_synth synth, eval_synth;
    gad_source_samples *samples, *eval_samples;
    gad_source_mix mix;
    gad_source train, eval;
    bool has_eval, started;
    char signature[256];
    int held;   /* the folder of the run, -1: not held */
    char *base; /* the checkpoint that new adapters belong to, as an absolute path */
    gad_checkpoint_settings checkpoint;
} gad_train_setup;

typedef enum gad_train_kind { GAD_TRAIN_SFT, GAD_TRAIN_GRPO } gad_train_kind;

/* After a dry run *ready is false: the plan was told and nothing more is to be done. */
gad_status gad_train_setup_open(const gad_train_settings *settings, gad_train_kind kind, gad_train_setup *setup,
                                bool *ready, gad_error *err);
void gad_train_setup_close(gad_train_setup *setup);
#endif
