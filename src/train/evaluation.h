/* evaluation: the most likely answers to evaluation samples, measured as the benchmark measures them. In: samples, a judge.
 * Out: metrics. Knows nothing of updates. */
#ifndef GAD_TRAIN_EVALUATION_H
#define GAD_TRAIN_EVALUATION_H
#include "train/metrics.h"
#include "train/reward.h"
#include "train/step.h"

typedef struct gad_evaluation {
    const gad_source *source;
    int64_t count;      /* samples 0..count-1 of the source, or as many as it has */
    int64_t max_tokens; /* ids of an answer */
    gad_answering answering;
} gad_evaluation;

/* This rank's share of the samples. Adds eval_reward, eval_decision_acc, eval_recall, eval_specificity, eval_loc_01 and
 * eval_loc_05 (TP / (TP + FP + FN) at IoU 0.1 and 0.5), eval_mean_iou, eval_parse_fail_rate and eval_length. */
gad_status gad_evaluation_run(const gad_evaluation *evaluation, const gad_step *step, const gad_dist *dist,
                              gad_metrics *metrics, gad_error *err);
#endif
