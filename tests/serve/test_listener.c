/* listener, guard, queue: a real listener and raw sockets: routes, keys, forged origins, limits, slow and broken clients,
 * streams, stopping. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "serve/client.h"
#include "serve/guard.h"
#include "serve/listener.h"
#include "support/support.h"

typedef struct server {
    gad_listener *listener;
    pthread_t worker;
    int port, done, handled;
    volatile bool hold, gone; /* keep the worker busy; a stream noticed that its client has left */
} server;

static void show(void *app, const gad_request *request, gad_response *response)
{
    (void)app;
    const char *x = request->query(request, "x");
    response->type = "text/plain";
    gad_string_addf(&response->body, "%s %s %s", request->parameter[0], request->parameter[1], x ? x : "-");
}

static void work(void *app, const gad_request *request, gad_response *response)
{
    server *s = app;
    while (s->hold)
        usleep(1000);
    s->handled++;
    gad_string_addf(&response->body, "%zu bytes", request->body_bytes);
}

static void stream(void *app, const gad_request *request, gad_response *response)
{
    server *s = app;
    response->type = "text/event-stream";
    gad_stream *out = gad_stream_begin(response, request);
    int64_t pieces = gad_request_integer(request, "pieces", 3, 1, 100000);
    char text[64];
    for (int64_t i = 0; i < pieces; i++) {
        int length = snprintf(text, sizeof text, "data: %lld\n\n", (long long)i);
        if (!gad_stream_write(out, text, (size_t)length)) {
            s->gone = true;
            return;
        }
        usleep(2000);
    }
}

static const gad_route routes[] = {
    {GAD_METHOD_GET, "/show/{a}/of/{b}", show, false, false, NULL},
    {GAD_METHOD_POST, "/work", work, true, false, NULL},
    {GAD_METHOD_GET, "/stream", stream, true, false, NULL},
    {GAD_METHOD_GET, "/health", work, false, true, NULL},
    {GAD_METHOD_DELETE, "/show/{a}/of/{b}", show, false, false, NULL},
};

static void count_done(void *app, int status)
{
    (void)status;
    ((server *)app)->done++;
}

static void *run_worker(void *self)
{
    gad_listener_work(((server *)self)->listener);
    return NULL;
}

static void start(server *s, gad_serve_settings settings)
{
    gad_error err = {0};
    *s = (server){0};
    settings.port = 0;
    ASSERT_OK(gad_listener_open(&settings, routes, sizeof routes / sizeof *routes, s, count_done, &s->listener, &err),
              &err);
    s->port = gad_listener_port(s->listener);
    assert_int_equal(pthread_create(&s->worker, NULL, run_worker, s), 0);
}

static void stop(server *s)
{
    gad_listener_stop(s->listener);
    pthread_join(s->worker, NULL);
    gad_listener_free(s->listener);
}

static int dial(const server *s)
{
    return client_dial(s->port);
}

static void say(int fd, const char *text)
{
    client_say(fd, text, strlen(text));
}

static const char *hear(int fd, double wait_s)
{
    return client_hear(fd, wait_s, NULL);
}

static const char *ask(const server *s, const char *request)
{
    int fd = dial(s);
    say(fd, request);
    const char *answer = hear(fd, 5);
    close(fd);
    return answer;
}

static void assert_answer(const char *answer, int status, const char *body)
{
    char head[32];
    snprintf(head, sizeof head, "HTTP/1.1 %d ", status);
    if (strncmp(answer, head, strlen(head)) || !strstr(answer, body))
        fail_msg("not %d with \"%s\": %.400s", status, body, answer);
}

#define CLOSE "Host: localhost\r\nConnection: close\r\n"

static void test_routes(void **state)
{
    (void)state;
    server s;
    start(&s, gad_serve_settings_default());
    assert_answer(ask(&s, "GET /show/one/of/two?x=3 HTTP/1.1\r\n" CLOSE "\r\n"), 200, "one two 3");
    assert_answer(ask(&s, "GET /show/a%2Fb/of/%C3%A9 HTTP/1.1\r\n" CLOSE "\r\n"), 404,
                  "not_found"); /* decoded first: a path */
    assert_answer(ask(&s, "GET /show/one/of/ HTTP/1.1\r\n" CLOSE "\r\n"), 404, "not_found");
    assert_answer(ask(&s, "GET /show/one/of/two/three HTTP/1.1\r\n" CLOSE "\r\n"), 404, "not_found");
    assert_answer(ask(&s, "POST /show/one/of/two HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n"), 405,
                  "method_not_allowed");
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 5\r\n\r\nhello"), 200, "5 bytes");
    assert_answer(
        ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
        200, "7 bytes");
    assert_answer(ask(&s, "HEAD /health HTTP/1.1\r\n" CLOSE "\r\n"), 200, "nosniff");
    ask(&s, "nonsense\r\n\r\n"); /* closed without an answer */
    assert_answer(ask(&s, "GET /health HTTP/1.1\r\n" CLOSE "\r\n"), 200, "frame-ancestors 'none'");
    stop(&s);
    assert_true(s.done >= 9);
}

static void test_guard(void **state)
{
    (void)state;
    server s;
    gad_serve_settings settings = gad_serve_settings_default();
    settings.key = "s3cret";
    start(&s, settings);
    assert_answer(ask(&s, "GET /health HTTP/1.1\r\n" CLOSE "\r\n"), 200, "");
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n"), 401, "invalid_api_key");
    static const char *const wrong[] = {"Bearer s3cre", "Bearer s3cret1", "Bearer ",
                                        "Basic s3cret", "s3cret",         "Bearer S3CRET"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(gad_guard_key("s3cret", wrong[i]));
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Authorization: Bearer s3cret\r\nContent-Length: 0\r\n\r\n"), 200,
                  "0 bytes");
    stop(&s);
    settings.key = NULL;
    start(&s, settings);
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n"), 403,
                  "another site");
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Origin: null\r\nContent-Length: 0\r\n\r\n"), 403,
                  "another site");
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Origin: http://localhost\r\nContent-Length: 0\r\n\r\n"), 200,
                  "0 bytes");
    assert_answer(ask(&s, "GET /health HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n"), 403, "localhost");
    assert_answer(ask(&s, "GET /health HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n"), 403,
                  "localhost");
    stop(&s);
}

static void test_limits(void **state)
{
    (void)state;
    server s;
    gad_serve_settings settings = gad_serve_settings_default();
    settings.body_bytes = 1000;
    settings.queue = 2;
    settings.read_timeout_s = 0.6;
    start(&s, settings);
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 1001\r\n\r\n"), 413, "too_large");
    char chunked[4096] = "POST /work HTTP/1.1\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 3; i++)
        snprintf(chunked + strlen(chunked), sizeof chunked - strlen(chunked), "190\r\n%0400d\r\n", 0);
    snprintf(chunked + strlen(chunked), sizeof chunked - strlen(chunked), "0\r\n\r\n");
    assert_answer(ask(&s, chunked), 413, "too_large");

    double begun = gad_clock_seconds(); /* a head that never ends, a byte at a time */
    int slow = dial(&s);
    for (int i = 0; i < 200 && gad_clock_seconds() - begun < 10; i++) {
        struct pollfd p = {.fd = slow, .events = POLLIN};
        say(slow, "X");
        if (poll(&p, 1, 50) > 0)
            break;
    }
    assert_true(gad_clock_seconds() - begun < 5);
    close(slow);

    s.hold = true; /* one at work, two wait, the fourth is told to come again */
    int client[4];
    for (int i = 0; i < 4; i++) {
        client[i] = dial(&s);
        say(client[i], "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 0\r\n\r\n");
        usleep(30000);
    }
    const char *answer = hear(client[3], 1);
    if (strncmp(answer, "HTTP/1.1 503", 12)) /* the first counts as waiting until it is done */
        answer = hear(client[2], 1);
    assert_answer(answer, 503, "Retry-After: 1");
    close(client[0]); /* one leaves while it is worked on */
    s.hold = false;
    assert_answer(hear(client[1], 5), 200, "0 bytes");
    for (int i = 1; i < 4; i++)
        close(client[i]);
    stop(&s);
}

static void test_stream(void **state)
{
    (void)state;
    server s;
    start(&s, gad_serve_settings_default());
    const char *answer = ask(&s, "GET /stream?pieces=5 HTTP/1.1\r\n" CLOSE "\r\n");
    assert_answer(answer, 200, "text/event-stream");
    for (int i = 0; i < 5; i++) {
        char piece[32];
        snprintf(piece, sizeof piece, "data: %d\n\n", i);
        assert_non_null(strstr(answer, piece));
    }
    int fd = dial(&s);
    say(fd, "GET /stream?pieces=100000 HTTP/1.1\r\n" CLOSE "\r\n");
    usleep(50000);
    close(fd);
    for (int i = 0; i < 1000 && !s.gone; i++)
        usleep(5000);
    assert_true(s.gone);
    assert_answer(ask(&s, "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 1\r\n\r\nx"), 200, "1 bytes");
    stop(&s);
}

/* What was accepted before the stop is answered; half requests are not waited for. */
static void test_stop(void **state)
{
    (void)state;
    server s;
    start(&s, gad_serve_settings_default());
    s.hold = true;
    int whole[3], half = dial(&s);
    for (int i = 0; i < 3; i++) {
        whole[i] = dial(&s);
        say(whole[i], "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 2\r\n\r\nab");
    }
    say(half, "POST /work HTTP/1.1\r\n" CLOSE "Content-Length: 200\r\n\r\nab");
    for (int i = 0; i < 500 && gad_listener_look(s.listener).queued < 3; i++)
        usleep(5000);
    gad_listener_stop(s.listener);
    usleep(200000);
    s.hold = false;
    for (int i = 0; i < 3; i++)
        assert_answer(hear(whole[i], 5), 200, "2 bytes");
    stop(&s);
    assert_int_equal(s.handled, 3);
    for (int i = 0; i < 3; i++)
        close(whole[i]);
    close(half);
}

static void test_many(void **state)
{
    (void)state;
    server s;
    start(&s, gad_serve_settings_default());
    int count = support_is_short() ? 200 : 2000;
    for (int i = 0; i < count; i++) {
        int fd = dial(&s);
        if (i % 3 == 0)
            say(fd, i % 2 ? "GET /hea" : "\x16\x03\x01\x02");
        else if (i % 3 == 1)
            say(fd, "GET /health HTTP/1.1\r\n" CLOSE "\r\n");
        shutdown(fd, i % 4 ? SHUT_WR : SHUT_RDWR);
        close(fd);
    }
    for (int i = 0; i < 500 && gad_listener_look(s.listener).connections; i++)
        usleep(10000);
    assert_int_equal(gad_listener_look(s.listener).connections, 0);
    assert_answer(ask(&s, "GET /health HTTP/1.1\r\n" CLOSE "\r\n"), 200, "0 bytes");
    stop(&s);
}

static void test_refused(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_listener *listener = NULL;
    gad_serve_settings settings = gad_serve_settings_default();
    settings.address = "not.an.address";
    assert_int_equal(gad_listener_open(&settings, routes, 1, NULL, NULL, &listener, &err), GAD_E_ARGUMENT);
    server s;
    start(&s, gad_serve_settings_default());
    settings = gad_serve_settings_default();
    settings.address = "127.0.0.1";
    settings.certificate = "cert.pem";
    assert_int_equal(gad_listener_open(&settings, routes, 1, NULL, NULL, &listener, &err), GAD_E_ARGUMENT);
    stop(&s);
    assert_null(listener);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),  cmocka_unit_test(test_guard), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_stream),  cmocka_unit_test(test_stop),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
