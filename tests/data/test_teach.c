/* teach: the grammar as teacher; every rule by which an answer is refused; a teacher behind a real HTTP server on loopback
 * that is slow, limits, fails, drops connections, sends nonsense and wrong answers, and is killed in the middle. */
#include "base/file.h"
#include "base/memory.h"
#include "data/fake.h"
#include "data/teach.h"
#include "support/server.h"
#include "support/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARTS = 40 };

/* ---- the server: each part has its own misbehaviour --------------------------------------------------------------- */

static unsigned port;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int asked[PARTS], answered[PARTS]; /* requests that came; good answers that were sent */
static useconds_t pace_us;

static const char WORDS[] =
    "Both images show the same part from the same side under much the same light and with the same outline. Going over it "
    "from left to right "
    "everything agrees with the normal sample until the place named below is reached and compared closely.";

/* The right answer, made from the hint in the request. */
static void right_answer(const char *body, char *text, size_t size_bytes)
{
    int b[4];
    char label[64];
    const char *hint = strstr(body, "framed in red for you only: ");
    if (hint &&
        sscanf(hint, "framed in red for you only: %63[^[][%d, %d, %d, %d]", label, &b[0], &b[1], &b[2], &b[3]) == 5) {
        *strstr(label, " at ") = 0;
        snprintf(text, size_bytes,
                 "{\"model\":\"t\",\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50},\"choices\":[{\"finish_"
                 "reason\":\"stop\",\"message\":{\"role\":\"assistant\","
                 "\"content\":\"<think>%s</think><answer>Yes. {'bbox_2d': [%d, %d, %d, %d], 'label': '%s'}</answer>\"}}]}",
                 WORDS, b[0], b[1], b[2], b[3], label);
    } else {
        snprintf(text, size_bytes,
                 "{\"model\":\"t\",\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50},\"choices\":[{\"finish_"
                 "reason\":\"stop\",\"message\":{\"role\":\"assistant\","
                 "\"content\":\"<think>%s</think><answer>No</answer>\"}}]}",
                 WORDS);
    }
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *url, const char *body)
{
    (void)url;
    const char *object = strstr(body, "The object is: part ");
    int part = object ? atoi(object + 20) : 0;
    char text[2048];
    pthread_mutex_lock(&lock);
    int number = asked[part]++;
    pthread_mutex_unlock(&lock);
    usleep(pace_us);
    if (part == 3)
        usleep(300000);
    if (part == 5 && number < 2)
        return server_reply(connection, 429, "slow down", "1");
    if (part == 7 && number < 2)
        return server_reply(connection, 500, "oh no", NULL);
    if (part == 9 && number < 2)
        return MHD_NO; /* drops the connection */
    if (part == 11 && number < 1)
        return server_reply(connection, 200, "{\"choices\": [", NULL);
    if (part == 13) /* always wrong */
        return server_reply(
            connection, 200,
            "{\"choices\":[{\"message\":{\"content\":\"<think>x</think><answer>Yes. {'bbox_2d': [1, 2, 3, 4], "
            "'label': 'rust'}</answer>\"}}],"
            "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}",
            NULL);
    right_answer(body, text, sizeof text);
    pthread_mutex_lock(&lock);
    answered[part]++;
    pthread_mutex_unlock(&lock);
    return server_reply(connection, 200, text, NULL);
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

/* ---- the pupils --------------------------------------------------------------------------------------------------- */

/* Every even part is good, every odd one has a dent; one class per part, so that the server knows which it is. */
static gad_store *make_parts(const char *name)
{
    gad_import_report report;
    gad_store *store = fake_store(name);
    char path[128];
    fake_root("teach");
    for (int i = 0; i < PARTS; i++) {
        snprintf(path, sizeof path, "part_%d/good/a.png", i);
        fake_image(path);
        if (i % 2 == 0)
            continue;
        snprintf(path, sizeof path, "part_%d/bad/dent/b.png", i);
        fake_image(path);
        snprintf(path, sizeof path, "part_%d/masks/b.png", i);
        fake_mask(path, 10, 10, 30, 20, 255);
    }
    fake_import(store, "plain", &report);
    assert_int_equal(report.images, PARTS + PARTS / 2);
    return store;
}

static gad_teach_settings settings_for(char *url, size_t size_bytes)
{
    gad_teach_settings s = gad_data_reason_default();
    snprintf(url, size_bytes, "http://127.0.0.1:%u/v1", port);
    s.server.url = url;
    s.server.model = "teacher";
    s.backoff_s = 0.02;
    s.filter.split = "test"; /* the ones with a dent */
    s.prompt_price = 2;
    s.completion_price = 10;
    return s;
}

static void reset_server(useconds_t pace)
{
    memset(asked, 0, sizeof asked);
    memset(answered, 0, sizeof answered);
    pace_us = pace;
}

static void test_bad_server(void **state)
{
    (void)state;
    char url[100];
    gad_error err;
    gad_teach_report report;
    gad_store *store = make_parts("teach.db");
    gad_teach_settings s = settings_for(url, sizeof url);
    reset_server(0);
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, PARTS / 2);
    assert_int_equal(report.accepted, PARTS / 2 - 1);
    assert_int_equal(report.fallback, 1);     /* part 13 */
    assert_int_equal(report.rejected, 3 + 1); /* part 13 three times, the broken JSON of part 11 once */
    assert_int_equal(report.failed, 0);
    assert_int_equal(asked[1], 1);
    assert_int_equal(asked[5], 3);
    assert_int_equal(asked[7], 3);
    assert_int_equal(asked[11], 2);
    assert_int_equal(asked[13], 3);
    assert_int_equal(report.prompt_tokens, 100 * (PARTS / 2 - 1) + 30);
    assert_true(report.cost > 0);
    gad_sample sample = {0};
    fake_get(store, "plain/part_1/test/dent/b", &sample);
    assert_string_equal(sample.text_source, "llm");
    assert_non_null(strstr(sample.think, "Both images show"));
    assert_non_null(strstr(sample.text_model, "check:iou=0.9"));
    fake_get(store, "plain/part_13/test/dent/b", &sample);
    assert_string_equal(sample.text_status, "fallback");
    /* Nothing is left to ask. */
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, 0);
    gad_sample_free(&sample);
    gad_store_close(store);
}

/* A child process asks and is killed with SIGKILL in the middle; the next run asks only what has no answer yet. */
static void test_kill_and_resume(void **state)
{
    (void)state;
    char url[100], path[600], program[600];
    gad_error err;
    gad_teach_report report;
    gad_store_close(make_parts("teach_kill.db"));
    gad_teach_settings s = settings_for(url, sizeof url);
    snprintf(path, sizeof path, "%s/teach_kill.db", GAD_TEST_TMP);
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(length > 0);
    program[length] = 0;
    reset_server(60000);
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "ask", path, url, (char *)NULL);
        _exit(127);
    }
    int got = 0;
    while (got < 7) {
        usleep(5000);
        pthread_mutex_lock(&lock);
        got = 0;
        for (int i = 0; i < PARTS; i++)
            got += answered[i];
        pthread_mutex_unlock(&lock);
    }
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    usleep(200000); /* what was on the wire has come to an end */
    gad_store *store;
    ASSERT_OK(gad_store_open(path, GAD_SQLITE_WRITE, &store, &err), &err);
    gad_store_filter filter = {0};
    int64_t before = 0;
    filter.with_text = true;
    ASSERT_OK(gad_store_count(store, &filter, &before, &err), &err);
    /* Which parts had their answer stored: those may not be asked again. */
    int asked_before[PARTS];
    memcpy(asked_before, asked, sizeof asked);
    char has_text[PARTS] = {0};
    for (int i = 1; i < PARTS; i += 2) {
        gad_sample sample = {0};
        char id[100];
        snprintf(id, sizeof id, "plain/part_%d/test/dent/b", i);
        fake_get(store, id, &sample);
        has_text[i] = sample.think != NULL;
        gad_sample_free(&sample);
    }
    assert_in_range(before, 3, PARTS / 2 - 1);
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, PARTS / 2 - before);
    int again = 0;
    for (int i = 1; i < PARTS; i += 2) {
        if (has_text[i])
            assert_int_equal(asked[i], asked_before[i]);
        again += asked_before[i] > 0 && !has_text[i];
    }
    int64_t all = 0;
    filter.split = "test";
    ASSERT_OK(gad_store_count(store, &filter, &all, &err), &err);
    assert_int_equal(all, PARTS / 2);
    print_message("killed after %lld stored answers; %d requests were on the wire and were repeated\n", (long long)before,
                  again);
    assert_in_range(again, 0, s.server.in_flight);
    gad_store_close(store);
}

/* What shares were answered goes into the store as if it came now, without asking again. */
static void test_shares(void **state)
{
    (void)state;
    enum { SHARES = 3 };
    gad_error err;
    gad_teach_report report;
    char url[100], path[600];
    gad_store *store = make_parts("teach_share.db");
    gad_store_close(store);
    snprintf(path, sizeof path, "%s/teach_share.db", GAD_TEST_TMP);
    gad_teach_settings s = settings_for(url, sizeof url);
    int64_t samples = 0;
    reset_server(0);
    for (int k = 0; k < SHARES; k++) {
        s.share = (gad_share){k, SHARES};
        ASSERT_OK(gad_store_open_beside(path, &store, &err), &err);
        ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
        gad_store_close(store);
        samples += report.samples;
    }
    assert_int_equal(samples, PARTS / 2);
    assert_int_equal(asked[13], 3);
    reset_server(0);
    s.share = (gad_share){0};
    ASSERT_OK(gad_store_open(path, GAD_SQLITE_WRITE, &store, &err), &err);
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(asked[i], 0);
    assert_int_equal(report.samples, PARTS / 2);
    assert_int_equal(report.accepted, PARTS / 2 - 1);
    assert_int_equal(report.fallback, 1);
    assert_int_equal(report.rejected, 3 + 1);
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, 0);
    gad_store_close(store);
}

static void test_hopeless_server(void **state)
{
    (void)state;
    gad_error err;
    gad_teach_report report;
    char url[100];
    gad_store *store = make_parts("teach_hopeless.db");
    gad_teach_settings s = settings_for(url, sizeof url);
    s.server.url = "http://127.0.0.1:9/v1";
    s.server.attempts = 2;
    assert_int_equal(gad_teach_server(store, &s, &report, &err), GAD_E_NETWORK);
    assert_non_null(strstr(err.cause, "127.0.0.1"));
    s.server.url = "";
    assert_int_equal(gad_teach_server(store, &s, &report, &err), GAD_E_ARGUMENT);
    gad_store_close(store);
}

static void test_template(void **state)
{
    (void)state;
    gad_error err;
    gad_teach_report report;
    gad_sample sample = {0};
    gad_store *store = make_parts("teach_template.db");
    gad_teach_settings s = gad_data_reason_default();
    ASSERT_OK(gad_teach_template(store, &s, &report, &err), &err);
    assert_int_equal(report.accepted, PARTS + PARTS / 2);
    fake_get(store, "plain/part_1/test/dent/b", &sample);
    assert_string_equal(sample.text_source, "template");
    assert_non_null(strstr(sample.think, "dent"));
    ASSERT_OK(gad_teach_template(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, 0);
    s.overwrite = true;
    s.filter.limit = 7;
    ASSERT_OK(gad_teach_template(store, &s, &report, &err), &err);
    assert_int_equal(report.samples, 7);
    gad_sample_free(&sample);
    gad_store_close(store);
}

/* Going over samples again: a text of a model or a person is not lost to the grammar, and tries of another teacher, or of
 * the same with other settings, do not count. */
static void test_overwrite(void **state)
{
    (void)state;
    gad_error err;
    gad_teach_report report;
    char url[100];
    gad_store *store = make_parts("teach_overwrite.db");
    gad_teach_settings s = settings_for(url, sizeof url), grammar = gad_data_reason_default();
    gad_sample sample = {0};
    reset_server(0);
    s.tries = 1;
    s.filter.limit = 1; /* part 1, which is answered well at once */
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_int_equal(report.accepted, 1);
    grammar.overwrite = true;
    ASSERT_OK(gad_teach_template(store, &grammar, &report, &err), &err);
    assert_int_equal(report.kept, 1);
    assert_int_equal(report.accepted, PARTS + PARTS / 2 - 1);
    fake_get(store, "plain/part_1/test/dent/b", &sample);
    assert_string_equal(sample.text_source, "llm");
    s.overwrite = true;
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err); /* its try is used up: nothing is asked */
    assert_true(report.kept == 1 && report.fallback == 0 && asked[1] == 1);
    fake_get(store, "plain/part_1/test/dent/b", &sample);
    assert_string_equal(sample.text_source, "llm");
    s.server.temperature += 0.25;
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_true(report.accepted == 1 && asked[1] == 2);
    s.server.model = "another";
    ASSERT_OK(gad_teach_server(store, &s, &report, &err), &err);
    assert_true(report.accepted == 1 && asked[1] == 3);
    fake_get(store, "plain/part_1/test/dent/b", &sample);
    assert_non_null(strstr(sample.text_model, "another"));
    gad_sample_free(&sample);
    gad_store_close(store);
}

/* ---- the rules ---------------------------------------------------------------------------------------------------- */

static void check_one(const char *think, const char *answer_text, const char *expected)
{
    gad_error err;
    gad_sample truth = {.label = 1, .width = 448, .height = 448};
    gad_text_check_rule rule = gad_text_check_default();
    char text[4096], reason[512], *kept = NULL;
    assert_true(gad_sample_set(&truth.class_text, "red box"));
    assert_true(gad_sample_add_box(&truth, (gad_box){100, 100, 200, 200}, "dent", "mask"));
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, 448, 448, 0, 0);
    snprintf(text, sizeof text, "<think>%s</think><answer>%s</answer>", think, answer_text);
    ASSERT_OK(gad_text_check(&rule, &truth, &frame, text, &kept, reason, sizeof reason, &err), &err);
    if (!expected)
        assert_string_equal(reason, "");
    else if (!strstr(reason, expected))
        fail_msg("reason \"%s\" lacks \"%s\"", reason, expected);
    assert_int_equal(kept != NULL, expected == NULL);
    gad_memory_free(kept);
    gad_sample_free(&truth);
}

static void test_rules(void **state)
{
    (void)state;
    static const char good[] = "Yes. {'bbox_2d': [100, 100, 200, 200], 'label': 'Dent'}";
    char text[2048];
    check_one(WORDS, good, NULL);
    check_one(WORDS, "No", "the truth is anomalous");
    check_one(WORDS, "Yes. {'bbox_2d': [100, 100, 200, 150], 'label': 'dent'}", "agrees with no true box");
    check_one(WORDS,
              "Yes. {'bbox_2d': [100, 100, 200, 200], 'label': 'dent'}, {'bbox_2d': [1, 1, 20, 20], 'label': 'dent'}",
              "2 boxes instead of 1");
    check_one(WORDS, "Yes. {'bbox_2d': [100, 100, 200, 200], 'label': 'scratch'}", "label \"scratch\"");
    check_one(WORDS, "Yes. {'bbox_2d': [100, 100, 500, 600], 'label': 'dent'}", "malformed");
    check_one("Too short.", good, "words of reasoning");
    snprintf(text, sizeof text, "%s There is a dent inside the rectangle.", WORDS);
    check_one(text, good, "the hint");
    snprintf(text, sizeof text, "%s The red box is dented.", WORDS); /* the object is called so */
    check_one(text, good, NULL);
    snprintf(text, sizeof text, "%s The dent is at [99, 99, 201, 201].", WORDS);
    check_one(text, good, NULL);
    snprintf(text, sizeof text, "%s The dent is at [10, 10, 20, 20].", WORDS);
    check_one(text, good, "no true box");
    snprintf(text, sizeof text, "%s %s %s", WORDS, WORDS, WORDS);
    check_one(text, good, "it repeats");
    snprintf(text, sizeof text,
             "%s "
             "\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93"
             "\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93\xE5\x9C\x93",
             WORDS);
    check_one(text, good, "not English");
    check_one("</think><think>a", good, "times <think>");
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "ask") == 0) {
        gad_store *store;
        gad_teach_report report;
        gad_teach_settings s = gad_data_reason_default();
        s.server.url = argv[3];
        s.server.model = "teacher";
        s.filter.split = "test";
        s.backoff_s = 0.02;
        return gad_store_open(argv[2], GAD_SQLITE_WRITE, &store, NULL) || gad_teach_server(store, &s, &report, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_server), cmocka_unit_test(test_kill_and_resume), cmocka_unit_test(test_hopeless_server),
        cmocka_unit_test(test_shares),     cmocka_unit_test(test_template),        cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
