/* train_check: see train_check.h */
#include "api/train_check.h"

#include <math.h>

#include "api/train_select.h"
#include "train/reward.h"

static const char *bad_grpo(const gad_train_settings *s)
{
    const gad_advantage_loss *loss = &s->loss;
    const gad_reward_settings *reward = &s->reward;
    if (!reward->kind || !gad_reward_find(reward->kind))
        return "the reward is mmr or vd";
    if (s->group < 1 || s->group > 256 || s->max_new_tokens < 1)
        return "the group must lie between 1 and 256, and the longest answer must be at least 1 token";
    if (!(s->temperature > 0) || s->temperature > 100)
        return "the temperature must lie over 0: answers that are all the same teach nothing";
    if (!(loss->clip_low > 0) || loss->clip_low >= 1 || !(loss->clip_high > 0) || !(loss->kl >= 0) ||
        !(s->entropy_bonus >= 0))
        return "clip-low must lie between 0 and 1, clip-high over 0, kl and entropy bonus must not be negative";
    if (!(reward->iou > 0) || reward->iou >= 1 || !(reward->miss >= 0) || isnan(reward->false_box) || !(reward->floor <= 1))
        return "reward-iou lies between 0 and 1, reward-miss is not negative, reward-floor not over 1";
    if (!(loss->dual >= 0) || (loss->dual > 0 && loss->dual <= 1))
        return "dual-clip must be over 1, or 0 for none";
    if (s->iterations < 1 || s->iterations > 64 || s->refill < 0 || s->refill > 64)
        return "iterations must lie between 1 and 64, refill between 0 and 64";
    return NULL;
}

const char *gad_train_check(const gad_train_settings *s, bool grpo)
{
    const gad_optimizer_settings *o = &s->optimizer;
    if (!s->model || !s->out)
        return "a model and a folder for the run (--out) are needed";
    if (s->schedule.steps < 1 || s->batch < 1 || s->micro_tokens < 1)
        return "steps, batch and micro-tokens must be at least 1";
    if (!(s->schedule.peak > 0) || s->schedule.peak > 1)
        return "the learning rate must lie between 0 and 1";
    if (!(o->average >= 0) || o->average >= 1 || !(o->beta1 >= 0) || o->beta1 >= 1 || !(o->beta2 >= 0) || o->beta2 >= 1 ||
        !(o->epsilon > 0))
        return "beta1, beta2 and ema must be at least 0 and below 1, epsilon over 0";
    if (!(s->schedule.floor >= 0) || s->schedule.floor > 1)
        return "the floor of the learning rate is a part of it, 0 to 1";
    if (s->schedule.warmup >= s->schedule.steps)
        return "the warmup takes all steps, so the learning rate is never reached: a smaller --warmup, or more --steps";
    if (!(o->weight_decay >= 0) || !(o->clip >= 0) || !(s->mask_weight >= 0) || !(s->text_weight >= 0) ||
        !(s->difference_rate >= 0))
        return "weight decay, clip, text and mask weight and difference rate must not be negative";
    if (gad_train_select_lora(s->train) && (s->lora.rank < 1 || s->lora.rank > 4096 || !(s->lora.alpha > 0)))
        return "the rank of adapters must lie between 1 and 4096, their alpha over 0";
    if (!(s->synth_share >= 0) || s->synth_share > 1 || !(s->forced_regions >= 0) || s->forced_regions > 1 ||
        !(s->fast_share >= 0) || s->fast_share > 1)
        return "the shares of synthetic pairs, told regions and fast answers lie between 0 and 1";
    if (s->keep < 1)
        return "at least one checkpoint must be kept";
    if (s->references < 0 || s->cache_mib < 0 || s->eval_examples < 1 || s->eval_answers < 0)
        return "references, vision cache and eval-answers must not be negative, eval-examples must be at least 1";
    if (s->eval_answers > 0 && s->max_new_tokens < 1)
        return "answers of an evaluation need a longest length of at least 1 token";
    return grpo ? bad_grpo(s) : NULL;
}
