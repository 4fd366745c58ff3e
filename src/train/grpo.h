/* grpo: group relative policy optimisation (DeepSeekMath, arXiv 2402.03300; Anomaly-R1, arXiv 2604.10971): answers to each
 * prompt, rewards, advantages within the group, one update on the same weights and kernels that answered. In: a source of
 * examples, a judge. Out: a task for the trainer. Knows nothing of text: the judge does. */
#ifndef GAD_TRAIN_GRPO_H
#define GAD_TRAIN_GRPO_H
#include "train/grpo_state.h"

/* The model's trainable set is chosen before; with kl > 0 a copy is kept of what trains besides adapters. */
gad_status gad_grpo_open(const gad_train_settings *settings, const gad_answering *answering, const gad_source *train,
                         const gad_source *eval, gad_model *model, gad_device *device, gad_grpo *grpo, gad_error *err);
void gad_grpo_close(gad_grpo *grpo);
gad_trainer_task gad_grpo_task(gad_grpo *grpo);
#endif
