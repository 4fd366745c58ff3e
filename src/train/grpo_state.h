/* grpo_state: what grpo.c and group.c share: the state of a run of group relative policy optimisation. */
#ifndef GAD_TRAIN_GRPO_STATE_H
#define GAD_TRAIN_GRPO_STATE_H
#include "train/advantage.h"
#include "train/reward.h"
#include "train/rollout.h"
#include "train/trainer.h"
#include "train/vision_cache.h"

struct gad_group;

typedef struct gad_grpo {
    gad_train_settings settings;
    gad_answering answering;
    const gad_source *train, *eval;
    gad_source_order order;
    gad_step step;
    gad_model *model;
    gad_vision_cache cache;
    gad_tensor *start;      /* [params]: weights of the start of what trains in full; without data for others */
    struct gad_group *held; /* this rank's groups of the running step */
    int64_t held_count;
    struct {
        double reward, specificity, entropy, length;
        int64_t steps;
    } first, now; /* running means, for the alarms */
} gad_grpo;
#endif
