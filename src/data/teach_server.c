/* teach_server: the teacher behind an OpenAI-compatible endpoint. See teach.h. Images go out on the canvas (shorter side
 * 448) and all coordinates are the canvas's, so that nothing depends on how a server resizes. An answer is stored before
 * the next is looked at; what was in flight when the process died has no answer and is asked again. */
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/canvas_image.h"
#include "data/part.h"
#include "data/store_query.h"
#include "data/teach.h"
#include "io/http_client.h"
#include "io/image_jpeg.h"
#include "task/openai.h"

#include <stdio.h>
#include <string.h>

enum { CANVAS_PX = 448, JPEG_QUALITY = 92 };

/* One sample that is being asked about. */
typedef struct question {
    gad_sample sample;
    gad_box_frame frame;
    char *body;
    size_t body_bytes;
    int tries; /* answers already had, those of earlier runs included */
} question;

typedef struct school {
    gad_store *store;
    const gad_teach_settings *settings;
    gad_teach_report *report;
    gad_http_client *client;
    gad_part *part;
    gad_store_cursor *cursor;
    gad_store_rows *replies;
    gad_string url;
    char note[256];    /* model and rule, kept with each text */
    char teacher[384]; /* the same and how it was asked: what tries are counted by */
    int failures_in_row;
    bool dry; /* no more samples to start */
    gad_progress_meter meter;
} school;

static void question_free(question *q)
{
    if (!q)
        return;
    gad_sample_free(&q->sample);
    gad_memory_free(q->body);
    gad_memory_free(q);
}

/* ---- the request ---- */

static void add_hint(const question *q, gad_string *text)
{
    const gad_sample *s = &q->sample;
    if (!s->label) {
        gad_string_add(
            text, "The truth: the second image has no anomaly. Its small differences in light or position are normal.");
        return;
    }
    gad_string_add(text, "The truth, which you must not mention as given: the second image has these abnormal areas, "
                         "framed in red for you only: ");
    for (size_t i = 0; i < s->box_count; i++) {
        gad_model_box m = gad_box_to_model(&q->frame, s->boxes[i].box);
        gad_string_addf(text, "%s%s at [%.0f, %.0f, %.0f, %.0f]", i ? "; " : "", s->boxes[i].label, m.value[0], m.value[1],
                        m.value[2], m.value[3]);
    }
    gad_string_add(text, ".");
}

static void write_prompt(const question *q, gad_string *text)
{
    const gad_sample *s = &q->sample;
    gad_string_addf(text,
                    "You are an experienced industrial image inspector. %s Compare them region by region, think step by "
                    "step about what is the same and what "
                    "differs, where it is, and of what kind it is, as if you had found it yourself. ",
                    s->reference_count ? "The first image shows a normal sample, the second the sample to inspect."
                                       : "The image shows the sample to inspect.");
    gad_string_addf(text, "The object is: %s. ", s->class_text ? s->class_text : s->class_name);
    add_hint(q, text);
    gad_string_add(
        text, " Do not speak of frames, red marks, hints or given information: they are not part of the product. Write 60 "
              "to 200 words of reasoning between <think> and </think>, then "
              "the result between <answer> and </answer>: No if it is normal; otherwise Yes. followed by one {'bbox_2d': "
              "[x1, y1, x2, y2], 'label': 'anomaly type'} for each "
              "abnormal area with the coordinates and types given above, separated by commas. Nothing outside these tags.");
}

static gad_status encode(const char *root, const char *path, const int crop[4], const gad_sample *mark, gad_string *jpeg,
                         gad_error *err)
{
    gad_image image = {0};
    gad_status status = gad_canvas_image_load(root, path, crop, CANVAS_PX, &image, err);
    if (!status && mark)
        gad_canvas_image_mark(&image, mark, (gad_draw_colour){255, 0, 0});
    if (!status)
        status = gad_image_jpeg_encode(&image, JPEG_QUALITY, jpeg, err);
    gad_image_free(&image);
    return status;
}

static gad_status build_body(school *c, question *q, gad_error *err)
{
    const gad_sample *s = &q->sample;
    const gad_teach_settings *t = c->settings;
    gad_string reference = {0}, test = {0}, prompt = {0}, body = {0};
    char *root = NULL;
    gad_status status = gad_store_root(c->store, s->dataset, &root, err);
    if (!status && s->reference_count)
        status = encode(root, s->references[0].path, s->crop, NULL, &reference, err);
    if (!status)
        status = encode(root, s->image, s->crop, s->label ? s : NULL, &test, err);
    write_prompt(q, &prompt);
    gad_openai_part parts[3];
    size_t n = 0;
    if (s->reference_count)
        parts[n++] = (gad_openai_part){.image = reference.data, .image_bytes = reference.length};
    parts[n++] = (gad_openai_part){.image = test.data, .image_bytes = test.length};
    parts[n++] = (gad_openai_part){.text = gad_string_text(&prompt)};
    gad_openai_message message = {"user", parts, n};
    gad_openai_request request = {.model = t->server.model,
                                  .messages = &message,
                                  .count = 1,
                                  .max_tokens = t->max_tokens,
                                  .greedy = t->server.temperature <= 0,
                                  .temperature = t->server.temperature,
                                  .has_seed = true,
                                  .seed = (int64_t)(t->filter.seed + (uint64_t)q->tries)};
    if (!status && (prompt.failed || reference.failed || test.failed))
        status = gad_error_memory(err, "ask a teacher", prompt.length);
    if (!status)
        status = gad_openai_build(&request, &body, err);
    gad_memory_free(q->body);
    q->body = body.data;
    q->body_bytes = body.length;
    gad_memory_free(root);
    gad_string_free(&reference);
    gad_string_free(&test);
    gad_string_free(&prompt);
    return status;
}

/* ---- answers ---- */

static gad_status store_text(school *c, const question *q, char *think, const char *source, const char *text_status,
                             gad_error *err)
{
    gad_sample text = {.row = q->sample.row, .think = think};
    text.text_source = (char *)source;
    text.text_status = (char *)text_status;
    text.text_model = c->note;
    return gad_store_put_text(c->store, &text, err);
}

/* All tries are used up: the grammar writes the text, so that no sample stays without. A better one that is there stays. */
static gad_status fall_back(school *c, const question *q, gad_error *err)
{
    char *think = NULL;
    if (gad_teach_keeps(&q->sample)) {
        c->report->kept++;
        return GAD_OK;
    }
    if (gad_part_is_share(c->part)) {
        c->report->fallback++;
        return GAD_OK;
    }
    gad_status status = gad_teach_write(&q->sample, NULL, c->settings->filter.seed, c->settings->brief, &think, err);
    if (!status)
        status = store_text(c, q, think, "template", "fallback", err);
    gad_memory_free(think);
    c->report->fallback++;
    return status;
}

static gad_status submit(school *c, question *q, gad_error *err)
{
    gad_status status = build_body(c, q, err);
    return status ? status : gad_http_client_submit(c->client, c->url.data, q->body, q->body_bytes, q, err);
}

/* The answer and what came of it, together. A share keeps neither: whoever puts its part into the store judges again. */
static gad_status keep_answer(school *c, const question *q, const gad_store_reply *reply, char *think, bool done,
                              gad_error *err)
{
    if (gad_part_is_share(c->part))
        return !think && done ? fall_back(c, q, err) : GAD_OK;
    gad_status status = gad_store_begin(c->store, err);
    if (!status)
        status = gad_store_add_reply(c->store, reply, err);
    if (!status && think)
        status = store_text(c, q, think, "llm", "accepted", err);
    else if (!status && done)
        status = fall_back(c, q, err);
    if (!status)
        return gad_store_commit(c->store, err);
    gad_store_rollback(c->store);
    return status;
}

/* Judge one answer, store it, and say whether the question is done. */
static gad_status judge(school *c, question *q, const gad_openai_response *response, const char *problem, bool *done,
                        gad_error *err)
{
    char reason[512] = "", *think = NULL;
    gad_status status = GAD_OK;
    if (problem)
        snprintf(reason, sizeof reason, "%s", problem);
    else
        status =
            gad_text_check(&c->settings->rule, &q->sample, &q->frame, response->text, &think, reason, sizeof reason, err);
    if (status)
        return status;
    gad_store_reply reply = {.sample_row = q->sample.row,
                             .model = c->teacher,
                             .text = response ? response->text : NULL,
                             .reason = think ? NULL : reason,
                             .prompt_tokens = response && response->prompt_tokens > 0 ? response->prompt_tokens : 0,
                             .completion_tokens =
                                 response && response->completion_tokens > 0 ? response->completion_tokens : 0};
    c->report->prompt_tokens += reply.prompt_tokens;
    c->report->completion_tokens += reply.completion_tokens;
    q->tries++;
    *done = think || q->tries >= c->settings->tries;
    status = keep_answer(c, q, &reply, think, *done, err);
    c->report->accepted += think != NULL;
    c->report->rejected += think == NULL;
    if (!think)
        gad_log_debug(c->settings->log, "%s: answer refused: %s", q->sample.id, reason);
    gad_memory_free(think);
    return status;
}

/* A request that failed for good. One sample's failure is counted and the run goes on; it ends when the server refuses,
 * cannot be reached, or fails FAILURES_IN_ROW times without a success between: the next sample would fare no better. */
static gad_status lose(school *c, question *q, const gad_http_client_result *result, gad_error *err)
{
    enum { FAILURES_IN_ROW = 5 };
    bool hopeless = result->failure == GAD_HTTP_CLIENT_REFUSED || result->failure == GAD_HTTP_CLIENT_CONNECT ||
                    result->failure == GAD_HTTP_CLIENT_TLS;
    gad_log_warning(c->settings->log, "%s: no answer: %s", q->sample.id, result->message);
    c->report->failed++;
    question_free(q);
    return hopeless || ++c->failures_in_row >= FAILURES_IN_ROW ? gad_http_client_error(result, err) : GAD_OK;
}

static gad_status judge_body(school *c, question *q, const char *body, size_t length, bool *done, gad_error *err)
{
    gad_openai_response response = {0};
    gad_error problem;
    gad_status parsed = gad_openai_parse(body, length, &response, &problem);
    gad_status status = judge(c, q, parsed ? NULL : &response, parsed ? problem.cause : NULL, done, err);
    gad_openai_response_free(&response);
    return status;
}

/* Of the teacher, the sample and the try. */
static bool key_of(const school *c, const question *q, gad_hash *key)
{
    gad_string text = {0};
    bool good = !gad_sample_to_json(&q->sample, &text, NULL);
    gad_string_addf(&text, "%s %d", c->teacher, q->tries);
    *key = gad_hash_bytes(gad_string_text(&text), text.length);
    good &= !text.failed;
    gad_string_free(&text);
    return good;
}

static gad_status leave_body(const school *c, const question *q, const char *body, gad_error *err)
{
    gad_string line = {0};
    gad_hash key;
    if (!gad_part_is_share(c->part))
        return GAD_OK;
    gad_string_add(&line, "[");
    gad_string_add_json(&line, body);
    gad_string_add(&line, "]");
    gad_status status = line.failed || !key_of(c, q, &key) ? gad_error_memory(err, "ask a teacher", line.length)
                                                           : gad_part_add(c->part, key, line.data, line.length, err);
    gad_string_free(&line);
    return status;
}

/* Judge what other processes were answered, as if it came now. */
static gad_status judge_left(school *c, question *q, bool *done, gad_error *err)
{
    gad_status status = GAD_OK;
    for (bool more = true; !status && !*done && more;) {
        size_t length = 0;
        gad_hash key;
        json_t *root = NULL;
        const char *line = key_of(c, q, &key) ? gad_part_find(c->part, key, &length) : NULL;
        more = line && !gad_json_parse(line, length, "a part", &root, NULL);
        const char *body = json_string_value(json_array_get(root, 0));
        more = more && body;
        if (more)
            status = judge_body(c, q, body, strlen(body), done, err);
        json_decref(root);
    }
    return status;
}

/* A finished request. */
static gad_status receive(school *c, gad_http_client_result *result, gad_error *err)
{
    question *q = result->tag;
    bool done = false;
    if (result->failure != GAD_HTTP_CLIENT_NONE)
        return lose(c, q, result, err);
    c->failures_in_row = 0;
    gad_status status = leave_body(c, q, result->body, err);
    if (!status)
        status = judge_body(c, q, result->body, result->body_bytes, &done, err);
    if (status || done) {
        c->report->samples += done;
        question_free(q);
        return status;
    }
    status = submit(c, q, err);
    if (status)
        question_free(q);
    return status;
}

/* ---- the run ---- */

static gad_status earlier_tries(school *c, question *q, gad_error *err)
{
    bool row = false;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)q->sample.row);
    gad_store_query_ask(c->replies, (const char *[GAD_STORE_VALUES]){number, c->teacher});
    gad_status status = gad_store_query_next(c->replies, &row, err);
    if (!status)
        q->tries = row ? (int)gad_store_query_number(c->replies, 0) : 0;
    return status;
}

/* Ask about the next sample; sets c->dry when there is none. A sample whose image cannot be read is named and left out. */
static gad_status start_one(school *c, gad_error *err)
{
    question *q = gad_memory_zero(1, sizeof *q);
    bool found = false;
    if (!q)
        return gad_error_memory(err, "ask a teacher", sizeof *q);
    gad_status status = gad_store_next(c->cursor, &q->sample, &found, err);
    c->dry = !status && !found;
    const bool mine = !status && found && gad_part_takes(c->part);
    if (mine)
        status = earlier_tries(c, q, err);
    if (status || !mine) {
        question_free(q);
        return status;
    }
    q->frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, q->sample.width > 0 ? q->sample.width : 1,
                                  q->sample.height > 0 ? q->sample.height : 1, 0, 0);
    bool done = q->tries >= c->settings->tries;
    status = done ? fall_back(c, q, err) : judge_left(c, q, &done, err);
    if (status || done) {
        c->report->samples += done;
        question_free(q);
        return status;
    }
    gad_error unreadable;
    status = submit(c, q, &unreadable);
    if (!status)
        return GAD_OK;
    if (status == GAD_E_MEMORY) {
        question_free(q);
        return gad_error_memory(err, "ask a teacher", 0);
    }
    gad_log_warning(c->settings->log, "%s: left out: %s", q->sample.id, unreadable.cause);
    c->report->failed++;
    question_free(q);
    return GAD_OK;
}

/* Take back what is pending. */
static void drain(school *c)
{
    gad_http_client_cancel(c->client);
    bool got = true;
    while (gad_http_client_pending(c->client) && got) {
        gad_http_client_result result;
        if (gad_http_client_wait(c->client, 10, &result, &got, NULL))
            return;
        if (got) {
            question_free(result.tag);
            gad_http_client_result_free(&result);
        }
    }
}

static gad_status run(school *c, gad_error *err)
{
    gad_status status = GAD_OK;
    while (!status && (!c->dry || gad_http_client_pending(c->client))) {
        gad_http_client_result result;
        bool got = false;
        while (!status && !c->dry && (int)gad_http_client_pending(c->client) < c->settings->server.in_flight)
            status = start_one(c, err);
        if (status || !gad_http_client_pending(c->client))
            continue;
        status = gad_http_client_wait(c->client, 0.5, &result, &got, err);
        if (!status && got) {
            status = receive(c, &result, err);
            gad_http_client_result_free(&result);
        }
        if (!status && !gad_progress_update(&c->meter, c->report->samples))
            status = gad_error_set(err, GAD_E_CANCELLED, "ask a teacher", "what was answered is kept; start again to go on",
                                   "cancelled");
    }
    drain(c);
    return status;
}

static gad_status open_school(school *c, int64_t *total, gad_error *err)
{
    const gad_teach_settings *s = c->settings;
    gad_store_filter filter = s->filter;
    char rule[128];
    gad_openai_url(s->server.url, &c->url);
    gad_text_check_text(&s->rule, rule, sizeof rule);
    snprintf(c->note, sizeof c->note, "%.100s; %s", s->server.model, rule);
    snprintf(c->teacher, sizeof c->teacher, "%s; temperature %g; max_tokens %d; seed %llu", c->note, s->server.temperature,
             s->max_tokens, (unsigned long long)s->filter.seed);
    gad_http_client_options options = {.bearer = s->server.key,
                                       .ca_file = s->server.ca_file,
                                       .in_flight = s->server.in_flight,
                                       .requests_per_s = s->server.requests_per_s,
                                       .attempts = s->server.attempts,
                                       .timeout_s = s->server.timeout_s,
                                       .backoff_s = s->backoff_s,
                                       .seed = s->filter.seed};
    filter.without_text = !s->overwrite;
    gad_status status = c->url.failed ? gad_error_memory(err, "ask a teacher", 0)
                                      : gad_part_open(gad_store_path(c->store), "reason", &s->share, &c->part, err);
    if (!status)
        status = gad_store_count(c->store, &filter, total, err);
    *total = filter.limit && filter.limit < *total ? filter.limit : *total;
    if (!status)
        status = gad_store_select(c->store, &filter, &c->cursor, err);
    if (!status)
        status = gad_store_query_open(c->store, GAD_STORE_REPLIES, &c->replies, err);
    if (!status)
        status = gad_http_client_open(&options, &c->client, err);
    return status;
}

gad_status gad_teach_server(gad_store *store, const gad_teach_settings *settings, gad_teach_report *report, gad_error *err)
{
    int64_t total = 0;
    double from = gad_clock_seconds();
    *report = (gad_teach_report){0};
    if (!settings->server.url || !settings->server.url[0] || !settings->server.model || settings->server.in_flight < 1 ||
        settings->tries < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, "ask a teacher", "give --endpoint URL and --model NAME",
                             "no endpoint, no model, or nothing in flight");
    school c = {.store = store, .settings = settings, .report = report};
    gad_status status = open_school(&c, &total, err);
    c.meter = gad_progress_start(settings->progress, "ask the teacher", total);
    if (!status)
        status = run(&c, err);
    if (!status && !report->failed && !gad_part_is_share(c.part))
        status = gad_part_remove(c.part, err);
    report->cost = ((double)report->prompt_tokens * settings->prompt_price +
                    (double)report->completion_tokens * settings->completion_price) /
                   1e6;
    report->seconds = gad_clock_seconds() - from;
    gad_http_client_free(c.client);
    gad_string_free(&c.url);
    gad_store_cursor_free(c.cursor);
    gad_store_query_close(c.replies);
    gad_part_free(c.part);
    return status;
}
