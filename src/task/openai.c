/* openai: see openai.h */
#include "task/openai.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "task/answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- request ------------------------------------------------------------------------------------------------------ */

static const char *media_type(const void *image, size_t length)
{
    static const struct {
        const char *magic;
        size_t length;
        const char *type;
    } kinds[] = {{"\x89PNG\r\n\x1a\n", 8, "image/png"},
                 {"\xff\xd8\xff", 3, "image/jpeg"},
                 {"RIFF", 4, "image/webp"},
                 {"GIF8", 4, "image/gif"},
                 {"BM", 2, "image/bmp"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (length >= kinds[i].length && !memcmp(image, kinds[i].magic, kinds[i].length))
            return kinds[i].type;
    return NULL;
}

gad_endpoint gad_endpoint_default(void)
{
    return (gad_endpoint){.in_flight = 4, .attempts = 5, .timeout_s = 300};
}

static gad_status add_part(const gad_openai_part *part, gad_string *json, gad_error *err)
{
    if (part->text) {
        gad_string_add(json, "{\"type\":\"text\",\"text\":");
        gad_string_add_json(json, part->text);
        gad_string_add(json, "}");
        return GAD_OK;
    }
    const char *type = media_type(part->image, part->image_bytes);
    if (!type)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "build request", "convert the image to PNG or JPEG",
                             "an image is not PNG, JPEG, WebP, GIF or BMP");
    gad_string_addf(json, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:%s;base64,", type);
    gad_base64_encode(part->image, part->image_bytes, json);
    gad_string_add(json, "\"}}");
    return GAD_OK;
}

/* One piece of text is sent as a plain string, which every server takes. */
static gad_status add_message(const gad_openai_message *message, gad_string *json, gad_error *err)
{
    gad_status status = GAD_OK;
    gad_string_add(json, "{\"role\":");
    gad_string_add_json(json, message->role);
    gad_string_add(json, ",\"content\":");
    if (message->count == 1 && message->parts[0].text) {
        gad_string_add_json(json, message->parts[0].text);
    } else {
        gad_string_add(json, "[");
        for (size_t i = 0; i < message->count && !status; i++) {
            if (i)
                gad_string_add(json, ",");
            status = add_part(&message->parts[i], json, err);
        }
        gad_string_add(json, "]");
    }
    gad_string_add(json, "}");
    return status;
}

/* Everything but model and messages. */
static gad_status collect_settings(const gad_openai_request *request, json_t **settings, gad_error *err)
{
    json_t *more = NULL, *own = json_object();
    gad_status status = GAD_OK;
    if (request->more)
        status = gad_json_parse(request->more, strlen(request->more), "further request members", &more, err);
    if (!status && more && (!json_is_object(more) || json_object_get(more, "messages")))
        status = gad_error_set(err, GAD_E_ARGUMENT, "build request", NULL,
                               "the further members are not a JSON object without \"messages\"");
    bool failed = own == NULL;
    if (request->max_tokens > 0)
        failed |= json_object_set_new(own, "max_tokens", json_integer(request->max_tokens)) != 0;
    if (request->greedy)
        failed |= json_object_set_new(own, "temperature", json_integer(0)) != 0;
    else if (request->temperature > 0)
        failed |= json_object_set_new(own, "temperature", json_real(request->temperature)) != 0;
    if (!request->greedy && request->top_p > 0)
        failed |= json_object_set_new(own, "top_p", json_real(request->top_p)) != 0;
    if (request->has_seed)
        failed |= json_object_set_new(own, "seed", json_integer(request->seed)) != 0;
    if (request->top_logprobs > 0) {
        failed |= json_object_set_new(own, "logprobs", json_true()) != 0;
        failed |= json_object_set_new(own, "top_logprobs", json_integer(request->top_logprobs)) != 0;
    }
    if (more)
        failed |= json_object_update(own, more) != 0;
    if (!status && failed)
        status = gad_error_memory(err, "build request", 0);
    json_decref(more);
    if (status)
        json_decref(own);
    else
        *settings = own;
    return status;
}

gad_status gad_openai_build(const gad_openai_request *request, gad_string *json, gad_error *err)
{
    json_t *settings = NULL;
    gad_status status = collect_settings(request, &settings, err);
    if (status)
        return status;
    char *text = NULL;
    if (!json_object_get(settings, "model") && json_object_set_new(settings, "model", json_string(request->model)))
        status = gad_error_set(err, GAD_E_ARGUMENT, "build request", NULL, "the model's name is not UTF-8");
    if (!status && !(text = json_dumps(settings, JSON_COMPACT | JSON_REAL_PRECISION(10))))
        status = gad_error_memory(err, "build request", 0);
    if (status)
        goto done;
    gad_string_append(json, text, strlen(text) - 1); /* its } is written last */
    gad_string_add(json, ",\"messages\":[");
    for (size_t i = 0; i < request->count && !status; i++) {
        if (i)
            gad_string_add(json, ",");
        status = add_message(&request->messages[i], json, err);
    }
    gad_string_add(json, "]}");
    if (!status && json->failed)
        status = gad_error_memory(err, "build request", json->length);
done:
    free(text);
    json_decref(settings);
    return status;
}

void gad_openai_url(const char *base, gad_string *url)
{
    static const char path[] = "/chat/completions";
    size_t end = strcspn(base, "?#"), query = strcspn(base + end, "#"), n = end, m = sizeof path - 1;
    while (n && base[n - 1] == '/')
        n--;
    bool complete = n >= m && !strncmp(base + n - m, path, m);
    gad_string_append(url, base, complete ? end : n);
    gad_string_add(url, complete ? "" : path);
    gad_string_append(url, base + end, query);
}

/* ---- response ----------------------------------------------------------------------------------------------------- */

static gad_status malformed(const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read response", "is this an OpenAI chat-completions endpoint?",
                         "the response %s", what);
}

/* {"error": {"message": ...}}, {"error": "..."}, or {"object": "error", "message": ...} as vLLM says it. */
static gad_status check_error_object(const json_t *root, gad_error *err)
{
    const json_t *error = json_object_get(root, "error");
    const char *object = json_string_value(json_object_get(root, "object"));
    const char *message = json_string_value(error);
    if (json_is_object(error))
        message = json_string_value(json_object_get(error, "message"));
    else if (object && !strcmp(object, "error"))
        message = json_string_value(json_object_get(root, "message"));
    else if (!error || json_is_null(error))
        return GAD_OK;
    return gad_error_set(err, GAD_E_NETWORK, "read response", NULL, "the server says: %.600s",
                         message ? message : "an error without a message");
}

/* A string, or a list of parts with text. */
static void add_content(const json_t *content, gad_string *text)
{
    if (json_is_string(content))
        gad_string_append(text, json_string_value(content), json_string_length(content));
    size_t i;
    json_t *part;
    json_array_foreach (content, i, part) {
        const json_t *piece = json_object_get(part, "text");
        if (json_is_string(piece))
            gad_string_append(text, json_string_value(piece), json_string_length(piece));
    }
}

/* Returns where the content begins in the text, behind reasoning that was sent apart. */
static size_t join_text(const json_t *message, gad_string *text)
{
    const json_t *content = json_object_get(message, "content");
    const json_t *reasoning = json_object_get(message, "reasoning_content");
    if (!json_is_string(reasoning))
        reasoning = json_object_get(message, "reasoning");
    const char *said = json_string_value(content);
    if (json_string_length(reasoning) && !(said && strstr(said, "<think>"))) {
        gad_string_add(text, "<think>");
        add_content(reasoning, text);
        gad_string_add(text, "</think>");
    }
    size_t begin = text->length;
    gad_string_add(text, "");
    add_content(content, text);
    return begin;
}

/* Which decision a token spells: "Yes", " yes", "No.", ... */
static gad_answer_decision token_decision(const char *token)
{
    token += strspn(token, " \n\t\r");
    size_t length = strcspn(token, " \n\t\r.,");
    if (length == 3 && !strncasecmp(token, "yes", 3))
        return GAD_ANSWER_YES;
    return length == 2 && !strncasecmp(token, "no", 2) ? GAD_ANSWER_NO : GAD_ANSWER_NONE;
}

static size_t token_bytes(const json_t *token)
{
    const json_t *bytes = json_object_get(token, "bytes");
    return json_is_array(bytes) ? json_array_size(bytes) : json_string_length(json_object_get(token, "token"));
}

static void add_probability(const json_t *candidate, double mass[3])
{
    const char *token = json_string_value(json_object_get(candidate, "token"));
    const json_t *logprob = json_object_get(candidate, "logprob");
    if (token && json_is_number(logprob))
        mass[token_decision(token)] += exp(fmin(json_number_value(logprob), 0));
}

/* `from_end`: how many bytes before the end of the text the decision word begins. Counting from the end is right whether
 * or not the list also covers reasoning that was sent apart. */
static double read_p_yes(const json_t *tokens, size_t from_end)
{
    size_t total = 0, at = 0, i;
    json_t *token;
    json_array_foreach (tokens, i, token) {
        const char *spelled = json_string_value(json_object_get(token, "token"));
        if (i + 1 < json_array_size(tokens) || !spelled || strncmp(spelled, "<|", 2) != 0)
            total += token_bytes(token); /* an end token is listed by some servers; it is not in the text */
    }
    json_array_foreach (tokens, i, token) {
        at += token_bytes(token);
        if (total < from_end || at <= total - from_end)
            continue;
        const char *spelled = json_string_value(json_object_get(token, "token"));
        if (!spelled || !token_decision(spelled))
            return NAN;
        const json_t *top = json_object_get(token, "top_logprobs");
        double mass[3] = {0};
        size_t k;
        json_t *candidate;
        json_array_foreach (top, k, candidate)
            add_probability(candidate, mass);
        if (!json_array_size(top))
            return NAN;
        double yes = mass[GAD_ANSWER_YES], no = mass[GAD_ANSWER_NO];
        return yes + no > 0 ? yes / (yes + no) : NAN;
    }
    return NAN;
}

/* Finds the decision with the answer reader; its coordinates do not matter here. */
static gad_status find_p_yes(const json_t *choice, const gad_string *text, size_t begin, double *p_yes, gad_error *err)
{
    const json_t *tokens = json_object_get(json_object_get(choice, "logprobs"), "content");
    *p_yes = NAN;
    if (!json_is_array(tokens))
        return GAD_OK;
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, 1000, 1000, 0, 0);
    gad_answer answer;
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    bool cut = finish && !strcmp(finish, "length");
    gad_status status = gad_answer_read_cut(text->data, text->length, cut, &frame, &answer, err);
    if (status)
        return status;
    if (answer.decision_begin != (size_t)-1 && answer.decision_begin >= begin)
        *p_yes = read_p_yes(tokens, text->length - answer.decision_begin);
    gad_answer_free(&answer);
    return GAD_OK;
}

static int64_t token_count(const json_t *usage, const char *key)
{
    const json_t *count = json_object_get(usage, key);
    return json_is_integer(count) && json_integer_value(count) >= 0 ? (int64_t)json_integer_value(count) : -1;
}

static gad_status read_choice(const json_t *root, const json_t *choice, gad_openai_response *response, gad_error *err)
{
    const json_t *usage = json_object_get(root, "usage");
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    const char *model = json_string_value(json_object_get(root, "model"));
    gad_openai_response read = {.prompt_tokens = token_count(usage, "prompt_tokens"),
                                .completion_tokens = token_count(usage, "completion_tokens"),
                                .model = gad_memory_copy_string(model ? model : "")};
    snprintf(read.finish_reason, sizeof read.finish_reason, "%s", finish ? finish : "");
    gad_string text = {0};
    size_t begin = join_text(json_object_get(choice, "message"), &text);
    gad_status status = GAD_OK;
    if (text.failed || !read.model)
        status = gad_error_memory(err, "read response", text.length);
    if (!status)
        status = find_p_yes(choice, &text, begin, &read.p_yes, err);
    if (status) {
        gad_string_free(&text);
        gad_openai_response_free(&read);
        return status;
    }
    read.text = text.data;
    *response = read;
    return GAD_OK;
}

gad_status gad_openai_parse(const char *body, size_t length, gad_openai_response *response, gad_error *err)
{
    json_t *root = NULL;
    gad_status status = gad_json_parse(body, length, "response", &root, err);
    if (status)
        return status;
    const json_t *choices = json_object_get(root, "choices"), *choice = json_array_get(choices, 0);
    if (!json_is_object(root))
        status = malformed("is not a JSON object", err);
    if (!status)
        status = check_error_object(root, err);
    if (!status && !json_is_object(json_object_get(choice, "message")))
        status = malformed("holds no choice with a message", err);
    if (!status)
        status = read_choice(root, choice, response, err);
    json_decref(root);
    return status;
}

void gad_openai_response_free(gad_openai_response *response)
{
    gad_memory_free(response->text);
    gad_memory_free(response->model);
    *response = (gad_openai_response){0};
}
