/* rollout: see rollout.h. Cache rows: the prompt but its last id, then `most` rows for every answer, which opens with the
 * prompt's last id: the same rows as the segments of the update, so that probabilities agree. */
#include "train/rollout.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "generate/chorus.h"

static const char operation[] = "sample answers";

void gad_rollout_free(gad_rollout_answer *answer, int count)
{
    for (int i = 0; answer && i < count; i++) {
        gad_memory_free(answer[i].id);
        gad_memory_free(answer[i].logp);
        answer[i] = (gad_rollout_answer){0};
    }
}

/* One group while it is decoded; arrays of `group` entries. */
typedef struct decoding {
    const gad_step *step;
    const gad_rollout_settings *settings;
    gad_chorus chorus;
    gad_rng *rng;
} decoding;

/* The prompt but its last id into the cache, and a voice for each answer. */
static gad_status prefill(decoding *d, const gad_segment *prompt, gad_error *err)
{
    gad_batch batch;
    gad_segment prefix = *prompt;
    gad_chorus_prompt shared = {.rows = prompt->count - 1};
    prefix.count = shared.rows;
    prefix.weight = NULL;
    gad_status status = gad_batch_make(&d->step->model->config, &prefix, 1, &batch, err);
    if (status)
        return status;
    const int32_t *last = batch.position + 3 * (batch.rows - 1);
    shared.next = last[0] > last[1] ? last[0] : last[1];
    shared.next = (shared.next > last[2] ? shared.next : last[2]) + 1;
    int64_t place = 0; /* of the first rows: 0, where prefill writes */
    status = gad_chorus_reserve(&d->chorus, shared.rows, &shared.first, &place, err);
    if (!status)
        status = gad_step_prefill(d->step, &batch, &d->chorus.cache, err);
    gad_batch_free(&batch);
    for (int a = 0; a < d->settings->group && !status; a++)
        status = gad_chorus_add_voice(&d->chorus, shared, d->settings->max_tokens, NULL, err);
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

static bool is_greedy(const decoding *d)
{
    return d->settings->temperature <= 0;
}

static double temperature(const decoding *d)
{
    return is_greedy(d) ? 1 : d->settings->temperature;
}

/* The next id of an answer, drawn by the chorus or out of its voice's logits. */
static void speak(decoding *d, int number, gad_rollout_answer *a)
{
    const int64_t vocab = d->step->model->config.text.vocab;
    gad_chorus_voice *voice = &d->chorus.voice[number];
    if (d->chorus.draws) {
        voice->id = voice->drawn.id;
        a->logp[a->count] = (float)voice->drawn.logp;
    } else {
        log_softmax(voice->logits, vocab, temperature(d));
        voice->id = draw(voice->logits, vocab, is_greedy(d), &d->rng[number]);
        a->logp[a->count] = voice->logits[voice->id];
    }
    voice->done = is_stop(d->settings, voice->id);
    a->id[a->count++] = voice->id;
}

/* What the chorus is to draw next. */
static void order(decoding *d)
{
    for (int a = 0; d->chorus.draws && a < d->settings->group; a++) {
        gad_chorus_voice *voice = &d->chorus.voice[a];
        if (voice->done)
            continue;
        const gad_sampling sampling = {
            .greedy = is_greedy(d), .temperature = temperature(d), .top_p = 1, .repetition_penalty = 1};
        voice->draw = gad_sample_order(&sampling, NULL, 0, &d->rng[a]);
        voice->draw.told = temperature(d);
    }
}

static gad_status decode(decoding *d, int32_t last, gad_rollout_answer *answer, gad_error *err)
{
    const gad_rollout_settings *s = d->settings;
    bool any = true;
    for (int a = 0; a < s->group; a++)
        d->chorus.voice[a].id = last;
    d->chorus.draws = d->step->pass.device->ops->draw;
    for (int64_t t = 0; t < s->max_tokens && any; t++) {
        order(d);
        gad_status status = gad_chorus_step(&d->chorus, err);
        if (status)
            return status;
        any = false;
#pragma omp parallel for schedule(static) num_threads(d->step->pass.device->threads) reduction(|| : any)
        for (int a = 0; a < s->group; a++) {
            if (!d->chorus.voice[a].done)
                speak(d, a, &answer[a]);
            any = any || !d->chorus.voice[a].done;
        }
    }
    for (int a = 0; a < s->group; a++)
        answer[a].truncated = !d->chorus.voice[a].done;
    return GAD_OK;
}

static gad_status run_group(const gad_step *step, const gad_segment *prompt, const gad_rollout_settings *settings,
                            uint64_t seed, int first, gad_rollout_answer *answer, gad_error *err)
{
    const int64_t rows = prompt->count - 1 + settings->group * settings->max_tokens;
    decoding d = {.step = step, .settings = settings, .rng = gad_memory_zero((size_t)settings->group, sizeof *d.rng)};
    gad_status status = d.rng ? GAD_OK : gad_error_memory(err, operation, (size_t)settings->group * sizeof *d.rng);
    if (!status)
        status = gad_chorus_open(&step->pass, step->model, rows, settings->group, &d.chorus, err);
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
    gad_chorus_close(&d.chorus);
    gad_memory_free(d.rng);
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
