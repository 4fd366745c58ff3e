/* train_setup: see train_setup.h */
#include "api/train_setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/train_check.h"
#include "api/train_select.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/save.h"
#include "train/memory_plan.h"

static const char operation[] = "prepare training";

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

/* ---- folder and memory --------------------------------------------------------------------------------------------- */

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
                                  .trains_vision = !gad_train_select_lora(s->train) &&
                                                   (strstr(s->train, "vis") || strstr(s->train, "all")),
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
    if (t->engine->package.is_gguf || (s->adapter && gad_train_select_lora(s->train))) {
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

static gad_status open_engine(gad_train_setup *t, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    const gad_engine_options options = {
        .model = s->model,
        .mmproj = s->mmproj,
        .adapter = s->adapter,
        .merge_adapter = s->adapter != NULL,
        .compute = {.precision = precision_of(s), .threads = s->threads, .device = s->device},
        .image_size = s->image_size ? s->image_size : "canvas",
        .max_pixels = s->max_pixels,
        .log = s->log};
    return gad_engine_open(&options, &t->engine, err);
}

/* How samples become what the model reads: as its engine would, and as the settings say. */
static gad_status open_maker(gad_train_setup *t, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    const gad_engine *engine = t->engine;
    gad_example_maker *maker = &t->maker;
    gad_status status =
        gad_question_template_choose(s->prompt_file ? s->prompt_file : engine->question, &maker->wording, err);
    if (status)
        return status;
    const int64_t side = gad_config_map_side(&engine->model.config.evidence);
    maker->tokenizer = engine->tokenizer;
    maker->chat = &engine->chat;
    maker->preprocess = &engine->preprocess;
    maker->convention = engine->convention;
    maker->input = s->input;
    maker->reasons = s->think;
    maker->knows = s->knowledge;
    maker->fast_share = s->fast_share;
    maker->reasoning_only = s->reasoning_only;
    maker->compares = gad_head_exists(&engine->model);
    maker->mask_side = side ? side : 2;
    gad_example_maker_find_region_tokens(maker);
    return GAD_OK;
}

/* All that can be refused, before anything is written or made. */
static gad_status plan(gad_train_setup *t, gad_train_kind kind, gad_error *err)
{
    const gad_train_settings *s = t->settings;
    const char *wrong = gad_train_check(s, kind == GAD_TRAIN_GRPO);
    int64_t trainable = 0;
    if (wrong)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s", wrong);
    gad_status status = open_engine(t, err);
    if (!status)
        status = open_maker(t, err);
    if (!status)
        status = gad_train_select_count(s, &t->engine->model, &trainable, err);
    if (!status)
        status = check_memory(t, trainable, kind, err);
    return status ? status : open_data(t, kind, err);
}

static gad_status open_parts(gad_train_setup *t, gad_train_kind kind, bool *ready, gad_error *err)
{
    gad_status status = plan(t, kind, err);
    *ready = !status && !t->settings->dry_run;
    if (!*ready)
        return status;
    fill_checkpoint(t, kind);
    status = hold_folder(t, err);
    if (!status)
        status = choose_base(t, err);
    return status ? status : gad_train_select_apply(t->settings, &t->engine->model, &t->engine->device, err);
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
