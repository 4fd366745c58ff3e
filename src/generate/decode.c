/* decode: see decode.h */
#include "generate/decode.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "generate/chorus.h"

static const char operation[] = "generate an answer";

void gad_decoded_free(gad_decoded *decoded)
{
    gad_string_free(&decoded->text);
    gad_tokenizer_ids_free(&decoded->ids);
}

/* What one answer is made with. */
typedef struct speaker {
    const gad_tokenizer *tokenizer;
    const gad_decode_settings *settings;
    gad_decoded *out;
    gad_tokenizer_stream stream;
    gad_tokenizer_ids seen; /* prompt and answer, for the repetition penalty */
    size_t sent;            /* bytes of the text that were given to on_text */
    int64_t vocab, said;    /* ids, those of a forced beginning left out */
    gad_rng *rng;
    int32_t id;       /* the last one */
    bool done, cut;   /* nothing is to follow; a stop text is why */
    float *processed; /* [vocab] logits */
    int32_t *scratch; /* [vocab] */
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

static gad_status open_speaker(speaker *s, const gad_prompt *prompt, gad_error *err)
{
    *s->out = (gad_decoded){.finish = GAD_FINISH_LENGTH};
    s->done = s->settings->max_tokens < 1;
    s->processed = gad_memory_alloc((size_t)s->vocab, sizeof *s->processed);
    s->scratch = gad_memory_alloc((size_t)s->vocab, sizeof *s->scratch);
    if (!s->processed || !s->scratch)
        return gad_error_memory(err, operation, (size_t)s->vocab * 8);
    for (int64_t i = 0; i < prompt->count; i++)
        if (!gad_tokenizer_ids_add(&s->seen, prompt->ids[i]))
            return gad_error_memory(err, operation, (size_t)prompt->count * sizeof(int32_t));
    return GAD_OK;
}

static void close_speaker(speaker *s)
{
    gad_memory_free(s->processed);
    gad_memory_free(s->scratch);
    gad_tokenizer_ids_free(&s->seen);
}

/* How the next id is sampled. */
static gad_sampling sampling_of(const speaker *s)
{
    gad_sampling sampling = s->settings->sampling;
    sampling.greedy |= sampling.drawn && (int64_t)s->out->ids.count >= sampling.drawn;
    return sampling;
}

/* The next id out of logits [vocab]; nothing but the speaker changes. */
static void choose(speaker *s, const float *logits)
{
    const gad_sampling sampling = sampling_of(s);
    memcpy(s->processed, logits, (size_t)s->vocab * sizeof *s->processed);
    gad_sample_process(&sampling, s->processed, s->vocab, s->seen.id, (int64_t)s->seen.count, s->scratch);
    s->id = gad_sample_draw(&sampling, s->processed, s->vocab, s->rng);
    s->out->logprob += (double)logits[s->id] - gad_sample_logsumexp(logits, s->vocab);
}

/* Or on the device: what it is to draw, and what it drew. */
static gad_draw order(speaker *s)
{
    const gad_sampling sampling = sampling_of(s);
    return gad_sample_order(&sampling, s->seen.id, (int64_t)s->seen.count, s->rng);
}

static void take(speaker *s, const gad_drawn *drawn)
{
    s->id = drawn->id;
    s->out->logprob += drawn->logp;
}

/* What follows from the id that was chosen. */
static gad_status speak(speaker *s, const float *logits, gad_error *err)
{
    if (!s->settings->ignore_stop && gad_sampling_stops(&s->settings->sampling, s->id)) {
        s->out->finish = GAD_FINISH_STOP;
        s->done = true;
        return GAD_OK;
    }
    if (s->settings->on_token)
        s->settings->on_token(s->settings->user, s->id, logits, s->vocab);
    gad_status status = say(s, s->id, &s->cut, err);
    if (s->cut)
        s->out->finish = GAD_FINISH_STOP;
    s->done = s->cut || ++s->said >= s->settings->max_tokens;
    s->done |= s->settings->is_over && s->settings->is_over(s->settings->user);
    return status;
}

static gad_status end_text(speaker *s, gad_error *err)
{
    if (!s->cut)
        gad_tokenizer_stream_finish(&s->stream, &s->out->text);
    send(s, s->out->text.length);
    if (s->out->text.failed)
        return gad_error_memory(err, operation, s->out->text.length);
    if (s->settings->on_end)
        s->settings->on_end(s->settings->user);
    return GAD_OK;
}

/* The timeline goes on by the id that was said, and the next one is chosen. */
static gad_status go_on(speaker *s, gad_timeline *timeline, gad_error *err)
{
    if (timeline->device->ops->draw && !s->settings->on_token) {
        const gad_draw draw = order(s);
        gad_drawn drawn;
        gad_status status = gad_timeline_follow(timeline, s->id, &draw, &drawn, err);
        if (!status)
            take(s, &drawn);
        return status;
    }
    gad_status status = gad_timeline_append(timeline, s->id, err);
    if (!status)
        choose(s, timeline->logits);
    return status;
}

gad_status gad_decode(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_prompt *prompt,
                      const gad_tokenizer_ids *prefix, const gad_decode_settings *settings, gad_rng *rng,
                      gad_decoded *decoded, gad_error *err)
{
    const int64_t prefix_count = prefix ? (int64_t)prefix->count : 0;
    speaker s = {.vocab = timeline->model->config.text.vocab,
                 .tokenizer = tokenizer,
                 .settings = settings,
                 .out = decoded,
                 .rng = rng};
    gad_status status = open_speaker(&s, prompt, err);
    if (!status)
        status = gad_timeline_feed(timeline, prompt, settings->max_tokens + prefix_count, settings->cancel, err);
    for (int64_t i = 0; i < prefix_count && !status; i++) {
        bool stopped;
        status = say(&s, prefix->id[i], &stopped, err);
        if (!status)
            status = gad_timeline_append(timeline, prefix->id[i], err);
    }
    if (!s.done && !status)
        choose(&s, timeline->logits);
    while (!s.done && !status) {
        status = gad_cancel_check(settings->cancel, err);
        if (!status)
            status = speak(&s, timeline->logits, err);
        if (!s.done && !status)
            status = go_on(&s, timeline, err);
    }
    if (!status)
        status = end_text(&s, err);
    close_speaker(&s);
    if (status)
        gad_decoded_free(decoded);
    return status;
}

/* ---- together ------------------------------------------------------------------------------------------------------ */

static bool new_prompt(const gad_decode_part *part, int number)
{
    return number == 0 || part[number].prompt != part[number - 1].prompt;
}

static gad_status open_chorus(const gad_timeline *timeline, const gad_decode_part *part, int count, gad_chorus *chorus,
                              gad_error *err)
{
    const gad_pass pass = {.device = timeline->device, .adapters = timeline->adapters};
    int64_t rows = 0;
    for (int i = 0; i < count; i++)
        rows += part[i].settings->max_tokens + (new_prompt(part, i) ? part[i].prompt->count : 0);
    return gad_chorus_open(&pass, timeline->model, rows, count, chorus, err);
}

/* Prompts are run one after the other: what they begin with together is computed once. */
static gad_status feed_prompts(gad_timeline *timeline, const gad_decode_part *part, int count, gad_chorus *chorus,
                               gad_error *err)
{
    gad_chorus_prompt prompt;
    gad_status status = GAD_OK;
    for (int i = 0; i < count && !status; i++) {
        const gad_decode_settings *settings = part[i].settings;
        const int64_t computed = timeline->computed;
        if (new_prompt(part, i)) {
            status = gad_timeline_feed(timeline, part[i].prompt, settings->max_tokens, settings->cancel, err);
            if (!status)
                status = gad_chorus_add_prompt(chorus, timeline, &prompt, err);
        }
        if (part[i].computed)
            *part[i].computed = timeline->computed - computed;
        if (!status)
            status = gad_chorus_add_voice(chorus, prompt, settings->max_tokens, timeline->logits, err);
    }
    return status;
}

/* The next id of each: what the chorus drew for it, or out of its logits. */
static void choose_together(speaker *s, const gad_chorus *chorus)
{
#pragma omp parallel for schedule(dynamic) num_threads(chorus->pass.device->threads)
    for (int i = 0; i < chorus->count; i++) {
        if (s[i].done)
            continue;
        if (chorus->voice[i].logits)
            choose(&s[i], chorus->voice[i].logits);
        else
            take(&s[i], &chorus->voice[i].drawn);
    }
}

/* One id of each; *any: some go on. */
static gad_status speak_together(speaker *s, gad_chorus *chorus, bool *any, gad_error *err)
{
    gad_status status = GAD_OK;
    choose_together(s, chorus);
    *any = false;
    for (int i = 0; i < chorus->count && !status; i++) {
        if (!s[i].done) {
            status = gad_cancel_check(s[i].settings->cancel, err);
            if (!status)
                status = speak(&s[i], chorus->voice[i].logits, err);
            if (!status && s[i].done)
                status = end_text(&s[i], err);
        }
        chorus->voice[i].id = s[i].id;
        chorus->voice[i].done = s[i].done;
        if (chorus->draws && !s[i].done)
            chorus->voice[i].draw = order(&s[i]);
        *any |= !s[i].done;
    }
    return status;
}

gad_status gad_decode_together(gad_timeline *timeline, const gad_tokenizer *tokenizer, const gad_decode_part *part,
                               int count, gad_decoded *decoded, gad_error *err)
{
    gad_chorus chorus = {0};
    memset(decoded, 0, (size_t)count * sizeof *decoded);
    speaker *s = gad_memory_zero((size_t)count, sizeof *s);
    gad_status status = s ? GAD_OK : gad_error_memory(err, operation, (size_t)count * sizeof *s);
    for (int i = 0; i < count && !status; i++) {
        s[i] = (speaker){.vocab = timeline->model->config.text.vocab,
                         .tokenizer = tokenizer,
                         .settings = part[i].settings,
                         .out = &decoded[i],
                         .rng = part[i].rng};
        status = open_speaker(&s[i], part[i].prompt, err);
    }
    if (!status)
        status = open_chorus(timeline, part, count, &chorus, err);
    if (!status)
        status = feed_prompts(timeline, part, count, &chorus, err);
    for (int i = 0; i < count && !status; i++)
        if (s[i].done) /* nothing is to be said */
            status = end_text(&s[i], err);
    chorus.draws = !status && timeline->device->ops->draw;
    for (int i = 0; i < count; i++)
        chorus.draws = chorus.draws && !part[i].settings->on_token;
    bool any = true;
    while (any && !status) {
        status = speak_together(s, &chorus, &any, err);
        if (any && !status)
            status = gad_chorus_step(&chorus, err);
    }
    gad_chorus_close(&chorus);
    for (int i = 0; i < count && s; i++)
        close_speaker(&s[i]);
    gad_memory_free(s);
    for (int i = 0; i < count && status; i++)
        gad_decoded_free(&decoded[i]);
    return status;
}

/* ---- Yes or No ----------------------------------------------------------------------------------------------------- */

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
