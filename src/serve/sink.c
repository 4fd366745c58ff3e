/* sink: see sink.h: what all sinks need, and the webhook. */
#include "serve/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "io/http_client.h"

static const char operation[] = "send a result";

void gad_sink_part_free(gad_sink_part *part)
{
    json_decref(part->row);
    gad_memory_free(part->picture);
    *part = (gad_sink_part){0};
}

const char *gad_sink_text(const gad_sink_part *part, const char *key)
{
    const char *text = json_string_value(json_object_get(part->row, key));
    return text ? text : "";
}

gad_sink_settings gad_sink_settings_default(void)
{
    return (gad_sink_settings){.waiting = 10000};
}

/* ---- webhook ------------------------------------------------------------------------------------------------------- */

typedef struct webhook {
    char *url;
    gad_http_client *client;
} webhook;

static void close_webhook(void *self)
{
    webhook *w = self;
    gad_http_client_free(w->client);
    gad_memory_free(w->url);
    gad_memory_free(w);
}

/* What a server says of a request that it will say again: the part is passed over. Everything else may change: an address
 * that is not there yet, a key, a server that is down. */
static bool is_hopeless(long http_status)
{
    return http_status == 400 || http_status == 413 || http_status == 415 || http_status == 422;
}

static gad_status send_webhook(void *self, const gad_sink_part *part, gad_error *err)
{
    webhook *w = self;
    gad_http_client_result result;
    bool got = false;
    char *body = json_dumps(part->row, JSON_COMPACT);
    gad_status status = body ? gad_http_client_submit(w->client, w->url, body, strlen(body), NULL, err)
                             : gad_error_memory(err, operation, 1024);
    while (!status && !got)
        status = gad_http_client_wait(w->client, 1, &result, &got, err);
    free(body);
    if (status)
        return status == GAD_E_ARGUMENT ? GAD_E_NETWORK : status;
    status = gad_http_client_error(&result, err);
    if (status)
        status = is_hopeless(result.http_status) ? GAD_E_ARGUMENT : GAD_E_NETWORK;
    gad_http_client_result_free(&result);
    return status;
}

gad_status gad_sink_webhook_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err)
{
    webhook *w = gad_memory_zero(1, sizeof *w);
    if (!w)
        return gad_error_memory(err, operation, sizeof *w);
    gad_http_client_options options = {.signing_key = settings->webhook_secret,
                                       .ca_file = settings->ca_file,
                                       .attempts = 1, /* the outbox tries again */
                                       .timeout_s = 30};
    bool http = !strncmp(settings->webhook, "http://", 7) || !strncmp(settings->webhook, "https://", 8);
    gad_status status =
        http ? gad_http_client_open(&options, &w->client, err)
             : gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "a webhook begins with http:// or https://");
    if (!status && !(w->url = gad_memory_copy_string(settings->webhook)))
        status = gad_error_memory(err, operation, strlen(settings->webhook));
    if (status)
        close_webhook(w);
    else
        *sink = (gad_sink){.kind = "webhook", .self = w, .send = send_webhook, .close = close_webhook};
    return status;
}
