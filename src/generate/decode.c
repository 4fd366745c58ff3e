/* decode: see decode.h */
#include "generate/decode.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "generate an answer";

void gad_decoded_free(gad_decoded *decoded)
{
    gad_string_free(&decoded->text);
    gad_tokenizer_ids_free(&decoded->ids);
}

/* What one answer is made with. */
typedef struct speaker {
    gad_timeline *timeline;
    const gad_tokenizer *tokenizer;
    const gad_decode_settings *settings;
    gad_decoded *out;
    gad_tokenizer_stream stream;
    gad_tokenizer_ids seen; /* prompt and answer, for the repetition penalty */
    size_t sent;            /* bytes of the text that were given to on_text */
    float *logits;          /* [vocab], processed */
    int32_t *scratch;       /* [vocab] */
} speaker;

/* Bytes of the text that no stop text can begin in. */
static size_t settled(const speaker *s)
{
    size_t length = s->out->text.length, kept = 0;
    for (size_t i = 0; i < s->settings->stop_texts; i++) {
        size_t n = strlen(s->settings->stop_text[i]);
        for (n = n > length ? length : n - 1; n > kept; n--)
            if (!memcmp(s->out->text.data + length - n, s->settings->stop_text[i], n))
                kept = n;
    }
    return length - kept;
}

/* Send the text up to byte `end`. */
static void send(speaker *s, size_t end)
{
    if (s->settings->on_text && end > s->sent) {
        char *after = s->out->text.data + end, next = *after;
        *after = 0;
        s->settings->on_text(s->settings->user, s->out->text.data + s->sent);
        *after = next;
    }
    s->sent = end;
}

/* Cuts the text before the first stop text in what came after byte `from`; false: there is none. */
static bool cut(speaker *s, size_t from)
{
    gad_string *text = &s->out->text;
    const char *first = NULL;
    for (size_t i = 0; i < s->settings->stop_texts && text->length; i++) {
        size_t before = strlen(s->settings->stop_text[i]) - 1;
        const char *found = strstr(text->data + (from > before ? from - before : 0), s->settings->stop_text[i]);
        first = found && (!first || found < first) ? found : first;
    }
    if (!first)
        return false;
    text->length = (size_t)(first - text->data);
    text->data[text->length] = 0;
    return true;
}

/* *stopped: a stop text is complete. */
static gad_status say(speaker *s, int32_t id, bool *stopped, gad_error *err)
{
    size_t from = s->out->text.length;
    gad_tokenizer_stream_push(s->tokenizer, &s->stream, id, true, &s->out->text);
    if (!gad_tokenizer_ids_add(&s->out->ids, id) || !gad_tokenizer_ids_add(&s->seen, id) || s->out->text.failed)
        return gad_error_memory(err, operation, s->out->text.length);
    *stopped = cut(s, from);
    send(s, *stopped ? s->out->text.length : settled(s));
    return GAD_OK;
}

static int32_t choose(speaker *s, gad_rng *rng)
{
    int64_t vocab = s->timeline->model->config.text.vocab;
    memcpy(s->logits, s->timeline->logits, (size_t)vocab * sizeof *s->logits);
    gad_sampling sampling = s->settings->sampling;
    sampling.greedy |= sampling.drawn && (int64_t)s->out->ids.count >= sampling.drawn;
    gad_sample_process(&sampling, s->logits, vocab, s->seen.id, (int64_t)s->seen.count, s->scratch);
    int32_t id = gad_sample_draw(&sampling, s->logits, vocab, rng);
    s->out->logprob += (double)s->timeline->logits[id] - gad_sample_logsumexp(s->timeline->logits, vocab);
    return id;
}

static gad_status speak(speaker *s, gad_rng *rng, gad_error *err)
{
    bool stopped = false;
    s->out->finish = GAD_FINISH_LENGTH;
    for (int64_t n = 0; n < s->settings->max_tokens && !stopped; n++) {
        gad_status status = gad_cancel_check(s->settings->cancel, err);
        if (status)
            return status;
        int32_t id = choose(s, rng);
        if (!s->settings->ignore_stop && gad_sampling_stops(&s->settings->sampling, id)) {
            s->out->finish = GAD_FINISH_STOP;
            break;
        }
        if (s->settings->on_token)
            s->settings->on_token(s->settings->user, id, s->timeline->logits, s->timeline->model->config.text.vocab);
        status = say(s, id, &stopped, err);
        if (!status && !stopped && n + 1 < s->settings->max_tokens)
            status = gad_timeline_append(s->timeline, id, err);
        if (status)
            return status;
    }
    if (stopped)
        s->out->finish = GAD_FINISH_STOP;
    else
        gad_tokenizer_stream_finish(&s->stream, &s->out->text);
    send(s, s->out->text.length);
    return s->out->text.failed ? gad_error_memory(err, operation, s->out->text.length) : GAD_OK;
}

gad_status gad_decode(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_prompt *prompt,
                      const gad_tokenizer_ids *prefix, const gad_decode_settings *settings, gad_rng *rng,
                      gad_decoded *decoded, gad_error *err)
{
    int64_t vocab = timeline->model->config.text.vocab, prefix_count = prefix ? (int64_t)prefix->count : 0;
    *decoded = (gad_decoded){0};
    speaker s = {.timeline = timeline, .tokenizer = tokenizer, .settings = settings, .out = decoded};
    s.logits = gad_memory_alloc((size_t)vocab, sizeof *s.logits);
    s.scratch = gad_memory_alloc((size_t)vocab, sizeof *s.scratch);
    gad_status status = s.logits && s.scratch ? GAD_OK : gad_error_memory(err, operation, (size_t)vocab * 8);
    for (int64_t i = 0; i < prompt->count && !status; i++)
        if (!gad_tokenizer_ids_add(&s.seen, prompt->ids[i]))
            status = gad_error_memory(err, operation, (size_t)prompt->count * sizeof(int32_t));
    if (!status)
        status = gad_timeline_feed(timeline, prompt, settings->max_tokens + prefix_count, settings->cancel, err);
    for (int64_t i = 0; i < prefix_count && !status; i++) {
        bool stopped;
        status = say(&s, prefix->id[i], &stopped, err);
        if (!status)
            status = gad_timeline_append(timeline, prefix->id[i], err);
    }
    if (!status)
        status = speak(&s, rng, err);
    gad_memory_free(s.logits);
    gad_memory_free(s.scratch);
    gad_tokenizer_ids_free(&s.seen);
    if (status)
        gad_decoded_free(decoded);
    return status;
}

/* Whether the token's bytes spell `word` in any case, possibly after one space. */
static bool spells(const gad_tokenizer *tokenizer, int32_t id, const char *word)
{
    size_t length;
    const char *bytes = gad_tokenizer_bytes(tokenizer, id, &length);
    if (length && *bytes == ' ') {
        bytes++;
        length--;
    }
    return length == strlen(word) && !strncasecmp(bytes, word, length);
}

/* log of the summed probability of all tokens that spell the word; -infinity when there is none. */
static double word_logit(const gad_timeline *timeline, const gad_tokenizer *tokenizer, const char *word)
{
    double largest = -INFINITY, sum = 0;
    int32_t size = gad_tokenizer_size(tokenizer);
    int64_t vocab = timeline->model->config.text.vocab;
    for (int pass = 0; pass < 2; pass++)
        for (int32_t id = 0; id < size && id < vocab; id++)
            if (!gad_tokenizer_is_added(tokenizer, id) && spells(tokenizer, id, word)) {
                double logit = (double)timeline->logits[id];
                if (pass == 0)
                    largest = fmax(largest, logit);
                else
                    sum += exp(logit - largest);
            }
    return sum > 0 ? largest + log(sum) : -INFINITY;
}

/* log-probability of the word's tokens one after the other, from a fork of the timeline. */
static gad_status sequence_logprob(const gad_timeline *timeline, const gad_tokenizer *tokenizer, const char *word,
                                   double *logprob, gad_error *err)
{
    gad_timeline fork = {0};
    gad_tokenizer_ids ids = {0};
    int64_t vocab = timeline->model->config.text.vocab;
    *logprob = 0;
    gad_status status = gad_tokenizer_encode(tokenizer, word, strlen(word), GAD_TOKENIZER_LITERAL, &ids, err);
    if (!status)
        status = gad_timeline_fork(timeline, &fork, err);
    for (size_t i = 0; i < ids.count && !status; i++) {
        *logprob += (double)fork.logits[ids.id[i]] - gad_sample_logsumexp(fork.logits, vocab);
        if (i + 1 < ids.count)
            status = gad_timeline_append(&fork, ids.id[i], err);
    }
    gad_timeline_close(&fork);
    gad_tokenizer_ids_free(&ids);
    return status;
}

gad_status gad_decode_yes(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_prompt *prompt,
                          const gad_cancel *cancel, double *probability, gad_error *err)
{
    enum { WORD_ROWS = 8 }; /* room for the tokens of one word */
    gad_status status = gad_timeline_feed(timeline, prompt, WORD_ROWS, cancel, err);
    if (status)
        return status;
    double yes = word_logit(timeline, tokenizer, "yes"), no = word_logit(timeline, tokenizer, "no");
    if (isinf(yes) || isinf(no)) {
        status = sequence_logprob(timeline, tokenizer, "Yes", &yes, err);
        if (!status)
            status = sequence_logprob(timeline, tokenizer, "No", &no, err);
    }
    if (!status)
        *probability = 1 / (1 + exp(no - yes));
    return status;
}
