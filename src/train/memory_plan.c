/* memory_plan: see memory_plan.h */
#include "train/memory_plan.h"

#include "base/error.h"
#include "base/log.h"
#include "model/plan.h"
#include "train/optimizer.h"
#include "train/step.h"

/* Numbers that a block keeps for a row: 4d + 2 Hq dh + 2 Hk dh + 3 I, and half as many again on the way back. */
static size_t block_row(int64_t d, int64_t q, int64_t kv, int64_t inner)
{
    return (size_t)(4 * d + 2 * q + 2 * kv + 3 * inner);
}

/* Of the language model, of its logits (whose gradient is of activations), and of the vision tower. */
static void plan_activations(const gad_model *model, const gad_memory_request *r, gad_memory_plan *p)
{
    const gad_text_config *t = &model->config.text;
    const gad_vision_config *v = &model->config.vision;
    const size_t wide = gad_dtype_bytes(r->device->dtype), rows = (size_t)r->micro_tokens, layers = (size_t)t->layers;
    const size_t block =
        wide * block_row(t->hidden, (int64_t)t->heads * t->head_dim, (int64_t)t->kv_heads * t->head_dim, t->intermediate);
    p->activation_bytes = rows * (layers * (size_t)t->hidden * wide + block * (r->checkpointing ? 1 : layers) + block / 2);
    p->logits_bytes = (size_t)gad_step_logits_rows(r->device) * (size_t)t->vocab * (sizeof(float) + wide);
    /* at most every row is an image token of four patches */
    const size_t patches = 4 * rows, c = (size_t)v->hidden, depth = (size_t)v->depth;
    const size_t vision_block = wide * block_row(v->hidden, v->hidden, v->hidden, v->intermediate);
    const size_t cache = r->device->memory_bytes ? 0 : r->cache_bytes; /* which lies on the host */
    p->vision_bytes = r->trains_vision
                          ? patches * (depth * c * wide + vision_block * (r->checkpointing ? 1 : depth) + vision_block / 2)
                          : patches / 4 * (c * 2 * wide + vision_block) + cache;
}

gad_memory_plan gad_memory_plan_make(const gad_model *model, const gad_memory_request *r)
{
    const gad_text_config *t = &model->config.text;
    gad_memory_plan p = {.device = r->device, .trainable = r->trainable};
    for (size_t i = 0; i < model->params.count; i++)
        p.weight_bytes += gad_param_bytes(model->params.item[i], model->params.item[i]->value.dtype);
    p.optimizer_bytes = (size_t)r->trainable * sizeof(float) + gad_optimizer_bytes(r->trainable, r->average);
    plan_activations(model, r, &p);
    size_t kv_row = (size_t)t->layers * 2 * (size_t)t->kv_heads * gad_dtype_head_bytes(r->device->kept, t->head_dim);
    p.rollout_bytes = r->group ? kv_row * (size_t)(r->micro_tokens + r->group * r->max_new_tokens) : 0;
    p.total_bytes =
        p.weight_bytes + p.optimizer_bytes + p.activation_bytes + p.logits_bytes + p.vision_bytes + p.rollout_bytes;
    return p;
}

gad_status gad_memory_plan_check(const gad_memory_plan *p, const gad_log *log, gad_error *err)
{
    const double mib = 0x1p20;
    const bool apart = p->device->memory_bytes > 0;
    size_t available = gad_plan_free_bytes(p->device);
    gad_log_info(
        log,
        "memory%s%s: %.0f MiB = weights %.0f + gradients and optimizer %.0f (%.2f M numbers train) + activations %.0f + "
        "logits %.0f + vision %.0f + rollouts %.0f; %.0f MiB are free",
        apart ? " of " : "", p->device->label, (double)p->total_bytes / mib, (double)p->weight_bytes / mib,
        (double)p->optimizer_bytes / mib, (double)p->trainable / 1e6, (double)p->activation_bytes / mib,
        (double)p->logits_bytes / mib, (double)p->vision_bytes / mib, (double)p->rollout_bytes / mib,
        (double)available / mib);
    if (!available || p->total_bytes <= available)
        return GAD_OK;
    const char *hint = p->optimizer_bytes > p->total_bytes / 2 ? "train a LoRA adapter (--train lora), or fewer parameters"
                       : p->rollout_bytes > p->total_bytes / 2 ? "lower --group or --max-new-tokens"
                                                               : "lower --micro-tokens, or use --checkpointing";
    return gad_error_set(err, GAD_E_MEMORY, "plan training", hint, "about %.0f MiB are needed and %.0f MiB are free",
                         (double)p->total_bytes / mib, (double)available / mib);
}
