/* speed: how fast this machine encodes an image, reads a prompt and speaks, on a checkpoint or on random weights of a
 * named shape, beside the machine's own limits measured in the same run. Every repeat computes the same numbers; their hash
 * is part of the report. Interface: gad.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "features/backbone.h"
#include "gad_bench.h"
#include "generate/chorus.h"
#include "model/package.h"
#include "model/plan.h"
#include "model/shape.h"
#include "model/weights.h"
#include "op/limits_device.h"

enum { MAX_REPEATS = 64, MAX_BATCH = 1024 };

typedef struct bench {
    const gad_speed_settings *settings;
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
    gad_limits limits;
    gad_hash hash;
    gad_speed_report *report;
} bench;

static gad_status load_model(bench *b, gad_error *err)
{
    const gad_speed_settings *s = b->settings;
    const gad_weights_options options = {.quantise = s->compute.quantise};
    gad_config config;
    gad_package package = {0};
    gad_status status = GAD_OK;
    if (s->shape)
        status = gad_shape_find(s->shape, &config, err);
    else if (!(status = gad_package_open(s->model, s->mmproj, &package, err)))
        status = gad_package_config(&package, &config, err);
    if (!status)
        status = gad_model_build(&config, &b->model, err);
    if (!status && !s->shape)
        status = gad_package_weights(&package, &options, &b->model, &b->files, s->log, err);
    gad_package_free(&package);
    if (status || !s->shape)
        return status;
    gad_plan_request request = {
        .matrix_dtype = GAD_BF16, .vision_dtype = GAD_BF16, .text_tokens = s->prompt_tokens, .device = &b->device};
    gad_plan plan = gad_plan_make(&b->model, &request);
    status = gad_plan_check(plan.total_bytes, &b->device, "make random weights", err);
    if (status)
        return status;
    gad_log_info(s->log, "making %.1f GiB of random weights", (double)plan.weight_bytes / 0x1p30);
    status = gad_weights_random(&b->model, 1, GAD_BF16, err);
    return status ? status : gad_weights_quantise(&b->model, &options, err);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gad_speed_row *add_row(bench *b, const char *name, const char *unit, double *values, int64_t count)
{
    gad_speed_row *row = &b->report->row[b->report->rows++];
    qsort(values, (size_t)count, sizeof *values, ascending);
    *row = (gad_speed_row){.unit = unit, .min = values[0], .max = values[count - 1]};
    snprintf(row->name, sizeof row->name, "%s", name);
    row->median = count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return row;
}

static void hash_values(bench *b, const float *values, size_t count)
{
    b->hash = gad_hash_combine(b->hash, gad_hash_bytes(values, count * sizeof *values));
}

/* One image of random pixels through the vision tower. */
static gad_status measure_image(bench *b, gad_error *err)
{
    const gad_vision_config *v = &b->model.config.vision;
    int32_t side = (int32_t)(b->settings->image_side_px / (v->patch * v->merge) * v->merge);
    gad_grid grid = {side ? side : v->merge, side ? side : v->merge};
    int64_t rows = gad_grid_patches(grid), cols = 3 * v->temporal * v->patch * v->patch, repeats = b->settings->repeats;
    double ms[MAX_REPEATS];
    gad_vision_layout layout;
    gad_status status = gad_vision_layout_make(v, &grid, 1, &layout, err);
    if (status)
        return status;
    float *pixels = gad_memory_alloc((size_t)(rows * cols), sizeof *pixels);
    float *out = gad_memory_alloc((size_t)(layout.tokens * v->out_hidden), sizeof *out);
    if (!pixels || !out)
        status = gad_error_memory(err, "measure speed", (size_t)(rows * cols) * sizeof *pixels);
    gad_rng rng = gad_rng_make(1, 0);
    for (int64_t i = 0; i < rows * cols && !status; i++)
        pixels[i] = (float)gad_rng_range(&rng, -2, 2);
    const gad_ops *op = b->device.ops;
    for (int64_t r = -1; r < repeats && !status; r++) { /* one round to warm up */
        size_t mark = op->mark(&b->device);
        double start = gad_clock_seconds();
        gad_pass pass = {.device = &b->device};
        gad_tensor patches = op->take(&b->device, rows, cols);
        op->fill(&b->device, patches, pixels);
        gad_vision_rows encoded = gad_vision_forward(&pass, &b->model, patches, &layout, NULL);
        op->download(&b->device, out, encoded.out);
        if (r >= 0)
            ms[r] = 1000 * (gad_clock_seconds() - start);
        op->rewind(&b->device, mark);
        status = gad_device_check(&b->device, err);
    }
    if (!status) {
        hash_values(b, out, (size_t)(layout.tokens * v->out_hidden));
        gad_speed_row *row = add_row(b, "image encode", "ms", ms, repeats);
        row->rate = gad_plan_vision_flop(&b->model.config, grid) / row->median / 1e6;
        row->rate_unit = "GFLOP/s";
        row->limit = b->limits.fma_gflop_s;
    }
    gad_memory_free(pixels);
    gad_memory_free(out);
    gad_vision_layout_free(&layout);
    return status;
}

/* Bytes of weights that one token reads: all of the language model's matrices and the head. */
static double decode_weight_bytes(const gad_model *model)
{
    double bytes = 0;
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *param = model->params.item[i];
        bool used = !gad_param_is_visual(param) && (param != model->lm.embed || model->config.text.tied);
        bytes += used && param->is_matrix ? (double)gad_param_bytes(param, param->value.dtype) : 0;
    }
    return bytes;
}

/* Bytes that one step of `answers` reads, in the middle of them: weights and prompt once, what each said. */
static double step_bytes(const bench *b, int64_t answers)
{
    const gad_speed_settings *s = b->settings;
    return decode_weight_bytes(&b->model) + (double)gad_timeline_row_bytes(&b->model, b->device.kept) *
                                                ((double)s->prompt_tokens + (double)(answers * s->answer_tokens) / 2);
}

static gad_status fill_prompt(const bench *b, int32_t *ids, gad_error *err)
{
    const int32_t half = b->model.config.text.vocab / 2;
    if (!ids)
        return gad_error_memory(err, "measure speed", (size_t)b->settings->prompt_tokens * sizeof *ids);
    for (int64_t i = 0; i < b->settings->prompt_tokens; i++) {
        ids[i] = (int32_t)((i * 7919 + 17) % half);
        ids[i] = ids[i] == b->model.config.image_token ? 0 : ids[i];
    }
    return GAD_OK;
}

/* The greedy choice of the next id, where a device makes it. */
static const gad_draw greedy = {.greedy = true, .temperature = 1, .top_p = 1, .penalty = 1, .told = 1};

static gad_status say(gad_timeline *timeline, int32_t id, gad_error *err)
{
    gad_drawn drawn;
    return timeline->device->ops->draw ? gad_timeline_follow(timeline, id, &greedy, &drawn, err)
                                       : gad_timeline_append(timeline, id, err);
}

static gad_status measure_one(bench *b, gad_timeline *timeline, const gad_prompt *prompt, gad_error *err)
{
    const gad_speed_settings *s = b->settings;
    const int32_t vocab = b->model.config.text.vocab;
    double prefill[MAX_REPEATS], decode[MAX_REPEATS];
    gad_status status = GAD_OK;
    for (int64_t r = -1; r < s->repeats && !status; r++) {
        gad_timeline_clear(timeline);
        double start = gad_clock_seconds();
        status = gad_timeline_feed(timeline, prompt, s->answer_tokens, NULL, err);
        double middle = gad_clock_seconds();
        for (int64_t n = 0; n < s->answer_tokens && !status; n++)
            status = say(timeline, (int32_t)(n % (vocab / 2)), err);
        double end = gad_clock_seconds();
        if (r >= 0) {
            prefill[r] = (double)s->prompt_tokens / (middle - start);
            decode[r] = (double)s->answer_tokens / (end - middle);
        }
    }
    if (status)
        return status;
    hash_values(b, timeline->logits, (size_t)vocab);
    gad_speed_row *row = add_row(b, "prefill", "token/s", prefill, s->repeats);
    row->rate = gad_plan_prefill_flop(&b->model.config, s->prompt_tokens) / (double)s->prompt_tokens * row->median / 1e9;
    row->rate_unit = "GFLOP/s";
    row->limit = b->limits.fma_gflop_s;
    row = add_row(b, "decode", "token/s", decode, s->repeats);
    row->rate = step_bytes(b, 1) * row->median / 1e9;
    row->rate_unit = "GB/s";
    row->limit = b->limits.read_gb_s;
    return GAD_OK;
}

/* settings.batch answers of settings.answer_tokens to the prompt; *seconds: of their steps. */
static gad_status time_chorus(bench *b, const gad_timeline *timeline, bool hashed, double *seconds, gad_error *err)
{
    const gad_speed_settings *s = b->settings;
    const int32_t half = b->model.config.text.vocab / 2;
    const gad_pass pass = {.device = &b->device};
    gad_chorus chorus = {0};
    gad_chorus_prompt prompt;
    gad_status status =
        gad_chorus_open(&pass, &b->model, timeline->length + s->batch * s->answer_tokens, (int)s->batch, &chorus, err);
    if (!status)
        status = gad_chorus_add_prompt(&chorus, timeline, &prompt, err);
    for (int64_t i = 0; i < s->batch && !status; i++) {
        status = gad_chorus_add_voice(&chorus, prompt, s->answer_tokens, NULL, err);
        chorus.voice[i].draw = greedy;
    }
    chorus.draws = b->device.ops->draw;
    const double start = gad_clock_seconds();
    for (int64_t n = 0; n < s->answer_tokens && !status; n++) {
        for (int i = 0; i < chorus.count; i++)
            chorus.voice[i].id = (int32_t)((n + i) % half);
        status = gad_chorus_step(&chorus, err);
    }
    *seconds = gad_clock_seconds() - start;
    if (!status && hashed && !chorus.draws)
        hash_values(b, chorus.logits, (size_t)s->batch * (size_t)b->model.config.text.vocab);
    gad_chorus_close(&chorus);
    return status;
}

static gad_status measure_batch(bench *b, gad_timeline *timeline, const gad_prompt *prompt, gad_error *err)
{
    const gad_speed_settings *s = b->settings;
    double rate[MAX_REPEATS];
    char name[24];
    gad_timeline_clear(timeline);
    gad_status status = gad_timeline_feed(timeline, prompt, 0, NULL, err);
    for (int64_t r = -1; r < s->repeats && !status; r++) {
        double seconds = 0;
        status = time_chorus(b, timeline, r == 0, &seconds, err);
        rate[r < 0 ? 0 : r] = (double)(s->batch * s->answer_tokens) / seconds;
    }
    if (status)
        return status;
    snprintf(name, sizeof name, "decode, batch %d", (int)s->batch);
    gad_speed_row *row = add_row(b, name, "token/s", rate, s->repeats);
    row->rate = step_bytes(b, s->batch) * row->median / (double)s->batch / 1e9;
    row->rate_unit = "GB/s";
    row->limit = b->limits.read_gb_s;
    return GAD_OK;
}

static gad_status measure_text(bench *b, gad_error *err)
{
    gad_timeline timeline = {0};
    int32_t *ids = gad_memory_alloc((size_t)b->settings->prompt_tokens, sizeof *ids);
    const gad_prompt prompt = {.ids = ids, .count = b->settings->prompt_tokens};
    gad_status status = fill_prompt(b, ids, err);
    if (!status)
        status = gad_timeline_open(&b->model, &b->device, &timeline, err);
    if (!status)
        status = measure_one(b, &timeline, &prompt, err);
    if (!status && b->settings->batch)
        status = measure_batch(b, &timeline, &prompt, err);
    gad_timeline_close(&timeline);
    gad_memory_free(ids);
    return status;
}

/* Feature maps of one picture of random pixels. */
static gad_status run_backbone(bench *b, gad_backbone *backbone, const gad_image *image, gad_error *err)
{
    double ms[MAX_REPEATS];
    gad_status status = GAD_OK;
    for (int64_t r = -1; r < b->settings->repeats && !status; r++) { /* one round to warm up */
        gad_features features = {0};
        double start = gad_clock_seconds();
        status = gad_backbone_run(backbone, image, image->width, image->height, &features, err);
        if (r >= 0)
            ms[r] = 1000 * (gad_clock_seconds() - start);
        for (int i = 0; i < features.count && r == 0; i++)
            hash_values(b, features.map[i].data,
                        (size_t)(features.map[i].rows * features.map[i].cols * features.map[i].width));
        gad_feature_free(&features);
    }
    if (!status)
        add_row(b, "features", "ms", ms, b->settings->repeats);
    return status;
}

static gad_status measure_backbone(bench *b, gad_error *err)
{
    const gad_speed_settings *s = b->settings;
    gad_backbone *backbone = NULL;
    gad_image image = {0};
    gad_status status = gad_backbone_open(s->backbone, s->compute.threads, &backbone, err);
    if (!status)
        status = gad_backbone_use_device(backbone, s->compute.device, err);
    if (!status)
        status = gad_backbone_limit_cpu(backbone, s->compute.cpu_level, err);
    if (!status) {
        const int64_t unit = gad_backbone_describe(backbone)->unit, side = s->image_side_px / unit * unit;
        status = gad_image_new(side ? side : unit, side ? side : unit, 3, &image, err);
    }
    gad_rng rng = gad_rng_make(1, 0);
    for (int64_t i = 0; i < 3 * image.width * image.height && !status; i++)
        image.pixels[i] = (uint8_t)gad_rng_below(&rng, 256);
    if (!status)
        status = run_backbone(b, backbone, &image, err);
    gad_image_free(&image);
    gad_backbone_free(backbone);
    return status;
}

static gad_status measure_model(bench *b, gad_error *err)
{
    gad_status status = load_model(b, err);
    gad_device_use_cache(&b->device, b->settings->compute.cache);
    gad_device_use_products(&b->device, gad_weights_products(b->files, b->settings->compute.precision));
    if (!status)
        status = gad_model_place(&b->model, &b->device, err);
    if (!status && b->model.config.vision.depth)
        status = measure_image(b, err);
    return status ? status : measure_text(b, err);
}

static gad_status check_settings(const gad_speed_settings *s, gad_error *err)
{
    if (!!s->model + !!s->shape + !!s->backbone != 1)
        return gad_error_set(err, GAD_E_ARGUMENT, "measure speed", NULL,
                             "give one of: a checkpoint folder, a shape, a backbone");
    if (s->prompt_tokens < 1 || s->answer_tokens < 1 || s->repeats < 1 || s->repeats > MAX_REPEATS || s->image_side_px < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, "measure speed", NULL,
                             "sizes must be positive and repeats between 1 and %d", MAX_REPEATS);
    if (s->batch < 0 || s->batch > MAX_BATCH)
        return gad_error_set(err, GAD_E_ARGUMENT, "measure speed", NULL, "a batch has at most %d answers", MAX_BATCH);
    return GAD_OK;
}

gad_status gad_speed_measure(const gad_speed_settings *settings, gad_speed_report *report, gad_error *err)
{
    gad_speed_report r = {0};
    bench b = {.settings = settings, .report = &r};
    gad_status status = check_settings(settings, err);
    if (!status)
        status = gad_device_open(&b.device, settings->compute.device ? settings->compute.device : "cpu",
                                 settings->compute.threads, err);
    if (status)
        return status;
    status = gad_device_limit_cpu(&b.device, settings->compute.cpu_level, err);
    if (!status && settings->limits)
        status = (b.device.memory_bytes ? gad_limits_device_measure : gad_limits_measure)(&b.limits, &b.device, err);
    if (!status)
        status = settings->backbone ? measure_backbone(&b, err) : measure_model(&b, err);
    if (!status) {
        r.threads = b.device.threads;
        snprintf(r.level, sizeof r.level, "%s", gad_device_cpu_level(&b.device));
        snprintf(r.products, sizeof r.products, "%s", gad_dtype_name(b.device.products));
        const char *model = settings->shape ? settings->shape : settings->model;
        snprintf(r.model, sizeof r.model, "%s", settings->backbone ? settings->backbone : model);
        gad_hash_text(b.hash, r.output_hash);
        *report = r;
    }
    gad_model_free(&b.model);
    gad_tensor_source_free(b.files);
    gad_device_close(&b.device);
    return status;
}
