/* speech: see speech.h */
#include "serve/speech.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"

enum { LEAST_LOGPROB = -9999 }; /* what the protocol writes for a token without probability */

void gad_speech_begin(gad_speech *speech, const gad_completion *asked, const gad_tokenizer *tokenizer, const char *model)
{
    double now = gad_clock_seconds();
    gad_rng rng = gad_rng_make((uint64_t)time(NULL), (uint64_t)(1e9 * now));
    *speech = (gad_speech){
        .asked = asked, .tokenizer = tokenizer, .model = model, .created = (int64_t)time(NULL), .began_s = now};
    snprintf(speech->id, sizeof speech->id, "chatcmpl-%016llx", (unsigned long long)gad_rng_u64(&rng));
}

void gad_speech_free(gad_speech *speech)
{
    gad_string_free(&speech->logprobs);
}

/* ---- probabilities ------------------------------------------------------------------------------------------------- */

/* {"token", "logprob", "bytes"} without its end. */
static void add_candidate(gad_speech *s, int32_t id, double logprob)
{
    size_t length;
    char text[256];
    const char *bytes = gad_tokenizer_bytes(s->tokenizer, id, &length);
    length = length < sizeof text ? length : sizeof text - 1;
    if (length)
        memcpy(text, bytes, length);
    text[length] = 0;
    gad_string_add(&s->logprobs, "{\"token\":");
    gad_string_add_json(&s->logprobs, text);
    gad_string_addf(&s->logprobs, ",\"logprob\":%.6f,\"bytes\":[", fmax(logprob, LEAST_LOGPROB));
    for (size_t i = 0; i < length; i++)
        gad_string_addf(&s->logprobs, "%s%d", i ? "," : "", (int)(unsigned char)text[i]);
    gad_string_add(&s->logprobs, "]");
}

/* The ids of the largest logits, largest first. */
static int64_t find_top(const float *logits, int64_t vocab, int64_t wanted, int32_t top[GAD_COMPLETION_TOP])
{
    int64_t count = 0;
    for (int64_t id = 0; id < vocab; id++) {
        if (count == wanted && !(wanted && logits[id] > logits[top[count - 1]]))
            continue;
        int64_t at = count < wanted ? count++ : count - 1;
        for (; at && logits[id] > logits[top[at - 1]]; at--)
            top[at] = top[at - 1];
        top[at] = (int32_t)id;
    }
    return count;
}

void gad_speech_on_token(void *speech, int32_t id, const float *logits, int64_t vocab)
{
    gad_speech *s = speech;
    if (!s->tokens++)
        s->first_s = gad_clock_seconds();
    if (!s->asked->logprobs)
        return;
    double all = gad_sample_logsumexp(logits, vocab);
    int32_t top[GAD_COMPLETION_TOP];
    int64_t count = find_top(logits, vocab, s->asked->top_logprobs, top);
    gad_string_add(&s->logprobs, s->logprobs.length ? "," : "");
    add_candidate(s, id, (double)logits[id] - all);
    gad_string_add(&s->logprobs, ",\"top_logprobs\":[");
    for (int64_t i = 0; i < count; i++) {
        gad_string_add(&s->logprobs, i ? "," : "");
        add_candidate(s, top[i], (double)logits[top[i]] - all);
        gad_string_add(&s->logprobs, "}");
    }
    gad_string_add(&s->logprobs, "]}");
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------- */

static void add_head(const gad_speech *s, const char *object, gad_string *json)
{
    gad_string_addf(json, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", s->id, object,
                    (long long)s->created);
    gad_string_add_json(json, s->model);
}

/* "logprobs" and "finish_reason" of a choice, and its end. */
static void end_choice(const gad_speech *s, const char *finish, gad_string *json)
{
    if (s->asked->logprobs)
        gad_string_addf(json, ",\"logprobs\":{\"content\":[%s]}", gad_string_text(&s->logprobs));
    else
        gad_string_add(json, ",\"logprobs\":null");
    if (finish)
        gad_string_addf(json, ",\"finish_reason\":\"%s\"}", finish);
    else
        gad_string_add(json, ",\"finish_reason\":null}");
}

static void add_usage(int64_t prompt, int64_t answer, int64_t cached, gad_string *json)
{
    gad_string_addf(json,
                    ",\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
                    "\"prompt_tokens_details\":{\"cached_tokens\":%lld}}",
                    (long long)prompt, (long long)answer, (long long)(prompt + answer), (long long)cached);
}

/* In the words of llama.cpp's server: the prompt is n tokens beside those that were there already. */
static void add_timings(const gad_speech *s, int64_t prompt, int64_t answer, int64_t cached, gad_string *json)
{
    double end_s = gad_clock_seconds(), first_s = s->tokens ? s->first_s : end_s;
    double prompt_ms = 1000 * (first_s - s->began_s), answer_ms = 1000 * (end_s - first_s);
    gad_string_addf(json,
                    ",\"timings\":{\"cache_n\":%lld,\"prompt_n\":%lld,\"prompt_ms\":%.3f,\"prompt_per_second\":%.3f,"
                    "\"predicted_n\":%lld,\"predicted_ms\":%.3f,\"predicted_per_second\":%.3f",
                    (long long)cached, (long long)(prompt - cached), prompt_ms,
                    prompt_ms > 0 ? 1000 * (double)(prompt - cached) / prompt_ms : 0, (long long)answer, answer_ms,
                    answer_ms > 0 ? 1000 * (double)answer / answer_ms : 0);
    if (s->together)
        gad_string_addf(json, ",\"together_n\":%d", s->together);
    gad_string_add(json, "}");
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

static void send(gad_speech *s, const gad_string *event)
{
    if (event->failed || !gad_stream_write(s->stream, event->data, event->length))
        s->gone = true;
}

/* An event with that "delta"; `rest` are members beside "choices". */
static void send_delta(gad_speech *s, const char *delta, const char *finish, const char *rest)
{
    gad_string event = {0};
    gad_string_add(&event, "data: ");
    add_head(s, "chat.completion.chunk", &event);
    gad_string_addf(&event, ",\"choices\":[{\"index\":0,\"delta\":%s", delta);
    end_choice(s, finish, &event);
    gad_string_addf(&event, "]%s}\n\n", rest);
    gad_string_clear(&s->logprobs);
    send(s, &event);
    gad_string_free(&event);
}

void gad_speech_stream(gad_speech *speech, const gad_request *request, gad_response *response)
{
    response->type = "text/event-stream; charset=utf-8";
    speech->stream = gad_stream_begin(response, request);
    send_delta(speech, "{\"role\":\"assistant\",\"content\":\"\"}", NULL, "");
}

void gad_speech_on_text(void *speech, const char *piece)
{
    gad_speech *s = speech;
    gad_string delta = {0};
    if (!s->stream)
        return;
    gad_string_add(&delta, "{\"content\":");
    gad_string_add_json(&delta, piece);
    gad_string_add(&delta, "}");
    send_delta(s, gad_string_text(&delta), NULL, "");
    gad_string_free(&delta);
}

bool gad_speech_is_over(void *speech)
{
    return ((gad_speech *)speech)->gone;
}

static void end_stream(gad_speech *s, const char *finish, int64_t prompt, int64_t answer, int64_t cached)
{
    gad_string rest = {0}, event = {0};
    add_timings(s, prompt, answer, cached, &rest);
    send_delta(s, "{}", finish, gad_string_text(&rest));
    if (s->asked->stream_usage) {
        gad_string_add(&event, "data: ");
        add_head(s, "chat.completion.chunk", &event);
        gad_string_add(&event, ",\"choices\":[]");
        add_usage(prompt, answer, cached, &event);
        gad_string_add(&event, "}\n\n");
    }
    gad_string_add(&event, "data: [DONE]\n\n");
    send(s, &event);
    gad_string_free(&rest);
    gad_string_free(&event);
}

/* ---- the end ------------------------------------------------------------------------------------------------------- */

static const char *finish_of(const gad_decoded *decoded)
{
    return decoded->finish == GAD_FINISH_LENGTH ? "length" : "stop";
}

void gad_speech_end(gad_speech *speech, const gad_decoded *decoded, int64_t prompt_tokens, int64_t cached,
                    gad_response *response)
{
    int64_t said = 0;
    gad_string *body = &response->body;
    speech->ended = true;
    if (speech->stream) {
        end_stream(speech, finish_of(decoded), prompt_tokens, (int64_t)decoded->ids.count, cached);
        return;
    }
    add_head(speech, "chat.completion", body);
    gad_string_add(body, ",\"choices\":[");
    for (int64_t i = 0; i < speech->asked->answers; i++) {
        gad_string_addf(body, "%s{\"index\":%lld,\"message\":{\"role\":\"assistant\",\"content\":", i ? "," : "",
                        (long long)i);
        gad_string_add_json(body, gad_string_text(&decoded[i].text));
        gad_string_add(body, ",\"refusal\":null}");
        end_choice(speech, finish_of(&decoded[i]), body);
        said += (int64_t)decoded[i].ids.count;
    }
    gad_string_add(body, "]");
    add_usage(prompt_tokens, said, cached, body);
    add_timings(speech, prompt_tokens, said, cached, body);
    gad_string_add(body, "}");
    body->failed |= speech->logprobs.failed;
}

void gad_speech_fail(gad_speech *speech, const gad_error *why, gad_response *response)
{
    gad_response told = {.status = 200};
    gad_string event = {0};
    if (!speech->stream) {
        gad_response_error(response, why);
        return;
    }
    gad_response_error(&told, why);
    gad_string_addf(&event, "data: %s\n\n", gad_string_text(&told.body));
    send(speech, &event);
    gad_string_free(&event);
    gad_string_free(&told.body);
}
