/* perplexity: how well a model predicts a text, as it is computed by default in fp32 and as the settings say (weights in 8
 * or 4 bits, keys and values in fewer bits, other products), and how far the two are apart. In: a checkpoint, a text file.
 * Out: perplexities and the divergence of the predicted words. Interface: gad_bench.h. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/finite.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "generate/sample.h"
#include "model/lm.h"
#include "model/package.h"

static const char operation[] = "measure perplexity";
enum { TEXT_LIMIT_BYTES = 1 << 24, PIECE_ROWS = 64 };

/* One way to compute the model. */
typedef struct side {
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
    gad_lm_cache cache;
    float *logits; /* [PIECE_ROWS, vocab] */
} side;

typedef struct measurement {
    const gad_perplexity_settings *settings;
    gad_package package;
    gad_tokenizer_ids ids;
    side plain, asked;
    gad_perplexity_report sum; /* sums, until they are divided */
} measurement;

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static gad_status read_text(measurement *m, gad_error *err)
{
    gad_tokenizer *tokenizer = NULL;
    char *text = NULL;
    size_t length = 0;
    gad_status status = gad_package_tokenizer(&m->package, &tokenizer, err);
    if (!status)
        status = gad_file_read(m->settings->text, TEXT_LIMIT_BYTES, &text, &length, err);
    if (!status)
        status = gad_tokenizer_encode(tokenizer, text, length, GAD_TOKENIZER_LITERAL, &m->ids, err);
    if (!status && m->ids.count < 2)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, "give a longer text", "%s: has fewer than two tokens",
                               m->settings->text);
    gad_memory_free(text);
    gad_tokenizer_free(tokenizer);
    return status;
}

static gad_status open_side(const measurement *m, bool asked, side *s, gad_error *err)
{
    const gad_perplexity_settings *set = m->settings;
    const gad_weights_options weights = {.quantise = asked ? set->compute.quantise : GAD_QUANTISE_NONE};
    gad_config config;
    gad_status status = gad_package_config(&m->package, &config, err);
    if (!status)
        status = gad_model_build(&config, &s->model, err);
    if (!status)
        status = gad_package_weights(&m->package, &weights, &s->model, &s->files, set->log, err);
    if (!status)
        status = gad_device_open(&s->device, set->compute.device ? set->compute.device : "cpu", set->compute.threads, err);
    if (!status)
        status = gad_model_place(&s->model, &s->device, err);
    if (!status)
        status = gad_device_limit_cpu(&s->device, set->compute.cpu_level, err);
    if (status)
        return status;
    gad_device_use_products(&s->device,
                            gad_weights_products(s->files, asked ? set->compute.precision : GAD_PRECISION_FP32));
    if (asked)
        gad_device_use_cache(&s->device, set->compute.cache);
    s->logits = gad_memory_alloc(PIECE_ROWS * (size_t)config.text.vocab, sizeof *s->logits);
    if (!s->logits)
        return gad_error_memory(err, operation, PIECE_ROWS * (size_t)config.text.vocab * sizeof *s->logits);
    return gad_lm_cache_open(&s->device, &config.text, set->window_tokens, &s->cache, err);
}

static void close_side(side *s)
{
    if (s->device.ops)
        gad_lm_cache_close(&s->device, &s->cache);
    gad_model_free(&s->model);
    if (s->device.ops)
        gad_device_close(&s->device);
    gad_tensor_source_free(s->files);
    gad_memory_free(s->logits);
}

/* ---- measuring ----------------------------------------------------------------------------------------------------- */

/* Logits of `rows` rows of a window, from its row `at` on. */
static gad_status predict(side *s, const int32_t *ids, int64_t at, int64_t rows, gad_error *err)
{
    int32_t position[PIECE_ROWS * 3];
    for (int64_t i = 0; i < 3 * rows; i++)
        position[i] = (int32_t)(at + i / 3);
    const gad_attention_span span = {.q1 = rows, .k1 = at + rows, .causal = true};
    const gad_lm_input in = {.rows = rows,
                             .ids = ids + at,
                             .position = position,
                             .spans = &span,
                             .span_count = 1,
                             .cache = &s->cache,
                             .cache_row = at};
    const gad_ops *op = s->device.ops;
    const gad_pass pass = {.device = &s->device};
    const size_t mark = op->mark(&s->device), count = (size_t)(rows * s->model.config.text.vocab);
    op->download(&s->device, s->logits, gad_lm_logits(&pass, &s->model, gad_lm_forward(&pass, &s->model, &in, NULL)));
    op->rewind(&s->device, mark);
    gad_status status = gad_device_check(&s->device, err);
    if (!status && !gad_finite_all(s->logits, count))
        status = gad_error_set(err, GAD_E_FORMAT, operation, "is the file whole, and is it a language model?",
                               "the model's output is not a finite number");
    return status;
}

/* One word's prediction: its loss with both, and the divergence of what is asked for from fp32. */
static void compare(measurement *m, const float *plain, const float *asked, int32_t id)
{
    gad_perplexity_report *r = &m->sum;
    const int64_t vocab = m->plain.model.config.text.vocab;
    const double p = gad_sample_logsumexp(plain, vocab), q = gad_sample_logsumexp(asked, vocab);
    int64_t first = 0, second = 0;
    double divergence = 0;
    for (int64_t i = 0; i < vocab; i++) {
        const double a = (double)plain[i] - p, b = (double)asked[i] - q;
        divergence += exp(a) * (a - b);
        first = plain[i] > plain[first] ? i : first;
        second = asked[i] > asked[second] ? i : second;
    }
    r->tokens++;
    r->plain += p - (double)plain[id];
    r->asked += q - (double)asked[id];
    r->divergence += divergence;
    r->most_divergence = fmax(r->most_divergence, divergence);
    r->same_word += first == second;
}

static gad_status measure_window(measurement *m, const int32_t *ids, int64_t count, gad_error *err)
{
    const int64_t vocab = m->plain.model.config.text.vocab;
    gad_status status = GAD_OK;
    for (int64_t at = 0; at + 1 < count && !status; at += PIECE_ROWS) {
        const int64_t rows = count - 1 - at < PIECE_ROWS ? count - 1 - at : PIECE_ROWS;
        status = predict(&m->plain, ids, at, rows, err);
        if (!status)
            status = predict(&m->asked, ids, at, rows, err);
        for (int64_t i = 0; i < rows && !status; i++)
            compare(m, m->plain.logits + i * vocab, m->asked.logits + i * vocab, ids[at + i + 1]);
    }
    return status;
}

static gad_status measure_windows(measurement *m, gad_error *err)
{
    const int64_t all = (int64_t)m->ids.count, window = m->settings->window_tokens;
    const int32_t vocab = m->plain.model.config.text.vocab;
    gad_status status = GAD_OK;
    for (int64_t i = 0; i < all && !status; i++)
        if (m->ids.id[i] >= vocab)
            status = gad_error_set(err, GAD_E_FORMAT, operation, "tokenizer and weights are not of the same model",
                                   "%s: token %d of a model of %d", m->package.path, (int)m->ids.id[i], (int)vocab);
    for (int64_t at = 0; at < all && !status; at += window)
        status = measure_window(m, m->ids.id + at, all - at < window ? all - at : window, err);
    return status;
}

static gad_status check_settings(const gad_perplexity_settings *s, gad_error *err)
{
    enum { MOST_TOKENS = 1 << 20 };
    if (!s->model || !s->text || s->window_tokens < 2 || s->window_tokens > MOST_TOKENS)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "a model, a text file and windows of 2 to %d tokens are needed", MOST_TOKENS);
    return GAD_OK;
}

gad_status gad_perplexity_measure(const gad_perplexity_settings *settings, gad_perplexity_report *report, gad_error *err)
{
    measurement m = {.settings = settings};
    gad_status status = check_settings(settings, err);
    if (!status)
        status = gad_package_open(settings->model, settings->mmproj, &m.package, err);
    if (!status)
        status = read_text(&m, err);
    if (!status)
        status = open_side(&m, false, &m.plain, err);
    if (!status)
        status = open_side(&m, true, &m.asked, err);
    if (!status)
        status = measure_windows(&m, err);
    if (!status) {
        const double n = (double)m.sum.tokens;
        *report = (gad_perplexity_report){.tokens = m.sum.tokens,
                                          .plain = exp(m.sum.plain / n),
                                          .asked = exp(m.sum.asked / n),
                                          .divergence = m.sum.divergence / n,
                                          .most_divergence = m.sum.most_divergence,
                                          .same_word = m.sum.same_word / n};
    }
    close_side(&m.plain);
    close_side(&m.asked);
    gad_tokenizer_ids_free(&m.ids);
    gad_package_free(&m.package);
    return status;
}
