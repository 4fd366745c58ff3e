/* completion: see completion.h */
#include "serve/completion.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "serve/upload.h"

static const char operation[] = "read the request", name[] = "the request";

void gad_completion_free(gad_completion *c)
{
    for (size_t i = 0; i < c->count; i++)
        gad_image_free(&c->part[i].image);
    gad_memory_free(c->part);
    json_decref(c->root);
    *c = (gad_completion){0};
}

static gad_status refuse(gad_error *err, const char *what)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s", what);
}

/* ---- messages ------------------------------------------------------------------------------------------------------ */

static gad_status add_part(gad_completion *c, size_t *capacity, const char *text, gad_completion_part **part,
                           gad_error *err)
{
    if (c->count == GAD_COMPLETION_PARTS)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "more than %d pieces in the messages",
                             GAD_COMPLETION_PARTS);
    if (!gad_memory_grow((void **)&c->part, capacity, c->count, sizeof *c->part))
        return gad_error_memory(err, operation, sizeof *c->part);
    *part = &c->part[c->count++];
    **part = (gad_completion_part){.text = text};
    return GAD_OK;
}

/* All pictures of a request together are bounded as one picture is. */
static gad_status read_picture(const gad_completion *c, const json_t *url, gad_image *image, gad_error *err)
{
    gad_string bytes = {0};
    int64_t left = GAD_IMAGE_LIMIT_PIXELS;
    if (c->pictures == GAD_COMPLETION_PICTURES)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "more than %d pictures", GAD_COMPLETION_PICTURES);
    for (size_t i = 0; i < c->count; i++)
        left -= c->part[i].image.width * c->part[i].image.height;
    gad_status status = GAD_OK;
    if (!gad_upload_decode(json_string_value(url), &bytes))
        status = bytes.failed ? gad_error_memory(err, operation, bytes.length)
                              : gad_error_set(err, GAD_E_ARGUMENT, operation, "send the picture itself: nothing is fetched",
                                              "an image_url is not a data URL such as data:image/png;base64,...");
    else if (left < 1)
        status = gad_error_set(err, GAD_E_LIMIT, operation, "send smaller pictures", "the pictures are too large together");
    if (!status)
        status = gad_image_decode(bytes.data, bytes.length, "image_url", left, image, err);
    gad_string_free(&bytes);
    return status;
}

/* {"type": "text", "text"} or {"type": "image_url", "image_url": {"url"}}; some clients write the URL itself. */
static gad_status read_part(gad_completion *c, size_t *capacity, const json_t *piece, gad_error *err)
{
    const char *type = json_string_value(json_object_get(piece, "type"));
    const json_t *text = json_object_get(piece, "text"), *url = json_object_get(piece, "image_url");
    gad_completion_part *part;
    if (type && !strcmp(type, "text") && json_is_string(text))
        return add_part(c, capacity, json_string_value(text), &part, err);
    if (!type || strcmp(type, "image_url") != 0 || !url)
        return refuse(err, "a piece of a message is neither {\"type\": \"text\"} nor {\"type\": \"image_url\"}");
    gad_image image = {0};
    gad_status status = read_picture(c, json_is_object(url) ? json_object_get(url, "url") : url, &image, err);
    if (!status)
        status = add_part(c, capacity, NULL, &part, err);
    if (status) {
        gad_image_free(&image);
        return status;
    }
    part->image = image;
    c->pictures++;
    return GAD_OK;
}

static gad_status read_message(gad_completion *c, size_t *capacity, const json_t *message, gad_error *err)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content"), *piece;
    size_t first = c->count, i;
    gad_completion_part *part;
    if (role && !strcmp(role, "developer")) /* the protocol's newer word */
        role = "system";
    if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))
        return refuse(err, "a message's \"role\" is not \"system\", \"user\" or \"assistant\"");
    gad_status status = GAD_OK;
    if (json_is_array(content))
        json_array_foreach (content, i, piece)
            status = status ? status : read_part(c, capacity, piece, err);
    else if (!json_is_string(content))
        status = refuse(err, "a message's \"content\" is neither a text nor a list");
    if (!status && c->count == first)
        status = add_part(c, capacity, json_is_string(content) ? json_string_value(content) : "", &part, err);
    if (!status)
        c->part[first].role = role;
    return status;
}

static gad_status read_messages(gad_completion *c, gad_error *err)
{
    const json_t *messages = json_object_get(c->root, "messages"), *message;
    size_t capacity = 0, i;
    gad_status status = json_array_size(messages) ? GAD_OK : refuse(err, "\"messages\" is not a list of messages");
    json_array_foreach (messages, i, message)
        status = status ? status : read_message(c, &capacity, message, err);
    return status;
}

/* ---- settings ------------------------------------------------------------------------------------------------------ */

static gad_status read_number(const json_t *root, const char *key, double lowest, double highest, double *value,
                              gad_error *err)
{
    gad_status status = gad_json_get_number(root, key, name, (double)NAN, value, err);
    if (!status && (*value < lowest || *value > highest))
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "\"%s\" is %g, not between %g and %g", key, *value,
                               lowest, highest);
    return status;
}

static gad_status read_integer(const json_t *root, const char *key, int64_t fallback, int64_t lowest, int64_t highest,
                               int64_t *value, gad_error *err)
{
    gad_status status = gad_json_get_int(root, key, name, fallback, value, err);
    if (!status && (*value < lowest || *value > highest) && *value != fallback)
        status = gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "\"%s\" is %lld, not between %lld and %lld", key,
                               (long long)*value, (long long)lowest, (long long)highest);
    return status;
}

/* A text, or a list of texts. */
static gad_status read_stop(gad_completion *c, gad_error *err)
{
    const json_t *stop = json_object_get(c->root, "stop");
    size_t count = json_is_array(stop) ? json_array_size(stop) : stop && !json_is_null(stop) ? 1 : 0;
    if (count > GAD_COMPLETION_STOPS)
        return refuse(err, "\"stop\" has more than 16 texts");
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_is_array(stop) ? json_array_get(stop, i) : stop);
        if (!text || !*text)
            return refuse(err, "\"stop\" is neither a text nor a list of texts, or a text of it is empty");
        c->stop[c->stops++] = text;
    }
    return GAD_OK;
}

static gad_status read_sampling(gad_completion *c, gad_error *err)
{
    const json_t *root = c->root;
    int64_t seed = 0;
    gad_status status = read_number(root, "temperature", 0, 100, &c->temperature, err);
    if (!status)
        status = read_number(root, "top_p", 0, 1, &c->top_p, err);
    if (!status)
        status = read_number(root, "min_p", 0, 1, &c->min_p, err);
    if (!status)
        status = read_number(root, "repetition_penalty", 0.01, 100, &c->repetition_penalty, err);
    if (!status)
        status = read_integer(root, "top_k", -1, 0, INT32_MAX, &c->top_k, err);
    if (!status)
        status = gad_json_get_int(root, "seed", name, 0, &seed, err);
    c->seeded = json_is_integer(json_object_get(root, "seed"));
    c->seed = (uint64_t)seed;
    return status;
}

static gad_status read_length(gad_completion *c, gad_error *err)
{
    int64_t newer = 0;
    gad_status status = read_integer(c->root, "max_tokens", 0, 1, INT32_MAX, &c->max_tokens, err);
    if (!status)
        status = read_integer(c->root, "max_completion_tokens", 0, 1, INT32_MAX, &newer, err);
    c->max_tokens = newer ? newer : c->max_tokens;
    return status;
}

static gad_status read_form(gad_completion *c, gad_error *err)
{
    const json_t *root = c->root;
    gad_status status = gad_json_get_string(root, "model", name, "", &c->model, err);
    if (!status)
        status = gad_json_get_bool(root, "stream", name, false, &c->stream, err);
    if (!status)
        status =
            gad_json_get_bool(json_object_get(root, "stream_options"), "include_usage", name, false, &c->stream_usage, err);
    if (!status)
        status = gad_json_get_bool(root, "logprobs", name, false, &c->logprobs, err);
    if (!status)
        status = read_integer(root, "top_logprobs", 0, 1, GAD_COMPLETION_TOP, &c->top_logprobs, err);
    if (!status && c->top_logprobs && !c->logprobs)
        status = refuse(err, "\"top_logprobs\" needs \"logprobs\"");
    if (!status)
        status = read_integer(root, "n", 1, 1, GAD_COMPLETION_ANSWERS, &c->answers, err);
    if (!status && c->answers > 1 && (c->stream || c->logprobs))
        status = refuse(err, "several answers (\"n\") come whole: without \"stream\" and \"logprobs\"");
    return status;
}

/* What would change the answer, and is not done, is refused rather than passed over. */
static gad_status refuse_the_rest(const json_t *root, gad_error *err)
{
    static const char *const lists[] = {"tools", "functions"}, *const numbers[] = {"frequency_penalty", "presence_penalty"};
    const char *form = json_string_value(json_object_get(json_object_get(root, "response_format"), "type"));
    if (form && strcmp(form, "text") != 0)
        return refuse(err, "\"response_format\" can only be {\"type\": \"text\"}");
    if (json_object_size(json_object_get(root, "logit_bias")))
        return refuse(err, "\"logit_bias\" is not supported");
    for (size_t i = 0; i < 2; i++) {
        const json_t *number = json_object_get(root, numbers[i]);
        if (json_array_size(json_object_get(root, lists[i])))
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "\"%s\" is not supported", lists[i]);
        if (json_is_number(number) && json_number_value(number) != 0)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "\"%s\" is not supported", numbers[i]);
    }
    return GAD_OK;
}

gad_status gad_completion_read(const char *body, size_t body_bytes, gad_completion *completion, gad_error *err)
{
    gad_completion c = {.top_k = -1};
    gad_status status = gad_json_parse(body, body_bytes, name, &c.root, err);
    if (!status && !json_is_object(c.root))
        status = refuse(err, "the request is not a JSON object");
    if (!status)
        status = refuse_the_rest(c.root, err);
    if (!status)
        status = read_form(&c, err);
    if (!status)
        status = read_length(&c, err);
    if (!status)
        status = read_sampling(&c, err);
    if (!status)
        status = read_stop(&c, err);
    if (!status)
        status = read_messages(&c, err);
    if (status)
        gad_completion_free(&c);
    else
        *completion = c;
    return status;
}
