/* watch, journal: files that are there, that come, that grow; a watcher that is killed again and again loses and repeats
 * nothing; paths from standard input, pictures from a command. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "serve/journal.h"
#include "serve/watch.h"
#include "support/support.h"

static const char *fresh(const char *name)
{
    gad_error err = {0};
    const char *path = support_scratch(GAD_TEST_TMP, name);
    gad_file_remove(path, NULL);
    ASSERT_OK(gad_file_make_directory(path, &err), &err);
    return path;
}

static void put(const char *folder, const char *name, const char *content)
{
    gad_error err = {0};
    char *path = gad_file_join(folder, name);
    ASSERT_OK(gad_file_write(path, content, strlen(content), &err), &err);
    gad_memory_free(path);
}

static bool is_there(const char *folder, const char *name)
{
    char *path = gad_file_join(folder, name);
    bool there = gad_file_exists(path);
    gad_memory_free(path);
    return there;
}

/* Lines of a file that hold a text. */
static int lines_with(const char *folder, const char *name, const char *wanted)
{
    gad_error err = {0};
    char *path = gad_file_join(folder, name), *text = NULL, *rest = NULL;
    size_t size;
    int count = 0;
    ASSERT_OK(gad_file_read(path, 1 << 24, &text, &size, &err), &err);
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        count += strstr(line, wanted) != NULL;
    gad_memory_free(text);
    gad_memory_free(path);
    return count;
}

/* A part is bad when its file says so; "broken" cannot be inspected. */
static gad_status inspect(void *user, const gad_watch_part *part, json_t **result, gad_error *err)
{
    char *text = NULL;
    size_t size;
    if (part->bytes) { /* a picture of a feed: bad when its size is odd */
        *result = json_pack("{s:s}", "verdict", part->size_bytes % 2 ? "anomalous" : "normal");
        return GAD_OK;
    }
    gad_status status = gad_file_read(part->path, 1 << 20, &text, &size, err);
    if (status)
        return status;
    if (user)
        usleep(*(const useconds_t *)user);
    bool broken = strstr(text, "broken"), bad = strstr(text, "bad");
    gad_memory_free(text);
    if (broken) {
        snprintf(err->cause, sizeof err->cause, "%s: broken", part->path);
        return err->code = GAD_E_FORMAT;
    }
    *result =
        json_pack("{s:s, s:f, s:f}", "verdict", bad ? "anomalous" : "normal", "score", bad ? 0.9 : 0.1, "threshold", 0.5);
    return GAD_OK;
}

static gad_watch_report run(gad_watch_settings settings)
{
    gad_error err = {0};
    gad_watch_report report;
    ASSERT_OK(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), &err);
    return report;
}

static void test_once(void **state)
{
    (void)state;
    const char *in = fresh("once"), *out = fresh("once_out");
    put(in, "a.png", "good");
    put(in, "b.jpg", "bad");
    put(in, "c.png", "broken");
    put(in, "notes.txt", "bad");
    put(fresh("once_out/ng"), "b.jpg", "of yesterday");
    gad_watch_settings settings = {.folder = in, .out = out, .sort = GAD_SORT_MOVE, .once = true};
    gad_watch_report r = run(settings);
    assert_true(r.normal == 1 && r.rejected == 1 && r.failed == 1 && r.known == 0);
    assert_true(is_there(out, "ok/a.png") && is_there(out, "ng/b (2).jpg") && is_there(out, "failed/c.png"));
    assert_true(!is_there(in, "a.png") && is_there(in, "notes.txt"));
    assert_int_equal(lines_with(out, "results.jsonl", "\"verdict\":\"anomalous\""), 1);
    assert_int_equal(lines_with(out, "results.csv", ",\"b.jpg\",anomalous,0.9,0.5,"), 1);
    assert_int_equal(lines_with(out, "results.csv", "broken"), 1);

    const char *stay = fresh("stay");
    put(stay, "a.png", "good");
    put(stay, "=cmd()|x.png", "bad");
    settings = (gad_watch_settings){.folder = stay, .sort = GAD_SORT_LINK, .once = true};
    r = run(settings);
    assert_true(r.normal == 1 && r.rejected == 1);
    r = run(settings);
    assert_true(r.normal == 0 && r.rejected == 0 && r.known == 2);
    assert_true(is_there(stay, "results/ok/a.png") && is_there(stay, "a.png"));
    assert_int_equal(lines_with(stay, "results/results.csv", "\"'=cmd()|x.png\""), 1); /* no formula in a spreadsheet */
    put(stay, "latin-\xe9.png", "good");                                               /* a name that is no UTF-8 */
    r = run(settings);
    assert_true(r.normal == 1 && r.known == 2);
    r = run(settings);
    assert_true(r.normal == 0 && r.known == 3);
    put(stay, "a.png", "bad this time");
    r = run(settings);
    assert_true(r.rejected == 1 && r.known == 2);
}

typedef struct until {
    int parts, wanted;
} until;

static void heard(void *user, const gad_watch_result *result)
{
    assert_non_null(result->line);
    ((until *)user)->parts++;
}

static bool enough(void *user)
{
    return ((until *)user)->parts >= ((until *)user)->wanted;
}

/* A camera that writes slowly, and one that renames. */
static void test_arrivals(void **state)
{
    (void)state;
    const char *in = fresh("arrivals"), *out = fresh("arrivals_out");
    pid_t camera = fork();
    if (!camera) {
        char *slow = gad_file_join(in, "slow.png"), *hidden = gad_file_join(in, ".part"),
             *renamed = gad_file_join(in, "renamed.png");
        usleep(300000);
        FILE *f = fopen(slow, "w");
        for (int i = 0; f && i < 5; i++) {
            fputs("half ", f);
            fflush(f);
            usleep(100000);
        }
        fputs("bad", f);
        fclose(f);
        f = fopen(hidden, "w");
        fputs("good", f);
        fclose(f);
        rename(hidden, renamed);
        _exit(0);
    }
    until u = {.wanted = 2};
    gad_watch_settings settings = gad_watch_settings_default();
    settings.folder = in;
    settings.out = out;
    settings.on_result = heard;
    settings.is_cancelled = enough;
    settings.user = &u;
    gad_watch_report report;
    gad_error err = {0};
    ASSERT_OK(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), &err);
    waitpid(camera, NULL, 0);
    assert_true(report.normal == 1 && report.rejected == 1 && report.failed == 0);
    assert_int_equal(lines_with(out, "results.jsonl", "slow.png"), 1);
}

/* Killed at any moment and started again: every part once in both lists, every file in one bin. */
static void test_killed(void **state)
{
    (void)state;
    enum { PARTS = 120 };
    const char *in = fresh("killed"), *out = fresh("killed_out");
    useconds_t slow = 2000;
    char name[32];
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "%03d.png", i);
        put(in, name, i % 3 ? "good" : "bad");
    }
    for (int kill_number = 0; kill_number < 50; kill_number++) {
        pid_t watcher = fork();
        if (!watcher) {
            gad_watch_settings settings = {.folder = in, .out = out, .sort = GAD_SORT_MOVE, .once = true};
            gad_watch_report report;
            _exit(gad_watch_run(&settings, (gad_watch_judge){inspect, &slow}, &report, NULL) != GAD_OK);
        }
        usleep((useconds_t)(3000 + 700 * (kill_number % 13)));
        kill(watcher, SIGKILL);
        waitpid(watcher, NULL, 0);
    }
    char *lines = gad_file_join(out, "results.jsonl");
    FILE *torn = fopen(lines, "a"); /* as a crash in the middle of a write leaves it */
    fputs("{\"file\":\"119.png\",\"verd", torn);
    fclose(torn);
    gad_memory_free(lines);
    run((gad_watch_settings){.folder = in, .out = out, .sort = GAD_SORT_MOVE, .once = true});
    for (int i = 0; i < PARTS; i++) {
        char quoted[48], bin[48];
        snprintf(quoted, sizeof quoted, "\"%03d.png\"", i);
        assert_int_equal(lines_with(out, "results.jsonl", quoted), 1);
        assert_int_equal(lines_with(out, "results.csv", quoted), 1);
        snprintf(bin, sizeof bin, "%s/%03d.png", i % 3 ? "ok" : "ng", i);
        assert_true(is_there(out, bin));
        snprintf(name, sizeof name, "%03d.png", i);
        assert_false(is_there(in, name));
    }
}

/* ---- not from a folder --------------------------------------------------------------------------------------------- */

/* Standard input is that text while the watcher runs. */
static gad_watch_report run_on_input(gad_watch_settings settings, const char *text)
{
    int ends[2], kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    settings.from_stdin = true;
    gad_watch_report report = run(settings);
    dup2(kept, STDIN_FILENO);
    close(ends[0]);
    close(kept);
    return report;
}

/* Paths, some of them known from a run before, one of no file. */
static void test_paths(void **state)
{
    (void)state;
    const char *in = fresh("paths"), *out = fresh("paths_out");
    char list[4096];
    put(in, "a.png", "good");
    put(in, "b.png", "bad");
    snprintf(list, sizeof list, "%s/a.png\n\n%s/b.png\r\n%s/absent.png", in, in, in);
    gad_watch_settings settings = {.out = out, .sort = GAD_SORT_COPY};
    gad_watch_report r = run_on_input(settings, list);
    assert_true(r.normal == 1 && r.rejected == 1 && r.failed == 1 && r.known == 0);
    assert_true(is_there(out, "ok/a.png") && is_there(out, "ng/b.png") && is_there(in, "b.png"));
    r = run_on_input(settings, list);
    assert_true(r.normal == 0 && r.rejected == 0 && r.failed == 0 && r.known == 2);
}

/* Two pictures from a command, one of them bad: the good one is kept on demand only. It ends, and is started again. */
static void test_source(void **state)
{
    (void)state;
    const char *out = fresh("source_out");
    until u = {.wanted = 3};
    gad_error err = {0};
    gad_watch_report report;
    gad_watch_settings settings = {.out = out, .on_result = heard, .is_cancelled = enough, .user = &u};
    settings.source_command =
        "printf '\\377\\330\\377\\331'; sleep 0.5; printf '\\377\\330\\377\\376\\000\\003\\001\\377\\331'; sleep 0.5";
    ASSERT_OK(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), &err);
    assert_true(report.normal == 2 && report.rejected == 1);
    assert_int_equal(lines_with(out, "results.jsonl", ".jpg\""), 3);
    assert_true(is_there(out, "ng") && !is_there(out, "ok"));
}

static void test_refused(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_watch_report report = {.normal = 7};
    gad_watch_settings settings = {.folder = support_scratch(GAD_TEST_TMP, "absent"), .once = true};
    assert_int_equal(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "absent"));
    assert_int_equal(report.normal, 7);
    settings = (gad_watch_settings){.source = support_scratch(GAD_TEST_TMP, "absent.mp4"), .out = fresh("no_source")};
    assert_int_equal(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "absent.mp4"));
    settings.from_stdin = true;
    assert_int_equal(gad_watch_run(&settings, (gad_watch_judge){inspect, NULL}, &report, &err), GAD_E_ARGUMENT);
    const char *out = fresh("bad_journal");
    put(out, "results.jsonl", "no json\n");
    gad_journal *journal = NULL;
    assert_int_equal(gad_journal_open(out, &journal, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "line 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_once),   cmocka_unit_test(test_arrivals),
                                       cmocka_unit_test(test_killed), cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_source), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
