/* trainer: the loop that every kind of training shares: accumulate, sum over ranks, update, log, evaluate, save, resume.
 * In: a task that adds the gradients of one step. Out: checkpoints and a log. All that a task does is a function of the
 * step's number, so that a resumed run goes on bit for bit. Knows nothing of losses or data. */
#ifndef GAD_TRAIN_TRAINER_H
#define GAD_TRAIN_TRAINER_H
#include "train/checkpoint.h"
#include "train/dist.h"
#include "train/runlog.h"
#include "train/schedule.h"

typedef struct gad_trainer {
    gad_model *model;
    gad_device *device;
    const gad_dist *dist;
    const gad_checkpoint_settings *checkpoint;
    const gad_log *log;
    const gad_progress *progress;
    gad_optimizer optimizer;
    gad_runlog runlog;
    bool joined;    /* the ranks' devices add gradients among themselves */
    int64_t step;   /* steps done */
    int64_t update; /* of the running step: 0, 1, ... */
} gad_trainer;

typedef struct gad_trainer_task {
    /* Add this rank's gradient sums of step `step` (0, 1, ...), update trainer->update, and its share of the divisor. */
    gad_status (*accumulate)(void *user, gad_trainer *trainer, int64_t step, double *divisor, gad_metrics *metrics,
                             gad_error *err);
    /* Metrics of the model as it is; NULL: never. Runs on every rank. */
    gad_status (*evaluate)(void *user, gad_trainer *trainer, gad_metrics *metrics, gad_error *err);
    void *user;
    const char *best; /* which of these metrics says how good a checkpoint is, unless the settings name one */
    int64_t updates;  /* of one step; 0 counts as 1 */
} gad_trainer_task;

/* Run to the end. checkpoint->out NULL: nothing is written. What is trainable in the model was chosen before. After Ctrl-C
 * (progress says stop) the run is saved and GAD_E_CANCELLED returned. */
gad_status gad_trainer_run(const gad_train_settings *settings, const gad_checkpoint_settings *checkpoint, gad_model *model,
                           gad_device *device, const gad_dist *dist, const gad_trainer_task *task, const gad_log *log,
                           const gad_progress *progress, gad_error *err);
#endif
