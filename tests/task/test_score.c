/* score: the reward unit table (training specification 15.7), the edge cases of the benchmark, and the options. */
#include "support/support.h"
#include "task/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static gad_error err;

#define T "<think>\nreasoning\n</think>"
#define A1 "{'bbox_2d': [100, 100, 200, 200], 'label': 'a'}"    /* the first true box */
#define A2 "{'bbox_2d': [300, 300, 400, 400], 'label': 'b'}"    /* the second */
#define NEAR "{'bbox_2d': [110, 110, 210, 210], 'label': 'a'}"  /* IoU .68 with the first */
#define LOOSE "{'bbox_2d': [100, 100, 200, 150], 'label': 'a'}" /* IoU exactly .5 with the first */
#define WRONG "{'bbox_2d': [600, 600, 700, 700], 'label': 'c'}" /* on nothing */
#define SWAPPED "{'bbox_2d': [200, 200, 100, 100], 'label': 'a'}"
#define OUTSIDE "{'bbox_2d': [100, 100, 200, 1200], 'label': 'a'}"
#define FLOATS "{'bbox_2d': [100.0, 100.0, 200.0, 200.0], 'label': 'a'}"
#define YES(boxes) T "<answer>Yes. " boxes "</answer>"

/* Truth: `truths` of the boxes A1, A2 in a 1000x1000 image. mm and vd: the rewards with their defaults. */
static const struct {
    const char *text;
    int truths;
    double mm, vd;
} table[] = {
    {YES(A1), 1, 1, 2.5},
    {YES(A1 ", " A2), 2, 1, 2.5},
    {YES(A1 ", " WRONG), 2, .8, 2.35}, /* the worked example of VD */
    {YES(A1), 2, .8, 2.4},
    {YES(NEAR), 1, 1, 2.5},
    {YES(LOOSE), 1, .8, 2.35}, /* IoU .5 is not over .5: a miss and a false box */
    {YES(WRONG), 1, .8, 2.35},
    {YES(A1 ", " A1), 1, 1, 2.5}, /* duplicates cover the same box */
    {YES(A1 ", " NEAR ", " WRONG), 1, 1, 2.45},
    {YES(""), 1, .8, 1.4}, /* Yes without boxes: no structure */
    {YES(""), 2, .6, 1.3},
    {T "<answer>Yes.</answer>", 0, 0, 1},
    {YES(A1), 0, 0, 0}, /* boxes on a normal image: no structure */
    {T "<answer>No</answer>", 0, 1, 2},
    {T "<answer>No.</answer>", 0, 1, 2},
    {T "<answer>No</answer>", 1, 0, 0},
    {T "<answer>No. " A1 "</answer>", 0, 1, 1},
    {T "<answer>No. " A1 "</answer>", 1, 0, 1}, /* structure is by truth; the decision is wrong all the same */
    {"", 0, 0, 0},
    {"", 1, 0, 0},
    {"<think>only thinking", 0, 0, 0},
    {"<think>only thinking", 2, 0, 0},
    {"No", 0, 1, 1},
    {"Yes, a scratch.", 1, .8, 1.4},
    {"Yes. " A1, 1, 1, 1.5},
    {"<answer>Yes. " A1 "</answer>", 1, 1, 1.5},
    {T "Yes. " A1, 1, 1, 1.5},
    {T "<answer>Yes. " A1, 1, 1, 1.5},
    {"<answer>Yes. " A1 "</answer>" T, 1, 1, 1.5}, /* tags in the wrong order */
    {"<think><think>x</think></think><answer>No</answer>", 0, 1, 1},
    {T "<answer>No</answer><answer>Yes. " A1 "</answer>", 1, 1, 1.5},
    {T "<answer>Yes. " A1 "</answer><answer>No</answer>", 1, 0, 0},
    {YES(SWAPPED), 1, .8, 1.35}, /* an invalid box misses and is false */
    {YES(A1 ", " SWAPPED), 1, 1, 1.45},
    {YES(FLOATS), 1, 1, 1.5},
    {YES(OUTSIDE), 1, .8, 1.35},
    {T "<answer>" A1 "</answer>", 1, 1, 1.5}, /* implied Yes */
    {YES("{'bbox_2d': [100, 100, 200, 200]}"), 1, 1, 1.5},
    {YES("{'bbox_2d': [100, 100, 200, 200], 'label': ''}"), 1, 1, 1.5},
    {YES("{'bbox_2d': [100, 100, 200], 'label': 'a'}"), 1, .8, 1.4},
    {YES(A1 ", {'bbox_2d': [5"), 1, 1, 1.5},
    {T "<answer>Yes. [{\"bbox_2d\": [100, 100, 200, 200], \"label\": \"a\"}]</answer>", 1, 1, 2.5},
    {T "<answer>yes " A1 "</answer>", 1, 1, 1.5},
    {T "<answer>Perhaps</answer>", 1, 0, 0},
    {YES("{'bbox_2d': [100, 100, 200, 200], 'label': '\xc3\xbc\xe2\x9c\x93'}"), 1, 1, 2.5},
    {"\xff\xfe<answer>\xff", 1, 0, 0},
};

static gad_score score_text(const char *text, size_t truths, bool anomalous, const gad_score_cover *cover)
{
    static const gad_box boxes[2] = {{100, 100, 200, 200}, {300, 300, 400, 400}};
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    gad_answer answer;
    gad_score score;
    ASSERT_OK(gad_answer_read(text, strlen(text), &frame, &answer, &err), &err);
    gad_score_truth truth = {anomalous, boxes, truths};
    ASSERT_OK(gad_score_answer(&answer, &truth, cover, &score, &err), &err);
    gad_answer_free(&answer);
    return score;
}

static void test_reward_table(void **state)
{
    (void)state;
    gad_score_mm mm = gad_score_mm_default();
    gad_score_vd vd = gad_score_vd_default();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        gad_score score = score_text(table[i].text, (size_t)table[i].truths, table[i].truths > 0, NULL);
        double got_mm = gad_score_reward_mm(&score, &mm), got_vd = gad_score_reward_vd(&score, &vd);
        if (fabs(got_mm - table[i].mm) > 1e-12 || fabs(got_vd - table[i].vd) > 1e-12)
            fail_msg("row %zu: %s with %d true boxes: mm %g (expected %g), vd %g (expected %g)", i, table[i].text,
                     table[i].truths, got_mm, table[i].mm, got_vd, table[i].vd);
    }
}

static void test_many_boxes(void **state)
{
    (void)state;
    gad_string text = {0};
    gad_string_add(&text, T "<answer>Yes. " A1);
    for (int i = 0; i < 100; i++)
        gad_string_addf(&text, ", {'bbox_2d': [%d, 500, %d, 510], 'label': 'x'}", i * 8, i * 8 + 4);
    gad_string_add(&text, "</answer>");
    gad_score score = score_text(text.data, 1, true, NULL);
    assert_int_equal(score.n_fp, 100);
    assert_int_equal(score.n_miss, 0);
    gad_score_mm mm = gad_score_mm_default();
    gad_score_vd vd = gad_score_vd_default();
    assert_true(gad_score_reward_mm(&score, &mm) == 1);
    assert_true(gad_score_reward_vd(&score, &vd) == 2); /* the box term stops at 0 */
    mm.false_box = 0.1;
    assert_true(gad_score_reward_mm(&score, &mm) == -1); /* the lower bound */
    gad_string_free(&text);
}

static void test_options(void **state)
{
    (void)state;
    gad_score_mm mm = gad_score_mm_default();
    gad_score score = score_text(T "<answer>No</answer>", 2, true, NULL);
    assert_int_equal(score.n_miss, 2);
    assert_true(gad_score_reward_mm(&score, &mm) == 0);
    mm.when_wrong = true;
    assert_true(fabs(gad_score_reward_mm(&score, &mm) + 0.4) < 1e-12);
    mm.lower_bound = 0;
    assert_true(gad_score_reward_mm(&score, &mm) == 0);
    score = score_text(YES(LOOSE), 1, true, &(gad_score_cover){.iou = 0.5, .inclusive = true});
    assert_int_equal(score.n_miss + score.n_fp, 0);
    score = score_text(YES("{'bbox_2d': [100, 100, 200, 115], 'label': 'a'}"), 1, true, &(gad_score_cover){.iou = 0.1});
    assert_int_equal(score.n_miss + score.n_fp, 0);
}

static void assert_local(gad_score_local got, size_t tp, size_t fp, size_t fn, size_t found, size_t right)
{
    assert_int_equal(got.tp, tp);
    assert_int_equal(got.fp, fp);
    assert_int_equal(got.fn, fn);
    assert_int_equal(got.truth_found, found);
    assert_int_equal(got.prediction_right, right);
}

/* The table of edge cases of the benchmark. */
static void test_edge_cases(void **state)
{
    (void)state;
    gad_score score = score_text(T "<answer>Yes.</answer>", 2, true, NULL);
    assert_true(score.right);
    assert_local(score.at_01, 0, 0, 2, 0, 0);
    score = score_text(T "<answer>No. " A1 "</answer>", 2, true, NULL);
    assert_false(score.right || score.unparsable);
    assert_int_equal(score.predictions, 0);
    assert_local(score.at_01, 0, 0, 2, 0, 0);
    assert_true(score.mask_iou == 0 && score.mean_iou == 0);
    score = score_text("<think>x " A1, 2, true, NULL);
    assert_true(score.unparsable);
    assert_false(score.right);
    assert_local(score.at_01, 0, 0, 2, 0, 0);
    score = score_text("<think>x", 0, false, NULL);
    assert_true(score.unparsable && !score.right);
    score = score_text(YES(A1 ", " WRONG), 0, false, NULL);
    assert_int_equal(score.predictions, 2);
    assert_false(score.right);
    score = score_text(YES(A1 ", " A1), 1, true, NULL);
    assert_local(score.at_05, 1, 1, 0, 1, 2);
    score = score_text(YES(A1 ", " SWAPPED), 1, true, NULL);
    assert_local(score.at_01, 1, 1, 0, 1, 1);
    score = score_text(YES(LOOSE), 1, true, NULL);
    assert_local(score.at_05, 1, 0, 0, 1, 1);
    assert_true(fabs(score.mask_iou - 0.5) < 1e-12 && fabs(score.mean_iou - 0.5) < 1e-12);
    score = score_text(YES(A1 ", " A2 ", " WRONG), 2, true, NULL);
    assert_true(fabs(score.mask_iou - 2.0 / 3) < 1e-12 && score.mean_iou == 1);
    score = score_text(YES("{'bbox_2d': [100, 100, 400, 400], 'label': 'a'}"), 2, true, NULL); /* IoU 1/9 with both */
    assert_local(score.at_01, 1, 0, 1, 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reward_table),
        cmocka_unit_test(test_many_boxes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_edge_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
