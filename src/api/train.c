/* train: the public calls of training: settings in, a run out. */
#include <string.h>

#include "api/train_setup.h"
#include "gad_train.h"
#include "train/grpo.h"
#include "train/sft.h"

static gad_sft_settings sft_settings(const gad_train_settings *s, const gad_train_setup *t, gad_reward_judge *judge)
{
    return (gad_sft_settings){.batch = s->batch,
                              .micro_tokens = s->micro_tokens,
                              .checkpointing = s->checkpointing,
                              .seed = s->seed,
                              .cache_bytes = (size_t)s->cache_mib << 20,
                              .text_weight = s->text_weight,
                              .mask_weight = s->mask_weight,
                              .forced = s->forced_regions,
                              .eval_examples = s->eval_examples,
                              .evaluation = {.count = s->eval_answers,
                                             .max_tokens = s->max_new_tokens,
                                             .stop = t->engine->sampling.stop,
                                             .stop_count = t->engine->sampling.stop_count,
                                             .judge = gad_reward_give,
                                             .judge_user = judge}};
}

static gad_status run_sft(gad_train_setup *t, gad_error *err)
{
    gad_sft sft;
    gad_reward_judge judge;
    gad_status status = gad_reward_open(t->engine->tokenizer, "mmr", NULL, 0, &judge, err);
    gad_sft_settings own = sft_settings(t->settings, t, &judge);
    if (!status)
        status =
            gad_sft_open(&own, &t->train, t->has_eval ? &t->eval : NULL, &t->engine->model, &t->engine->device, &sft, err);
    if (status)
        return status;
    gad_trainer_task task = gad_sft_task(&sft);
    status = gad_trainer_run(&t->trainer, &t->engine->model, &t->engine->device, &t->dist, &task, t->settings->log,
                             t->settings->progress, err);
    gad_sft_close(&sft);
    gad_reward_close(&judge);
    return status;
}

gad_status gad_train_sft(const gad_train_settings *settings, gad_error *err)
{
    gad_train_setup t;
    bool ready = false;
    gad_status status = gad_train_setup_open(settings, "sft", &t, &ready, err);
    if (status)
        return status;
    if (ready)
        status = run_sft(&t, err);
    gad_train_setup_close(&t);
    return status;
}

static gad_grpo_settings grpo_settings(const gad_train_settings *s, const gad_train_setup *t, gad_reward_judge *judge)
{
    static const struct {
        const char *name;
        gad_aggregation mode;
    } modes[] = {{"group-token", GAD_AGGREGATE_GROUP_TOKEN},
                 {"batch-token", GAD_AGGREGATE_BATCH_TOKEN},
                 {"seq-mean", GAD_AGGREGATE_SEQ_MEAN},
                 {"seq-sum", GAD_AGGREGATE_SEQ_SUM},
                 {"constant", GAD_AGGREGATE_CONSTANT}};
    gad_grpo_settings g = {.prompts = s->batch,
                           .group = (int)s->group,
                           .max_tokens = s->max_new_tokens,
                           .temperature = s->temperature,
                           .loss = {s->clip_low, s->clip_high, s->kl, s->dual_clip},
                           .scale = s->scale_by_deviation,
                           .mask_truncated = s->mask_truncated,
                           .share_prefix = s->share_prefix,
                           .sequence_ratio = !strcmp(s->ratio, "sequence"),
                           .updates = s->iterations,
                           .refill = s->refill,
                           .entropy_bonus = s->entropy_bonus,
                           .checkpointing = s->checkpointing,
                           .zero_variance = !strcmp(s->zero_variance, "drop")   ? GAD_ZERO_VARIANCE_DROP
                                            : !strcmp(s->zero_variance, "keep") ? GAD_ZERO_VARIANCE_KEEP
                                                                                : GAD_ZERO_VARIANCE_CONTRAST,
                           .positive = s->positive,
                           .seed = s->seed,
                           .cache_bytes = (size_t)s->cache_mib << 20,
                           .eval_examples = s->eval_examples,
                           .show = s->show_answers,
                           .stop = t->engine->sampling.stop,
                           .stop_count = t->engine->sampling.stop_count,
                           .judge = gad_reward_give,
                           .judge_user = judge};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (!strcmp(s->aggregation, modes[i].name))
            g.aggregation = modes[i].mode;
    return g;
}

static gad_status run_grpo(gad_train_setup *t, gad_reward_judge *judge, gad_error *err)
{
    gad_grpo grpo;
    gad_grpo_settings own = grpo_settings(t->settings, t, judge);
    gad_status status =
        gad_grpo_open(&own, &t->train, t->has_eval ? &t->eval : NULL, &t->engine->model, &t->engine->device, &grpo, err);
    if (status)
        return status;
    gad_trainer_task task = gad_grpo_task(&grpo);
    status = gad_trainer_run(&t->trainer, &t->engine->model, &t->engine->device, &t->dist, &task, t->settings->log,
                             t->settings->progress, err);
    gad_grpo_close(&grpo);
    return status;
}

static void choose_parts(const gad_train_settings *s, gad_reward_judge *judge)
{
    gad_reward_parts *parts = &judge->parts;
    parts->cover.iou = s->reward_iou;
    parts->mm.miss = parts->vd.miss = s->reward_miss;
    parts->mm.lower_bound = s->reward_floor;
    if (s->reward_false_box >= 0)
        parts->mm.false_box = parts->vd.false_box = s->reward_false_box;
}

gad_status gad_train_grpo(const gad_train_settings *settings, gad_error *err)
{
    gad_train_setup t;
    bool ready = false;
    gad_reward_judge judge = {0};
    gad_status status = gad_train_setup_open(settings, "grpo", &t, &ready, err);
    if (status)
        return status;
    if (ready)
        status = gad_reward_open(t.engine->tokenizer, settings->reward, settings->reward_command,
                                 (int)settings->reward_timeout_s, &judge, err);
    if (ready && !status) {
        choose_parts(settings, &judge);
        status = run_grpo(&t, &judge, err);
    }
    gad_reward_close(&judge);
    gad_train_setup_close(&t);
    return status;
}

gad_status gad_train_plot(const char *log_file, const char *html_file, gad_error *err)
{
    return gad_runlog_plot(log_file, html_file, err);
}
