/* gad bench run is killed (SIGKILL) at random points ten times and started again: the reports have the same bytes as those
 * of an uninterrupted run, and no item is asked again once its answer is stored. With an endpoint, and with our own engine.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/string.h"
#include "bench/loopback.h"
#include "support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITEMS = 400, ENGINE_ITEMS = 120, KILLS = 10 };
#define MODEL GAD_SOURCE_DIR "/tests/fixtures/qwen25/model"

static char texts[ITEMS][160];

/* Different answers, delays from 0 to 15 ms, now and then a failure that a retry heals. */
static loopback_script script(int index)
{
    gad_rng rng = gad_rng_make(3, (uint64_t)index);
    loopback_script s = {.text = texts[index % ITEMS], .delay_ms = (int)gad_rng_below(&rng, 16)};
    if (index % 37 == 5) {
        s.fail_times = 1;
        s.fail_status = 429;
    }
    return s;
}

static const char *write_items(int count)
{
    gad_string lines = {0};
    gad_error err;
    ASSERT_OK(gad_file_make_directory(support_scratch(GAD_TEST_TMP, "images"), &err), &err);
    for (int i = 0; i < count; i++) {
        char name[64];
        bool anomalous = i % 3 > 0;
        snprintf(name, sizeof name, "images/%d.png", i);
        const char *image = support_scratch(GAD_TEST_TMP, name);
        loopback_image(image, i);
        if (i % 4)
            snprintf(texts[i], sizeof texts[i],
                     "<think>\nPart %d.\n</think><answer>Yes. {'bbox_2d': [%d, 0, 100, 100], 'label': 'x'}</answer>", i,
                     i % 90);
        else
            snprintf(texts[i], sizeof texts[i], "<think>\nPart %d.\n</think><answer>No</answer>", i);
        gad_string_addf(
            &lines,
            "{\"id\":\"d/c%d/%03d\",\"dataset\":\"d\",\"category\":\"c%d\",\"anomalous\":%s,\"width\":200,\"height\":200,"
            "\"image\":\"%s\",\"references\":[\"%s\"],\"boxes_known\":%s,\"boxes\":[%s],\"labels\":[%s]}\n",
            i % 5, i, i % 5, anomalous ? "true" : "false", image, image, anomalous ? "true" : "false",
            anomalous ? "[0,0,100,100]" : "", anomalous ? "\"x\"" : "");
    }
    const char *path = support_scratch(GAD_TEST_TMP, "items.jsonl");
    ASSERT_OK(gad_file_write(path, lines.data, lines.length, &err), &err);
    gad_string_free(&lines);
    return path;
}

/* Start a command of gad with its output thrown away. */
static pid_t start(const char *const *argument)
{
    pid_t child = fork();
    if (!child) {
        const char *argv[24] = {GAD_BINARY_DIR "/gad"};
        int n = 1, nothing = open("/dev/null", O_RDWR);
        for (; argument[n - 1]; n++)
            argv[n] = argument[n - 1];
        dup2(nothing, 1);
        dup2(nothing, 2);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return child;
}

static int finish(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static pid_t start_run(const char *out, const char *items, const char *url)
{
    const char *const argument[] = {
        "bench",    "run",  "--out",         out,    "--items",      items,      "--endpoint",      url,
        "--served", "loop", "--coordinates", "orig", "--image-size", "original", "--no-difference", "--no-report",
        NULL};
    return start(argument);
}

/* The same with a checkpoint, in words of its own; `shard` "K/N" of it. */
static pid_t start_engine(const char *out, const char *items, const char *shard)
{
    const char *const argument[] = {"bench",     "run", "--out",           out,           "--items",      items,
                                    "--model",   MODEL, "--max-tokens",    "24",          "--image-size", "original",
                                    "--threads", "1",   "--no-difference", "--no-report", "--shard",      shard,
                                    NULL};
    return start(argument);
}

static void report(const char *run, const char *out)
{
    char html[512], json[512], csv[512], markdown[512];
    snprintf(html, sizeof html, "%s/report.html", out);
    snprintf(json, sizeof json, "%s/report.json", out);
    snprintf(csv, sizeof csv, "%s/report.csv", out);
    snprintf(markdown, sizeof markdown, "%s/report.md", out);
    const char *const files[] = {"bench", "report", run,          "--no-timing", "--html",      html,  "--json", json,
                                 "--csv", csv,      "--markdown", markdown,      "--resamples", "100", NULL};
    const char *const scored[] = {"bench", "rescore", run, "--no-timing", "--out", out, "--resamples", "100", NULL};
    assert_int_equal(finish(start(scored)), 0);
    assert_int_equal(finish(start(files)), 0);
}

static void assert_same_file(const char *folder_a, const char *folder_b, const char *name)
{
    char path[2][512], *text[2];
    size_t length[2];
    gad_error err;
    snprintf(path[0], sizeof path[0], "%s/%s", folder_a, name);
    snprintf(path[1], sizeof path[1], "%s/%s", folder_b, name);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(gad_file_read(path[i], 64 << 20, &text[i], &length[i], &err), &err);
    if (length[0] != length[1] || memcmp(text[0], text[1], length[0]) != 0)
        fail_msg("%s and %s differ", path[0], path[1]);
    assert_true(length[0] > 100);
    gad_memory_free(text[0]);
    gad_memory_free(text[1]);
}

static void assert_same_reports(const char *a, const char *out_a, const char *b, const char *out_b)
{
    static const char *const names[] = {"scored.jsonl", "report.json", "report.csv", "report.md", "report.html"};
    report(a, out_a);
    report(b, out_b);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_same_file(out_a, out_b, names[i]);
}

/* Marks the items whose answer is on disk: how often they were asked up to now. */
static int freeze_stored(const char *run, int *frozen)
{
    char path[512], *text;
    size_t length;
    gad_error err;
    int stored = 0;
    snprintf(path, sizeof path, "%s/rows.jsonl", run);
    if (!gad_file_exists(path))
        return 0;
    ASSERT_OK(gad_file_read(path, 64 << 20, &text, &length, &err), &err);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        int category, index;
        assert_int_equal(sscanf(line, "{\"id\":\"d/c%d/%d\"", &category, &index), 2);
        stored++;
        if (frozen[index] < 0)
            frozen[index] = loopback_asked(index);
    }
    gad_memory_free(text);
    return stored;
}

static void test_killed_run(void **state)
{
    (void)state;
    gad_error err;
    char url[64];
    int status, kills = 0, stored = 0, before = 0, frozen[ITEMS];
    const char *items = write_items(ITEMS), *whole = support_scratch(GAD_TEST_TMP, "whole");
    const char *broken = support_scratch(GAD_TEST_TMP, "broken");
    const char *whole_out = support_scratch(GAD_TEST_TMP, "whole_out"),
               *broken_out = support_scratch(GAD_TEST_TMP, "broken_out");
    ASSERT_OK(gad_file_remove(whole, &err), &err);
    ASSERT_OK(gad_file_remove(broken, &err), &err);
    int port = loopback_start(script);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", port);
    assert_int_equal(finish(start_run(whole, items, url)), 0);
    loopback_stop();
    port = loopback_start(script);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", port);
    for (int i = 0; i < ITEMS; i++)
        frozen[i] = -1;
    gad_rng rng = gad_rng_make((uint64_t)getpid(), 0); /* any points will do: a failing one is a finding */
    while (kills < KILLS && stored < ITEMS) {
        pid_t child = start_run(broken, items, url);
        usleep(10000 + gad_rng_below(&rng, 120000));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        kills += WIFSIGNALED(status);
        usleep(50000); /* requests on their way have arrived */
        stored = freeze_stored(broken, frozen);
        assert_true(stored >= before);
        before = stored;
    }
    print_message("killed %d times, %d of %d answers stored then\n", kills, stored, ITEMS);
    assert_true(kills >= 5);
    assert_int_equal(finish(start_run(broken, items, url)), 0);
    for (int i = 0; i < ITEMS; i++)
        if (frozen[i] >= 0 && loopback_asked(i) != frozen[i])
            fail_msg("item %d was asked again after its answer was stored", i);
    loopback_stop();
    assert_same_reports(whole, whole_out, broken, broken_out);
}

/* How many answers are stored, each of another item. */
static int count_rows(const char *run, int most)
{
    char path[512], *text;
    size_t length;
    gad_error err;
    int rows = 0;
    bool seen[ITEMS] = {false};
    snprintf(path, sizeof path, "%s/rows.jsonl", run);
    if (!gad_file_exists(path))
        return 0;
    ASSERT_OK(gad_file_read(path, 64 << 20, &text, &length, &err), &err);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, rows++) {
        int category, index;
        assert_int_equal(sscanf(line, "{\"id\":\"d/c%d/%d\"", &category, &index), 2);
        assert_true(index < most && !seen[index]);
        seen[index] = true;
    }
    gad_memory_free(text);
    return rows;
}

/* Our own engine: its words depend on nothing that a kill takes away (what it has read before, random state). */
static void test_killed_engine(void **state)
{
    (void)state;
    gad_error err;
    int status, kills = 0, stored = 0;
    const char *items = write_items(ENGINE_ITEMS), *whole = support_scratch(GAD_TEST_TMP, "engine_whole");
    const char *broken = support_scratch(GAD_TEST_TMP, "engine_broken");
    ASSERT_OK(gad_file_remove(whole, &err), &err);
    ASSERT_OK(gad_file_remove(broken, &err), &err);
    double begin_s = gad_clock_seconds();
    assert_int_equal(finish(start_engine(whole, items, "1/1")), 0);
    double whole_s = gad_clock_seconds() - begin_s;
    gad_rng rng = gad_rng_make((uint64_t)getpid(), 1);
    while (kills < KILLS && stored < ENGINE_ITEMS) {
        pid_t child = start_engine(broken, items, "1/1");
        usleep((unsigned)(1e6 * whole_s * gad_rng_range(&rng, .02, .18)));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        kills += WIFSIGNALED(status);
        int now = count_rows(broken, ENGINE_ITEMS);
        assert_true(now >= stored);
        stored = now;
    }
    print_message("engine: killed %d times, %d of %d answers stored then\n", kills, stored, ENGINE_ITEMS);
    assert_true(kills >= 5);
    assert_int_equal(finish(start_engine(broken, items, "1/1")), 0);
    assert_int_equal(count_rows(broken, ENGINE_ITEMS), ENGINE_ITEMS);
    assert_same_reports(whole, support_scratch(GAD_TEST_TMP, "engine_whole_out"), broken,
                        support_scratch(GAD_TEST_TMP, "engine_broken_out"));
}

/* Four processes side by side, of which one is killed again and again, give what one gives. */
static void test_shares(void **state)
{
    (void)state;
    enum { SHARES = 4 };
    gad_error err;
    int status, kills = 0;
    char shard[SHARES][8];
    pid_t child[SHARES];
    const char *items = write_items(ENGINE_ITEMS), *whole = support_scratch(GAD_TEST_TMP, "share_whole");
    const char *shared = support_scratch(GAD_TEST_TMP, "share_of_four");
    ASSERT_OK(gad_file_remove(whole, &err), &err);
    ASSERT_OK(gad_file_remove(shared, &err), &err);
    double begin_s = gad_clock_seconds();
    assert_int_equal(finish(start_engine(whole, items, "1/1")), 0);
    double whole_s = gad_clock_seconds() - begin_s;
    for (int k = 0; k < SHARES; k++) {
        snprintf(shard[k], sizeof shard[k], "%d/%d", k + 1, SHARES);
        child[k] = start_engine(shared, items, shard[k]);
    }
    gad_rng rng = gad_rng_make((uint64_t)getpid(), 2);
    for (int i = 0; i < KILLS; i++) {
        usleep((unsigned)(1e6 * whole_s * gad_rng_range(&rng, .02, .1)));
        kill(child[2], SIGKILL);
        waitpid(child[2], &status, 0);
        kills += WIFSIGNALED(status);
        child[2] = start_engine(shared, items, shard[2]);
    }
    for (int k = 0; k < SHARES; k++)
        assert_int_equal(finish(child[k]), 0);
    print_message("shares: one of four killed %d times\n", kills);
    assert_true(kills >= 2);
    assert_same_reports(whole, support_scratch(GAD_TEST_TMP, "share_whole_out"), shared,
                        support_scratch(GAD_TEST_TMP, "share_of_four_out"));
    assert_int_equal(finish(start_engine(shared, items, "5/4")), 1); /* no such share */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_run), cmocka_unit_test(test_killed_engine),
                                       cmocka_unit_test(test_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
