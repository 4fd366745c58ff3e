/* memory_plan: what training takes, before it is taken. In: a model's shape and how it is to be trained. Out: bytes by
 * part, and advice. Formulas: docs/spec/qwen_vl.md section 15; activations are of the device's dtype. */
#ifndef GAD_TRAIN_MEMORY_PLAN_H
#define GAD_TRAIN_MEMORY_PLAN_H
#include "model/model.h"

typedef struct gad_memory_request {
    int64_t trainable; /* numbers that train */
    int64_t micro_tokens;
    bool checkpointing, average, trains_vision;
    size_t cache_bytes;            /* bound of the vision cache */
    int64_t group, max_new_tokens; /* of GRPO; 0: no rollouts */
    const gad_device *device;
} gad_memory_request;

typedef struct gad_memory_plan {
    const gad_device *device;
    int64_t trainable;
    size_t weight_bytes, optimizer_bytes, activation_bytes, logits_bytes, vision_bytes, rollout_bytes, total_bytes;
} gad_memory_plan;

gad_memory_plan gad_memory_plan_make(const gad_model *model, const gad_memory_request *request);
/* Tell the plan; GAD_E_MEMORY with what could be reduced when it does not fit into what is free. */
gad_status gad_memory_plan_check(const gad_memory_plan *plan, const gad_log *log, gad_error *err);
#endif
