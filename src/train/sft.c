/* sft: see sft.h */
#include "train/sft.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "train/mask_loss.h"
#include "train/shown.h"

static const char operation[] = "fine-tune";
enum { EXAMPLES_AHEAD = 16 };

gad_status gad_sft_open(const gad_train_settings *settings, const gad_answering *answering, const gad_source *train,
                        const gad_source *eval, const gad_model *model, gad_device *device, gad_sft *sft, gad_error *err)
{
    if (settings->batch < 1 || settings->micro_tokens < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "batch and micro-tokens must be at least 1");
    gad_sft s = {.settings = *settings, .answering = *answering, .train = train, .eval = eval};
    s.step = gad_step_make(model, device, settings->checkpointing);
    s.cache.limit_bytes = (size_t)settings->cache_mib << 20;
    s.held = gad_memory_zero((size_t)settings->batch, sizeof *s.held);
    s.segment = gad_memory_zero((size_t)settings->batch, sizeof *s.segment);
    if (!s.held || !s.segment) {
        gad_sft_close(&s);
        return gad_error_memory(err, operation, (size_t)settings->batch * sizeof *s.held);
    }
    *sft = s;
    return GAD_OK;
}

void gad_sft_close(gad_sft *sft)
{
    gad_source_ahead_close(sft->ahead);
    gad_vision_cache_free(&sft->cache);
    gad_memory_free(sft->held);
    gad_memory_free(sft->segment);
    *sft = (gad_sft){0};
}

/* What one step has added up on this rank. */
typedef struct tally {
    const gad_train_settings *settings;
    double loss, labels;  /* sum of -log p, label ids */
    double mask, masked;  /* mask losses, images that have a mask */
    double cells, agreed; /* of their heat maps, and those told apart rightly */
    double images_agreed; /* images whose largest logit tells rightly whether there is a defect */
    double examples, tokens, skipped;
} tally;

/* dL/dlogp = -weight: cross-entropy, not yet divided. */
static void cross_entropy(void *user, const gad_batch *batch, int64_t first, int64_t n, const float *logp,
                          const float *entropy, float *g)
{
    tally *sum = user;
    (void)entropy;
    for (int64_t i = 0; i < n; i++) {
        float weight = batch->label_weight[first + i];
        g[i] = (float)-sum->settings->text_weight * weight;
        sum->loss -= (double)weight * (double)logp[i];
    }
}

/* A mask's loss counts as often as its sample has labels, so that one division fits both (sft.h). */
static void mask_loss(void *user, const gad_batch *batch, int64_t pair, int64_t n, const float *logit, float *g)
{
    tally *sum = user;
    const float *mask = batch->image[batch->pair[pair].test].mask;
    double labels = 0;
    if (!mask || sum->settings->mask_weight == 0)
        return;
    for (int64_t i = 0; i < batch->labels; i++)
        labels += batch->label_segment[i] == batch->pair_segment[pair] ? (double)batch->label_weight[i] : 0;
    sum->mask += gad_mask_loss(n, logit, mask, sum->settings->mask_weight * labels, g);
    sum->masked++;
    sum->cells += (double)n;
    bool found = false, there = false;
    for (int64_t i = 0; i < n; i++) {
        sum->agreed += (logit[i] > 0) == (mask[i] >= 0.5f);
        found |= logit[i] > 0;
        there |= mask[i] > 0;
    }
    sum->images_agreed += found == there;
}

/* Forward (and backward, when training) over the held examples. */
static gad_status run_held(gad_sft *sft, int64_t count, bool train, tally *sum, gad_error *err)
{
    gad_batch batch;
    if (!count)
        return GAD_OK;
    for (int64_t i = 0; i < count; i++)
        sft->segment[i] = gad_example_segment(&sft->held[i]);
    gad_status status = gad_batch_make(&sft->step.model->config, sft->segment, count, &batch, err);
    if (status)
        return status;
    gad_objective objective = {.gradient = cross_entropy,
                               .user = sum,
                               .temperature = 1,
                               .mask = mask_loss,
                               .images_only = sft->settings.text_weight == 0};
    sum->settings = &sft->settings;
    for (int64_t i = 0; i < batch.labels; i++)
        sum->labels += (double)batch.label_weight[i];
    status =
        train ? gad_step_run(&sft->step, &batch, &objective, err) : gad_step_evaluate(&sft->step, &batch, &objective, err);
    sum->tokens += (double)batch.rows;
    gad_batch_free(&batch);
    return status;
}

static void drop_held(gad_sft *sft, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        gad_example_free(&sft->held[i]);
    gad_vision_cache_release(&sft->cache);
}

/* In some samples the language model sees the true regions, so that it learns to say what it is shown; in the others what
 * it is to say are the regions that the heat map shows. */
static gad_status tell_regions(const gad_sft *sft, int64_t n, bool train, gad_example *example, gad_error *err)
{
    const gad_answering *answering = &sft->answering;
    gad_rng rng = gad_rng_make(sft->settings.seed ^ 0x7e11edULL, (uint64_t)n);
    bool forced = train && gad_rng_uniform(&rng) < sft->settings.forced_regions, retold = answering->retell != NULL;
    if (forced) {
        gad_batch_image *part = &example->image[example->image_count - 1];
        part->forced = example->region;
        part->forced_count = example->region_count;
    }
    gad_status status = GAD_OK;
    if (sft->settings.text_weight > 0 && (retold || (train && !forced)))
        status = gad_shown_find(&sft->step, example, err);
    if (!status && sft->settings.text_weight > 0 && retold)
        status = answering->retell(answering->retell_user, example, err);
    else if (!status && sft->settings.text_weight > 0 && train && !forced)
        gad_shown_name(example);
    if (forced && example->points && example->decision < example->count)
        example->weight[example->decision] = 0; /* the truth shows how to decide, but not how sure to be */
    return status;
}

/* Example n of the run, or of the evaluation, which reads its own source as it is numbered. */
static gad_status get_example(gad_sft *sft, int64_t n, int64_t ranks, bool train, gad_example *example, gad_error *err)
{
    gad_status status = GAD_OK;
    if (!train)
        return sft->eval->get(sft->eval->user, n, example, err);
    if (!sft->ahead)
        status = gad_source_ahead_open(sft->train, sft->settings.seed, ranks, EXAMPLES_AHEAD, &sft->ahead, err);
    return status ? status : gad_source_ahead_get(sft->ahead, n, example, err);
}

/* This rank's examples first..last-1, in micro-batches of at most micro_tokens rows. */
static gad_status run_examples(gad_sft *sft, int64_t first, int64_t last, const gad_dist *dist, bool train, tally *sum,
                               gad_error *err)
{
    int64_t held = 0, rows = 0;
    gad_status status = GAD_OK;
    for (int64_t n = first + dist->rank; n < last && !status; n += dist->size) {
        gad_example example = {0};
        status = get_example(sft, n, dist->size, train, &example, err);
        if (status)
            break;
        if (example.count > sft->settings.micro_tokens) {
            sft->longest = example.count > sft->longest ? example.count : sft->longest;
            gad_example_free(&example);
            sum->skipped++;
            continue;
        }
        if (held && (rows + example.count > sft->settings.micro_tokens || held == sft->settings.batch)) {
            status = run_held(sft, held, train, sum, err);
            drop_held(sft, held);
            held = rows = 0;
        }
        sft->held[held++] = example;
        sum->examples++;
        if (!status && !sft->step.trains_vision)
            status = gad_vision_cache_embed(&sft->cache, &sft->step, &sft->held[held - 1], err);
        if (!status)
            status = tell_regions(sft, n, train, &sft->held[held - 1], err);
        rows += sft->held[held - 1].count;
    }
    if (!status)
        status = run_held(sft, held, train, sum, err);
    drop_held(sft, held);
    return status;
}

/* Samples that are longer than a pass: told at the first and whenever their number has doubled; none that fits among many
 * is an error, not a run that learns nothing. */
static gad_status tell_too_long(gad_sft *sft, const tally *sum, const gad_log *log, gad_error *err)
{
    enum { MANY = 64 };
    int64_t before = sft->too_long, seen;
    sft->too_long += (int64_t)sum->skipped;
    sft->fitted += (int64_t)sum->examples;
    seen = sft->too_long + sft->fitted;
    if (!sft->fitted && sft->too_long && (seen >= MANY || (sft->train->count && seen >= sft->train->count)))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "raise --micro-tokens, or a smaller --image-size",
                             "none of %lld samples fits into a pass of %lld rows; the longest has %lld", (long long)seen,
                             (long long)sft->settings.micro_tokens, (long long)sft->longest);
    if (sft->too_long > before && (!before || sft->too_long / before >= 2))
        gad_log_warning(log,
                        "%lld of %lld samples so far are longer than a pass of %lld rows (the longest has %lld) and were "
                        "left out; raise --micro-tokens, or a smaller --image-size",
                        (long long)sft->too_long, (long long)seen, (long long)sft->settings.micro_tokens,
                        (long long)sft->longest);
    return GAD_OK;
}

static gad_status accumulate(void *user, gad_trainer *trainer, int64_t step, double *divisor, gad_metrics *metrics,
                             gad_error *err)
{
    gad_sft *sft = user;
    tally sum = {0};
    int64_t batch = sft->settings.batch;
    gad_status status = run_examples(sft, step * batch, (step + 1) * batch, trainer->dist, true, &sum, err);
    if (!status)
        status = tell_too_long(sft, &sum, trainer->log, err);
    *divisor = sum.labels;
    if (sft->settings.text_weight > 0)
        gad_metrics_add(metrics, "loss", sum.loss, sum.labels);
    if (gad_head_exists(trainer->model)) {
        gad_metrics_add(metrics, "mask_loss", sum.mask, sum.masked);
        gad_metrics_add(metrics, "mask_accuracy", sum.agreed, sum.cells);
        gad_metrics_add(metrics, "image_accuracy", sum.images_agreed, sum.masked);
    }
    gad_metrics_add(metrics, "examples", sum.examples, trainer->dist->rank == 0 ? 1 : 0);
    gad_metrics_add(metrics, "tokens", sum.tokens, trainer->dist->rank == 0 ? 1 : 0);
    gad_metrics_add(metrics, "too_long", sum.skipped, trainer->dist->rank == 0 ? 1 : 0);
    if (sft->train->count)
        gad_metrics_add(metrics, "epoch", (double)((step + 1) * batch) / (double)sft->train->count,
                        trainer->dist->rank == 0 ? 1 : 0);
    return status;
}

static gad_status evaluate(void *user, gad_trainer *trainer, gad_metrics *metrics, gad_error *err)
{
    gad_sft *sft = user;
    tally sum = {0};
    int64_t count = sft->settings.eval_examples;
    if (sft->eval->count && sft->eval->count < count)
        count = sft->eval->count;
    gad_status status = run_examples(sft, 0, count, trainer->dist, false, &sum, err);
    bool text = sft->settings.text_weight > 0;
    if (text)
        gad_metrics_add(metrics, "eval_loss", sum.loss, sum.labels);
    if (gad_head_exists(trainer->model)) {
        gad_metrics_add(metrics, "eval_mask_loss", sum.mask, sum.masked);
        gad_metrics_add(metrics, "eval_mask_accuracy", sum.agreed, sum.cells);
        gad_metrics_add(metrics, "eval_image_accuracy", sum.images_agreed, sum.masked);
    }
    gad_evaluation evaluation = {.source = sft->eval,
                                 .count = sft->settings.eval_answers,
                                 .max_tokens = sft->settings.max_new_tokens,
                                 .answering = sft->answering};
    return status || !text || !evaluation.count ? status
                                                : gad_evaluation_run(&evaluation, &sft->step, trainer->dist, metrics, err);
}

gad_trainer_task gad_sft_task(gad_sft *sft)
{
    return (gad_trainer_task){.accumulate = accumulate,
                              .evaluate = sft->eval ? evaluate : NULL,
                              .user = sft,
                              .best = sft->settings.text_weight > 0 ? "eval_loss" : "eval_mask_loss"};
}
