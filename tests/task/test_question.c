/* question: the request of the benchmark to the letter, its variants, and prompts from a user's file. */
#include "base/file.h"
#include "support/support.h"
#include "task/answer.h"
#include "task/question.h"

#include <string.h>

static gad_error err;

static void assert_text(const gad_question_template *wording, gad_question question, const char *expected)
{
    gad_string text = {0};
    ASSERT_OK(gad_question_build(wording, &question, &text, &err), &err);
    assert_string_equal(gad_string_text(&text), expected);
    gad_string_free(&text);
}

#define FORMAT(box, image)                                                                                                 \
    "Write your reasoning between <think> and </think>, then the result between <answer> and </answer>: No if it is "      \
    "normal; otherwise Yes. followed by one {'bbox_2d': " box ", 'label': 'anomaly type'} for each anomalous region of "   \
    "the " image ", separated by commas. "

static void test_default(void **state)
{
    (void)state;
    gad_question_template wording;
    ASSERT_OK(gad_question_template_default(&wording, &err), &err);
    assert_string_equal(wording.id, "mmrad-1");
    assert_int_equal(strlen(wording.hash), 32);
    assert_text(&wording, (gad_question){.class_name = "bottle", .references = 1, .convention = GAD_BOX_CANVAS},
                "The first image shows a normal bottle. The second image shows a bottle to inspect. Compare them and "
                "decide whether the second image has an anomaly. " FORMAT(
                    "[x1, y1, x2, y2]",
                    "second image") "Coordinates are whole pixels of the second image, counted from its top left corner.");
    const char *const types[] = {"broken large", "scratch"};
    assert_text(&wording,
                (gad_question){.class_name = "bottle",
                               .knowledge = types,
                               .knowledge_count = 2,
                               .references = 3,
                               .convention = GAD_BOX_REL1000,
                               .order = GAD_BOX_YX},
                "The first 3 images show normal bottle samples. The last image shows a bottle to inspect. Compare them "
                "and decide whether the last image has an anomaly. In bottle samples these anomaly types may occur: "
                "broken large, scratch. " FORMAT("[y1, x1, y2, x2]",
                                                 "last image") "Coordinates are whole numbers from 0 to 1000, relative to "
                                                               "the width and height of the last image, "
                                                               "counted from its top left corner.");
    assert_text(&wording, (gad_question){.convention = GAD_BOX_REL1},
                "The image shows a product to inspect. Decide whether the image has an anomaly. " FORMAT(
                    "[x1, y1, x2, y2]", "image") "Coordinates are numbers from 0 to 1, relative to the width and height of "
                                                 "the image, counted from its top "
                                                 "left corner.");
    gad_question_template_free(&wording);
}

static void test_file(void **state)
{
    (void)state;
    const char *path = support_scratch(GAD_TEST_TMP, "mine.txt");
    const char *text = "{domain}Is this {class} {fine}? {} {class {coordinates}|{references}|{box}\n\n";
    ASSERT_OK(gad_file_write(path, text, strlen(text), &err), &err);
    gad_question_template mine, other;
    ASSERT_OK(gad_question_template_load(path, &mine, &err), &err);
    assert_string_equal(mine.id, "file:mine.txt");
    const char *const types[] = {"{class}"};
    assert_text(
        &mine,
        (gad_question){
            .class_name = "{box}", .knowledge = types, .knowledge_count = 1, .references = 1, .convention = GAD_BOX_ORIG},
        "In {box} samples these anomaly types may occur: {class}. Is this {box} {fine}? {} {class Coordinates are "
        "whole pixels of the second image, counted from its top left corner.|1|[x1, y1, x2, y2]");
    ASSERT_OK(gad_file_write(path, "Is it good?", 11, &err), &err);
    ASSERT_OK(gad_question_template_load(path, &other, &err), &err);
    assert_string_not_equal(mine.hash, other.hash);
    gad_string built = {0};
    gad_question asks = {.knowledge = types, .knowledge_count = 1};
    assert_int_equal(gad_question_build(&other, &asks, &built, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "file:mine.txt"));
    gad_question_template_free(&mine);
    gad_question_template_free(&other);
    ASSERT_OK(gad_file_write(path, "\n", 1, &err), &err);
    assert_int_equal(gad_question_template_load(path, &mine, &err), GAD_E_FORMAT);
    ASSERT_OK(gad_file_write(path, "caf\xe9", 4, &err), &err);
    assert_int_equal(gad_question_template_load(path, &mine, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "byte 3"));
    assert_int_equal(gad_question_template_load(support_scratch(GAD_TEST_TMP, "absent.txt"), &mine, &err), GAD_E_IO);
}

/* The forced beginning and a spelling make an answer that the reader takes. */
static void test_forced(void **state)
{
    (void)state;
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 10, 10, 0, 0);
    for (int yes = 0; yes < 2; yes++) {
        static const char *const spelling[2][6] = {{"No", "no", "NO", " No", " no", "No."},
                                                   {"Yes", "yes", "YES", " Yes", " yes", "Yes."}};
        for (size_t i = 0; i < 6; i++) {
            gad_string text = {0};
            gad_string_addf(&text, "%s%s</answer>", gad_question_forced_prefix(), spelling[yes][i]);
            gad_answer answer;
            ASSERT_OK(gad_answer_read(text.data, text.length, &frame, &answer, &err), &err);
            assert_int_equal(answer.decision, yes ? GAD_ANSWER_YES : GAD_ANSWER_NO);
            assert_int_equal(answer.flags, 0);
            gad_answer_free(&answer);
            gad_string_free(&text);
        }
    }
    gad_string strict = {0};
    ASSERT_OK(gad_answer_write("", false, NULL, 0, &strict, &err), &err);
    assert_memory_equal(strict.data, gad_question_forced_prefix(), strlen(gad_question_forced_prefix()));
    gad_string_free(&strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
