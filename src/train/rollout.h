/* rollout: several answers to one prompt, decoded together: the prompt is run once, its keys and values are shared by all
 * answers. In: a prompt, the random state's key. Out: ids and their log-probabilities. Knows nothing of text or rewards. */
#ifndef GAD_TRAIN_ROLLOUT_H
#define GAD_TRAIN_ROLLOUT_H
#include "generate/sample.h"
#include "train/step.h"

typedef struct gad_rollout_settings {
    int group;          /* answers */
    int64_t max_tokens; /* ids of an answer */
    double temperature; /* 0: the most likely id */
    const int32_t *stop;
    int stop_count;
    bool share_prefix; /* false: every answer runs the prompt itself (for comparison) */
} gad_rollout_settings;

typedef struct gad_rollout_answer {
    int32_t *id; /* [count], the stop id included; owned */
    float *logp; /* [count], at the temperature */
    int64_t count;
    bool truncated; /* no stop id within max_tokens */
} gad_rollout_answer;

/* `prompt` is one segment without labels (its images as a batch takes them). Answer i draws from the stream (seed, i): the
 * answers do not depend on how many are decoded together. answer[group] is the caller's (gad_rollout_free). */
gad_status gad_rollout_run(const gad_step *step, const gad_segment *prompt, const gad_rollout_settings *settings,
                           uint64_t seed, gad_rollout_answer *answer, gad_error *err);
void gad_rollout_free(gad_rollout_answer *answer, int count);
#endif
