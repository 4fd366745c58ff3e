/* gad bench run against a server on loopback that answers in every way the specification lists, and with delays, 429, 500,
 * cut connections, nonsense and silence: each is counted as it must be. */
#include "base/file.h"
#include "base/json.h"
#include "base/string.h"
#include "bench/loopback.h"
#include "gad_bench.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BOX "{'bbox_2d': [0, 0, 100, 100], 'label': 'scratch'}"
#define RIGHT "<think>\nLook.\n</think><answer>Yes. " BOX "</answer>"
#define NORMAL "<think>\nLook.\n</think><answer>No</answer>"

/* Items 0 to 9, 14, 15 and 21 are anomalous with one box (0, 0, 100, 100), 9 without known boxes; the others are normal. */
static const loopback_script scripts[] = {
    [0] = {.text = RIGHT, .p_yes = 1},
    [1] = {.text = "<think>\n</think><answer>Yes.</answer>"},
    [2] = {.text = NORMAL},
    [3] = {.text = "<think>\nThe surface, the surface, the surface", .finish = "length"},
    [4] = {.text = "<think>\n</think><answer>Yes. " BOX ", " BOX "</answer>"},
    [5] = {.text = "<think>\n</think><answer>Yes. {'bbox_2d': [100, 100, 50, 28], 'label': 'x'}</answer>"},
    [6] = {.text = "<think>\n</think><answer>Yes [{\"bbox_2d\": [0, 0, 100, 100], \"label\": \"a\"}]</answer>"},
    [7] = {.text = "<think>\n</think><answer>Yes. " BOX ", {'bbox_2d': [5", .finish = "length"},
    [8] = {.text = "<think>\n</think><answer>No. " BOX "</answer>"},
    [9] = {.text = RIGHT},
    [10] = {.text = NORMAL},
    [11] = {.text = "<think>\n</think><answer>Yes. " BOX ", " BOX "</answer>"},
    [12] = {.text = ""},
    [13] = {.text = "No, it looks fine."},
    [14] = {.text = RIGHT, .fail_times = 2, .fail_status = 429},
    [15] = {.text = RIGHT, .fail_times = 1, .fail_status = 500},
    [16] = {.text = NORMAL, .fail_times = 1},
    [17] = {.text = NORMAL, .fail_times = -1, .fail_status = 500},
    [18] = {.text = NORMAL, .delay_ms = 1500},
    [19] = {.text = NULL},
    [20] = {.text = NORMAL, .delay_ms = 200},
    [21] = {.text = "<think>\n</think><answer>Yes. {'bbox_2d': [0, 0, 100, 100], 'label': 'worker's mark'}</answer>"},
    [22] = {.text = NORMAL, .fail_times = -1, .fail_status = 400},
};
enum { ITEMS = sizeof scripts / sizeof *scripts };
static bool repaired;

static loopback_script script(int index)
{
    static const int broken[] = {17, 18, 19, 22};
    for (size_t i = 0; i < sizeof broken / sizeof *broken && repaired; i++)
        if (broken[i] == index)
            return (loopback_script){.text = NORMAL};
    return scripts[index];
}

static const char *write_items(void)
{
    gad_string lines = {0};
    gad_error err;
    ASSERT_OK(gad_file_make_directory(support_scratch(GAD_TEST_TMP, "images"), &err), &err);
    for (int i = 0; i < ITEMS; i++) {
        char name[64];
        bool anomalous = i < 10 || i == 14 || i == 15 || i == 21, boxes = anomalous && i != 9;
        snprintf(name, sizeof name, "images/%d.png", i);
        const char *image = support_scratch(GAD_TEST_TMP, name);
        loopback_image(image, i);
        gad_string_addf(
            &lines,
            "{\"id\":\"d/c/%02d\",\"dataset\":\"d\",\"category\":\"c\",\"title\":\"thing\",\"anomalous\":%s,"
            "\"width\":200,\"height\":200,\"image\":\"%s\",\"references\":[\"%s\"],\"boxes_known\":%s,\"boxes\":[%s],"
            "\"labels\":[%s]}\n",
            i, anomalous ? "true" : "false", image, image, boxes ? "true" : "false", boxes ? "[0,0,100,100]" : "",
            boxes ? "\"scratch\"" : "");
    }
    const char *path = support_scratch(GAD_TEST_TMP, "items.jsonl");
    ASSERT_OK(gad_file_write(path, lines.data, lines.length, &err), &err);
    gad_string_free(&lines);
    return path;
}

static gad_bench_settings settings_for(const char *out, int port, char url[64])
{
    snprintf(url, 64, "http://127.0.0.1:%d/v1", port);
    gad_bench_settings s = gad_bench_settings_default();
    s.out = out;
    s.questions.items = write_items();
    s.endpoint.server.url = url;
    s.endpoint.server.model = "loop";
    s.endpoint.server.timeout_s = .6;
    s.endpoint.server.attempts = 3;
    s.endpoint.convention = GAD_BOX_ORIG;
    s.answers.max_tokens = 64;
    s.image_size = "original";
    s.without_difference = true;
    return s;
}

static double number_at(const json_t *at, const char *path)
{
    char key[64];
    while (at && *path) {
        size_t n = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        at = json_object_get(at, key);
        path += n + (path[n] == '/');
    }
    return json_is_number(at) ? json_number_value(at) : NAN;
}

static void expect(const json_t *report, const char *path, double value)
{
    double found = number_at(report, path);
    if (!(fabs(found - value) < 1e-12))
        fail_msg("%s: %.17g, not %.17g", path, found, value);
}

static json_t *report_of(const char *run)
{
    gad_error err;
    json_t *root;
    const char *path = support_scratch(GAD_TEST_TMP, "report.json"), *html = support_scratch(GAD_TEST_TMP, "report.html");
    gad_bench_choices choices = gad_bench_choices_default();
    gad_bench_outputs outputs = {.json = path, .html = html};
    ASSERT_OK(gad_bench_report(run, NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    ASSERT_OK(gad_json_load(path, &root, &err), &err);
    return root;
}

static void check_first_report(const json_t *r)
{
    expect(r, "overall/counts/answered", 19);
    expect(r, "overall/counts/failed", 4);
    expect(r, "overall/counts/unparsable", 2);
    expect(r, "overall/counts/anomalous_without_boxes", 1);
    assert_true(json_is_false(json_object_get(r, "complete")));
    /* 13 anomalous, 10 called; 6 normal answered, of which the Yes and the empty answer count as alarms */
    expect(r, "overall/metrics/detection.recall/value", 10. / 13);
    expect(r, "overall/metrics/detection.specificity/value", 4. / 6);
    expect(r, "overall/metrics/detection.accuracy/value", 14. / 19);
    expect(r, "overall/metrics/detection.precision/value", 10. / 12);
    /* 12 true boxes; right ones in 0, 4, 6, 7, 14, 15, 21; wrong ones: the double of 4 and the one without area of 5 */
    expect(r, "overall/metrics/localization.one@1.recall/value", 7. / 12);
    expect(r, "overall/metrics/localization.one@1.precision/value", 7. / 9);
    expect(r, "overall/metrics/localization.one@1.accuracy/value", 7. / 14);
    expect(r, "overall/metrics/localization.many@1.precision/value", 8. / 9);
    expect(r, "overall/metrics/localization.boxes_on_normal/value", 2. / 6);
    expect(r, "answers/flags/truncated", 1);
    expect(r, "answers/flags/json", 1);
    expect(r, "answers/flags/degenerate", 1);
    expect(r, "answers/flags/contradiction", 1);
    expect(r, "answers/flags/unparsable", 2);
    expect(r, "answers/flags/clamped", 0);
    expect(r, "answers/stopped_by_token_limit", 2);
    expect(r, "answers/with_score", 1);
}

static void test_every_way_to_answer(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    char url[64];
    const char *run = support_scratch(GAD_TEST_TMP, "run");
    ASSERT_OK(gad_file_remove(run, &err), &err);
    repaired = false;
    int port = loopback_start(script);
    gad_bench_settings settings = settings_for(run, port, url);
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    assert_int_equal(result.asked, ITEMS);
    assert_int_equal(result.answered, 19);
    assert_int_equal(result.failed, 4);
    assert_int_equal(loopback_asked(14), 3);
    assert_int_equal(loopback_asked(15), 2);
    assert_int_equal(loopback_asked(16), 2);
    assert_int_equal(loopback_asked(17), 3); /* every attempt */
    assert_int_equal(loopback_asked(22), 1); /* a refusal is not repeated */
    assert_int_equal(loopback_asked(0), 1);
    assert_in_range(loopback_most_open(), 2, 4);
    const char *body = loopback_body(0);
    assert_non_null(strstr(body, "\"model\":\"loop\""));
    assert_non_null(strstr(body, "The first image shows a normal thing."));
    assert_non_null(strstr(body, "data:image/png;base64,"));
    json_t *report = report_of(run);
    check_first_report(report);
    json_decref(report);
    /* repaired and repeated: only what failed is asked, and the run is complete */
    repaired = true;
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    assert_int_equal(result.asked, 4);
    assert_int_equal(result.answered, ITEMS);
    assert_int_equal(result.failed, 0);
    assert_int_equal(loopback_asked(0), 1);
    report = report_of(run);
    assert_true(json_is_true(json_object_get(report, "complete")));
    expect(report, "overall/metrics/detection.specificity/value", 8. / 10);
    json_decref(report);
    /* other settings are not the same run */
    settings.answers.max_tokens = 65;
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "model.decoding.max_tokens"));
    loopback_stop();
}

/* A wrong key or a dead server ends the run with its reason instead of failing every item. */
static void test_hopeless_servers(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    char url[64];
    const char *run = support_scratch(GAD_TEST_TMP, "hopeless");
    ASSERT_OK(gad_file_remove(run, &err), &err);
    int port = loopback_start(script);
    gad_bench_settings settings = settings_for(run, port, url);
    settings.endpoint.server.key = "wrong";
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "401"));
    assert_null(strstr(err.cause, "wrong key is")); /* and the key itself is never repeated */
    loopback_stop();
    settings.endpoint.server.attempts = 1;
    settings.max_failures = 5;
    settings.endpoint.server.key = NULL;
    result.items = 123; /* a failure leaves it alone */
    assert_int_equal(gad_bench_run(&settings, &result, &err), GAD_E_NETWORK);
    assert_int_equal(result.items, 123);
    assert_non_null(strstr(err.cause, "5 requests failed one after the other"));
}

static void test_rescore_choices(void **state)
{
    (void)state;
    gad_error err;
    json_t *root;
    const char *run = support_scratch(GAD_TEST_TMP, "run"), *path = support_scratch(GAD_TEST_TMP, "rescored.json");
    if (!gad_file_exists(support_scratch(GAD_TEST_TMP, "run/run.json")))
        fail_msg("test_rescore_choices: the run of the first test is not there");
    gad_bench_choices choices = gad_bench_choices_default();
    gad_bench_outputs outputs = {.json = path};
    choices.scoring.unparsable = GAD_SCORING_EXCLUDED;
    ASSERT_OK(gad_bench_report(run, NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    ASSERT_OK(gad_json_load(path, &root, &err), &err);
    expect(root, "overall/counts/excluded", 2);
    expect(root, "overall/metrics/detection.recall/value", 10. / 12);
    json_decref(root);
    choices.scoring.unparsable = GAD_SCORING_NO;
    choices.scoring.iou[0] = .9;
    choices.own_convention = true;
    choices.scoring.convention = GAD_BOX_REL1000; /* boxes shrink to a tenth: nothing is found */
    ASSERT_OK(gad_bench_report(run, NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    ASSERT_OK(gad_json_load(path, &root, &err), &err);
    expect(root, "overall/metrics/localization.one@1.recall/value", 0);
    expect(root, "overall/metrics/detection.specificity/value", 9. / 10); /* the empty answer is a No now */
    json_decref(root);
    choices.scoring.iou[1] = 2;
    assert_int_equal(gad_bench_report(run, NULL, 0, &choices, &outputs, NULL, NULL, &err), GAD_E_ARGUMENT);
}

/* The repaired run against a constant Yes on the same items: 10 of 13 anomalous and 8 of 10 normal ones are right in A, the
 * 13 anomalous in B. */
static void test_compare(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    json_t *root;
    char *text, *page;
    size_t length;
    const char *run = support_scratch(GAD_TEST_TMP, "run"), *yes = support_scratch(GAD_TEST_TMP, "yes");
    const char *json = support_scratch(GAD_TEST_TMP, "pages/compare.json");
    const char *html = support_scratch(GAD_TEST_TMP, "pages/compare.html");
    if (!gad_file_exists(support_scratch(GAD_TEST_TMP, "run/run.json")))
        fail_msg("test_compare: the run of the first test is not there");
    ASSERT_OK(gad_file_remove(yes, &err), &err);
    gad_bench_settings settings = gad_bench_settings_default();
    settings.out = yes;
    settings.questions.items = write_items();
    settings.baseline = GAD_BASELINE_YES;
    settings.image_size = "original";
    settings.without_difference = true;
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    gad_bench_choices choices = gad_bench_choices_default();
    gad_bench_outputs outputs = {.json = json, .html = html};
    ASSERT_OK(gad_bench_compare(run, yes, &choices, &outputs, &text, &err), &err);
    assert_non_null(strstr(text, "| A right | 10 | 8 |\n| A wrong | 3 | 2 |"));
    gad_text_free(text);
    ASSERT_OK(gad_json_load(json, &root, &err), &err);
    expect(root, "decisions/only_a_right", 8);
    expect(root, "decisions/only_b_right", 3);
    expect(root, "decisions/mcnemar_p", 2. * (1 + 11 + 55 + 165) / 2048);
    assert_int_equal(json_array_size(json_object_get(root, "disagreements")), 11);
    json_decref(root);
    ASSERT_OK(gad_file_read(html, 1 << 20, &page, &length, &err), &err);
    assert_non_null(strstr(page, "A alone is right <b>8</b> times and B alone <b>3</b> times"));
    assert_null(strstr(page, "http")); /* nothing from a network */
    gad_text_free(page);
    /* beside the run, a run on the same images goes without a word; one on fewer is told apart */
    const char *few = support_scratch(GAD_TEST_TMP, "few"), *markdown = support_scratch(GAD_TEST_TMP, "pages/report.md");
    ASSERT_OK(gad_file_remove(few, &err), &err);
    settings.out = few;
    settings.questions.limit = 10;
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    assert_int_equal(result.items, 10);
    for (int k = 0; k < 2; k++) {
        const char *other[] = {k ? few : yes};
        ASSERT_OK(gad_bench_report(run, other, 1, &choices, &(gad_bench_outputs){.markdown = markdown}, NULL, NULL, &err),
                  &err);
        ASSERT_OK(gad_file_read(markdown, 1 << 20, &page, &length, &err), &err);
        assert_true((strstr(page, "always-yes was not asked the same images") != NULL) == (k == 1));
        gad_text_free(page);
    }
}

/* An endpoint gets what a memory of the references finds, and the run says so. */
static void test_hints(void **state)
{
    (void)state;
    gad_error err;
    gad_bench_result result;
    char url[64];
    const char *run = support_scratch(GAD_TEST_TMP, "hints");
    ASSERT_OK(gad_file_remove(run, &err), &err);
    int port = loopback_start(script);
    gad_bench_settings settings = settings_for(run, port, url);
    gad_learn_settings evidence = gad_learn_settings_default();
    evidence.threads = 1;
    repaired = true;
    settings.hints = GAD_HINTS_TEXT;
    settings.evidence = &evidence;
    settings.questions.references = 1;
    settings.endpoint.server.timeout_s = 20;
    ASSERT_OK(gad_bench_run(&settings, &result, &err), &err);
    assert_int_equal(result.failed, 0);
    assert_non_null(strstr(loopback_body(0), "A comparison with good parts, which may be wrong"));
    loopback_stop();
    json_t *root;
    ASSERT_OK(gad_json_load(support_scratch(run, "run.json"), &root, &err), &err);
    assert_string_equal(json_string_value(json_object_get(json_object_get(root, "prompt"), "evidence")), "text");
    json_decref(root);
    repaired = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_to_answer),
        cmocka_unit_test(test_hopeless_servers),
        cmocka_unit_test(test_rescore_choices),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
