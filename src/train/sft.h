/* sft: supervised fine-tuning: cross-entropy on the answers' ids, divided by the label ids of the whole optimizer step (all
 * micro-batches, all ranks). In: a source of examples. Out: a task for the trainer. Knows nothing of rewards. */
#ifndef GAD_TRAIN_SFT_H
#define GAD_TRAIN_SFT_H
#include "train/evaluation.h"
#include "train/trainer.h"
#include "train/vision_cache.h"

typedef struct gad_sft_settings {
    int64_t batch;        /* examples of one optimizer step, over all ranks */
    int64_t micro_tokens; /* rows of one pass; an example of more is left out and counted */
    bool checkpointing;
    uint64_t seed;
    size_t cache_bytes; /* of frozen vision rows; 0: none are kept */
    double text_weight; /* of the answers; 0: the language model is not run */
    double forced;      /* share of samples whose regions are told by the truth, not by the heat map: while that is weak */
    double mask_weight; /* of the evidence head's mask loss, if the model has one */
    int64_t eval_examples;
    gad_evaluation evaluation; /* answers to some of them; count 0: only the losses are measured */
} gad_sft_settings;

typedef struct gad_sft {
    gad_sft_settings settings;
    const gad_source *train, *eval; /* eval NULL: none */
    gad_source_order order;
    gad_step step;
    gad_vision_cache cache;
    int64_t fitted, too_long, longest; /* examples of this rank that were taken; left out, and rows of the longest */
    gad_example *held;                 /* [batch]: examples of the running micro-batch */
    gad_segment *segment;
} gad_sft;

/* The model's trainable set is chosen before. */
gad_status gad_sft_open(const gad_sft_settings *settings, const gad_source *train, const gad_source *eval,
                        const gad_model *model, gad_device *device, gad_sft *sft, gad_error *err);
void gad_sft_close(gad_sft *sft);
gad_trainer_task gad_sft_task(gad_sft *sft);
#endif
