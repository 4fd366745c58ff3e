/* train_setup: see train_setup.h */
#include "api/train_setup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/adapter.h"
#include "model/save.h"
#include "train/memory_plan.h"
#include "train/reward.h"

static const char operation[] = "prepare training";

/* ---- what trains --------------------------------------------------------------------------------------------------- */

#define GROUP(group) (1u << (group))

static bool word_selects(const char *word, size_t n, const gad_param *param)
{
    static const struct {
        const char *word;
        unsigned groups; /* bit per gad_param_group */
    } words[] = {{"all", ~0u},
                 {"language", GROUP(GAD_PARAM_LANGUAGE)},
                 {"vision", GROUP(GAD_PARAM_VISION) | GROUP(GAD_PARAM_MERGER)},
                 {"merger", GROUP(GAD_PARAM_MERGER)},
                 {"difference", GROUP(GAD_PARAM_EVIDENCE) | GROUP(GAD_PARAM_INJECTION)}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (n == strlen(words[i].word) && !strncmp(word, words[i].word, n))
            return words[i].groups & GROUP(param->group);
    return !strncmp(param->name, word, n) && n > 4; /* the beginning of a parameter's name, "model.layers.0." */
}

static bool is_selected(const char *words, const gad_param *param)
{
    for (const char *word = words; *word;) {
        size_t n = strcspn(word, ",");
        if (word_selects(word, n, param))
            return true;
        word += n + (word[n] == ',');
    }
    return false;
}

static bool wants_lora(const char *words)
{
    return !strncmp(words, "lora", 4) && (words[4] == ',' || !words[4]);
}

/* The first word after "lora" that is not "difference": only that module may train in full beside adapters, since an
 * adapter folder holds nothing else of the base. NULL: there is none. */
static const char *stray_word(const char *words)
{
    for (const char *word = words; *word;) {
        size_t n = strcspn(word, ",");
        bool known = (n == 4 && !strncmp(word, "lora", n)) || (n == 10 && !strncmp(word, "difference", n));
        if (!known)
            return word;
        word += n + (word[n] == ',');
    }
    return NULL;
}

/* LoRA adapters, and the evidence head if it is named beside them; or what the words select. */
static gad_status choose_trainable(const gad_train_settings *s, gad_engine *engine, bool count_only, int64_t *count,
                                   gad_error *err)
{
    gad_model *model = &engine->model;
    bool lora = wants_lora(s->train);
    if (lora && stray_word(s->train))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "train adapters, or the named parts in full",
                             "--train %s: only difference trains in full beside lora", s->train);
    gad_adapter_settings adapter = s->lora;
    adapter.seed = s->seed;
    *count = lora ? gad_adapter_count(model, &adapter) : 0;
    gad_status status = lora && !count_only ? gad_adapter_create(model, &adapter, err) : GAD_OK;
    for (size_t i = 0; i < model->params.count && !status; i++) {
        gad_param *param = model->params.item[i];
        bool adapted = strstr(param->name, ".lora_") != NULL;
        bool beside = !lora || gad_param_is_evidence(param);
        bool wanted = adapted ? lora : beside && is_selected(s->train, param);
        if (wanted && !adapted)
            *count += gad_param_count(param);
        if (wanted && !count_only)
            status = gad_param_train(param, true, &engine->device, err);
    }
    if (!status && !*count && lora)
        status =
            gad_error_set(err, GAD_E_ARGUMENT, operation, "names are like q_proj, down_proj, visual.qkv, or all-linear",
                          "--lora-targets %s: no layer is called so", s->lora.targets);
    else if (!status && !*count)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "say lora, all, language, vision, merger, or a prefix",
                               "--train %s: nothing is called so", s->train);
    return status;
}

/* ---- data ---------------------------------------------------------------------------------------------------------- */

static gad_status open_synth(gad_train_setup *t, uint64_t seed, gad_source_synth *synth, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    gad_synth_settings settings = s->synth;
    settings.references = (int)s->references;
    gad_status status = s->synth_kinds ? gad_synth_parse_kinds(s->synth_kinds, &settings.kinds, err) : GAD_OK;
    if (!status && s->synth_families)
        status = gad_synth_parse_families(s->synth_families, &settings.families, err);
    return status ? status : gad_source_synth_open(&t->maker, &settings, seed, synth, err);
}

/* The samples that were named, else those of the same file that are held out: own parts are never measured on other ones.
 * Where there are none, nothing is. Without a file, other pieces of the same synthetic world. */
static gad_status open_evaluation(gad_train_setup *t, gad_source_filter filter, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    const char *path = s->eval_data ? s->eval_data : s->data;
    gad_error none;
    filter.split = s->eval_split;
    gad_status status = path ? gad_source_samples_open(&t->maker, path, &filter, &t->eval_samples, &none)
                             : open_synth(t, ~s->synth_seed, &t->eval_synth, err);
    t->has_eval = !status;
    if (path && status == GAD_E_ARGUMENT && !s->eval_data) {
        gad_log_warning(s->log, "%s has no samples of the split %s: nothing is evaluated; give --eval-data or --eval-split",
                        path, s->eval_split);
        return GAD_OK;
    }
    if (path && status && err)
        *err = none;
    if (!status)
        t->eval = path ? gad_source_samples_source(t->eval_samples) : gad_source_synth_source(&t->eval_synth);
    return status;
}

static gad_status open_data(gad_train_setup *t, gad_train_kind kind, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    gad_source_filter filter = {.split = s->split,
                                .with_text = s->think && kind == GAD_TRAIN_SFT,
                                .references = (int)s->references,
                                .root = s->root};
    gad_status status = s->data ? gad_source_samples_open(&t->maker, s->data, &filter, &t->samples, err) : GAD_OK;
    if (!status && (!s->data || s->synth_share > 0))
        status = open_synth(t, s->synth_seed, &t->synth, err);
    if (status)
        return status;
    t->train = s->data ? gad_source_samples_source(t->samples) : gad_source_synth_source(&t->synth);
    if (s->data && s->synth_share > 0) {
        status = gad_source_mix_open(gad_source_synth_source(&t->synth), t->train, s->synth_share, s->seed, &t->mix, err);
        t->train = gad_source_mix_source(&t->mix);
    }
    if (!status && t->train.count && s->batch > t->train.count)
        status =
            gad_error_set(err, GAD_E_ARGUMENT, operation, "a smaller --batch, or more samples: gad data synth makes some",
                          "a step of %lld samples, and there are %lld", (long long)s->batch, (long long)t->train.count);
    return status || s->eval_every < 0 ? status : open_evaluation(t, filter, err);
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

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

static gad_status check_settings(const gad_train_settings *s, gad_train_kind kind, gad_error *err)
{
    const gad_optimizer_settings *o = &s->optimizer;
    const char *bad = NULL;
    if (!s->model || !s->out)
        bad = "a model and a folder for the run (--out) are needed";
    else if (s->schedule.steps < 1 || s->batch < 1 || s->micro_tokens < 1)
        bad = "steps, batch and micro-tokens must be at least 1";
    else if (!(s->schedule.peak > 0) || s->schedule.peak > 1)
        bad = "the learning rate must lie between 0 and 1";
    else if (!(o->average >= 0) || o->average >= 1 || !(o->beta1 >= 0) || o->beta1 >= 1 || !(o->beta2 >= 0) ||
             o->beta2 >= 1 || !(o->epsilon > 0))
        bad = "beta1, beta2 and ema must be at least 0 and below 1, epsilon over 0";
    else if (!(s->schedule.floor >= 0) || s->schedule.floor > 1)
        bad = "the floor of the learning rate is a part of it, 0 to 1";
    else if (s->schedule.warmup >= s->schedule.steps)
        bad = "the warmup takes all steps, so the learning rate is never reached: a smaller --warmup, or more --steps";
    else if (!(o->weight_decay >= 0) || !(o->clip >= 0) || !(s->mask_weight >= 0) || !(s->text_weight >= 0) ||
             !(s->difference_rate >= 0))
        bad = "weight decay, clip, text and mask weight and difference rate must not be negative";
    else if (wants_lora(s->train) && (s->lora.rank < 1 || s->lora.rank > 4096 || !(s->lora.alpha > 0)))
        bad = "the rank of adapters must lie between 1 and 4096, their alpha over 0";
    else if (!(s->synth_share >= 0) || s->synth_share > 1 || !(s->forced_regions >= 0) || s->forced_regions > 1 ||
             !(s->fast_share >= 0) || s->fast_share > 1)
        bad = "the shares of synthetic pairs, told regions and fast answers lie between 0 and 1";
    else if (s->keep < 1)
        bad = "at least one checkpoint must be kept";
    else if (s->references < 0 || s->cache_mib < 0 || s->eval_examples < 1 || s->eval_answers < 0)
        bad = "references, vision cache and eval-answers must not be negative, eval-examples must be at least 1";
    else if (s->eval_answers > 0 && s->max_new_tokens < 1)
        bad = "answers of an evaluation need a longest length of at least 1 token";
    else if (kind == GAD_TRAIN_GRPO)
        bad = bad_grpo(s);
    return bad ? gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s", bad) : GAD_OK;
}

static void fill_checkpoint(gad_train_setup *t, gad_train_kind kind)
{
    const gad_train_settings *s = t->settings;
    snprintf(t->signature, sizeof t->signature, "%s %s %s synthetic %g seed %llu batch %lld train %s rank %d",
             kind == GAD_TRAIN_SFT ? "sft" : "grpo", gad_engine_hash(t->engine), s->data ? s->data : "",
             s->data ? s->synth_share : 1, (unsigned long long)s->seed, (long long)s->batch, s->train, s->lora.rank);
    t->checkpoint = (gad_checkpoint_settings){
        .out = s->out, .base = s->model, .dtype = s->bf16 ? GAD_BF16 : GAD_F32, .keep = s->keep, .signature = t->signature};
}

/* Tell what is needed, and refuse what cannot be had. */
static gad_status check_memory(const gad_train_setup *t, int64_t trainable, gad_train_kind kind, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    gad_memory_request request = {.trainable = trainable,
                                  .micro_tokens = s->micro_tokens,
                                  .checkpointing = s->checkpointing,
                                  .average = s->optimizer.average > 0,
                                  .trains_vision =
                                      !wants_lora(s->train) && (strstr(s->train, "vis") || strstr(s->train, "all")),
                                  .cache_bytes = (size_t)s->cache_mib << 20,
                                  .group = kind == GAD_TRAIN_GRPO ? s->group : 0,
                                  .max_new_tokens = s->max_new_tokens,
                                  .device = &t->engine->device};
    gad_memory_plan plan = gad_memory_plan_make(&t->engine->model, &request);
    return gad_memory_plan_check(&plan, s->log, err);
}

/* One run at a time; what a killed one left goes. */
static gad_status hold_folder(gad_train_setup *t, gad_error *err)
{
    const char *out = t->settings->out;
    if (t->dist.rank)
        return GAD_OK;
    int64_t latest = -1, best;
    gad_status status = gad_file_resume_hold(out, &t->held, err);
    if (!status)
        status = gad_checkpoint_find(out, &latest, &best, err);
    if (!status && latest >= 0 && !t->settings->resume)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "go on with --resume, or choose another --out",
                             "%s holds checkpoints of an earlier run", out);
    if (!status) {
        gad_checkpoint_tidy(out);
        gad_file_resume_tidy(out);
    }
    return status;
}

static bool is_kept_base(const char *folder)
{
    char *done = gad_file_join(folder, "DONE");
    bool kept = done && gad_file_exists(done);
    gad_memory_free(done);
    return kept;
}

static gad_status write_base(const gad_train_setup *t, const char *folder, gad_error *err)
{
    const gad_model *model = &t->engine->model;
    char *done = gad_file_join(folder, "DONE");
    gad_status status = done ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status)
        status = gad_file_remove(done, err);
    if (!status)
        status = gad_file_make_directory(folder, err);
    if (!status)
        gad_file_resume_tidy(folder);
    if (!status)
        status = gad_package_save(&t->engine->package, folder, err);
    if (!status)
        status = gad_save_model(model, folder, gad_save_dtype(model), err); /* the same numbers as in memory */
    if (!status)
        status = gad_file_write(done, "", 0, err);
    gad_memory_free(done);
    return status;
}

/* New adapters on a start that has another one merged belong to the merged weights: these are saved beside the run, and
 * named in adapter_config.json; so are the settings and weights of a .gguf file, which trained folders are made from. A run
 * that goes on keeps what is there. */
static gad_status choose_base(gad_train_setup *t, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    gad_status status = GAD_OK;
    const char *base = t->engine->folder;
    if (t->engine->package.is_gguf || (s->adapter && wants_lora(s->train))) {
        t->base = gad_file_join(s->out, "base");
        if (!t->base)
            return gad_error_memory(err, operation, strlen(s->out));
        base = t->base;
        if (!t->dist.rank && !(s->resume && is_kept_base(base))) {
            status = gad_file_make_directory(s->out, err);
            if (!status)
                status = write_base(t, base, err);
            gad_log_info(s->log, "%s: the start as a folder, which the new adapters belong to", base);
        }
    }
    char *resolved = status ? NULL : realpath(base, NULL);
    char *copy = resolved ? gad_memory_copy_string(resolved) : NULL;
    free(resolved);
    if (copy) {
        gad_memory_free(t->base);
        t->base = copy;
    }
    t->checkpoint.base = t->base ? t->base : base;
    return status;
}

/* The CPU trains in fp32 unless told; a device of bf16 activations does as the checkpoint is stored. */
static gad_precision precision_of(const gad_train_settings *s)
{
    if (s->bf16_products)
        return GAD_PRECISION_BF16;
    return !s->device || !strcmp(s->device, "cpu") ? GAD_PRECISION_FP32 : GAD_PRECISION_CHECKPOINT;
}

static gad_status open_parts(gad_train_setup *t, gad_train_kind kind, bool *ready, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    int64_t trainable = 0;
    gad_engine_options options = {.model = s->model,
                                  .mmproj = s->mmproj,
                                  .adapter = s->adapter,
                                  .merge_adapter = s->adapter != NULL,
                                  .compute.precision = precision_of(s),
                                  .compute.threads = s->threads,
                                  .compute.device = s->device,
                                  .image_size = s->image_size ? s->image_size : "canvas",
                                  .max_pixels = s->max_pixels,
                                  .log = s->log};
    gad_status status = check_settings(s, kind, err);
    if (!status)
        status = gad_engine_open(&options, &t->engine, err);
    if (!status)
        status =
            gad_question_template_choose(s->prompt_file ? s->prompt_file : t->engine->question, &t->maker.wording, err);
    if (status)
        return status;
    t->maker.tokenizer = t->engine->tokenizer;
    t->maker.chat = &t->engine->chat;
    gad_example_maker_find_region_tokens(&t->maker);
    t->maker.preprocess = &t->engine->preprocess;
    t->maker.convention = t->engine->convention;
    t->maker.input = s->input;
    t->maker.reasons = s->think;
    t->maker.knows = s->knowledge;
    t->maker.fast_share = s->fast_share;
    t->maker.reasoning_only = s->reasoning_only;
    t->maker.compares = gad_head_exists(&t->engine->model);
    t->maker.mask_side = gad_config_map_side(&t->engine->model.config.evidence);
    if (!t->maker.mask_side)
        t->maker.mask_side = 2;
    status = choose_trainable(s, t->engine, true, &trainable, err);
    if (!status)
        status = check_memory(t, trainable, kind, err);
    if (!status)
        status = open_data(t, kind, err);
    *ready = !status && !s->dry_run;
    if (!*ready)
        return status;
    fill_checkpoint(t, kind);
    status = hold_folder(t, err);
    if (!status)
        status = choose_base(t, err);
    return status ? status : choose_trainable(s, t->engine, false, &trainable, err);
}

gad_status gad_train_setup_open(const gad_train_settings *settings, gad_train_kind kind, gad_train_setup *setup,
                                bool *ready, gad_error *err)
{
    *setup = (gad_train_setup){.settings = settings, .held = -1};
    gad_status status = gad_dist_open(&setup->dist, err);
    if (status)
        return status;
    setup->started = true;
    status = gad_dist_agree(&setup->dist, open_parts(setup, kind, ready, err), err);
    if (status)
        gad_train_setup_close(setup);
    return status;
}

void gad_train_setup_close(gad_train_setup *setup)
{
    gad_source_synth_close(&setup->synth);
    gad_source_synth_close(&setup->eval_synth);
    gad_source_mix_close(&setup->mix);
    gad_source_samples_free(setup->samples);
    gad_source_samples_free(setup->eval_samples);
    gad_question_template_free(&setup->maker.wording);
    gad_engine_free(setup->engine);
    gad_memory_free(setup->base);
    setup->base = NULL;
    if (setup->held >= 0)
        close(setup->held);
    setup->held = -1;
    if (setup->started)
        gad_dist_close(&setup->dist);
    setup->engine = NULL;
    setup->started = false;
}
