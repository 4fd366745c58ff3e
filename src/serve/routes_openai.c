/* routes_openai: /v1/models and /v1/chat/completions of the OpenAI protocol, answered by the model that the server was
 * started with. The worker runs the latter. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"
#include "inspect/turn.h"
#include "serve/app.h"
#include "serve/routes.h"
#include "serve/speech.h"

static const char operation[] = "answer";
enum {
    MOST_TOKENS = 4096,   /* of answers whose length is not given, together: memory is taken for them */
    MOST_TOGETHER = 16384 /* rows of prompts and answers that are made together, of several requests */
};

/* One request on its way to its answer. */
typedef struct question {
    gad_call call;
    gad_completion asked;
    gad_speech speech;
    gad_turn turn;
    bool turned;
    gad_decode_settings settings;
    gad_cancel cancel;
    gad_decoded *decoded; /* of the answer, where it is made with others */
    int64_t computed;     /* rows of the prompt that were not there already */
} question;

void gad_routes_models(void *app, const gad_request *request, gad_response *response)
{
    const gad_server *s = app;
    (void)request;
    json_t *list = json_array();
    if (s->engine)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:i}", "id", s->model_name, "object", "model",
                                              "created", (json_int_t)s->started, "owned_by", "gad", "max_model_len",
                                              s->engine->model.config.text.max_position));
    gad_response_json(response, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

/* What was asked, as a turn. */
static gad_status make_turn(gad_engine *engine, const gad_completion *c, gad_turn *turn, gad_error *err)
{
    gad_turn_part *part = gad_memory_zero(c->count, sizeof *part);
    if (!part)
        return gad_error_memory(err, operation, c->count * sizeof *part);
    for (size_t i = 0; i < c->count; i++) {
        const gad_completion_part *p = &c->part[i];
        part[i] = (gad_turn_part){.text = p->text, .role = p->role};
        if (!p->text) {
            part[i].image = &p->image;
            part[i].hash = gad_image_hash(&p->image);
        }
    }
    gad_status status = gad_turn_make(engine, part, c->count, turn, err);
    gad_memory_free(part);
    return status;
}

/* The checkpoint's own way to draw, with what the request changes. */
static gad_sampling sampling_of(const gad_engine *engine, const gad_completion *c)
{
    gad_sampling s = engine->sampling;
    if (!isnan(c->temperature)) {
        s.greedy = c->temperature < 1e-5;
        s.temperature = s.greedy ? 1 : c->temperature;
    }
    if (!isnan(c->top_p))
        s.top_p = fmax(c->top_p, 1e-6);
    if (!isnan(c->min_p))
        s.min_p = c->min_p;
    if (!isnan(c->repetition_penalty))
        s.repetition_penalty = c->repetition_penalty;
    if (c->top_k >= 0)
        s.top_k = c->top_k;
    return s;
}

/* How long an answer may be: what was asked for, as far as the model can read; all answers together take no more memory
 * than the longest one alone. */
static gad_status find_length(const gad_engine *engine, const gad_completion *c, int64_t prompt, int64_t *tokens,
                              gad_error *err)
{
    int64_t left = (engine->model.config.text.max_position - prompt) / c->answers;
    if (left < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "send fewer or smaller pictures, or less text",
                             "the messages have %lld tokens, the model reads %d", (long long)prompt,
                             engine->model.config.text.max_position);
    *tokens = c->max_tokens ? c->max_tokens : MOST_TOKENS / c->answers;
    *tokens = *tokens < left ? *tokens : left;
    return GAD_OK;
}

/* Answer i draws from the stream (seed, i): the first is the same however many there are. */
static gad_status decode(gad_engine *engine, const gad_prompt *prompt, const gad_decode_settings *settings, uint64_t seed,
                         int answers, gad_decoded *decoded, gad_error *err)
{
    gad_rng rng[GAD_COMPLETION_ANSWERS];
    gad_decode_part part[GAD_COMPLETION_ANSWERS];
    for (int i = 0; i < answers; i++) {
        rng[i] = gad_rng_make(seed, (uint64_t)i);
        part[i] = (gad_decode_part){.prompt = prompt, .settings = settings, .rng = &rng[i]};
    }
    if (answers == 1)
        return gad_decode(&engine->timeline, engine->tokenizer, prompt, NULL, settings, rng, decoded, err);
    return gad_decode_together(&engine->timeline, engine->tokenizer, part, answers, decoded, err);
}

/* The prompt, and how to answer it. */
static gad_status prepare(gad_engine *engine, question *q, gad_error *err)
{
    const gad_completion *c = &q->asked;
    q->cancel = (gad_cancel){gad_speech_is_over, &q->speech};
    q->settings = (gad_decode_settings){.sampling = sampling_of(engine, c),
                                        .stop_text = c->stop,
                                        .stop_texts = c->stops,
                                        .on_text = gad_speech_on_text,
                                        .on_token = gad_speech_on_token,
                                        .user = &q->speech,
                                        .cancel = &q->cancel};
    gad_status status = make_turn(engine, c, &q->turn, err);
    q->turned = !status;
    return status ? status : find_length(engine, c, q->turn.asked.prompt.count, &q->settings.max_tokens, err);
}

static void begin_stream(question *q)
{
    if (q->asked.stream)
        gad_speech_stream(&q->speech, q->call.request, q->call.response);
}

static void forget(gad_engine *engine, question *q)
{
    if (q->turned)
        gad_turn_free(engine, &q->turn);
    q->turned = false;
}

static uint64_t seed_of(const question *q)
{
    return q->asked.seeded ? q->asked.seed : (uint64_t)(1e9 * q->speech.began_s);
}

static gad_status say_alone(gad_engine *engine, question *q, gad_error *err)
{
    gad_decoded decoded[GAD_COMPLETION_ANSWERS];
    const int64_t prompt = q->turn.asked.prompt.count, computed = engine->timeline.computed;
    begin_stream(q);
    gad_status status =
        decode(engine, &q->turn.asked.prompt, &q->settings, seed_of(q), (int)q->asked.answers, decoded, err);
    if (status)
        return status;
    /* the last token of an answer at its length is not computed, nor is a stop token */
    int64_t fed = engine->timeline.computed - computed;
    int64_t said = engine->timeline.length - prompt;
    gad_speech_end(&q->speech, decoded, prompt, prompt - (fed - said), q->call.response);
    for (int64_t i = 0; i < q->asked.answers; i++)
        gad_decoded_free(&decoded[i]);
    return GAD_OK;
}

static void answer_alone(gad_engine *engine, question *q)
{
    gad_error err = {0};
    gad_status status = prepare(engine, q, &err);
    if (!status)
        status = say_alone(engine, q, &err);
    if (status)
        gad_speech_fail(&q->speech, &err, q->call.response);
    forget(engine, q);
    gad_listener_answer(q->call.request);
}

/* ---- several requests ---------------------------------------------------------------------------------------------- */

static bool is_over(void *user)
{
    return gad_speech_is_over(&((question *)user)->speech);
}

static void on_text(void *user, const char *piece)
{
    gad_speech_on_text(&((question *)user)->speech, piece);
}

static void on_token(void *user, int32_t id, const float *logits, int64_t vocab)
{
    gad_speech_on_token(&((question *)user)->speech, id, logits, vocab);
}

/* An answer goes out when it is whole, whatever others still say. */
static void on_end(void *user)
{
    question *q = user;
    const int64_t prompt = q->turn.asked.prompt.count;
    gad_speech_end(&q->speech, q->decoded, prompt, prompt - q->computed, q->call.response);
    gad_listener_answer(q->call.request);
}

/* One pass of the model says a token of each. */
static void say_together(gad_engine *engine, question *q, int count)
{
    gad_rng rng[GAD_LISTENER_CALLS];
    gad_decode_part part[GAD_LISTENER_CALLS] = {0};
    gad_decoded decoded[GAD_LISTENER_CALLS];
    gad_error err = {0};
    for (int i = 0; i < count; i++) {
        gad_decode_settings *s = &q[i].settings;
        *s = (gad_decode_settings){.sampling = s->sampling,
                                   .max_tokens = s->max_tokens,
                                   .stop_text = s->stop_text,
                                   .stop_texts = s->stop_texts,
                                   .on_text = on_text,
                                   .on_token = on_token,
                                   .is_over = is_over,
                                   .on_end = on_end,
                                   .user = &q[i]};
        q[i].decoded = &decoded[i];
        q[i].speech.together = count;
        rng[i] = gad_rng_make(seed_of(&q[i]), 0);
        part[i] =
            (gad_decode_part){.prompt = &q[i].turn.asked.prompt, .settings = s, .rng = &rng[i], .computed = &q[i].computed};
        begin_stream(&q[i]);
    }
    gad_status status = gad_decode_together(&engine->timeline, engine->tokenizer, part, count, decoded, &err);
    for (int i = 0; i < count; i++) {
        if (!status)
            gad_decoded_free(&decoded[i]);
        else if (!q[i].speech.ended)
            gad_speech_fail(&q[i].speech, &err, q[i].call.response);
        gad_listener_answer(q[i].call.request);
    }
}

/* Rows of keys and values that several answers may take: no more than a quarter of what memory there is. */
static int64_t most_rows(const gad_engine *engine)
{
    const size_t held = engine->device.memory_bytes, memory = held ? held : gad_memory_available();
    const int64_t fit = (int64_t)(memory / 4 / gad_timeline_row_bytes(&engine->model, engine->device.kept));
    return !memory || fit > MOST_TOGETHER ? MOST_TOGETHER : fit;
}

/* False: they are to be answered one by one, since they would take too much memory, or since one of them makes no sense. */
static bool answer_together(gad_engine *engine, question *q, int count)
{
    int64_t rows = 0;
    bool possible = true;
    for (int i = 0; i < count && possible; i++) {
        possible = !prepare(engine, &q[i], NULL);
        rows += possible ? q[i].turn.asked.prompt.count + q[i].settings.max_tokens : 0;
    }
    possible = possible && rows <= most_rows(engine);
    if (possible)
        say_together(engine, q, count);
    for (int i = 0; i < count; i++) /* rows of pictures stay until no question needs them */
        forget(engine, &q[i]);
    return possible;
}

static void answer_all(gad_engine *engine, question *q, int count)
{
    for (int i = 0; i < count;) {
        int n = 0;
        while (i + n < count && q[i + n].asked.answers == 1)
            n++;
        if (n < 2 || !answer_together(engine, q + i, n))
            for (int k = 0; k < (n ? n : 1); k++)
                answer_alone(engine, &q[i + k]);
        i += n ? n : 1;
    }
}

/* What is asked; false: the response says what is wrong. */
static bool read_question(gad_server *s, question *q)
{
    gad_error err = {0};
    gad_response *response = q->call.response;
    if (!s->engine) {
        gad_response_refuse(response, 404, "model_not_found", "the server was started without --model");
        return false;
    }
    if (gad_completion_read(q->call.request->body, q->call.request->body_bytes, &q->asked, &err)) {
        gad_response_error(response, &err);
        return false;
    }
    if (*q->asked.model && strcmp(q->asked.model, s->model_name) != 0) {
        gad_response_refuse(response, 404, "model_not_found", "there is no model \"%.80s\"; this one is \"%s\"",
                            q->asked.model, s->model_name);
        return false;
    }
    gad_speech_begin(&q->speech, &q->asked, s->engine->tokenizer, s->model_name);
    return true;
}

void gad_routes_completions(void *app, const gad_call *call, int count)
{
    gad_server *s = app;
    question *q = gad_memory_zero((size_t)count, sizeof *q);
    int good = 0;
    for (int i = 0; i < count; i++) {
        if (!q) {
            gad_response_refuse(call[i].response, 503, "memory", "no memory for the request");
            continue;
        }
        q[good] = (question){.call = call[i]};
        if (read_question(s, &q[good])) {
            good++;
        } else {
            gad_completion_free(&q[good].asked);
            gad_listener_answer(call[i].request);
        }
    }
    answer_all(s->engine, q, good);
    for (int i = 0; i < good; i++) {
        gad_speech_free(&q[i].speech);
        gad_completion_free(&q[i].asked);
    }
    gad_memory_free(q);
}
