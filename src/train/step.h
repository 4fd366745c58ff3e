/* step: one pass forward and one back over a batch: the loss of the label rows, gradients added to the trainable
 * parameters. In: a batch and an objective that says what a log-probability is worth. Out: gradient sums (not divided by
 * anything) and the log-probabilities. Knows nothing of optimizers, text or rewards. */
#ifndef GAD_TRAIN_STEP_H
#define GAD_TRAIN_STEP_H
#include "train/batch.h"

/* What is to be made small. For the labels first..first+n-1 of the batch, given log-probabilities and entropies [n] under
 * softmax(z / temperature): write dL/dlogp into g [n]. */
typedef struct gad_objective {
    void (*gradient)(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp, const float *entropy,
                     float *g);
    void *user;
    float temperature;
    /* For the n cells of the test image of a pair: anomaly logits in, dL/dlogit out into g. NULL: the logits train only
     * through what the language model makes of the evidence. */
    void (*mask)(void *user, const gad_batch *batch, int64_t pair, int64_t n, const float *logit, float *g);
    bool images_only;     /* the language model is not run: only the heat maps train the tower and the evidence head */
    double entropy_bonus; /* the loss falls by this much of every label's entropy times its weight */
} gad_objective;

/* How passes are run. */
typedef struct gad_step {
    const gad_model *model;
    gad_pass pass;
    bool checkpointing;  /* keep the blocks' inputs only and run each block again on the way back */
    int64_t logits_rows; /* label rows whose logits exist at the same time; 0: gad_step_logits_rows */
    bool trains_vision;  /* false: the tower is frozen, no activations are kept */
    bool trains_evidence;
} gad_step;

/* Label rows whose logits exist at the same time, unless a step says otherwise: more on a device. */
int64_t gad_step_logits_rows(const gad_device *device);
/* Fill `step` for a model from what is trainable. */
gad_step gad_step_make(const gad_model *model, gad_device *device, bool checkpointing);

/* Forward and backward. */
gad_status gad_step_run(const gad_step *step, const gad_batch *batch, const gad_objective *objective, gad_error *err);
/* Forward only: the objective is told what it would be asked, and what it answers is dropped. */
gad_status gad_step_evaluate(const gad_step *step, const gad_batch *batch, const gad_objective *objective, gad_error *err);
/* Forward only: logp and entropy (NULL: not wanted) of every label, [labels]. */
gad_status gad_step_logprob(const gad_step *step, const gad_batch *batch, float temperature, float *logp, float *entropy,
                            gad_error *err);
/* Forward only, with the keys and values of all rows kept in `cache` from row 0 on: a prompt to go on from. */
gad_status gad_step_prefill(const gad_step *step, const gad_batch *batch, const gad_lm_cache *cache, gad_error *err);
/* The regions that the evidence head shows of a segment's last image, at least the one where to look first, and what was
 * measured of them; *count is 0 without a module. */
gad_status gad_step_regions(const gad_step *step, const gad_segment *segment, gad_region region[GAD_REGIONS_MAX],
                            gad_words words[GAD_REGIONS_MAX], int *count, gad_error *err);
/* The vision tower's rows of one image on the host, for caching: rows->rows is the caller's (gad_memory_free). */
gad_status gad_step_embed(const gad_step *step, const gad_batch_image *image, gad_hash hash, gad_image_rows *rows,
                          gad_error *err);
#endif
