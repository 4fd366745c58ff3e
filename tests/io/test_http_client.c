/* http_client: against a real server on loopback that is slow, refuses, fails, drops connections, sends too much or no
 * HTTP at all. */
#include "base/clock.h"
#include "base/memory.h"
#include "io/http_client.h"
#include "support/server.h"
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gad_error err;
static unsigned port;
static atomic_int requests, active, most_active;

/* ---- the server --------------------------------------------------------------------------------------------------- */

/* /moved: without an address; /moved-here, -around, -away: to /ok, to itself, to another name of this host; /moved-see:
 * 303. */
static enum MHD_Result redirect(struct MHD_Connection *connection, const char *url)
{
    char to[128] = "";
    struct MHD_Response *response = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (!strcmp(url, "/moved-here") || !strcmp(url, "/moved-see"))
        snprintf(to, sizeof to, "/ok");
    else if (!strcmp(url, "/moved-around"))
        snprintf(to, sizeof to, "%s", url);
    else if (!strcmp(url, "/moved-away"))
        snprintf(to, sizeof to, "http://localhost:%u/ok?key=k-of-the-target", port);
    if (*to)
        MHD_add_response_header(response, "Location", to);
    enum MHD_Result result = MHD_queue_response(connection,
                                                !strcmp(url, "/moved-see") ? 303
                                                : !strcmp(url, "/moved")   ? 302
                                                                           : 307,
                                                response);
    MHD_destroy_response(response);
    return result;
}

/* {"ok": 1}, compressed without being asked. */
static enum MHD_Result reply_zipped(struct MHD_Connection *connection)
{
    static const unsigned char zipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                           0xab, 0x56, 0xca, 0xcf, 0x56, 0xb2, 0x52, 0x30, 0xac, 0x05,
                                           0x00, 0x6a, 0xc7, 0x52, 0xc4, 0x09, 0x00, 0x00, 0x00};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof zipped, (void *)(uintptr_t)zipped, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Encoding", "gzip");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_path(struct MHD_Connection *connection, const char *url, const char *body, int number)
{
    char text[1024];
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    snprintf(text, sizeof text, "{\"n\": %d, \"body\": \"%s\", \"key\": \"%s\"}", number, body, key ? key : "");
    if (!strcmp(url, "/ok"))
        return server_reply(connection, 200, text, NULL);
    if (!strcmp(url, "/slow")) {
        usleep(150000);
        return server_reply(connection, 200, text, NULL);
    }
    if (!strcmp(url, "/limited")) /* twice 429, then served */
        return number < 2 ? server_reply(connection, 429, "slow down", "1") : server_reply(connection, 200, text, NULL);
    if (!strcmp(url, "/limited-long"))
        return server_reply(connection, 429, "come back tomorrow", "86400");
    if (!strcmp(url, "/broken"))
        return server_reply(connection, 500, "oh\nno", NULL);
    if (!strcmp(url, "/broken-once"))
        return number < 1 ? server_reply(connection, 503, "starting", NULL) : server_reply(connection, 200, text, NULL);
    if (!strcmp(url, "/busy-once"))
        return number < 1 ? server_reply(connection, 503, "busy", "1") : server_reply(connection, 200, text, NULL);
    if (!strcmp(url, "/drop"))
        return MHD_NO;
    if (!strcmp(url, "/big")) {
        char *big = calloc(1, 300001);
        memset(big, 'x', 300000);
        enum MHD_Result result = server_reply(connection, 200, big, NULL);
        free(big);
        return result;
    }
    if (!strncmp(url, "/moved", 6))
        return redirect(connection, url);
    if (!strcmp(url, "/zipped"))
        return reply_zipped(connection);
    return server_reply(connection, strcmp(url, "/secret") ? 404 : 401, "{\"error\": \"no\"}", NULL);
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *url, const char *body)
{
    int now = ++active, most = most_active;
    while (now > most && !atomic_compare_exchange_weak(&most_active, &most, now))
        ;
    enum MHD_Result result = answer_path(connection, url, body, requests++);
    active--;
    return result;
}

static int start_server(void **state)
{
    (void)state;
    port = server_start(answer);
    return port ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    server_stop();
    return 0;
}

/* ---- helpers ------------------------------------------------------------------------------------------------------ */

static const char *address(const char *path)
{
    static char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    return url;
}

static gad_http_client *open_client(gad_http_client_options options)
{
    gad_http_client *client = NULL;
    options.backoff_s = 0.02;
    while (active) /* a request that an earlier test gave up */
        usleep(1000);
    requests = 0;
    most_active = 0;
    ASSERT_OK(gad_http_client_open(&options, &client, &err), &err);
    return client;
}

/* One request from submit to result. */
static gad_http_client_result ask(gad_http_client_options options, const char *url, const char *body)
{
    gad_http_client *client = open_client(options);
    gad_http_client_result result = {0};
    bool got = false;
    ASSERT_OK(gad_http_client_submit(client, url, body, body ? strlen(body) : 0, &result, &err), &err);
    ASSERT_OK(gad_http_client_wait(client, 20, &result, &got, &err), &err);
    assert_true(got);
    assert_int_equal(gad_http_client_pending(client), 0);
    gad_http_client_free(client);
    return result;
}

static void assert_failure(gad_http_client_result result, gad_http_client_failure failure, int attempts, const char *words)
{
    if (result.failure != failure || result.attempts != attempts)
        fail_msg("%s after %d attempts: %s", gad_http_client_failure_name(result.failure), result.attempts, result.message);
    err = (gad_error){0};
    assert_int_equal(gad_http_client_error(&result, &err), GAD_E_NETWORK);
    if (!strstr(err.cause, words))
        fail_msg("\"%s\" does not say \"%s\"", err.cause, words);
    gad_http_client_result_free(&result);
}

/* ---- tests -------------------------------------------------------------------------------------------------------- */

static void test_post_and_get(void **state)
{
    (void)state;
    gad_http_client_result result = ask((gad_http_client_options){.bearer = "k-1"}, address("/ok"), "hello");
    assert_int_equal(result.failure, GAD_HTTP_CLIENT_NONE);
    assert_int_equal(result.http_status, 200);
    assert_string_equal(result.body, "{\"n\": 0, \"body\": \"hello\", \"key\": \"Bearer k-1\"}");
    assert_int_equal(result.body_bytes, strlen(result.body));
    assert_true(result.last_s > 0 && result.attempts == 1);
    assert_int_equal(gad_http_client_error(&result, &err), GAD_OK);
    gad_http_client_result_free(&result);
    result = ask((gad_http_client_options){0}, address("/ok"), NULL);
    assert_string_equal(result.body, "{\"n\": 0, \"body\": \"\", \"key\": \"\"}");
    gad_http_client_result_free(&result);
}

static void test_large_body(void **state)
{
    (void)state;
    char *body = calloc(1, (3 << 20) + 1);
    memset(body, 'y', 3 << 20);
    double started = gad_clock_seconds();
    gad_http_client_result result = ask((gad_http_client_options){0}, address("/ok"), body);
    assert_int_equal(result.failure, GAD_HTTP_CLIENT_NONE);
    assert_true(gad_clock_seconds() - started < 0.9); /* no second of waiting for "100 Continue" */
    gad_http_client_result_free(&result);
    free(body);
}

static void test_refused(void **state)
{
    (void)state;
    assert_failure(ask((gad_http_client_options){0}, address("/absent"), "x"), GAD_HTTP_CLIENT_REFUSED, 1, "HTTP 404");
    assert_failure(ask((gad_http_client_options){.bearer = "k-secret"}, address("/secret"), "x"), GAD_HTTP_CLIENT_REFUSED,
                   1, "{\"error\": \"no\"}");
    assert_null(strstr(err.cause, "k-secret"));
    assert_string_equal(err.hint, "check the API key");
    assert_failure(ask((gad_http_client_options){0}, address("/moved"), "x"), GAD_HTTP_CLIENT_REFUSED, 1, "HTTP 302");
}

static void test_redirects(void **state)
{
    (void)state;
    gad_http_client_result result = ask((gad_http_client_options){0}, address("/moved-here"), "hello");
    assert_int_equal(result.failure, GAD_HTTP_CLIENT_NONE);
    assert_int_equal(result.attempts, 1);
    assert_non_null(strstr(result.body, "\"body\": \"hello\"")); /* still a POST with its body */
    gad_http_client_result_free(&result);
    assert_failure(ask((gad_http_client_options){.bearer = "k-secret"}, address("/moved-away"), "x"),
                   GAD_HTTP_CLIENT_REFUSED, 1, "moved to http://localhost:");
    assert_non_null(strstr(err.cause, "key=***"));
    assert_int_equal(requests, 1); /* nothing went there */
    assert_failure(ask((gad_http_client_options){0}, address("/moved-around"), "x"), GAD_HTTP_CLIENT_REFUSED, 1,
                   "HTTP 307");
    assert_int_equal(requests, 6);
    assert_failure(ask((gad_http_client_options){0}, address("/moved-see"), "x"), GAD_HTTP_CLIENT_REFUSED, 1, "HTTP 303");
}

static void test_compressed(void **state)
{
    (void)state;
    gad_http_client_result result = ask((gad_http_client_options){0}, address("/zipped"), "x");
    assert_string_equal(result.body, "{\"ok\": 1}");
    gad_http_client_result_free(&result);
}

/* What a server repeats of the request holds no key, and neither does what is said of a failure. */
static void test_masked(void **state)
{
    (void)state;
    gad_http_client_result result = ask((gad_http_client_options){.bearer = "k-secret"}, address("/ok"), "k-secret");
    assert_string_equal(result.body, "{\"n\": 0, \"body\": \"********\", \"key\": \"Bearer ********\"}");
    gad_http_client_result_free(&result);
    char url[160];
    snprintf(url, sizeof url, "http://me:hunter22@127.0.0.1:%u/absent?key=k-of-mine", port);
    assert_failure(ask((gad_http_client_options){0}, url, "x"), GAD_HTTP_CLIENT_REFUSED, 1, "http://***@127.0.0.1");
    assert_null(strstr(err.cause, "hunter22"));
    assert_null(strstr(err.cause, "k-of-mine"));
}

static void test_authority(void **state)
{
    (void)state;
    gad_http_client *client = NULL;
    gad_http_client_options options = {.ca_file = "absent.pem"};
    assert_int_equal(gad_http_client_open(&options, &client, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "absent.pem"));
    assert_null(client);
}

static void test_retries(void **state)
{
    (void)state;
    assert_failure(ask((gad_http_client_options){.attempts = 3}, address("/broken"), "x"), GAD_HTTP_CLIENT_SERVER, 3,
                   "after 3 attempts: oh no");
    assert_int_equal(requests, 3);
    gad_http_client_result result = ask((gad_http_client_options){0}, address("/broken-once"), "x");
    assert_int_equal(result.failure, GAD_HTTP_CLIENT_NONE);
    assert_int_equal(result.attempts, 2);
    assert_non_null(strstr(result.body, "\"n\": 1")); /* nothing of the failed attempt's body is left */
    gad_http_client_result_free(&result);
    assert_failure(ask((gad_http_client_options){.attempts = 2}, address("/drop"), "x"), GAD_HTTP_CLIENT_DROPPED, 2,
                   "connection dropped");
    double started = gad_clock_seconds();
    assert_failure(ask((gad_http_client_options){.attempts = 4}, "http://127.0.0.1:1/", "x"), GAD_HTTP_CLIENT_CONNECT, 4,
                   "no connection");
    double took = gad_clock_seconds() - started;
    assert_true(took > 0.06 && took < 0.5); /* 20, 40, 80 ms, each between half and all of it */
    char secure[128];
    snprintf(secure, sizeof secure, "https%s", address("/ok") + 4);
    assert_failure(ask((gad_http_client_options){.attempts = 4}, secure, "x"), GAD_HTTP_CLIENT_TLS, 1, "TLS");
}

/* Retry-After of a second is waited for, by every request; one of a day is not. */
static void test_retry_after(void **state)
{
    (void)state;
    double started = gad_clock_seconds();
    gad_http_client *client = open_client((gad_http_client_options){.in_flight = 1});
    for (int i = 0; i < 2; i++)
        ASSERT_OK(gad_http_client_submit(client, address("/limited"), "x", 1, NULL, &err), &err);
    for (int i = 0; i < 2; i++) {
        gad_http_client_result result;
        bool got;
        ASSERT_OK(gad_http_client_wait(client, 20, &result, &got, &err), &err);
        assert_true(got && result.failure == GAD_HTTP_CLIENT_NONE);
        gad_http_client_result_free(&result);
    }
    gad_http_client_free(client);
    double took = gad_clock_seconds() - started;
    assert_true(took >= 1.9 && took < 4); /* one pause for each of the two refusals: neither request passed the other */
    assert_int_equal(requests, 4);
    assert_failure(ask((gad_http_client_options){0}, address("/limited-long"), "x"), GAD_HTTP_CLIENT_RATE, 1, "rate limit");
    started = gad_clock_seconds();
    gad_http_client_result result = ask((gad_http_client_options){0}, address("/busy-once"), "x");
    assert_true(result.failure == GAD_HTTP_CLIENT_NONE && gad_clock_seconds() - started >= 0.95);
    gad_http_client_result_free(&result);
}

static void test_limits(void **state)
{
    (void)state;
    assert_failure(ask((gad_http_client_options){.response_limit_bytes = 100000}, address("/big"), "x"),
                   GAD_HTTP_CLIENT_TOO_LARGE, 1, "response too large");
    gad_http_client_result result = ask((gad_http_client_options){.response_limit_bytes = 300000}, address("/big"), "x");
    assert_int_equal(result.body_bytes, 300000);
    gad_http_client_result_free(&result);
    assert_failure(ask((gad_http_client_options){.timeout_s = 0.03, .attempts = 2}, address("/slow"), "x"),
                   GAD_HTTP_CLIENT_TIMEOUT, 2, "timeout");
}

/* Eight slow requests, four at once: two rounds, each result with its own tag, in any order. */
static void test_in_flight(void **state)
{
    (void)state;
    int tags[8], seen = 0;
    gad_http_client *client = open_client((gad_http_client_options){.in_flight = 4});
    double started = gad_clock_seconds();
    for (int i = 0; i < 8; i++) {
        char body[16];
        snprintf(body, sizeof body, "item %d", i);
        ASSERT_OK(gad_http_client_submit(client, address("/slow"), body, strlen(body), &tags[i], &err), &err);
    }
    assert_int_equal(gad_http_client_pending(client), 8);
    for (int i = 0; i < 8; i++) {
        gad_http_client_result result;
        bool got;
        ASSERT_OK(gad_http_client_wait(client, 20, &result, &got, &err), &err);
        assert_true(got && result.failure == GAD_HTTP_CLIENT_NONE);
        char body[32];
        snprintf(body, sizeof body, "\"item %d\"", (int)((int *)result.tag - tags));
        assert_non_null(strstr(result.body, body));
        seen |= 1 << ((int *)result.tag - tags);
        gad_http_client_result_free(&result);
    }
    assert_int_equal(seen, 255);
    assert_int_equal(most_active, 4);
    assert_true(gad_clock_seconds() - started >= 0.29);
    gad_http_client_free(client);
}

static void test_rate(void **state)
{
    (void)state;
    gad_http_client *client = open_client((gad_http_client_options){.in_flight = 8, .requests_per_s = 20});
    double started = gad_clock_seconds();
    for (int i = 0; i < 9; i++)
        ASSERT_OK(gad_http_client_submit(client, address("/ok"), "x", 1, NULL, &err), &err);
    for (int i = 0; i < 9; i++) {
        gad_http_client_result result;
        bool got;
        ASSERT_OK(gad_http_client_wait(client, 20, &result, &got, &err), &err);
        assert_true(got);
        gad_http_client_result_free(&result);
    }
    double took = gad_clock_seconds() - started;
    assert_true(took >= 0.39 && took < 2); /* eight gaps of 50 ms */
    gad_http_client_free(client);
}

static void test_wait_and_cancel(void **state)
{
    (void)state;
    gad_http_client *client = open_client((gad_http_client_options){.in_flight = 1});
    gad_http_client_result result;
    bool got = true;
    ASSERT_OK(gad_http_client_wait(client, 5, &result, &got, &err), &err); /* nothing to wait for */
    assert_false(got);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(gad_http_client_submit(client, address("/slow"), "x", 1, NULL, &err), &err);
    double started = gad_clock_seconds();
    ASSERT_OK(gad_http_client_wait(client, 0.03, &result, &got, &err), &err);
    assert_false(got);
    assert_true(gad_clock_seconds() - started < 0.12);
    gad_http_client_cancel(client);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(gad_http_client_wait(client, 5, &result, &got, &err), &err);
        assert_true(got);
        assert_int_equal(result.failure, GAD_HTTP_CLIENT_CANCELLED);
        assert_int_equal(gad_http_client_error(&result, &err), GAD_E_CANCELLED);
        assert_string_equal(result.body, "");
        gad_http_client_result_free(&result);
    }
    ASSERT_OK(gad_http_client_submit(client, address("/slow"), "x", 1, NULL, &err), &err);
    ASSERT_OK(gad_http_client_wait(client, 0.01, &result, &got, &err), &err);
    gad_http_client_free(client); /* with a request on the wire */
}

static void test_bad_arguments(void **state)
{
    (void)state;
    gad_http_client *client = NULL;
    assert_int_equal(gad_http_client_open(&(gad_http_client_options){.bearer = "a\r\nX-Evil: 1"}, &client, &err),
                     GAD_E_ARGUMENT);
    assert_null(strstr(err.cause, "Evil"));
    client = open_client((gad_http_client_options){0});
    assert_int_equal(gad_http_client_submit(client, "file:///etc/passwd", NULL, 0, NULL, &err), GAD_E_ARGUMENT);
    gad_http_client_free(client);
    assert_failure(ask((gad_http_client_options){0}, "http://", "x"), GAD_HTTP_CLIENT_REFUSED, 1, "http://");
}

/* A server that does not speak HTTP, and one that ends in the middle of a response. */
static void *serve_raw(void *user)
{
    static const char *const texts[] = {"hello\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"half\":"};
    int listener = *(int *)user;
    for (int i = 0; i < 2; i++) {
        int connection = accept(listener, NULL, NULL);
        char request[4096];
        if (recv(connection, request, sizeof request, 0) > 0)
            (void)!send(connection, texts[i], strlen(texts[i]), MSG_NOSIGNAL);
        shutdown(connection, SHUT_WR);
        while (recv(connection, request, sizeof request, 0) > 0)
            ;
        close(connection);
    }
    return NULL;
}

static void test_not_http(void **state)
{
    (void)state;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    assert_int_equal(bind(listener, (struct sockaddr *)&own, sizeof own) | listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&own, &size), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve_raw, &listener), 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(own.sin_port));
    for (int i = 0; i < 2; i++)
        assert_failure(ask((gad_http_client_options){.attempts = 1, .timeout_s = 5}, url, "x"), GAD_HTTP_CLIENT_DROPPED, 1,
                       "connection dropped");
    pthread_join(thread, NULL);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_and_get),    cmocka_unit_test(test_large_body),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_redirects),       cmocka_unit_test(test_compressed),    cmocka_unit_test(test_masked),
        cmocka_unit_test(test_authority),       cmocka_unit_test(test_retries),       cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_in_flight),     cmocka_unit_test(test_rate),
        cmocka_unit_test(test_wait_and_cancel), cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_not_http),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
