/* grpo_state: what grpo.c and group.c share: the settings of group relative policy optimisation and the state of a run. */
#ifndef GAD_TRAIN_GRPO_STATE_H
#define GAD_TRAIN_GRPO_STATE_H
#include "train/advantage.h"
#include "train/reward.h"
#include "train/rollout.h"
#include "train/trainer.h"
#include "train/vision_cache.h"

typedef enum gad_zero_variance {
    GAD_ZERO_VARIANCE_CONTRAST, /* contrastive sampling: put the true answer, or a wrong one, into a group of equal answers
                                 */
    GAD_ZERO_VARIANCE_DROP,     /* such groups count for nothing */
    GAD_ZERO_VARIANCE_KEEP      /* they count, and only the divergence acts */
} gad_zero_variance;

typedef struct gad_grpo_settings {
    int64_t prompts; /* of one step, over all ranks */
    int group;
    int64_t max_tokens; /* ids of an answer */
    double temperature;
    gad_advantage_loss loss;
    gad_aggregation aggregation;
    bool scale, mask_truncated, share_prefix, checkpointing;
    bool sequence_ratio;  /* one ratio for all ids of an answer: exp(mean(l - l_old)) (GSPO, arXiv 2507.18071) */
    int64_t updates;      /* of one batch of answers; 0 counts as 1 */
    int64_t refill;       /* other prompts that are tried in place of one whose group does not count */
    double entropy_bonus; /* the loss falls by this much of the entropy */
    gad_zero_variance zero_variance;
    double positive; /* reward from which an answer is right */
    uint64_t seed;
    size_t cache_bytes;
    int64_t eval_examples, show;
    const int32_t *stop;
    int stop_count;
    gad_reward_judge_call judge;
    void *judge_user;
} gad_grpo_settings;

struct gad_group;

typedef struct gad_grpo {
    gad_grpo_settings settings;
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
