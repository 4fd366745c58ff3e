/* training_benchmark: how fast this machine trains a model: one SFT step (forward, backward, optimizer) in its parts beside
 * the rate of a large matrix product measured between the steps, and answers to one prompt with and without a shared
 * prefix. Samples are random pixels and ids of realistic length. Interface: gad.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "gad_bench.h"
#include "model/adapter.h"
#include "model/package.h"
#include "model/plan.h"
#include "model/shape.h"
#include "model/weights.h"
#include "op/limits_device.h"
#include "train/group_benchmark.h"

static const char operation[] = "measure training speed";
enum { MAX_REPEATS = 64, IMAGES = 2, PRODUCT_ROWS = 2048, PRODUCT_SIDE = 1024, PRODUCTS = 4 };

/* Parts of a step, in the order in which they run. */
typedef enum part { VISION, COMPARE, LANGUAGE, LABELS, LANGUAGE_BACK, COMPARE_BACK, VISION_BACK, UPDATE, PARTS } part;
static const char *const part_names[PARTS] = {"vision",        "difference",      "language",    "labels",
                                              "language back", "difference back", "vision back", "optimizer"};

typedef struct bench {
    const gad_training_benchmark_settings *settings;
    gad_speed_report *report;
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
    gad_limits limits;
    gad_hash hash;
    gad_grid grid;
    /* one sample, used for all */
    int64_t count, prompt_count;
    int32_t *ids;
    float *weight;
    gad_patches patches[IMAGES];
    gad_prepared prepared[IMAGES];
    gad_batch_image image[IMAGES];
    gad_optimizer optimizer; /* of what trains */
    /* the running step */
    double since_s, part_s[PARTS];
} bench;

/* ---- model and sample ---------------------------------------------------------------------------------------------- */

static gad_status fill_model(bench *b, const gad_package *package, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    double numbers = 0;
    for (size_t i = 0; i < b->model.params.count; i++)
        numbers += (double)gad_param_count(b->model.params.item[i]);
    /* weights, gradients and two moments in fp32 where all of it trains */
    const bool whole = (s->step || s->grpo) && !s->lora_rank;
    gad_status status = gad_plan_check((size_t)(numbers * (whole ? 16 : 2)), &b->device, operation, err);
    if (status)
        return status;
    status = s->of.shape ? gad_weights_random(&b->model, 1, whole ? GAD_F32 : GAD_BF16, err)
                         : gad_package_weights(package, &(gad_weights_options){0}, &b->model, &b->files, s->of.log, err);
    return status ? status : gad_model_place(&b->model, &b->device, err);
}

static gad_status load_model(bench *b, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    gad_config config;
    gad_package package = {0};
    gad_status status = s->of.shape ? gad_shape_find(s->of.shape, &config, err)
                                    : gad_package_open(s->of.model, s->of.mmproj, &package, err);
    if (!status && !s->of.shape)
        status = gad_package_config(&package, &config, err);
    if (!status)
        status = gad_model_build(&config, &b->model, err);
    if (!status)
        status = fill_model(b, &package, err);
    gad_package_free(&package);
    return status;
}

/* An image of noise as the model reads it. */
static gad_status make_image(bench *b, int k, gad_rng *rng, gad_error *err)
{
    const gad_vision_config *v = &b->model.config.vision;
    const gad_preprocess settings = {.patch = v->patch,
                                     .temporal = v->temporal,
                                     .merge = v->merge,
                                     .mean = {0.5, 0.5, 0.5},
                                     .std = {0.5, 0.5, 0.5},
                                     .backend = GAD_RESIZE_PIL};
    gad_image noise;
    gad_status status = gad_image_new(b->grid.cols * v->patch, b->grid.rows * v->patch, 3, &noise, err);
    if (status)
        return status;
    for (int64_t i = 0; i < 3 * noise.width * noise.height; i++)
        noise.pixels[i] = (unsigned char)gad_rng_below(rng, 256);
    status = gad_preprocess_fitted(&settings, &noise, &b->patches[k], err);
    if (!status && gad_head_exists(&b->model))
        status = gad_prepared_make(&settings, &noise, &b->prepared[k], err);
    gad_image_free(&noise);
    return status;
}

/* Adapters on the language model, or all of it. */
static gad_status choose_trainable(bench *b, gad_error *err)
{
    const int rank = (int)b->settings->lora_rank;
    const gad_adapter_settings adapter = {.rank = rank, .alpha = 2.0 * rank, .targets = "all-linear", .seed = 1};
    const gad_optimizer_settings adamw = {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.05, .clip = 1};
    gad_status status = rank ? gad_adapter_create(&b->model, &adapter, err) : GAD_OK;
    for (size_t i = 0; i < b->model.params.count && !status; i++) {
        gad_param *param = b->model.params.item[i];
        if (!rank || strstr(param->name, ".lora_"))
            status = gad_param_train(param, true, &b->device, err);
    }
    return status ? status : gad_optimizer_open(&b->model.params, &b->device, &adamw, &b->optimizer, err);
}

/* Prompt: two images with their region tokens, text_tokens ids; then the answer, which is learnt. */
static gad_status make_sample(bench *b, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    const gad_config *config = &b->model.config;
    int32_t unit = config->vision.patch * config->vision.merge, side = (int32_t)(s->of.image_side_px / unit);
    b->grid = (gad_grid){(side ? side : 1) * config->vision.merge, (side ? side : 1) * config->vision.merge};
    int64_t tokens = gad_grid_tokens(b->grid), at = 0;
    b->prompt_count = IMAGES * (tokens + 2) + s->of.prompt_tokens;
    b->count = b->prompt_count + s->of.answer_tokens;
    b->ids = gad_memory_alloc((size_t)b->count, sizeof *b->ids);
    b->weight = gad_memory_zero((size_t)b->count, sizeof *b->weight);
    if (!b->ids || !b->weight)
        return gad_error_memory(err, operation, (size_t)b->count * sizeof *b->ids);
    gad_rng rng = gad_rng_make(1, 0);
    for (int k = 0; k < IMAGES; k++) {
        gad_status status = make_image(b, k, &rng, err);
        if (status)
            return status;
        b->ids[at++] = config->vision_start_token;
        b->image[k] =
            (gad_batch_image){.grid = b->grid, .first = at, .patches = b->patches[k].row, .prepared = &b->prepared[k]};
        for (int64_t t = 0; t < tokens; t++)
            b->ids[at++] = config->image_token;
        b->ids[at++] = config->vision_end_token;
    }
    for (; at < b->count; at++) {
        b->ids[at] = (int32_t)(gad_rng_below(&rng, (uint32_t)config->text.vocab / 2));
        b->weight[at] = at >= b->prompt_count ? 1 : 0;
    }
    return GAD_OK;
}

static gad_segment sample_segment(bench *b)
{
    return (gad_segment){
        .ids = b->ids, .count = b->count, .weight = b->weight, .image = b->image, .image_count = IMAGES, .prefix = -1};
}

/* ---- rows of the report -------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gad_speed_row *add_row(bench *b, const char *name, const char *unit, const double *values, int64_t count)
{
    double sorted[MAX_REPEATS];
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    gad_speed_row *row = &b->report->row[b->report->rows++];
    *row = (gad_speed_row){.unit = unit, .min = sorted[0], .max = sorted[count - 1]};
    snprintf(row->name, sizeof row->name, "%s", name);
    row->median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return row;
}

/* ---- one step ------------------------------------------------------------------------------------------------------ */

/* The step names the ends of its parts to the tap; the time since the last end belongs to the part that ended. */
static void end_of_part(void *user, const char *name, gad_device *device, gad_tensor value)
{
    static const struct {
        const char *name;
        part part;
    } ends[] = {{"vis.out", VISION},        {"lm.embed", COMPARE},           {"lm.final_norm", LANGUAGE},
                {"train.d_hidden", LABELS}, {"train.d_rows", LANGUAGE_BACK}, {"train.d_vision", COMPARE_BACK}};
    bench *b = user;
    (void)value;
    gad_device_check(device, NULL); /* waits */
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (!strcmp(name, ends[i].name)) {
            double now = gad_clock_seconds();
            b->part_s[ends[i].part] += now - b->since_s;
            b->since_s = now;
        }
}

static void cross_entropy(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                          const float *entropy, float *g)
{
    bench *b = user;
    (void)batch, (void)first, (void)entropy;
    for (int64_t i = 0; i < n; i++)
        g[i] = -1;
    b->hash = gad_hash_combine(b->hash, gad_hash_bytes(logp, (size_t)n * sizeof *logp));
}

/* Arithmetic of one sample forward; training counts three times that (docs/spec/training.md 13.3). */
static void sample_flop(const bench *b, double *vision, double *language, double *labels)
{
    const gad_text_config *t = &b->model.config.text;
    double head = 2.0 * t->hidden * t->vocab;
    *vision = IMAGES * gad_plan_vision_flop(&b->model.config, b->grid);
    *language = gad_plan_prefill_flop(&b->model.config, b->count) - head;
    *labels = head * (double)(b->count - b->prompt_count);
}

/* GFLOP/s of a product that is large enough to be limited by arithmetic alone. */
static gad_status time_product(bench *b, double *rate, gad_error *err)
{
    const gad_ops *op = b->device.ops;
    size_t mark = op->mark(&b->device);
    gad_tensor x = op->take(&b->device, PRODUCT_ROWS, PRODUCT_SIDE), y = op->take(&b->device, PRODUCT_ROWS, PRODUCT_SIDE);
    gad_tensor w = op->take(&b->device, PRODUCT_SIDE, PRODUCT_SIDE);
    gad_weight weight = {.data = w.data, .dtype = w.dtype, .rows = PRODUCT_SIDE, .cols = PRODUCT_SIDE};
    gad_status status = gad_device_check(&b->device, err);
    if (!status) {
        op->zero(&b->device, x);
        op->zero(&b->device, w);
        op->linear(&b->device, y, x, weight, gad_tensor_none(), 1, false); /* warm */
        gad_device_check(&b->device, NULL);
        double start = gad_clock_seconds();
        for (int i = 0; i < PRODUCTS; i++)
            op->linear(&b->device, y, x, weight, gad_tensor_none(), 1, false);
        status = gad_device_check(&b->device, err);
        *rate = 2e-9 * PRODUCTS * PRODUCT_ROWS * PRODUCT_SIDE * PRODUCT_SIDE / (gad_clock_seconds() - start);
    }
    op->rewind(&b->device, mark);
    return status;
}

static gad_status run_step(bench *b, const gad_step *step, const gad_batch *batch, gad_error *err)
{
    gad_objective objective = {.gradient = cross_entropy, .user = b, .temperature = 1};
    double norm;
    memset(b->part_s, 0, sizeof b->part_s);
    b->since_s = gad_clock_seconds();
    gad_status status = gad_step_run(step, batch, &objective, err);
    double now = gad_clock_seconds();
    b->part_s[VISION_BACK] = now - b->since_s;
    if (!status)
        gad_optimizer_update(&b->optimizer, 1e-5, (double)batch->labels, &norm);
    if (!status)
        status = gad_device_check(&b->device, err);
    b->part_s[UPDATE] = gad_clock_seconds() - now;
    return status;
}

static void report_step(bench *b, double samples, double seconds[PARTS + 1][MAX_REPEATS], const double *product)
{
    int64_t n = b->settings->of.repeats;
    double vision, language, labels, rate[MAX_REPEATS];
    sample_flop(b, &vision, &language, &labels);
    gad_speed_row *row = add_row(b, "product", "GFLOP/s", product, n);
    /* the product is too short to fill a device that measured its own limits */
    double limit = b->device.memory_bytes && b->limits.fma_gflop_s > 0 ? b->limits.fma_gflop_s : row->median;
    row->rate = row->median;
    row->rate_unit = "GFLOP/s";
    row->limit = b->limits.fma_gflop_s;
    for (int64_t r = 0; r < n; r++)
        rate[r] = samples / seconds[PARTS][r];
    row = add_row(b, "SFT step", "sample/s", rate, n);
    /* with adapters the tower is frozen, and no layer has a gradient of its own */
    const bool lora = b->settings->lora_rank > 0;
    const double back = lora ? 1 : 2;
    row->rate = 1e-9 * ((lora ? 1 : 3) * vision + (1 + back) * (language + labels)) * row->median;
    row->rate_unit = "GFLOP/s";
    row->limit = limit;
    const double flop[PARTS] = {[VISION] = vision,
                                [LANGUAGE] = language,
                                [LABELS] = (1 + back) * labels,
                                [LANGUAGE_BACK] = back * language,
                                [VISION_BACK] = lora ? 0 : 2 * vision};
    for (int p = 0; p < PARTS; p++) {
        if ((p == COMPARE || p == COMPARE_BACK) && !gad_head_exists(&b->model))
            continue;
        row = add_row(b, part_names[p], "ms", seconds[p], n);
        if (flop[p] > 0) {
            row->rate = 1e-6 * samples * flop[p] / row->median;
            row->rate_unit = "GFLOP/s";
            row->limit = limit;
        }
    }
}

static gad_status measure_step(bench *b, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    double seconds[PARTS + 1][MAX_REPEATS], product[MAX_REPEATS];
    gad_batch batch = {0};
    gad_segment *segment = gad_memory_alloc((size_t)s->samples, sizeof *segment);
    gad_status status = segment ? GAD_OK : gad_error_memory(err, operation, (size_t)s->samples * sizeof *segment);
    for (int64_t i = 0; i < s->samples && !status; i++)
        segment[i] = sample_segment(b);
    if (!status)
        status = gad_batch_make(&b->model.config, segment, s->samples, &batch, err);
    gad_step step = gad_step_make(&b->model, &b->device, s->checkpointing);
    step.pass.tap = end_of_part;
    step.pass.tap_user = b;
    for (int64_t r = -1; r < s->of.repeats && !status; r++) { /* one round to warm up */
        int64_t at = r < 0 ? 0 : r;
        status = run_step(b, &step, &batch, err);
        seconds[PARTS][at] = 0;
        for (int p = 0; p < PARTS; p++) {
            seconds[p][at] = 1000 * b->part_s[p];
            seconds[PARTS][at] += b->part_s[p];
        }
        if (!status)
            status = time_product(b, &product[at], err);
    }
    if (!status)
        report_step(b, (double)s->samples, seconds, product);
    gad_batch_free(&batch);
    gad_memory_free(segment);
    return status;
}

/* ---- rollouts ------------------------------------------------------------------------------------------------------ */

/* Rows of the tower as GRPO keeps them when it is frozen: neither way runs it again. */
static gad_status embed_images(bench *b, const gad_step *step, gad_image_rows rows[IMAGES], gad_error *err)
{
    gad_status status = GAD_OK;
    for (int k = 0; k < IMAGES && !status; k++) {
        status = gad_step_embed(step, &b->image[k], (gad_hash){0}, &rows[k], err);
        b->image[k].rows = status ? NULL : &rows[k];
    }
    return status;
}

static void release_images(bench *b, gad_image_rows rows[IMAGES])
{
    for (int k = 0; k < IMAGES; k++) {
        gad_memory_free(rows[k].rows);
        b->image[k].rows = NULL;
    }
}

/* Answers of settings.group of full length, for there is no id to stop at. */
static gad_status time_group(bench *b, const gad_step *step, bool share, double *rate, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    gad_rollout_settings settings = {
        .group = (int)s->group, .max_tokens = s->of.answer_tokens, .temperature = 1, .share_prefix = share};
    gad_segment prompt = sample_segment(b);
    prompt.count = b->prompt_count;
    prompt.weight = NULL;
    gad_rollout_answer *answer = gad_memory_zero((size_t)s->group, sizeof *answer);
    if (!answer)
        return gad_error_memory(err, operation, (size_t)s->group * sizeof *answer);
    double start = gad_clock_seconds();
    gad_status status = gad_rollout_run(step, &prompt, &settings, 1, answer, err);
    *rate = (double)(s->group * s->of.answer_tokens) / (gad_clock_seconds() - start);
    for (int i = 0; i < s->group && !status && share; i++)
        b->hash = gad_hash_combine(b->hash, gad_hash_bytes(answer[i].id, (size_t)answer[i].count * sizeof *answer[i].id));
    gad_rollout_free(answer, (int)s->group);
    gad_memory_free(answer);
    return status;
}

static gad_status measure_rollouts(bench *b, gad_error *err)
{
    double rate[2][MAX_REPEATS], gain[MAX_REPEATS];
    gad_image_rows rows[IMAGES] = {0};
    gad_step step = gad_step_make(&b->model, &b->device, false);
    gad_status status = embed_images(b, &step, rows, err);
    for (int64_t r = -1; r < b->settings->of.repeats && !status; r++) {
        int64_t at = r < 0 ? 0 : r;
        status = time_group(b, &step, true, &rate[1][at], err);
        if (!status)
            status = time_group(b, &step, false, &rate[0][at], err);
        gain[at] = rate[1][at] / rate[0][at];
    }
    if (!status) {
        add_row(b, "prefix shared", "token/s", rate[1], b->settings->of.repeats);
        add_row(b, "prefix repeated", "token/s", rate[0], b->settings->of.repeats);
        add_row(b, "gain", "times", gain, b->settings->of.repeats);
    }
    release_images(b, rows);
    return status;
}

/* ---- a step by rewards --------------------------------------------------------------------------------------------- */

static gad_status measure_group(bench *b, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    double answers[MAX_REPEATS], update[MAX_REPEATS], whole[MAX_REPEATS];
    gad_group_time time = {0};
    gad_image_rows rows[IMAGES] = {0};
    gad_step step = gad_step_make(&b->model, &b->device, s->checkpointing);
    gad_segment prompt = sample_segment(b);
    prompt.count = b->prompt_count;
    gad_status status = step.trains_vision ? GAD_OK : embed_images(b, &step, rows, err);
    for (int64_t r = -1; r < s->of.repeats && !status; r++) { /* one round to warm up */
        const int64_t at = r < 0 ? 0 : r;
        status = gad_group_benchmark_run(&step, &prompt, &b->optimizer, (int)s->group, s->of.answer_tokens, &time, err);
        answers[at] = (double)(s->group * s->of.answer_tokens) / time.answers_s;
        update[at] = 1000 * time.update_s;
        whole[at] = 1000 * (time.answers_s + time.update_s);
    }
    if (!status) {
        add_row(b, "GRPO step", "ms", whole, s->of.repeats);
        add_row(b, "answers", "token/s", answers, s->of.repeats);
        gad_speed_row *row = add_row(b, "update", "ms", update, s->of.repeats);
        const gad_text_config *t = &b->model.config.text;
        const double head = 2.0 * t->hidden * t->vocab, labels = (double)(s->group * s->of.answer_tokens);
        const double flop = gad_plan_prefill_flop(&b->model.config, time.rows) - head + head * labels;
        row->rate = 1e-6 * (s->lora_rank ? 2 : 3) * flop / row->median;
        row->rate_unit = "GFLOP/s";
        row->limit = b->limits.fma_gflop_s;
    }
    release_images(b, rows);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static gad_status check_settings(const gad_training_benchmark_settings *s, gad_error *err)
{
    if (!s->of.model == !s->of.shape)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "give a checkpoint folder or a shape, not both");
    if (s->lora_rank < 0 || s->lora_rank > 4096)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the rank of adapters must lie between 0 and 4096");
    if (s->of.repeats < 1 || s->of.repeats > MAX_REPEATS || s->samples < 1 || s->group < 1 || s->of.image_side_px < 1 ||
        s->of.prompt_tokens < 1 || s->of.answer_tokens < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "sizes must be positive and repeats between 1 and %d",
                             MAX_REPEATS);
    return GAD_OK;
}

static gad_status measure(bench *b, gad_error *err)
{
    const gad_training_benchmark_settings *s = b->settings;
    gad_status status = gad_device_limit_cpu(&b->device, s->of.compute.cpu_level, err);
    const gad_precision asked = s->of.compute.precision;
    const bool fp32 = asked == GAD_PRECISION_FP32 || (asked != GAD_PRECISION_BF16 && !b->device.memory_bytes);
    gad_device_use_products(&b->device, fp32 ? GAD_F32 : GAD_BF16);
    if (!status && s->of.limits)
        status = (b->device.memory_bytes ? gad_limits_device_measure : gad_limits_measure)(&b->limits, &b->device, err);
    if (!status)
        status = load_model(b, err);
    if (!status)
        status = make_sample(b, err);
    if (!status && s->rollouts)
        status = measure_rollouts(b, err);
    if (!status && (s->step || s->grpo))
        status = choose_trainable(b, err);
    if (!status && s->step)
        status = measure_step(b, err);
    if (!status && s->grpo)
        status = measure_group(b, err);
    return status;
}

gad_status gad_training_benchmark_measure(const gad_training_benchmark_settings *settings, gad_speed_report *report,
                                          gad_error *err)
{
    gad_speed_report r = {0};
    bench b = {.settings = settings, .report = &r};
    gad_status status = check_settings(settings, err);
    if (!status)
        status = gad_device_open(&b.device, settings->of.compute.device ? settings->of.compute.device : "cpu",
                                 settings->of.compute.threads, err);
    if (status)
        return status;
    status = measure(&b, err);
    if (!status) {
        r.threads = b.device.threads;
        snprintf(r.level, sizeof r.level, "%s", gad_device_cpu_level(&b.device));
        snprintf(r.products, sizeof r.products, "%s", gad_dtype_name(b.device.products));
        snprintf(r.model, sizeof r.model, "%s", settings->of.shape ? settings->of.shape : settings->of.model);
        gad_hash_text(b.hash, r.output_hash);
        *report = r;
    }
    gad_memory_free(b.ids);
    gad_memory_free(b.weight);
    for (int k = 0; k < IMAGES; k++) {
        gad_preprocess_free(&b.patches[k]);
        gad_prepared_free(&b.prepared[k]);
    }
    gad_optimizer_close(&b.optimizer);
    gad_model_free(&b.model);
    gad_tensor_source_free(b.files);
    gad_device_close(&b.device);
    return status;
}
