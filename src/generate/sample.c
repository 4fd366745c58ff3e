/* sample: see sample.h */
#include "generate/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

static gad_status read_stop_tokens(const json_t *root, const char *path, gad_sampling *sampling, gad_error *err)
{
    const json_t *eos = json_object_get(root, "eos_token_id");
    if (!eos || json_is_null(eos))
        return GAD_OK;
    sampling->stop_count = 0;
    size_t count = json_is_array(eos) ? json_array_size(eos) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_is_array(eos) ? json_array_get(eos, i) : eos;
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX ||
            i == GAD_MAX_STOP_TOKENS)
            return gad_error_set(err, GAD_E_FORMAT, "read generation settings", NULL,
                                 "%s: \"eos_token_id\" is not an id or a list of at most %d", path, GAD_MAX_STOP_TOKENS);
        sampling->stop[sampling->stop_count++] = (int32_t)json_integer_value(id);
    }
    return GAD_OK;
}

static gad_status read_settings(const json_t *root, const char *path, gad_sampling *sampling, gad_error *err)
{
    bool sample = false;
    gad_status status = gad_json_get_bool(root, "do_sample", path, false, &sample, err);
    sampling->greedy = !sample;
    if (!status)
        status = gad_json_get_number(root, "temperature", path, 1, &sampling->temperature, err);
    if (!status)
        status = gad_json_get_number(root, "top_p", path, 1, &sampling->top_p, err);
    if (!status)
        status = gad_json_get_int(root, "top_k", path, 50, &sampling->top_k, err);
    if (!status)
        status = gad_json_get_number(root, "min_p", path, 0, &sampling->min_p, err);
    if (!status)
        status = gad_json_get_int(root, "gad_drawn_tokens", path, 0, &sampling->drawn, err);
    if (!status)
        status = gad_json_get_number(root, "repetition_penalty", path, 1, &sampling->repetition_penalty, err);
    if (!status && (sampling->temperature < 0 || sampling->top_p <= 0 || sampling->top_p > 1 || sampling->top_k < 0 ||
                    sampling->min_p < 0 || sampling->min_p > 1 || sampling->drawn < 0 || sampling->repetition_penalty <= 0))
        status = gad_error_set(
            err, GAD_E_FORMAT, "read generation settings", NULL,
            "%s: temperature, top_p, top_k, min_p, gad_drawn_tokens or repetition_penalty is out of range", path);
    if (sampling->temperature < 1e-5) /* published files write greedy decoding as a temperature of 1e-6 */
        sampling->greedy = true;
    return status;
}

gad_status gad_sampling_load(const char *folder, int32_t eos, gad_sampling *sampling, gad_error *err)
{
    gad_sampling s = {
        .greedy = true, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .stop = {eos}, .stop_count = 1};
    char *path = gad_file_join(folder, "generation_config.json");
    if (!path)
        return gad_error_memory(err, "read generation settings", strlen(folder));
    json_t *root = NULL;
    gad_status status = GAD_OK;
    if (gad_file_exists(path)) {
        status = gad_json_load(path, &root, err);
        if (!status && !json_is_object(root))
            status = gad_error_set(err, GAD_E_FORMAT, "read generation settings", NULL, "%s: is not a JSON object", path);
        if (!status)
            status = read_settings(root, path, &s, err);
        if (!status)
            status = read_stop_tokens(root, path, &s, err);
    }
    json_decref(root);
    gad_memory_free(path);
    if (!status)
        *sampling = s;
    return status;
}

bool gad_sampling_stops(const gad_sampling *sampling, int32_t id)
{
    for (int i = 0; i < sampling->stop_count; i++)
        if (sampling->stop[i] == id)
            return true;
    return false;
}

double gad_sample_logsumexp(const float *logits, int64_t n)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, (double)logits[i]);
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - largest);
    return largest + log(sum);
}

static void penalise(float *logits, int64_t vocab, double penalty, const int32_t *seen, int64_t seen_count, int32_t *flag)
{
    memset(flag, 0, (size_t)vocab * sizeof *flag);
    for (int64_t i = 0; i < seen_count; i++) {
        int32_t id = seen[i];
        if (id < 0 || id >= vocab || flag[id])
            continue;
        flag[id] = 1;
        logits[id] = (float)(logits[id] < 0 ? (double)logits[id] * penalty : (double)logits[id] / penalty);
    }
}

static int descending(const void *a, const void *b, void *logits)
{
    const float *z = logits;
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    return z[i] > z[j] ? -1 : z[i] < z[j] ? 1 : i < j ? -1 : 1;
}

/* Keep the k largest (ties with the k-th stay, as in the reference). */
static void keep_top_k(float *logits, int64_t vocab, int64_t k, const int32_t *order)
{
    float least = logits[order[k - 1]];
    for (int64_t i = 0; i < vocab; i++)
        if (logits[i] < least)
            logits[i] = -INFINITY;
}

/* From the smallest up, drop while the cumulative probability stays at or below 1 - p; at least one remains. */
static void keep_top_p(float *logits, int64_t vocab, double p, const int32_t *order)
{
    double total = gad_sample_logsumexp(logits, vocab), cumulative = 0;
    for (int64_t i = vocab - 1; i > 0; i--) {
        cumulative += exp((double)logits[order[i]] - total);
        if (cumulative > 1 - p)
            break;
        logits[order[i]] = -INFINITY;
    }
}

static void keep_min_p(float *logits, int64_t vocab, double p)
{
    float least = -INFINITY;
    for (int64_t i = 0; i < vocab; i++)
        least = fmaxf(least, logits[i]);
    least += (float)log(p);
    for (int64_t i = 0; i < vocab; i++)
        if (logits[i] < least)
            logits[i] = -INFINITY;
}

void gad_sample_process(const gad_sampling *sampling, float *logits, int64_t vocab, const int32_t *seen, int64_t seen_count,
                        int32_t *scratch)
{
    if (sampling->repetition_penalty != 1)
        penalise(logits, vocab, sampling->repetition_penalty, seen, seen_count, scratch);
    if (sampling->greedy)
        return;
    for (int64_t i = 0; i < vocab; i++)
        logits[i] = (float)((double)logits[i] / sampling->temperature);
    bool top_k = sampling->top_k > 0 && sampling->top_k < vocab, top_p = sampling->top_p < 1;
    if (top_k || top_p) {
        for (int64_t i = 0; i < vocab; i++)
            scratch[i] = (int32_t)i;
        qsort_r(scratch, (size_t)vocab, sizeof *scratch, descending, logits);
    }
    if (top_k)
        keep_top_k(logits, vocab, sampling->top_k, scratch);
    if (top_p)
        keep_top_p(logits, vocab, sampling->top_p, scratch);
    if (sampling->min_p > 0)
        keep_min_p(logits, vocab, sampling->min_p);
}

int32_t gad_sample_draw(const gad_sampling *sampling, const float *logits, int64_t vocab, gad_rng *rng)
{
    int32_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = (int32_t)i;
    if (sampling->greedy)
        return best;
    double total = gad_sample_logsumexp(logits, vocab), draw = gad_rng_uniform(rng), cumulative = 0;
    for (int64_t i = 0; i < vocab; i++) {
        cumulative += exp((double)logits[i] - total);
        if (draw < cumulative)
            return (int32_t)i;
    }
    return best; /* rounding left the sum just below 1 */
}

gad_draw gad_sample_order(const gad_sampling *sampling, const int32_t *seen, int64_t seen_count, gad_rng *rng)
{
    return (gad_draw){.greedy = sampling->greedy,
                      .temperature = sampling->temperature,
                      .top_p = sampling->top_p,
                      .min_p = sampling->min_p,
                      .penalty = sampling->repetition_penalty,
                      .top_k = sampling->top_k,
                      .seen = seen,
                      .seen_count = seen_count,
                      .at = sampling->greedy ? 0 : gad_rng_uniform(rng),
                      .told = 1};
}
