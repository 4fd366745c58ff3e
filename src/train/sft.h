/* sft: supervised fine-tuning: cross-entropy on the answers' ids, divided by the label ids of the whole optimizer step (all
 * micro-batches, all ranks). In: a source of examples. Out: a task for the trainer. Knows nothing of rewards. */
#ifndef GAD_TRAIN_SFT_H
#define GAD_TRAIN_SFT_H
#include "train/evaluation.h"
#include "train/source_ahead.h"
#include "train/trainer.h"
#include "train/vision_cache.h"

typedef struct gad_sft {
    gad_train_settings settings;
    gad_answering answering;        /* of an evaluation */
    const gad_source *train, *eval; /* eval NULL: none */
    gad_source_ahead *ahead;        /* of `train`; opened when the number of ranks is known */
    gad_step step;
    gad_vision_cache cache;
    int64_t fitted, too_long, longest; /* examples of this rank that were taken; left out, and rows of the longest */
    gad_example *held;                 /* [batch]: examples of the running micro-batch */
    gad_segment *segment;
} gad_sft;

/* The model's trainable set is chosen before. */
gad_status gad_sft_open(const gad_train_settings *settings, const gad_answering *answering, const gad_source *train,
                        const gad_source *eval, const gad_model *model, gad_device *device, gad_sft *sft, gad_error *err);
void gad_sft_close(gad_sft *sft);
gad_trainer_task gad_sft_task(gad_sft *sft);
#endif
