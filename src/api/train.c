/* train: the public calls of training: settings in, a run out. */
#include "api/train_setup.h"
#include "base/error.h"
#include "gad_train.h"
#include "inspect/product.h"
#include "train/grpo.h"
#include "train/map_trainer.h"
#include "train/sft.h"

/* What both kinds start from. */
static gad_train_settings settings_of_both(void)
{
    gad_train_settings s = {
        .split = "train", .eval_split = "val", .references = 1, .synth = gad_synth_default(), .synth_seed = 1};
    s.synth.width = s.synth.height = 128;
    s.synth.class_seed = 1;
    s.synth.same_piece = 0.25;
    s.synth.brief = true;
    s.image_size = "canvas";
    s.think = true;
    s.train = "lora";
    s.lora = (gad_adapter_settings){.rank = 16, .alpha = 32, .targets = "all-linear"};
    s.micro_tokens = 4096;
    s.optimizer = (gad_optimizer_settings){.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.05, .clip = 1};
    s.difference_rate = 1;
    s.cache_mib = 1024;
    s.eval_examples = 64;
    s.keep = 2;
    s.seed = 1;
    s.max_new_tokens = 384;
    s.mask_weight = 1;
    s.reward = gad_reward_default();
    return s;
}

gad_train_settings gad_train_sft_default(void)
{
    gad_train_settings s = settings_of_both();
    s.batch = 16;
    s.schedule = (gad_schedule){.kind = GAD_SCHEDULE_COSINE, .peak = 1e-4, .floor = 0.1, .warmup = -1, .steps = 1000};
    s.save_every = s.eval_every = 200;
    s.text_weight = 1;
    s.eval_answers = 16;
    return s;
}

gad_train_settings gad_train_grpo_default(void)
{
    gad_train_settings s = settings_of_both();
    s.batch = 8;
    s.schedule = (gad_schedule){.kind = GAD_SCHEDULE_LINEAR, .peak = 1e-5, .steps = 250};
    s.save_every = s.eval_every = 50;
    s.group = 8;
    s.show_answers = 1;
    s.iterations = 1;
    s.temperature = 1;
    s.loss = (gad_advantage_loss){.clip_low = 0.2, .clip_high = 0.28, .kl = 0.02};
    s.positive = 0.5;
    s.scale_by_deviation = s.mask_truncated = s.share_prefix = true;
    return s;
}

gad_head_settings gad_head_settings_default(void)
{
    return (gad_head_settings){
        .references = 4,
        .batch = 24,
        .schedule = {.kind = GAD_SCHEDULE_COSINE, .peak = 2e-3, .floor = 0.01, .warmup = 50, .steps = 1200},
        .eval_share = 0.125,
        .seed = 1};
}

/* Train what `task` does. */
static gad_status run(gad_train_setup *t, const gad_trainer_task *task, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    return gad_trainer_run(s, &t->checkpoint, &t->engine->model, &t->engine->device, &t->dist, task, s->log, s->progress,
                           err);
}

static gad_answering answering_of(const gad_train_setup *t, gad_reward_judge *judge)
{
    return (gad_answering){.stop = t->engine->sampling.stop,
                           .stop_count = t->engine->sampling.stop_count,
                           .judge = gad_reward_give,
                           .judge_user = judge,
                           .retell = t->engine->model.config.evidence.words ? gad_example_maker_retell : NULL,
                           .retell_user = &t->maker};
}

static gad_status run_sft(gad_train_setup *t, gad_reward_judge *judge, gad_error *err)
{
    gad_sft sft;
    const gad_answering answering = answering_of(t, judge);
    gad_status status = gad_sft_open(t->settings, &answering, &t->train, t->has_eval ? &t->eval : NULL, &t->engine->model,
                                     &t->engine->device, &sft, err);
    if (status)
        return status;
    gad_trainer_task task = gad_sft_task(&sft);
    status = run(t, &task, err);
    gad_sft_close(&sft);
    return status;
}

static gad_status run_grpo(gad_train_setup *t, gad_reward_judge *judge, gad_error *err)
{
    gad_grpo grpo;
    const gad_answering answering = answering_of(t, judge);
    gad_status status = gad_grpo_open(t->settings, &answering, &t->train, t->has_eval ? &t->eval : NULL, &t->engine->model,
                                      &t->engine->device, &grpo, err);
    if (status)
        return status;
    gad_trainer_task task = gad_grpo_task(&grpo);
    status = run(t, &task, err);
    gad_grpo_close(&grpo);
    return status;
}

static gad_status train(const gad_train_settings *settings, gad_train_kind kind,
                        gad_status (*run_kind)(gad_train_setup *, gad_reward_judge *, gad_error *), gad_error *err)
{
    gad_train_setup t;
    gad_reward_judge judge = {0};
    bool ready = false;
    gad_status status = gad_train_setup_open(settings, kind, &t, &ready, err);
    if (status)
        return status;
    if (ready)
        status = gad_reward_open(t.engine->tokenizer, &settings->reward, &judge, err);
    if (!status && settings->started)
        settings->started(settings->started_user);
    if (ready && !status)
        status = run_kind(&t, &judge, err);
    gad_reward_close(&judge);
    gad_train_setup_close(&t);
    return status;
}

gad_status gad_train_sft(const gad_train_settings *settings, gad_error *err)
{
    return train(settings, GAD_TRAIN_SFT, run_sft, err);
}

gad_status gad_train_grpo(const gad_train_settings *settings, gad_error *err)
{
    return train(settings, GAD_TRAIN_GRPO, run_grpo, err);
}

static gad_status check_head(const gad_head_settings *s, gad_error *err)
{
    if (s->references < 1 || s->references > 64 || s->batch < 1 || s->schedule.steps < 1 || !(s->eval_share >= 0) ||
        s->eval_share > 0.9)
        return gad_error_set(err, GAD_E_ARGUMENT, "train a head", NULL,
                             "references (1 to 64), batch, steps and the share that is kept back (0 to 0.9) make no sense");
    return GAD_OK;
}

/* The head to start from. */
static gad_status start_head(const gad_head_settings *s, const gad_backbone *backbone, const gad_map_samples *samples,
                             gad_map_head *head, gad_error *err)
{
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    if (s->start)
        return gad_product_head(&(gad_learn_settings){.head = s->start}, info, head, err);
    gad_status status = gad_map_head_new(samples->maps, info->hash, s->seed, head, err);
    if (!status)
        gad_map_trainer_normalise(samples, head);
    return status;
}

gad_status gad_train_head(const gad_head_settings *settings, gad_head_report *report, gad_error *err)
{
    gad_backbone *backbone = NULL;
    gad_map_samples samples = {0};
    gad_map_head head = {0};
    gad_status status = check_head(settings, err);
    if (!status)
        status = gad_product_backbone(settings->backbone, NULL, settings->threads, &backbone, err);
    if (!status)
        status = gad_map_samples_read(settings, backbone, &samples, err);
    if (!status && samples.count < 8)
        status =
            gad_error_set(err, GAD_E_ARGUMENT, "train a head", "make some with gad data synth",
                          "%s: %lld pictures with references and known places", settings->store, (long long)samples.count);
    if (!status)
        status = start_head(settings, backbone, &samples, &head, err);
    if (!status)
        status = gad_map_trainer_run(settings, &samples, &head, report, err);
    if (!status)
        status = gad_map_head_save(&head, settings->out, err);
    gad_map_head_free(&head);
    gad_map_samples_free(&samples);
    gad_backbone_free(backbone);
    return status;
}

gad_status gad_train_plot(const char *log_file, const char *html_file, gad_error *err)
{
    return gad_runlog_plot(log_file, html_file, err);
}
