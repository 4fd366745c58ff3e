/* group: the answers to one prompt with their rewards and advantages, and contrastive sampling: a true or a wrong answer
 * put into a group whose answers are all alike (docs/spec/training.md section 4). In: a sample's number. Out: what an
 * update needs. Knows nothing of updates. */
#ifndef GAD_TRAIN_GROUP_H
#define GAD_TRAIN_GROUP_H
#include "train/grpo_state.h"

typedef enum gad_group_injection { GAD_GROUP_SAMPLED, GAD_GROUP_TRUTH, GAD_GROUP_WRONG } gad_group_injection;

typedef struct gad_group {
    gad_example example;
    gad_rollout_answer *answer; /* [size] */
    gad_reward *reward;
    double *advantage;
    gad_group_injection *injected;
    float *reference; /* log-probabilities of the labels under the start's policy; NULL until an update wants them */
    int size;
    double deviation;
    bool counts; /* takes part in the update */
} gad_group;

/* Sample n of the run: answers, rewards, advantages. gad_group_free also after a failure. */
gad_status gad_group_make(gad_grpo *grpo, int64_t n, gad_group *group, gad_error *err);
void gad_group_free(gad_group *group);
/* The prompt as a segment, borrowing the group's memory. */
gad_segment gad_group_prompt(const gad_group *group);
#endif
