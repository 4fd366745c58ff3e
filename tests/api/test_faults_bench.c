/* faults_bench: every allocation, read, write and removal of a benchmark run that asks an engine, and of one that learns
 * products, fails once: the call says so or the question counts as failed, the run goes on when it is called again, and
 * ends in the report of an undisturbed one. Through the public headers only. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "api/faults.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "support/support.h"

static char run_folder[600], items[600], *expected;
static bool learns;

static void write_items(void)
{
    static const char *const files[] = {"bolt", "coin", "plate"};
    char text[4096];
    int length = 0;
    gad_error err;
    snprintf(items, sizeof items, "%s", support_scratch(GAD_TEST_TMP, "items.jsonl"));
    for (int i = 0; i < 2; i++)
        length += snprintf(text + length, sizeof text - (size_t)length,
                           "{\"id\":\"d/c/%d\",\"dataset\":\"d\",\"category\":\"c\",\"title\":\"thing\",\"anomalous\":%s,"
                           "\"width\":64,\"height\":64,\"image\":\"%s/tests/fixtures/images/%s.png\","
                           "\"references\":[\"%s/tests/fixtures/images/%s.png\"],\"boxes_known\":false,\"boxes\":[],"
                           "\"labels\":[]}\n",
                           i, i ? "true" : "false", GAD_SOURCE_DIR, files[i], GAD_SOURCE_DIR, files[2]);
    ASSERT_OK(gad_file_write(items, text, (size_t)length, &err), &err);
}

static gad_status run(gad_error *err)
{
    gad_bench_result result;
    gad_engine_options engine = gad_engine_options_default();
    gad_learn_settings learning = gad_learn_settings_default();
    engine.model = GAD_SOURCE_DIR "/tests/fixtures/qwen3/model";
    engine.max_pixels = 64 * 64;
    engine.compute.threads = learning.threads = 1;
    learning.side_px = 64;
    gad_bench_settings settings = {
        .out = run_folder,
        .questions = {.items = items, .reference = GAD_SELECTION_FIRST, .references = learns ? INT64_MAX : 1},
        .image_size = "original",
        .engine = learns ? NULL : &engine,
        .learning = learns ? &learning : NULL,
        .answers = {.fast = true, .max_tokens = 4},
        .without_difference = true};
    return gad_bench_run(&settings, &result, err);
}

static void remove_run(void)
{
    gad_error err;
    ASSERT_OK(gad_file_remove(run_folder, &err), &err);
}

static char *report(void)
{
    gad_error err;
    char *text;
    size_t length;
    gad_bench_choices choices = gad_bench_choices_default();
    gad_bench_outputs outputs = {.json = support_scratch(GAD_TEST_TMP, "report.json")};
    choices.scoring.resamples = 10;
    choices.timing = false;
    ASSERT_OK(gad_bench_report(run_folder, NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    ASSERT_OK(gad_file_read(outputs.json, 1 << 24, &text, &length, &err), &err);
    return text;
}

static void assert_goes_on(bool succeeded)
{
    gad_error err;
    (void)succeeded;
    ASSERT_OK(run(&err), &err);
    char *now = report();
    assert_string_equal(now, expected);
    gad_memory_free(now);
}

static void sweep(const char *name, bool by_learning)
{
    gad_error err;
    learns = by_learning;
    snprintf(run_folder, sizeof run_folder, "%s", support_scratch(GAD_TEST_TMP, name));
    write_items();
    remove_run();
    ASSERT_OK(run(&err), &err);
    expected = report();
    assert_non_null(strstr(expected, "\"answered\": 2"));
    const size_t rare = support_is_short() ? 5 : 1;
    const faults_scene s = {name, run, remove_run, assert_goes_on, {rare, 1, rare, 1}};
    faults_sweep(&s);
    gad_memory_free(expected);
}

static void test_engine(void **state)
{
    (void)state;
    sweep("engine", false);
}

static void test_learning(void **state)
{
    (void)state;
    sweep("learning", true);
}

int main(void)
{
    faults_install();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_engine), cmocka_unit_test(test_learning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
