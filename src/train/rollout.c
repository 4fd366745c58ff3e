/* rollout: see rollout.h. Cache rows: the prompt but its last id, then `most` rows for every answer, which opens with the
 * prompt's last id: the same rows as the segments of the update, so that probabilities agree. */
#include "train/rollout.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

static const char operation[] = "sample answers";

void gad_rollout_free(gad_rollout_answer *answer, int count)
{
    for (int i = 0; answer && i < count; i++) {
        gad_memory_free(answer[i].id);
        gad_memory_free(answer[i].logp);
        answer[i] = (gad_rollout_answer){0};
    }
}

/* Everything of one group while it is decoded; arrays of `group` entries. */
typedef struct decoding {
    const gad_step *step;
    const gad_rollout_settings *settings;
    gad_lm_cache cache;
    int64_t prefix;                            /* rows of the shared prompt */
    int32_t position;                          /* of the prompt's last id */
    int32_t *ids, *places, *positions, *owner; /* of the rows of one step */
    gad_attention_span *span;
    gad_rng *rng;
    bool *done;
    float *logits;
} decoding;

static gad_status open_decoding(decoding *d, const gad_segment *prompt, gad_error *err)
{
    const gad_text_config *text = &d->step->model->config.text;
    size_t group = (size_t)d->settings->group;
    d->ids = gad_memory_zero(group, sizeof *d->ids);
    d->places = gad_memory_zero(group, sizeof *d->places);
    d->positions = gad_memory_zero(3 * group, sizeof *d->positions);
    d->owner = gad_memory_zero(group, sizeof *d->owner);
    d->span = gad_memory_zero(group, sizeof *d->span);
    d->rng = gad_memory_zero(group, sizeof *d->rng);
    d->done = gad_memory_zero(group, sizeof *d->done);
    d->logits = gad_memory_alloc(group * (size_t)text->vocab, sizeof *d->logits);
    if (!d->ids || !d->places || !d->positions || !d->owner || !d->span || !d->rng || !d->done || !d->logits)
        return gad_error_memory(err, operation, group * (size_t)text->vocab * sizeof *d->logits);
    d->prefix = prompt->count - 1;
    return gad_lm_cache_open(d->step->pass.device, text, d->prefix + d->settings->group * d->settings->max_tokens,
                             &d->cache, err);
}

static void close_decoding(decoding *d)
{
    gad_lm_cache_close(d->step->pass.device, &d->cache);
    gad_memory_free(d->ids);
    gad_memory_free(d->places);
    gad_memory_free(d->positions);
    gad_memory_free(d->owner);
    gad_memory_free(d->span);
    gad_memory_free(d->rng);
    gad_memory_free(d->done);
    gad_memory_free(d->logits);
}

static gad_status prefill(decoding *d, const gad_segment *prompt, gad_error *err)
{
    gad_batch batch;
    gad_segment prefix = *prompt;
    prefix.count = d->prefix;
    prefix.weight = NULL;
    gad_status status = gad_batch_make(&d->step->model->config, &prefix, 1, &batch, err);
    if (status)
        return status;
    const int32_t *last = batch.position + 3 * (batch.rows - 1);
    d->position = last[0] > last[1] ? last[0] : last[1];
    d->position = (d->position > last[2] ? d->position : last[2]) + 1;
    status = gad_step_prefill(d->step, &batch, &d->cache, err);
    gad_batch_free(&batch);
    return status;
}

/* Log-probability of each id at the temperature, in place. */
static void log_softmax(float *z, int64_t vocab, double temperature)
{
    for (int64_t v = 0; v < vocab; v++)
        z[v] = (float)((double)z[v] / temperature);
    double total = gad_sample_logsumexp(z, vocab);
    for (int64_t v = 0; v < vocab; v++)
        z[v] = (float)((double)z[v] - total);
}

static int32_t draw(const float *logp, int64_t vocab, bool greedy, gad_rng *rng)
{
    int32_t best = 0;
    for (int64_t v = 1; v < vocab; v++)
        if (logp[v] > logp[best])
            best = (int32_t)v;
    if (greedy)
        return best;
    double at = gad_rng_uniform(rng), sum = 0;
    for (int64_t v = 0; v < vocab; v++) {
        sum += exp((double)logp[v]);
        if (at < sum)
            return (int32_t)v;
    }
    return best; /* rounding left the sum just below 1 */
}

static bool is_stop(const gad_rollout_settings *s, int32_t id)
{
    for (int i = 0; i < s->stop_count; i++)
        if (s->stop[i] == id)
            return true;
    return false;
}

/* Rows of answers that are not done: their latest id, after t ids of the answer. */
static int64_t gather(decoding *d, const gad_rollout_answer *answer, int32_t last, int64_t t)
{
    int64_t rows = 0;
    for (int a = 0; a < d->settings->group; a++) {
        if (d->done[a])
            continue;
        int64_t first = d->prefix + a * d->settings->max_tokens;
        d->ids[rows] = t ? answer[a].id[t - 1] : last;
        d->places[rows] = (int32_t)(first + t);
        for (int axis = 0; axis < 3; axis++)
            d->positions[3 * rows + axis] = d->position + (int32_t)t;
        d->span[rows] = (gad_attention_span){
            .q0 = rows, .q1 = rows + 1, .p0 = 0, .p1 = d->prefix, .k0 = first, .k1 = first + t + 1, .causal = true};
        d->owner[rows++] = a;
    }
    return rows;
}

static gad_status run_rows(decoding *d, int64_t rows, gad_error *err)
{
    gad_device *device = d->step->pass.device;
    gad_lm_input in = {.rows = rows,
                       .ids = d->ids,
                       .position = d->positions,
                       .spans = d->span,
                       .span_count = rows,
                       .cache = &d->cache,
                       .cache_rows = d->places};
    size_t mark = device->ops->mark(device);
    gad_tensor hidden = gad_lm_forward(&d->step->pass, d->step->model, &in, NULL);
    device->ops->download(device, d->logits, gad_lm_logits(&d->step->pass, d->step->model, hidden));
    device->ops->rewind(device, mark);
    return gad_device_check(device, err);
}

static gad_status decode(decoding *d, int32_t last, gad_rollout_answer *answer, gad_error *err)
{
    const gad_rollout_settings *s = d->settings;
    int64_t vocab = d->step->model->config.text.vocab;
    for (int64_t t = 0; t < s->max_tokens; t++) {
        int64_t rows = gather(d, answer, last, t);
        if (!rows)
            break;
        gad_status status = run_rows(d, rows, err);
        if (status)
            return status;
#pragma omp parallel for schedule(static) num_threads(d->step->pass.device->threads)
        for (int64_t r = 0; r < rows; r++) {
            gad_rollout_answer *a = &answer[d->owner[r]];
            float *logp = d->logits + r * vocab;
            log_softmax(logp, vocab, s->temperature > 0 ? s->temperature : 1);
            a->id[t] = draw(logp, vocab, s->temperature <= 0, &d->rng[d->owner[r]]);
            a->logp[t] = logp[a->id[t]];
            a->count = t + 1;
            d->done[d->owner[r]] = is_stop(s, a->id[t]);
        }
    }
    for (int a = 0; a < s->group; a++)
        answer[a].truncated = !d->done[a];
    return GAD_OK;
}

static gad_status run_group(const gad_step *step, const gad_segment *prompt, const gad_rollout_settings *settings,
                            uint64_t seed, int first, gad_rollout_answer *answer, gad_error *err)
{
    decoding d = {.step = step, .settings = settings};
    gad_status status = open_decoding(&d, prompt, err);
    for (int a = 0; a < settings->group && !status; a++) {
        d.rng[a] = gad_rng_make(seed, (uint64_t)(first + a));
        answer[a].id = gad_memory_zero((size_t)settings->max_tokens, sizeof *answer[a].id);
        answer[a].logp = gad_memory_zero((size_t)settings->max_tokens, sizeof *answer[a].logp);
        if (!answer[a].id || !answer[a].logp)
            status = gad_error_memory(err, operation, (size_t)settings->max_tokens * sizeof(float));
    }
    if (!status)
        status = prefill(&d, prompt, err);
    if (!status)
        status = decode(&d, prompt->ids[prompt->count - 1], answer, err);
    close_decoding(&d);
    return status;
}

gad_status gad_rollout_run(const gad_step *step, const gad_segment *prompt, const gad_rollout_settings *settings,
                           uint64_t seed, gad_rollout_answer *answer, gad_error *err)
{
    if (prompt->count < 2 || settings->group < 1 || settings->max_tokens < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "a prompt of two ids, one answer, one id are the least");
    memset(answer, 0, (size_t)settings->group * sizeof *answer);
    gad_status status = GAD_OK;
    gad_rollout_settings one = *settings;
    one.group = 1;
    if (settings->share_prefix)
        status = run_group(step, prompt, settings, seed, 0, answer, err);
    for (int a = 0; !settings->share_prefix && a < settings->group && !status; a++)
        status = run_group(step, prompt, &one, seed, a, &answer[a], err);
    if (status)
        gad_rollout_free(answer, settings->group);
    return status;
}
