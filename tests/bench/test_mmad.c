/* mmad: loading a small tree in MMAD's form, its request, and its scores worked out by hand. */
#include "base/file.h"
#include "base/memory.h"
#include "bench/mmad.h"
#include "bench/mmad_score.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char questions[] =
    "{\"DS-MVTec/bottle/image/broken/000.png\":{\"image_path\":\"x\",\"conversation\":["
    "{\"Question\":\"Is there any defect in the object?\",\"Answer\":\"B\",\"Options\":{\"A\":\"No.\",\"B\":\"Yes.\"},"
    "\"type\":\"Anomaly Detection\",\"annotation\":true},"
    "{\"Question\":\"What is it?\",\"Answer\":\"A\",\"Options\":{\"A\":\"A scratch.\",\"B\":\"A hole.\",\"C\":\"Dirt.\"},"
    "\"type\":\"Defect Classification\"},"
    "{\"Question\":\"What is the neck like?\",\"Answer\":\"C\",\"Options\":{\"A\":\"x\",\"B\":\"y\",\"C\":\"z\"},"
    "\"type\":\"Object Structure\"}],"
    "\"mask_path\":\"m\",\"random_templates\":[\"DS-MVTec/bottle/image/good/001.png\",\"DS-MVTec/bottle/image/good/"
    "002.png\"],"
    "\"similar_templates\":[\"DS-MVTec/bottle/image/good/009.png\"]},"
    "\"DS-MVTec/bottle/image/good/003.png\":{\"conversation\":["
    "{\"Question\":\"Is there any defect in the object?\",\"Answer\":\"A\",\"Options\":{\"A\":\"No.\",\"B\":\"Yes.\"},"
    "\"type\":\"Anomaly Detection\"}],\"random_templates\":[\"DS-MVTec/bottle/image/good/001.png\"],"
    "\"similar_templates\":[]},"
    "\"GoodsAD/cigarette_box/test/opened/000.jpg\":{\"conversation\":["
    "{\"Question\":\"Is there any defect in the object?\",\"Answer\":\"B\",\"Options\":{\"A\":\"No.\",\"B\":\"Yes.\"},"
    "\"type\":\"Anomaly Detection\"},"
    "{\"Question\":\"What detail?\",\"Answer\":\"B\",\"Options\":{\"A\":\"x\",\"B\":\"y\"},\"type\":\"Object Details\"}],"
    "\"random_templates\":[\"DS-MVTec/bottle/image/good/001.png\"],\"similar_templates\":[]}}";

static const char knowledge[] = "{\"MVTec\":{\"bottle\":{\"broken\":\"A broken neck.\",\"good\":\"Round.\"}},"
                                "\"GoodsAD\":{\"cigarette_box\":{\"opened\":\"Open lid.\"}}}";

static const char *tree(void)
{
    gad_error err;
    const char *root = support_scratch(GAD_TEST_TMP, "mmad");
    ASSERT_OK(gad_file_remove(root, &err), &err);
    ASSERT_OK(gad_file_make_directory(root, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(GAD_TEST_TMP, "mmad/mmad.json"), questions, sizeof questions - 1, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(GAD_TEST_TMP, "mmad/know.json"), knowledge, sizeof knowledge - 1, &err), &err);
    return root;
}

static void test_load(void **state)
{
    (void)state;
    gad_error err;
    gad_items items = {0};
    gad_mmad_report report;
    gad_bench_questions options = {
        .mmad = tree(), .references = 1, .knowledge_file = support_scratch(GAD_TEST_TMP, "mmad/know.json")};
    ASSERT_OK(gad_mmad_load(&options, &items, &report, &err), &err);
    assert_int_equal(items.count, 6);
    assert_int_equal(report.images, 3);
    assert_int_equal(report.all_questions, 6);
    assert_int_equal(report.missing_images, 3);
    assert_int_equal(report.missing_templates, 3);
    assert_int_equal(strlen(report.hash), 32);
    assert_string_equal(items.item[0].id, "DS-MVTec/bottle/image/broken/000.png#1");
    assert_string_equal(items.item[2].task, "Object Analysis"); /* Object Structure is merged */
    assert_true(items.item[0].anomalous && !items.item[3].anomalous);
    assert_true(items.item[4].anomalous); /* "GoodsAD" is not "good" */
    assert_int_equal(items.item[0].knowledge_count, 2);
    assert_string_equal(items.item[4].knowledge[0], "Open lid.");
    assert_string_equal(items.item[4].title, "cigarette box");
    assert_int_equal(items.item[2].answer, 'C');
    gad_item_free(&items);
    options.knowledge_file = NULL;
    options.limit = 3;
    ASSERT_OK(gad_mmad_load(&options, &items, &report, &err), &err);
    assert_int_equal(items.count, 3);
    assert_int_equal(report.questions, 3);
    assert_int_equal(report.all_questions, 6);
    gad_item_free(&items);
    const char *only[] = {"GoodsAD"};
    options = (gad_bench_questions){.mmad = options.mmad, .datasets = only, .dataset_count = 1};
    ASSERT_OK(gad_mmad_load(&options, &items, &report, &err), &err);
    assert_int_equal(items.count, 2);
    assert_int_equal(items.item[0].reference_count, 0);
    gad_item_free(&items);
    options.references = 3; /* more than the file offers */
    assert_int_equal(gad_mmad_load(&options, &items, &report, &err), GAD_E_FORMAT);
}

static void test_request(void **state)
{
    (void)state;
    gad_error err;
    gad_items items = {0};
    gad_mmad_report report;
    gad_bench_questions options = {
        .mmad = tree(), .references = 1, .knowledge_file = support_scratch(GAD_TEST_TMP, "mmad/know.json")};
    ASSERT_OK(gad_mmad_load(&options, &items, &report, &err), &err);
    gad_arena arena = {0};
    gad_bench_part *part;
    size_t parts;
    ASSERT_OK(gad_mmad_request(gad_mmad_wording(), &items.item[1], &arena, &part, &parts, &err), &err);
    assert_int_equal(parts, 5); /* text, template, text, query, text */
    assert_true(part[0].text && !part[1].text && part[2].text && !part[3].text && part[4].text);
    assert_int_equal(part[1].picture, 0);
    assert_int_equal(part[3].picture, 1);
    assert_non_null(strstr(part[0].text, "A broken neck.\nRound."));
    assert_non_null(strstr(part[0].text, "next 1 image"));
    assert_non_null(strstr(part[4].text, "Question 1: What is it?\nA. A scratch.\nB. A hole.\nC. Dirt."));
    gad_item plain = items.item[1];
    plain.reference_count = plain.knowledge_count = 0;
    ASSERT_OK(gad_mmad_request(gad_mmad_wording(), &plain, &arena, &part, &parts, &err), &err);
    assert_int_equal(parts, 3);
    assert_null(strstr(part[0].text, "template"));
    assert_null(strstr(part[0].text, "known about"));
    assert_int_equal(gad_mmad_request("{query}", &plain, &arena, &part, &parts, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_mmad_request("{query} {question}", &items.item[1], &arena, &part, &parts, &err), GAD_E_ARGUMENT);
    gad_arena_free(&arena);
    gad_item_free(&items);
}

/* A record in memory: answers in item order, NULL failed, "" is an empty answer. */
static gad_mmad_summary score(gad_record *record, const char *const *answer, bool compat)
{
    gad_error err;
    gad_mmad_summary s;
    gad_scoring_choices choices = gad_scoring_default();
    choices.official_compat = compat;
    choices.resamples = 200;
    for (size_t i = 0; i < record->items.count; i++)
        record->rows.of[i] = (gad_row){.id = record->items.item[i].id, .answered = answer[i] != NULL, .text = answer[i]};
    ASSERT_OK(gad_mmad_score_make(record, &choices, &s, &err), &err);
    return s;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) < 1e-12))
        fail_msg("%.17g is not %.17g", a, b);
}

static void test_scores(void **state)
{
    (void)state;
    gad_error err;
    gad_record record = {0};
    gad_row rows[6];
    gad_mmad_report report;
    gad_bench_questions options = {.mmad = tree()};
    ASSERT_OK(gad_mmad_load(&options, &record.items, &report, &err), &err);
    record.rows.of = rows;
    record.rows.count = 6;
    const char *const answers[] = {"B", "It is B.", "C", "B", "B", NULL};
    gad_mmad_summary s = score(&record, answers, false);
    assert_int_equal(s.datasets, 2);
    const gad_mmad_dataset *m = &s.dataset[0];
    assert_near(m->task[0].accuracy, .5); /* the broken one right, the good one wrong */
    assert_near(m->recall, 1);
    assert_near(m->precision, .5);
    assert_near(m->overkill, 1);
    assert_near(m->miss, 0);
    assert_near(m->task[1].accuracy, 0);
    assert_near(m->task[6].accuracy, 1);
    assert_true(isnan(m->task[2].accuracy));
    assert_near(m->mean, .5);
    /* GoodsAD: no normal image, so detection is undefined, and its one other question failed */
    assert_true(isnan(s.dataset[1].task[0].accuracy) && isnan(s.dataset[1].mean));
    assert_near(s.all.mean, .5);
    assert_int_equal(s.failed, 1);
    assert_int_equal(s.how[GAD_LETTER_BARE], 4);
    assert_int_equal(s.how[GAD_LETTER_SEARCHED], 1);
    assert_true(s.low <= .5 && s.high >= .5);
    gad_mmad_score_free(&s);
    /* the official evaluator: an answer whose key is no option is deleted and hides the next; empty sub-tasks count 0 */
    record.items.item[1].answer = '?';
    const char *const again[] = {"B", "A", "A", "A", "B", "B"};
    s = score(&record, again, false);
    assert_near(s.dataset[0].task[6].accuracy, 0);
    assert_int_equal(s.dataset[0].task[1].answered, 0);
    assert_int_equal(s.dataset[0].task[1].all, 1);
    assert_near(s.dataset[0].task[1].strict, 0);
    gad_mmad_score_free(&s);
    s = score(&record, again, true);
    assert_int_equal(s.skipped, 1);
    assert_int_equal(s.dataset[0].task[6].all, 0); /* it stood behind the deleted one */
    assert_near(s.dataset[0].mean, 1. / 7);
    gad_mmad_score_free(&s);
    gad_item_free(&record.items);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{",
        "{\"a\":{}}",
        "{\"a/b/c\":{}}",
        "{\"a/b/c\":{\"conversation\":[{\"Question\":\"q\",\"Answer\":\"A\",\"type\":\"?\"}]}}",
        "{\"a/b/c\":{\"conversation\":[{\"Question\":\"q\",\"Answer\":\"A\",\"Options\":{\"A\":1},"
        "\"type\":\"Anomaly Detection\"}]}}"};
    gad_bench_questions options = {.mmad = tree()};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gad_error err;
        gad_items items = {0};
        gad_mmad_report report;
        ASSERT_OK(gad_file_write(support_scratch(GAD_TEST_TMP, "mmad/mmad.json"), bad[i], strlen(bad[i]), &err), &err);
        assert_int_equal(gad_mmad_load(&options, &items, &report, &err), GAD_E_FORMAT);
        assert_non_null(strstr(err.cause, "mmad.json"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
