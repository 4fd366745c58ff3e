/* group_benchmark: one step of training by rewards, timed: answers to one prompt, then one pass forward and back over them
 * with rewards that nobody gave, and an update. In: a step, a prompt, an optimizer. Out: seconds. */
#ifndef GAD_TRAIN_GROUP_BENCHMARK_H
#define GAD_TRAIN_GROUP_BENCHMARK_H
#include "train/optimizer.h"
#include "train/rollout.h"

typedef struct gad_group_time {
    double answers_s, update_s;
    int64_t rows; /* of the update */
} gad_group_time;

/* `group` answers of `tokens` ids each. */
gad_status gad_group_benchmark_run(const gad_step *step, const gad_segment *prompt, gad_optimizer *optimizer, int group,
                                   int64_t tokens, gad_group_time *time, gad_error *err);
#endif
