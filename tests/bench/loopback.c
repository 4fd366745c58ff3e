/* loopback: see loopback.h */
#include "bench/loopback.h"

#include "base/base64.h"
#include "base/string.h"
#include "io/image.h"
#include "support/support.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct MHD_Daemon *server;
static loopback_script (*script_of)(int index);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int asked[LOOPBACK_ITEMS], answered[LOOPBACK_ITEMS], open_now, most_open;
static char *last_body[LOOPBACK_ITEMS];

typedef struct upload {
    gad_string body;
} upload;

/* The index that the last data URL's image holds; -1 when there is none. */
static int find_index(const char *body)
{
    static const char mark[] = "base64,";
    const char *last = NULL;
    for (const char *at = strstr(body, mark); at; at = strstr(at + 1, mark))
        last = at + sizeof mark - 1;
    gad_string bytes = {0};
    gad_image image = {0};
    int index = -1;
    if (last && gad_base64_decode(last, strcspn(last, "\""), &bytes) &&
        !gad_image_decode(bytes.data, bytes.length, "request", 0, &image, NULL))
        index = image.pixels[0] * 256 + image.pixels[1];
    gad_image_free(&image);
    gad_string_free(&bytes);
    return index >= 0 && index < LOOPBACK_ITEMS ? index : -1;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Retry-After", "0");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Promise 1000 bytes, send ten, close. */
static ssize_t break_off(void *user, uint64_t position, char *buffer, size_t size)
{
    (void)user;
    if (position || size < 10)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    memcpy(buffer, "{\"choices\"", 10);
    return 10;
}

static enum MHD_Result cut(struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_from_callback(1000, 64, break_off, NULL, NULL);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void add_probabilities(gad_string *json, const loopback_script *s)
{
    gad_string_add(json, ",\"logprobs\":{\"content\":[");
    const char *at = s->text;
    for (bool first = true; *at; first = false) { /* one token a word: the decision is one of them */
        size_t n = strcspn(at, " .<>") + 1;
        n = n > strlen(at) ? strlen(at) : n;
        char token[256];
        bool word = !strncmp(at, "Yes", 3) || !strncmp(at, "No", 2);
        n = word ? (*at == 'Y' ? 3 : 2) : n;
        snprintf(token, sizeof token, "%.*s", (int)n, at);
        gad_string_add(json, first ? "{\"token\":" : ",{\"token\":");
        gad_string_add_json(json, token);
        gad_string_addf(json,
                        ",\"logprob\":-0.1,\"top_logprobs\":[{\"token\":\"Yes\",\"logprob\":%.6f},{\"token\":\"No\","
                        "\"logprob\":%.6f}]}",
                        word ? -1 - s->p_yes : -20.0, word ? -1 + s->p_yes : -20.0);
        at += n;
    }
    gad_string_add(json, "]}");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const loopback_script *s)
{
    gad_string json = {0};
    gad_string_add(&json, "{\"id\":\"x\",\"model\":\"loop\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                          "\"content\":");
    gad_string_add_json(&json, s->text);
    gad_string_addf(&json, "},\"finish_reason\":\"%s\"", s->finish ? s->finish : "stop");
    if (s->p_yes > 0)
        add_probabilities(&json, s);
    gad_string_addf(&json, "}],\"usage\":{\"prompt_tokens\":123,\"completion_tokens\":%zu}}", strlen(s->text) / 4);
    enum MHD_Result result = send_text(connection, 200, gad_string_text(&json));
    gad_string_free(&json);
    return result;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *body)
{
    int index = find_index(body);
    if (index < 0)
        return send_text(connection, 400, "{\"error\":{\"message\":\"no image\"}}");
    loopback_script s = script_of(index);
    pthread_mutex_lock(&lock);
    int before = asked[index]++;
    free(last_body[index]);
    last_body[index] = strdup(body);
    most_open = ++open_now > most_open ? open_now : most_open;
    pthread_mutex_unlock(&lock);
    usleep((useconds_t)s.delay_ms * 1000);
    enum MHD_Result result;
    bool fails = s.fail_times < 0 || before < s.fail_times;
    if (fails && !s.fail_status)
        result = cut(connection);
    else if (fails)
        result = send_text(connection, (unsigned)s.fail_status, "{\"error\":{\"message\":\"not now\"}}");
    else
        result = s.text ? send_answer(connection, &s) : send_text(connection, 200, "<html>not JSON");
    pthread_mutex_lock(&lock);
    open_now--;
    answered[index] += !fails && s.text;
    pthread_mutex_unlock(&lock);
    return result;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
    (void)user, (void)version;
    upload *u = *state;
    if (!u) {
        *state = calloc(1, sizeof *u);
        return MHD_YES;
    }
    if (*size) {
        gad_string_append(&u->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "POST") != 0 || strcmp(url, "/v1/chat/completions") != 0)
        return send_text(connection, 404, "{\"error\":{\"message\":\"no such page\"}}");
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (key && strcmp(key, "Bearer wrong") == 0)
        return send_text(connection, 401, "{\"error\":{\"message\":\"wrong key\"}}");
    return answer(connection, gad_string_text(&u->body));
}

static void finished(void *user, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    (void)user, (void)connection, (void)why;
    upload *u = *state;
    if (u)
        gad_string_free(&u->body);
    free(u);
    *state = NULL;
}

int loopback_start(loopback_script (*script)(int index))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    script_of = script;
    memset(asked, 0, sizeof asked);
    memset(answered, 0, sizeof answered);
    most_open = open_now = 0;
    server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL, handle, NULL,
                              MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, finished, NULL, MHD_OPTION_END);
    assert_non_null(server);
    return MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void loopback_stop(void)
{
    MHD_stop_daemon(server);
    for (int i = 0; i < LOOPBACK_ITEMS; i++) {
        free(last_body[i]);
        last_body[i] = NULL;
    }
}

static int locked(const int *value)
{
    pthread_mutex_lock(&lock);
    int copy = *value;
    pthread_mutex_unlock(&lock);
    return copy;
}

int loopback_asked(int index)
{
    return locked(&asked[index]);
}

int loopback_answered(int index)
{
    return locked(&answered[index]);
}

int loopback_most_open(void)
{
    return locked(&most_open);
}

const char *loopback_body(int index)
{
    return last_body[index] ? last_body[index] : "";
}

void loopback_image(const char *path, int index)
{
    gad_image image;
    gad_error err;
    ASSERT_OK(gad_image_new(16, 16, 3, &image, &err), &err);
    for (int i = 0; i < 256; i++) {
        image.pixels[3 * i] = (uint8_t)(index / 256);
        image.pixels[3 * i + 1] = (uint8_t)(index % 256);
        image.pixels[3 * i + 2] = 0;
    }
    ASSERT_OK(gad_image_save_png(&image, path, &err), &err);
    gad_image_free(&image);
}
