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
enum { MOST_TOKENS = 4096 }; /* of answers whose length is not given, together: memory is taken for them */

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
        part[i] = (gad_decode_part){prompt, settings, &rng[i]};
    }
    if (answers == 1)
        return gad_decode(&engine->timeline, engine->tokenizer, prompt, NULL, settings, rng, decoded, err);
    return gad_decode_together(&engine->timeline, engine->tokenizer, part, answers, decoded, err);
}

static gad_status answer(gad_engine *engine, const gad_completion *c, gad_speech *speech, const gad_request *request,
                         gad_response *response, gad_error *err)
{
    gad_turn turn;
    gad_decoded decoded[GAD_COMPLETION_ANSWERS];
    const gad_cancel cancel = {gad_speech_is_over, speech};
    gad_decode_settings settings = {.sampling = sampling_of(engine, c),
                                    .stop_text = c->stop,
                                    .stop_texts = c->stops,
                                    .on_text = gad_speech_on_text,
                                    .on_token = gad_speech_on_token,
                                    .user = speech,
                                    .cancel = &cancel};
    const uint64_t seed = c->seeded ? c->seed : (uint64_t)(1e9 * speech->began_s);
    int64_t computed = engine->timeline.computed;
    gad_status status = make_turn(engine, c, &turn, err);
    if (status)
        return status;
    int64_t prompt = turn.asked.prompt.count;
    status = find_length(engine, c, prompt, &settings.max_tokens, err);
    if (!status && c->stream)
        gad_speech_stream(speech, request, response);
    if (!status)
        status = decode(engine, &turn.asked.prompt, &settings, seed, (int)c->answers, decoded, err);
    if (!status) {
        /* the last token of an answer at its length is not computed, nor is a stop token */
        int64_t fed = engine->timeline.computed - computed;
        int64_t said = engine->timeline.length - prompt;
        gad_speech_end(speech, decoded, prompt, prompt - (fed - said), response);
        for (int64_t i = 0; i < c->answers; i++)
            gad_decoded_free(&decoded[i]);
    }
    gad_turn_free(engine, &turn);
    return status;
}

void gad_routes_completions(void *app, const gad_request *request, gad_response *response)
{
    gad_server *s = app;
    gad_completion c;
    gad_speech speech;
    gad_error err = {0};
    if (!s->engine) {
        gad_response_refuse(response, 404, "model_not_found", "the server was started without --model");
        return;
    }
    if (gad_completion_read(request->body, request->body_bytes, &c, &err)) {
        gad_response_error(response, &err);
        return;
    }
    if (*c.model && strcmp(c.model, s->model_name) != 0) {
        gad_response_refuse(response, 404, "model_not_found", "there is no model \"%.80s\"; this one is \"%s\"", c.model,
                            s->model_name);
    } else {
        gad_speech_begin(&speech, &c, s->engine->tokenizer, s->model_name);
        if (answer(s->engine, &c, &speech, request, response, &err))
            gad_speech_fail(&speech, &err, response);
        gad_speech_free(&speech);
    }
    gad_completion_free(&c);
}
