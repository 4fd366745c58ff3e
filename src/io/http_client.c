/* http_client: see http_client.h */
#include "io/http_client.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/mask.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/string.h"
#include "io/curl.h"
#include "io/http_host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct request {
    struct request *next;
    char *url, *body; /* body NULL: GET */
    size_t body_bytes;
    double not_before_s; /* when the next attempt may start */
    CURL *easy;          /* while on the wire */
    const gad_curl *curl;
    struct curl_slist *headers; /* with a signature; NULL: the client's */
    gad_string response;
    size_t limit_bytes;
    bool too_large;
    int hops;       /* redirects followed in this attempt */
    char *moved_to; /* where a redirect that was not followed leads; NULL: none */
    gad_http_client_result result;
} request;

typedef struct list {
    request *first;
    size_t count;
} list;

struct gad_http_client {
    gad_http_client_options options;
    const gad_curl *curl;
    CURLM *multi;
    char *key, *signing_key, *ca_file; /* copies */
    struct curl_slist *headers;
    gad_rng rng;
    double next_start_s;     /* the rate limit, and pauses that the server asks for */
    list queued, wire, done; /* each in order of submission, except that retries go to the end */
};

const char *gad_http_client_failure_name(gad_http_client_failure failure)
{
    static const char *const names[] = {"none", "refused", "rate limit",         "server error",       "no connection",
                                        "TLS",  "timeout", "connection dropped", "response too large", "cancelled"};
    return (unsigned)failure < sizeof names / sizeof names[0] ? names[failure] : "unknown";
}

static void append(list *l, request *r)
{
    request **end = &l->first;
    while (*end)
        end = &(*end)->next;
    r->next = NULL;
    *end = r;
    l->count++;
}

static void take(list *l, request *r)
{
    request **at = &l->first;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    l->count--;
}

static void free_request(request *r)
{
    if (r->headers)
        r->curl->slist_free_all(r->headers);
    gad_memory_free(r->url);
    gad_memory_free(r->body);
    gad_memory_free(r->moved_to);
    gad_string_free(&r->response);
    gad_http_client_result_free(&r->result);
    gad_memory_free(r);
}

/* ---- opening ------------------------------------------------------------------------------------------------------ */

static gad_http_client_options with_defaults(gad_http_client_options o)
{
    o.in_flight = o.in_flight > 0 ? o.in_flight : 4;
    o.attempts = o.attempts > 0 ? o.attempts : 5;
    o.connect_timeout_s = o.connect_timeout_s > 0 ? o.connect_timeout_s : 10;
    o.timeout_s = o.timeout_s > 0 ? o.timeout_s : 300;
    o.backoff_s = o.backoff_s > 0 ? o.backoff_s : 1;
    o.backoff_max_s = o.backoff_max_s > 0 ? o.backoff_max_s : 60;
    o.retry_after_max_s = o.retry_after_max_s > 0 ? o.retry_after_max_s : 600;
    o.response_limit_bytes = o.response_limit_bytes ? o.response_limit_bytes : (size_t)64 << 20;
    return o;
}

static bool add_header(gad_http_client *client, const char *line)
{
    struct curl_slist *longer = client->curl->slist_append(client->headers, line);
    if (longer)
        client->headers = longer;
    return longer != NULL;
}

/* "Expect:" keeps libcurl from asking for permission to send a large body, which costs a second at many servers. */
static gad_status make_headers(gad_http_client *client, gad_error *err)
{
    const char *key = client->options.bearer;
    gad_string line = {0};
    gad_status status = GAD_OK;
    for (const char *c = key ? key : ""; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F)
            return gad_error_set(err, GAD_E_ARGUMENT, "open HTTP client", "check how the key is set in the environment",
                                 "the API key contains a space or a control character");
    if (key)
        gad_string_addf(&line, "Authorization: Bearer %s", key);
    if (line.failed || !add_header(client, "Content-Type: application/json") ||
        !add_header(client, "Accept: application/json") || !add_header(client, "Expect:") ||
        (key && !add_header(client, line.data)))
        status = gad_error_memory(err, "open HTTP client", line.length);
    gad_string_free(&line);
    return status;
}

/* Copies what the options point to. */
static gad_status keep_strings(gad_http_client *client, gad_error *err)
{
    gad_http_client_options *o = &client->options;
    const char *key = o->bearer, *ca = o->ca_file;
    client->key = key ? gad_memory_copy_string(key) : NULL;
    client->signing_key = o->signing_key ? gad_memory_copy_string(o->signing_key) : NULL;
    client->ca_file = ca && *ca ? gad_memory_copy_string(ca) : NULL;
    o->bearer = client->key;
    o->ca_file = client->ca_file;
    if ((key && !client->key) || (o->signing_key && !client->signing_key) || (ca && *ca && !client->ca_file))
        return gad_error_memory(err, "open HTTP client", 0);
    FILE *file = client->ca_file ? fopen(client->ca_file, "r") : NULL;
    if (client->ca_file && !file)
        return gad_error_set(err, GAD_E_IO, "open HTTP client", "name a PEM file with the authority's certificate",
                             "%.200s: the file of certificates cannot be read", client->ca_file);
    if (file)
        fclose(file);
    return GAD_OK;
}

gad_status gad_http_client_open(const gad_http_client_options *options, gad_http_client **client, gad_error *err)
{
    const gad_curl *curl = NULL;
    gad_status status = gad_curl_load(&curl, err);
    if (status)
        return status;
    if (curl->global_init(CURL_GLOBAL_DEFAULT)) /* counted, and thread-safe since 7.84 */
        return gad_error_set(err, GAD_E_INTERNAL, "open HTTP client", NULL, "libcurl could not be started");
    gad_http_client *opened = gad_memory_zero(1, sizeof *opened);
    if (!opened) {
        curl->global_cleanup();
        return gad_error_memory(err, "open HTTP client", sizeof *opened);
    }
    opened->curl = curl;
    opened->options = with_defaults(*options);
    opened->rng = gad_rng_make(options->seed, 0);
    opened->multi = curl->multi_init();
    if (!opened->multi)
        status = gad_error_memory(err, "open HTTP client", sizeof *opened);
    if (!status)
        status = keep_strings(opened, err);
    if (!status)
        status = make_headers(opened, err);
    if (status)
        gad_http_client_free(opened);
    else
        *client = opened;
    return status;
}

static void free_list(list *l)
{
    while (l->first) {
        request *r = l->first;
        take(l, r);
        free_request(r);
    }
}

void gad_http_client_free(gad_http_client *client)
{
    if (!client)
        return;
    gad_http_client_cancel(client);
    free_list(&client->done);
    const gad_curl *curl = client->curl;
    curl->slist_free_all(client->headers);
    curl->multi_cleanup(client->multi);
    gad_memory_free(client->key);
    gad_memory_free(client->signing_key);
    gad_memory_free(client->ca_file);
    gad_memory_free(client);
    curl->global_cleanup();
}

/* The client's headers and the body's signature. */
static bool sign(const gad_http_client *client, request *r)
{
    char line[100] = "X-Gad-Signature: sha256=", *digits = line + strlen(line);
    gad_sha256_hmac(client->signing_key, strlen(client->signing_key), r->body, r->body_bytes, digits);
    r->curl = client->curl;
    r->headers = client->curl->slist_append(NULL, line);
    for (const struct curl_slist *h = client->headers; h && r->headers; h = h->next)
        if (!client->curl->slist_append(r->headers, h->data))
            return false;
    return r->headers != NULL;
}

gad_status gad_http_client_submit(gad_http_client *client, const char *url, const char *body, size_t body_bytes, void *tag,
                                  gad_error *err)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        gad_string masked = {0};
        gad_mask_url(url, &masked);
        gad_status status = gad_error_set(err, GAD_E_ARGUMENT, "send request", "an address begins with http:// or https://",
                                          "%.200s: is not an HTTP address", gad_string_text(&masked));
        gad_string_free(&masked);
        return status;
    }
    request *r = gad_memory_zero(1, sizeof *r);
    if (r) {
        r->url = gad_memory_copy_string(url);
        r->body = body ? gad_memory_alloc(body_bytes, 1) : NULL;
    }
    if (!r || !r->url || (body && !r->body)) {
        if (r)
            free_request(r);
        return gad_error_memory(err, "send request", body_bytes);
    }
    if (body)
        memcpy(r->body, body, body_bytes);
    r->body_bytes = body_bytes;
    if (body && client->signing_key && !sign(client, r)) {
        free_request(r);
        return gad_error_memory(err, "send request", body_bytes);
    }
    r->limit_bytes = client->options.response_limit_bytes;
    r->result.tag = tag;
    append(&client->queued, r);
    return GAD_OK;
}

size_t gad_http_client_pending(const gad_http_client *client)
{
    return client->queued.count + client->wire.count + client->done.count;
}

void gad_http_client_result_free(gad_http_client_result *result)
{
    gad_memory_free(result->body);
    *result = (gad_http_client_result){0};
}

/* ---- one attempt -------------------------------------------------------------------------------------------------- */

static size_t receive(char *bytes, size_t size, size_t count, void *user)
{
    request *r = user;
    size_t length = size * count;
    if (length > r->limit_bytes - r->response.length) {
        r->too_large = true;
        return 0;
    }
    gad_string_append(&r->response, bytes, length);
    return r->response.failed ? 0 : length;
}

static gad_status start(gad_http_client *client, request *r, gad_error *err)
{
    const gad_http_client_options *o = &client->options;
    const gad_curl *curl = client->curl;
    CURL *easy = curl->easy_init();
    if (!easy)
        return gad_error_memory(err, "send request", 0);
    gad_string_clear(&r->response);
    r->too_large = false;
    bool good = !curl->easy_setopt(easy, CURLOPT_URL, r->url) && !curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
                !curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
                !curl->easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers ? r->headers : client->headers) &&
                !curl->easy_setopt(easy, CURLOPT_USERAGENT, "gad/" GAD_VERSION) &&
                !curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(o->connect_timeout_s * 1000)) &&
                !curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(o->timeout_s * 1000)) &&
                !curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive) &&
                !curl->easy_setopt(easy, CURLOPT_WRITEDATA, r) && !curl->easy_setopt(easy, CURLOPT_PRIVATE, r) &&
                !curl->easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    if (good && o->ca_file)
        good = !curl->easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
    if (good && r->body)
        good = !curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes) &&
               !curl->easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
    if (!good || curl->multi_add_handle(client->multi, easy)) {
        curl->easy_cleanup(easy);
        return gad_error_memory(err, "send request", r->body_bytes);
    }
    take(&client->queued, r);
    append(&client->wire, r);
    r->easy = easy;
    r->result.attempts += r->hops == 0;
    return GAD_OK;
}

static gad_http_client_failure classify(CURLcode code, long http_status, bool too_large)
{
    if (too_large)
        return GAD_HTTP_CLIENT_TOO_LARGE;
    switch (code) {
    case CURLE_OK: break;
    case CURLE_OPERATION_TIMEDOUT: return GAD_HTTP_CLIENT_TIMEOUT;
    case CURLE_URL_MALFORMAT: return GAD_HTTP_CLIENT_REFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return GAD_HTTP_CLIENT_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return GAD_HTTP_CLIENT_TLS;
    default: return GAD_HTTP_CLIENT_DROPPED;
    }
    if (http_status >= 200 && http_status < 300)
        return GAD_HTTP_CLIENT_NONE;
    if (http_status == 429)
        return GAD_HTTP_CLIENT_RATE;
    return http_status >= 500 || http_status == 408 || http_status == 425 ? GAD_HTTP_CLIENT_SERVER
                                                                          : GAD_HTTP_CLIENT_REFUSED;
}

static bool worth_retrying(gad_http_client_failure failure)
{
    return failure == GAD_HTTP_CLIENT_RATE || failure == GAD_HTTP_CLIENT_SERVER || failure == GAD_HTTP_CLIENT_CONNECT ||
           failure == GAD_HTTP_CLIENT_TIMEOUT || failure == GAD_HTTP_CLIENT_DROPPED;
}

/* Seconds to the next attempt: exponential, between half and all of it by chance, and never before the server's wish. */
static double delay_s(gad_http_client *client, int attempts, double retry_after_s)
{
    double most = fmin(client->options.backoff_s * pow(2, attempts - 1), client->options.backoff_max_s);
    return fmax(most * (0.5 + 0.5 * gad_rng_uniform(&client->rng)), retry_after_s);
}

static void describe(const gad_curl *curl, request *r, CURLcode code)
{
    gad_http_client_result *result = &r->result;
    const char *why = gad_http_client_failure_name(result->failure);
    gad_string url = {0}, moved = {0};
    gad_mask_url(r->url, &url);
    if (r->moved_to)
        gad_mask_url(r->moved_to, &moved);
    if (result->failure == GAD_HTTP_CLIENT_NONE)
        result->message[0] = 0;
    else if (code != CURLE_OK && result->failure != GAD_HTTP_CLIENT_TOO_LARGE)
        snprintf(result->message, sizeof result->message, "%.160s: %s (%s)", gad_string_text(&url), why,
                 curl->easy_strerror(code));
    else
        snprintf(result->message, sizeof result->message, "%.160s: %s (HTTP %ld%s%.160s)", gad_string_text(&url), why,
                 result->http_status, r->moved_to ? ", moved to " : "", gad_string_text(&moved));
    gad_string_free(&url);
    gad_string_free(&moved);
}

/* A redirect (but 303, which asks for a GET): the request goes on at its new address, or remembers where it leads.
 * True when it goes on. */
static bool follow(request *r, long http_status, const char *to)
{
    enum { MOST_HOPS = 5 };
    bool moved = http_status == 301 || http_status == 302 || http_status == 307 || http_status == 308;
    if (http_status < 300 || http_status > 399 || !to)
        return false;
    char *copy = gad_memory_copy_string(to);
    if (!copy)
        return false;
    if (moved && r->hops < MOST_HOPS && gad_http_host_same(r->url, to)) {
        gad_memory_free(r->url);
        r->url = copy;
        r->hops++;
        return true;
    }
    gad_memory_free(r->moved_to);
    r->moved_to = copy;
    return false;
}

/* A server that echoes the request must not bring the key into logs, rows and reports. */
static void mask_response(const gad_http_client *client, request *r)
{
    if (!r->response.length)
        return;
    gad_mask_text(r->response.data, r->response.length, client->key);
    gad_mask_text_of_url(r->response.data, r->response.length, r->url);
}

/* The attempt has ended: the request is done, or waits for the next attempt. */
static gad_status finish(gad_http_client *client, request *r, CURLcode code, gad_error *err)
{
    const gad_http_client_options *o = &client->options;
    const gad_curl *curl = client->curl;
    gad_http_client_result *result = &r->result;
    curl_off_t retry_after = 0;
    char *to = NULL;
    curl->easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &result->http_status);
    curl->easy_getinfo(r->easy, CURLINFO_TOTAL_TIME, &result->last_s);
    curl->easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &retry_after);
    curl->easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &to);
    bool goes_on = code == CURLE_OK && follow(r, result->http_status, to);
    curl->multi_remove_handle(client->multi, r->easy);
    curl->easy_cleanup(r->easy);
    r->easy = NULL;
    take(&client->wire, r);
    if (goes_on) {
        append(&client->queued, r);
        return GAD_OK;
    }
    r->hops = 0;
    mask_response(client, r);
    result->failure = classify(code, result->http_status, r->too_large);
    describe(client->curl, r, code);
    double wish = (double)retry_after, now = gad_clock_seconds();
    if (worth_retrying(result->failure) && result->attempts < o->attempts && wish <= o->retry_after_max_s) {
        r->not_before_s = now + delay_s(client, result->attempts, wish);
        if (result->failure == GAD_HTTP_CLIENT_RATE) /* a limit of the key concerns every request */
            client->next_start_s = fmax(client->next_start_s, now + wish);
        append(&client->queued, r);
        return GAD_OK;
    }
    append(&client->done, r);
    if (r->response.failed)
        return gad_error_memory(err, "receive response", r->response.length);
    return GAD_OK;
}

/* ---- all requests ------------------------------------------------------------------------------------------------- */

static double start_time_s(const gad_http_client *client, const request *r)
{
    return fmax(r->not_before_s, client->next_start_s);
}

static gad_status start_ready(gad_http_client *client, gad_error *err)
{
    const gad_http_client_options *o = &client->options;
    double now = gad_clock_seconds();
    for (request *r = client->queued.first, *next; r && client->wire.count < (size_t)o->in_flight; r = next) {
        next = r->next;
        if (start_time_s(client, r) > now)
            continue;
        gad_status status = start(client, r, err);
        if (status)
            return status;
        if (o->requests_per_s > 0)
            client->next_start_s = fmax(client->next_start_s, now) + 1 / o->requests_per_s;
    }
    return GAD_OK;
}

/* When the next request may start; far away when none may. */
static double next_start_s(const gad_http_client *client)
{
    double next = INFINITY;
    if (client->wire.count < (size_t)client->options.in_flight)
        for (const request *r = client->queued.first; r; r = r->next)
            next = fmin(next, start_time_s(client, r));
    return next;
}

static gad_status collect_finished(gad_http_client *client, gad_error *err)
{
    int left;
    const CURLMsg *message;
    while ((message = client->curl->multi_info_read(client->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        request *r = NULL;
        CURLcode code = message->data.result;
        client->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &r);
        gad_status status = finish(client, r, code, err);
        if (status)
            return status;
    }
    return GAD_OK;
}

static gad_status hand_over(gad_http_client *client, gad_http_client_result *result, gad_error *err)
{
    request *r = client->done.first;
    gad_string_append(&r->response, "", 0); /* "" rather than NULL */
    if (r->response.failed)
        return gad_error_memory(err, "receive response", r->response.length);
    take(&client->done, r);
    *result = r->result;
    result->body = r->response.data;
    result->body_bytes = r->response.length;
    r->result = (gad_http_client_result){0};
    r->response = (gad_string){0};
    free_request(r);
    return GAD_OK;
}

gad_status gad_http_client_wait(gad_http_client *client, double timeout_s, gad_http_client_result *result, bool *got,
                                gad_error *err)
{
    double deadline = gad_clock_seconds() + timeout_s;
    *got = false;
    while (!client->done.first && gad_http_client_pending(client)) {
        int running;
        gad_status status = start_ready(client, err);
        if (status)
            return status;
        if (client->curl->multi_perform(client->multi, &running))
            return gad_error_set(err, GAD_E_INTERNAL, "send request", NULL, "libcurl failed");
        status = collect_finished(client, err);
        if (status)
            return status;
        double now = gad_clock_seconds(), until = fmin(deadline, next_start_s(client));
        if (client->done.first || now >= deadline)
            break;
        int wait_ms = (int)ceil(fmin(fmax(until - now, 0), 1) * 1000);
        if (client->curl->multi_poll(client->multi, NULL, 0, wait_ms, NULL))
            return gad_error_set(err, GAD_E_INTERNAL, "send request", NULL, "libcurl failed");
    }
    if (!client->done.first)
        return GAD_OK;
    gad_status status = hand_over(client, result, err);
    *got = status == GAD_OK;
    return status;
}

void gad_http_client_cancel(gad_http_client *client)
{
    list *lists[2] = {&client->wire, &client->queued};
    for (int i = 0; i < 2; i++)
        while (lists[i]->first) {
            request *r = lists[i]->first;
            if (r->easy) {
                client->curl->multi_remove_handle(client->multi, r->easy);
                client->curl->easy_cleanup(r->easy);
                r->easy = NULL;
            }
            take(lists[i], r);
            gad_string_clear(&r->response);
            r->result.failure = GAD_HTTP_CLIENT_CANCELLED;
            describe(client->curl, r, CURLE_OK);
            append(&client->done, r);
        }
}

/* ---- errors ------------------------------------------------------------------------------------------------------- */

static const char *hint_for(const gad_http_client_result *result)
{
    switch (result->failure) {
    case GAD_HTTP_CLIENT_REFUSED:
        return result->http_status == 401 || result->http_status == 403 ? "check the API key"
               : result->http_status == 404                             ? "check the address and the model's name"
               : result->http_status == 413                             ? "send smaller images"
                                                                        : "";
    case GAD_HTTP_CLIENT_RATE: return "fewer requests in flight, or a lower rate";
    case GAD_HTTP_CLIENT_CONNECT: return "is the server running, and the address right?";
    case GAD_HTTP_CLIENT_TLS: return "check the certificate; name the file of an own authority (--ca FILE)";
    case GAD_HTTP_CLIENT_TIMEOUT: return "a longer timeout, or fewer requests in flight";
    default: return "";
    }
}

/* The beginning of what the server said, on one line. */
static void excerpt(const gad_http_client_result *result, char *text, size_t size)
{
    size_t n = 0;
    for (const char *c = result->body ? result->body : ""; *c && n + 1 < size; c++)
        text[n++] = (unsigned char)*c < 0x20 ? ' ' : *c;
    text[n] = 0;
}

gad_status gad_http_client_error(const gad_http_client_result *result, gad_error *err)
{
    if (result->failure == GAD_HTTP_CLIENT_NONE)
        return GAD_OK;
    gad_status code = result->failure == GAD_HTTP_CLIENT_CANCELLED ? GAD_E_CANCELLED : GAD_E_NETWORK;
    char said[300];
    excerpt(result, said, sizeof said);
    return gad_error_set(err, code, "send request", hint_for(result), "%s, after %d attempt%s%s%s", result->message,
                         result->attempts, result->attempts == 1 ? "" : "s", *said ? ": " : "", said);
}
