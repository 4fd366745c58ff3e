/* map_trainer: see map_trainer.h */
#include "train/map_trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "evidence/bank.h"
#include "evidence/sight.h"
#include "train/mask_loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"

static const char operation[] = "train a head";
/* Of the picture's cross-entropy, beside the cells' loss. */
static const double picture_weight = 0.3;
enum { LOSS_STEPS = 100 };

typedef struct trainer {
    const gad_head_settings *settings;
    const gad_map_samples *samples;
    gad_map_head *head;
    gad_pass pass;
    float *channel, *target, *logit, *gradient; /* of the largest sample */
    int64_t *order;                             /* cells by falling logit */
} trainer;

void gad_map_trainer_normalise(const gad_map_samples *samples, gad_map_head *head)
{
    float *mean = head->mean->owned, *scale = head->scale->owned;
    for (int64_t c = 0; c < head->channels; c++) {
        double sum = 0, squares = 0, count = 0;
        for (size_t s = 0; s < samples->count; s++) {
            const gad_map_sample *at = &samples->item[s];
            for (int64_t i = 0; i < at->rows * at->cols; i++) {
                const double v = (double)at->channel[i * head->channels + c];
                sum += v;
                squares += v * v;
            }
            count += (double)(at->rows * at->cols);
        }
        mean[c] = (float)(sum / count);
        scale[c] = (float)(sqrt(fmax(squares / count - sum / count * (sum / count), 0)) + 1e-3);
    }
}

/* ---- one sample ---------------------------------------------------------------------------------------------------- */

/* The sample in one of its eight positions (bit 0: mirrored, 1: upside down, 2: rows and columns exchanged), channels
 * normalised. */
static void place(const trainer *t, const gad_map_sample *s, unsigned position, int64_t *rows, int64_t *cols)
{
    const int64_t channels = t->head->channels;
    *rows = position & 4 ? s->cols : s->rows;
    *cols = position & 4 ? s->rows : s->cols;
    for (int64_t i = 0; i < *rows * *cols; i++) {
        const int64_t y = position & 4 ? i % *cols : i / *cols, x = position & 4 ? i / *cols : i % *cols;
        const int64_t from = (position & 2 ? s->rows - 1 - y : y) * s->cols + (position & 1 ? s->cols - 1 - x : x);
        memcpy(t->channel + i * channels, s->channel + from * channels, (size_t)channels * sizeof *t->channel);
        t->target[i] = s->target[from];
    }
    gad_map_head_normalise(t->head, *rows * *cols, t->channel);
}

/* Logits of the picture in place. */
static gad_status forward(const trainer *t, int64_t rows, int64_t cols, gad_map_head_saved *saved, gad_error *err)
{
    const gad_ops *op = t->pass.device->ops;
    gad_tensor x = op->take(t->pass.device, rows * cols, t->head->channels);
    op->fill(t->pass.device, x, t->channel);
    gad_map_head_forward(&t->pass, t->head, x, rows, cols, saved);
    op->download(t->pass.device, t->logit, saved->logit);
    return gad_device_check(t->pass.device, err);
}

static int by_falling_logit(const void *a, const void *b, void *user)
{
    const float *logit = user, x = logit[*(const int64_t *)a], y = logit[*(const int64_t *)b];
    return (x < y) - (x > y);
}

/* The mean of the largest hundredth of logits, whose cells stand first in t->order then; *most of them. */
static double picture_logit(const trainer *t, int64_t cells, int64_t *most)
{
    double sum = 0;
    *most = cells < 150 ? 1 : (cells + 50) / 100;
    for (int64_t i = 0; i < cells; i++)
        t->order[i] = i;
    qsort_r(t->order, (size_t)cells, sizeof *t->order, by_falling_logit, t->logit);
    for (int64_t i = 0; i < *most; i++)
        sum += (double)t->logit[t->order[i]];
    return sum / (double)*most;
}

/* Its loss; gradients are added. */
static gad_status learn(const trainer *t, const gad_map_sample *s, unsigned position, double *loss, gad_error *err)
{
    gad_device *device = t->pass.device;
    const size_t mark = device->ops->mark(device);
    gad_map_head_saved saved;
    int64_t rows, cols, most;
    place(t, s, position, &rows, &cols);
    gad_status status = forward(t, rows, cols, &saved, err);
    if (!status) {
        const int64_t cells = rows * cols;
        memset(t->gradient, 0, (size_t)cells * sizeof *t->gradient);
        *loss += gad_mask_loss(cells, t->logit, t->target, 1, t->gradient);
        const double z = picture_logit(t, cells, &most), y = s->anomalous ? 1 : 0;
        *loss += picture_weight * (fmax(z, 0) - y * z + log1p(exp(-fabs(z))));
        for (int64_t i = 0; i < most; i++)
            t->gradient[t->order[i]] += (float)(picture_weight * (1 / (1 + exp(-z)) - y) / (double)most);
        gad_tensor d_logit = device->ops->take(device, cells, 1);
        device->ops->fill(device, d_logit, t->gradient);
        status = gad_map_head_backward(&t->pass, t->head, d_logit, &saved, err);
    }
    device->ops->rewind(device, mark);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Passes over the first `count` samples, each in an order of its own. */
static gad_status train(const trainer *t, gad_optimizer *optimizer, int64_t count, gad_head_report *report, gad_error *err)
{
    const gad_head_settings *s = t->settings;
    gad_progress_meter meter = gad_progress_start(s->progress, "steps", s->schedule.steps);
    int64_t *order = gad_memory_alloc((size_t)count, sizeof *order), left = 0, passes = 0;
    gad_status status = order ? GAD_OK : gad_error_memory(err, operation, (size_t)count * sizeof *order);
    for (int64_t i = 0; !status && i < count; i++)
        order[i] = i;
    for (int64_t step = 0; !status && step < s->schedule.steps; step++) {
        gad_rng rng = gad_rng_make(s->seed, (uint64_t)step);
        double loss = 0, norm;
        for (int64_t i = 0; !status && i < s->batch; i++) {
            if (!left) {
                gad_rng shuffle = gad_rng_make(s->seed ^ 0x5A4D, (uint64_t)passes++);
                gad_rng_shuffle(&shuffle, order, count);
                left = count;
            }
            status = learn(t, &t->samples->item[order[--left]], gad_rng_below(&rng, 8), &loss, err);
        }
        if (!status)
            gad_optimizer_update(optimizer, gad_schedule_rate(&s->schedule, step), (double)s->batch, &norm);
        if (step + LOSS_STEPS >= s->schedule.steps)
            report->loss += loss / (double)s->batch / fmin(LOSS_STEPS, (double)s->schedule.steps);
        if (!status && !gad_progress_update(&meter, step + 1))
            status = gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "stopped after %lld steps", (long long)step + 1);
    }
    gad_memory_free(order);
    return status;
}

/* Probability that an anomalous sample has more than a normal one; NaN: one kind is missing. */
static double auroc(const gad_map_sample *sample, const double *score, int64_t count)
{
    double pairs = 0, won = 0;
    for (int64_t a = 0; a < count; a++)
        for (int64_t n = 0; n < count; n++)
            if (sample[a].anomalous && !sample[n].anomalous) {
                pairs++;
                won += score[a] > score[n] ? 1 : score[a] == score[n] ? 0.5 : 0;
            }
    return pairs > 0 ? 100 * won / pairs : (double)NAN;
}

/* On the samples from `first` on. */
static gad_status evaluate(const trainer *t, int64_t first, gad_head_report *report, gad_error *err)
{
    const int64_t count = (int64_t)t->samples->count - first;
    double *score = gad_memory_alloc((size_t)(3 * count), sizeof *score);
    const gad_sight usual = gad_sight_make();
    if (!score)
        return gad_error_memory(err, operation, (size_t)(3 * count) * sizeof *score);
    gad_status status = GAD_OK;
    for (int64_t i = 0; !status && i < count; i++) {
        const gad_map_sample *s = &t->samples->item[first + i];
        const size_t mark = t->pass.device->ops->mark(t->pass.device);
        gad_map_head_saved saved;
        int64_t rows, cols, most;
        place(t, s, 0, &rows, &cols);
        status = forward(t, rows, cols, &saved, err);
        t->pass.device->ops->rewind(t->pass.device, mark);
        if (status)
            break;
        score[i] = s->distance;
        score[count + i] = picture_logit(t, rows * cols, &most);
        for (int64_t k = 0; k < rows * cols; k++) /* the joint distance is the square of channel 0 */
            t->gradient[k] = s->channel[k * t->head->channels] * s->channel[k * t->head->channels];
        gad_sight_raise(&usual, t->gradient, t->logit, rows * cols);
        score[2 * count + i] = gad_bank_score(t->gradient, rows * cols, NULL);
    }
    if (!status) {
        const gad_map_sample *sample = t->samples->item + first;
        report->auroc_distances = auroc(sample, score, count);
        report->auroc_head = auroc(sample, score + count, count);
        report->auroc = auroc(sample, score + 2 * count, count);
    }
    gad_memory_free(score);
    return status;
}

static gad_status make_room(trainer *t, gad_error *err)
{
    int64_t most = 0;
    for (size_t i = 0; i < t->samples->count; i++) {
        const int64_t cells = t->samples->item[i].rows * t->samples->item[i].cols;
        most = cells > most ? cells : most;
    }
    t->channel = gad_memory_alloc((size_t)(most * t->head->channels), sizeof *t->channel);
    t->target = gad_memory_alloc((size_t)(3 * most), sizeof *t->target);
    t->order = gad_memory_alloc((size_t)most, sizeof *t->order);
    if (!t->channel || !t->target || !t->order)
        return gad_error_memory(err, operation, (size_t)(most * t->head->channels) * sizeof *t->channel);
    t->logit = t->target + most;
    t->gradient = t->logit + most;
    return GAD_OK;
}

gad_status gad_map_trainer_run(const gad_head_settings *settings, const gad_map_samples *samples, gad_map_head *head,
                               gad_head_report *report, gad_error *err)
{
    gad_device device;
    gad_optimizer optimizer = {0};
    trainer t = {.settings = settings, .samples = samples, .head = head, .pass = {.device = &device}};
    const gad_optimizer_settings adamw = {.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8, .weight_decay = 0.01, .clip = 1};
    const int64_t evaluated = (int64_t)(settings->eval_share * (double)samples->count),
                  count = (int64_t)samples->count - evaluated;
    *report = (gad_head_report){.pictures = (int64_t)samples->count, .trained = count, .evaluated = evaluated};
    gad_status status = gad_device_open_cpu(&device, settings->threads, err);
    if (status)
        return status;
    status = make_room(&t, err);
    for (size_t i = 0; !status && i < head->params.count; i++)
        if (head->params.item[i] != head->mean && head->params.item[i] != head->scale)
            status = gad_param_train(head->params.item[i], true, &device, err);
    if (!status)
        status = gad_optimizer_open(&head->params, &device, &adamw, &optimizer, err);
    if (!status)
        status = train(&t, &optimizer, count, report, err);
    if (!status)
        status = evaluate(&t, count, report, err);
    gad_optimizer_close(&optimizer);
    for (size_t i = 0; i < head->params.count; i++) /* gradients belong to the device */
        gad_param_train(head->params.item[i], false, NULL, NULL);
    gad_memory_free(t.channel);
    gad_memory_free(t.target);
    gad_memory_free(t.order);
    gad_device_close(&device);
    return status;
}
