/* model_endpoint: see model_endpoint.h */
#include "bench/model_endpoint.h"

#include "base/error.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/memory.h"
#include "io/http_client.h"
#include "io/image_jpeg.h"
#include "io/image_png.h"
#include "model/preprocess.h"
#include "task/openai.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IN_FLIGHT = 256, TOP_PROBABILITIES = 20 };
static const char operation[] = "ask the endpoint";

/* A request on its way: what the answer needs besides the response. */
typedef struct pending {
    int64_t tag;
    bool used;
    int64_t input_width, input_height;
} pending;

typedef struct endpoint {
    gad_bench_endpoint options; /* its strings are copies below */
    gad_bench_answers answers;
    gad_string url, shown; /* the address, and as it is shown: without keys */
    char *model, *system, *more;
    gad_http_client *client;
    pending pending[MAX_IN_FLIGHT];
} endpoint;

static void free_endpoint(void *self)
{
    endpoint *e = self;
    if (!e)
        return;
    gad_http_client_free(e->client);
    gad_string_free(&e->url);
    gad_string_free(&e->shown);
    gad_memory_free(e->model);
    gad_memory_free(e->system);
    gad_memory_free(e->more);
    gad_memory_free(e);
}

static bool names_secret(const char *name)
{
    static const char *const words[] = {"key", "secret", "password", "token", "auth", "credential"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

/* The further members of a request as they are stored: texts under names of keys and passwords left out. */
static char *show_members(const char *more)
{
    json_t *members = more ? json_loads(more, 0, NULL) : NULL, *value;
    const char *name;
    json_object_foreach (members, name, value)
        if (names_secret(name) && !json_is_number(value))
            json_object_set_new(members, name, json_string("***"));
    char *text = members ? json_dumps(members, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(members);
    return text;
}

static json_t *describe(void *self)
{
    const gad_bench_endpoint *o = &((endpoint *)self)->options;
    const gad_bench_answers *a = &((endpoint *)self)->answers;
    char *more = show_members(o->more);
    json_t *described =
        json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:b, s:{s:s, s:I}, s:{s:I, s:f, s:f, s:I}, s:{s:I, s:I, s:I}}", "kind",
                  "OpenAI-compatible endpoint", "served_as", o->server.model, "endpoint",
                  gad_string_text(&((endpoint *)self)->shown), "system", o->system, "more", more, "probabilities",
                  o->probabilities, "images", "format", o->jpeg_quality ? "jpeg" : "png", "quality",
                  (json_int_t)o->jpeg_quality, "decoding", "max_tokens", (json_int_t)a->max_tokens, "temperature",
                  o->server.temperature, "top_p", o->top_p, "seed", (json_int_t)a->seed, "processor", "factor",
                  (json_int_t)o->factor, "min_pixels", (json_int_t)o->min_pixels, "max_pixels", (json_int_t)o->max_pixels);
    free(more);
    return described;
}

/* ---- asking ---- */

static gad_status encode_picture(const endpoint *e, const gad_image *picture, gad_string *bytes, gad_error *err)
{
    if (e->options.jpeg_quality)
        return gad_image_jpeg_encode(picture, (int)e->options.jpeg_quality, bytes, err);
    return gad_image_png_encode(picture, bytes, err);
}

static gad_status build_body(const endpoint *e, const gad_bench_request *request, gad_openai_part *part, gad_string *bytes,
                             gad_string *body, gad_error *err)
{
    const gad_bench_endpoint *o = &e->options;
    gad_status status = GAD_OK;
    for (size_t i = 0; i < request->pictures + request->heat && !status; i++)
        status = encode_picture(e, &request->picture[i], &bytes[i], err);
    for (size_t i = 0; i < request->parts; i++) {
        const gad_string *file = request->part[i].text ? NULL : &bytes[request->part[i].picture];
        part[i] = (gad_openai_part){
            .text = request->part[i].text, .image = file ? file->data : NULL, .image_bytes = file ? file->length : 0};
    }
    gad_openai_part system = {.text = o->system};
    gad_openai_message message[2] = {{"system", &system, 1}, {"user", part, request->parts}};
    gad_openai_request all = {.model = o->server.model,
                              .messages = o->system ? message : message + 1,
                              .count = o->system ? 2 : 1,
                              .max_tokens = (int)e->answers.max_tokens,
                              .greedy = !(o->server.temperature > 0),
                              .temperature = o->server.temperature,
                              .top_p = o->top_p,
                              .has_seed = true,
                              .seed = (int64_t)e->answers.seed,
                              .top_logprobs = o->probabilities && !request->option ? TOP_PROBABILITIES : 0,
                              .more = o->more};
    return status ? status : gad_openai_build(&all, body, err);
}

/* The server's image processor; patch 0: images are used as sent. */
static gad_preprocess processor_of(const gad_bench_endpoint *o)
{
    return (gad_preprocess){
        .patch = (int)o->factor, .temporal = 1, .merge = 1, .min_pixels = o->min_pixels, .max_pixels = o->max_pixels};
}

static gad_status measure_input(const endpoint *e, const gad_bench_request *request, pending *p, gad_error *err)
{
    const gad_image *picture = request->pictures ? &request->picture[request->pictures - 1] : NULL;
    p->input_width = picture ? picture->width : -1;
    p->input_height = picture ? picture->height : -1;
    if (!picture || !e->options.factor)
        return GAD_OK;
    gad_preprocess settings = processor_of(&e->options);
    gad_view view;
    gad_status status = gad_preprocess_view(&settings, picture->width, picture->height, &view, err);
    if (!status) {
        p->input_width = view.width;
        p->input_height = view.height;
    }
    return status;
}

static pending *free_slot(endpoint *e)
{
    for (int i = 0; i < MAX_IN_FLIGHT; i++)
        if (!e->pending[i].used)
            return &e->pending[i];
    return NULL;
}

static gad_status submit(void *self, const gad_bench_request *request, int64_t tag, gad_error *err)
{
    endpoint *e = self;
    pending *p = free_slot(e);
    gad_openai_part *part = gad_memory_alloc(request->parts, sizeof *part);
    const size_t pictures = request->pictures + request->heat;
    gad_string *bytes = gad_memory_zero(pictures, sizeof *bytes), body = {0};
    gad_status status = GAD_OK;
    if (!p)
        status = gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "more than %d requests in flight", MAX_IN_FLIGHT);
    else if (!part || !bytes)
        status = gad_error_memory(err, operation, request->parts * sizeof *part);
    if (!status)
        status = measure_input(e, request, p, err);
    if (!status)
        status = build_body(e, request, part, bytes, &body, err);
    if (!status)
        status = gad_http_client_submit(e->client, e->url.data, body.data, body.length, p, err);
    if (!status) {
        p->tag = tag;
        p->used = true;
    }
    for (size_t i = 0; bytes && i < pictures; i++)
        gad_string_free(&bytes[i]);
    gad_memory_free(bytes);
    gad_memory_free(part);
    gad_string_free(&body);
    return status;
}

/* ---- answers ---- */

/* A wrong key, address or model name will not get better by asking for the next image. */
static gad_status classify(const gad_http_client_result *result, gad_error *err)
{
    gad_status status = gad_http_client_error(result, err);
    bool hopeless = result->http_status == 401 || result->http_status == 403 || result->http_status == 404;
    if (status && (hopeless || result->failure == GAD_HTTP_CLIENT_TLS)) {
        if (err)
            err->code = GAD_E_ARGUMENT;
        return GAD_E_ARGUMENT;
    }
    return status;
}

static gad_status read_response(const gad_http_client_result *result, gad_bench_reply *reply, gad_error *err)
{
    gad_openai_response response;
    gad_status status = gad_openai_parse(result->body, result->body_bytes, &response, err);
    if (status)
        return status == GAD_E_MEMORY ? status : gad_error_context(err, status, "HTTP %ld", result->http_status);
    gad_string_add(&reply->text, response.text);
    size_t n = strlen(response.finish_reason);
    n = n < sizeof reply->finish ? n : sizeof reply->finish - 1;
    memcpy(reply->finish, response.finish_reason, n);
    reply->finish[n] = 0;
    reply->prompt_tokens = response.prompt_tokens;
    reply->answer_tokens = response.completion_tokens;
    reply->score = response.p_yes;
    reply->latency_s = result->last_s;
    gad_openai_response_free(&response);
    return reply->text.failed ? gad_error_memory(err, operation, result->body_bytes) : GAD_OK;
}

static gad_status collect(void *self, double timeout_s, gad_bench_reply *reply, int64_t *tag, bool *got, gad_error *err)
{
    endpoint *e = self;
    gad_http_client_result result;
    gad_status status = gad_http_client_wait(e->client, timeout_s, &result, got, err);
    if (status || !*got)
        return status;
    pending *p = result.tag;
    *tag = p->tag;
    p->used = false;
    reply->attempts = result.attempts;
    reply->input_width = p->input_width;
    reply->input_height = p->input_height;
    status = classify(&result, err);
    if (!status)
        status = read_response(&result, reply, err);
    gad_http_client_result_free(&result);
    return status;
}

/* ---- opening ---- */

static gad_status check_options(const gad_bench_endpoint *o, const gad_bench_answers *answers, gad_error *err)
{
    const char *wrong = NULL;
    if (!o->server.model || !*o->server.model)
        wrong = "the model's name is missing";
    else if (o->server.in_flight < 1 || o->server.in_flight > MAX_IN_FLIGHT)
        wrong = "requests in flight must be 1 to 256";
    else if (answers->max_tokens < 1 || answers->max_tokens > INT_MAX)
        wrong = "the answer needs at least one token";
    else if (o->jpeg_quality < 0 || o->jpeg_quality > 100)
        wrong = "JPEG quality is 1 to 100, or 0 for PNG";
    else if (o->factor < 0 || o->factor > 1024 || o->min_pixels < 0 || o->max_pixels < o->min_pixels)
        wrong = "the processor's factor or pixel bounds make no sense";
    if (wrong)
        return gad_error_set(err, GAD_E_ARGUMENT, "prepare the endpoint", NULL, "%s", wrong);
    return GAD_OK;
}

static gad_status open_client(endpoint *e, const gad_endpoint *o, gad_error *err)
{
    gad_http_client_options client = {.bearer = o->key,
                                      .ca_file = o->ca_file,
                                      .in_flight = o->in_flight,
                                      .requests_per_s = o->requests_per_s,
                                      .attempts = o->attempts,
                                      .timeout_s = o->timeout_s,
                                      .seed = 1};
    return gad_http_client_open(&client, &e->client, err);
}

gad_status gad_model_endpoint_open(const gad_bench_endpoint *options, const gad_bench_answers *answers,
                                   gad_bench_model *model, gad_error *err)
{
    gad_status status = check_options(options, answers, err);
    if (status)
        return status;
    endpoint *e = gad_memory_zero(1, sizeof *e);
    if (!e)
        return gad_error_memory(err, "prepare the endpoint", sizeof *e);
    e->options = *options;
    e->answers = *answers;
    e->options.server.key = e->options.server.url = e->options.server.ca_file = NULL;
    gad_openai_url(options->server.url, &e->url);
    gad_mask_url(gad_string_text(&e->url), &e->shown);
    e->options.server.model = e->model = gad_memory_copy_string(options->server.model);
    e->options.system = e->system = options->system ? gad_memory_copy_string(options->system) : NULL;
    e->options.more = e->more = options->more ? gad_memory_copy_string(options->more) : NULL;
    if (e->url.failed || e->shown.failed || !e->model || (options->system && !e->system) || (options->more && !e->more))
        status = gad_error_memory(err, "prepare the endpoint", strlen(options->server.model));
    if (!status)
        status = open_client(e, &options->server, err);
    if (status) {
        free_endpoint(e);
        return status;
    }
    *model = (gad_bench_model){.self = e,
                               .name = e->model,
                               .convention = options->convention,
                               .order = options->order,
                               .input = processor_of(options),
                               .wants_pictures = true,
                               .describe = describe,
                               .in_flight = options->server.in_flight,
                               .submit = submit,
                               .collect = collect,
                               .free = free_endpoint};
    return GAD_OK;
}
