/* Marks of regions, from the content to the reward: a fresh small model of ours, whose vocabulary has them. */
#include <stdio.h>
#include <string.h>

#include "api/train_setup.h"
#include "base/file.h"
#include "gad_train.h"
#include "support/support.h"
#include "task/account.h"
#include "train/reward.h"
#include "train/shown.h"

typedef struct bench {
    gad_train_settings settings;
    gad_train_setup setup;
    gad_example example;
} bench;

/* A defective pair: sample n of the synthetic ones. */
static int open_bench(void **state)
{
    static bench b;
    gad_error err;
    bool ready;
    const char *folder = support_scratch(GAD_TEST_TMP, "model"), *out = support_scratch(GAD_TEST_TMP, "run");
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    gad_new_settings fresh = {.preset = "xs", .out = folder, .difference = true, .seed = 1};
    ASSERT_OK(gad_model_new(&fresh, &err), &err);
    b.settings = gad_train_sft_default();
    b.settings.model = folder;
    b.settings.out = out;
    b.settings.synth.width = b.settings.synth.height = 64;
    b.settings.synth.normal_share = 0;
    b.settings.synth.strength_low = 0.8;
    b.settings.synth.nuisance = 0;
    b.settings.synth.same_piece = 1;
    b.settings.think = false;
    b.settings.train = "all";
    b.settings.batch = 1;
    b.settings.schedule.steps = 1;
    b.settings.eval_every = -1;
    b.settings.threads = 1;
    ASSERT_OK(gad_train_setup_open(&b.settings, GAD_TRAIN_SFT, &b.setup, &ready, &err), &err);
    for (int64_t n = 0; !b.example.region_count; n++) {
        gad_example_free(&b.example);
        ASSERT_OK(b.setup.train.get(b.setup.train.user, n, &b.example, &err), &err);
    }
    *state = &b;
    return 0;
}

static int close_bench(void **state)
{
    bench *b = *state;
    gad_example_free(&b->example);
    gad_train_setup_close(&b->setup);
    return 0;
}

static void test_the_answer_has_marks(void **state)
{
    const bench *b = *state;
    const gad_example *e = &b->example;
    gad_error err;
    gad_string text = {0};
    const gad_tokenizer *t = b->setup.engine->tokenizer;
    assert_true(e->points);
    assert_int_equal(e->ids[e->decision - 1], gad_tokenizer_find(t, "<answer>"));
    assert_int_equal(e->first_region_token, gad_tokenizer_find(t, "<|region_1|>"));
    int64_t mark = e->decision;
    while (mark < e->count && e->ids[mark] != e->first_region_token)
        mark++;
    assert_true(mark < e->count);
    ASSERT_OK(gad_tokenizer_decode(t, e->ids + e->decision, 1, false, &text, &err), &err);
    assert_string_equal(gad_string_text(&text), "Yes");
    gad_string_free(&text);
}

/* The true answer is worth everything when the marks mean the true boxes, and little when they mean others. */
static void test_the_reward_reads_them(void **state)
{
    bench *b = *state;
    gad_example *e = &b->example;
    gad_error err;
    gad_reward_judge judge;
    gad_reward right, wrong;
    ASSERT_OK(gad_reward_open(b->setup.engine->tokenizer, &b->settings.reward, &judge, &err), &err);
    e->shown_count = e->region_count;
    for (int i = 0; i < e->shown_count; i++)
        e->shown[i] = e->truth.boxes[i];
    const int32_t *answer = e->ids + e->prompt_count;
    int64_t count = e->count - e->prompt_count;
    ASSERT_OK(gad_reward_give(&judge, e, answer, count, false, &right, &err), &err);
    assert_int_equal(right.score.at_05.tp, e->truth.count);
    assert_int_equal(right.score.at_05.fp + right.score.at_05.fn, 0);
    e->shown_count = 0;
    ASSERT_OK(gad_reward_give(&judge, e, answer, count, false, &wrong, &err), &err);
    assert_int_equal(wrong.score.at_05.tp, 0);
    assert_true(right.total > wrong.total);
    gad_string_free(&right.text);
    gad_string_free(&wrong.text);
    gad_reward_close(&judge);
}

/* What is shown is inside the picture; there is always a first region. */
static void test_shown(void **state)
{
    bench *b = *state;
    gad_error err;
    gad_step step = gad_step_make(&b->setup.engine->model, &b->setup.engine->device, false);
    ASSERT_OK(gad_shown_find(&step, &b->example, &err), &err);
    assert_in_range(b->example.shown_count, 1, GAD_POINTER_TOKENS);
    for (int i = 0; i < b->example.shown_count; i++) {
        const gad_box *v = &b->example.shown[i];
        assert_true(v->x1 >= 0 && v->x1 < v->x2 && v->x2 <= 64 && v->y1 >= 0 && v->y1 < v->y2 && v->y2 <= 64);
    }
}

static int64_t count_id(const gad_example *e, int64_t from, int32_t id, float weight)
{
    int64_t n = 0;
    for (int64_t i = from; i < e->count; i++)
        n += e->ids[i] == id && e->weight[i] == weight;
    return n;
}

/* The answer to learn names the region that lies on the truth, wherever it stands in the list; without one it learns up to
 * the box. */
static void test_names_what_is_shown(void **state)
{
    bench *b = *state;
    gad_example *e = &b->example;
    const gad_box truth = e->truth.boxes[0];
    const int32_t first = e->first_region_token;
    assert_true(count_id(e, e->decision, first, 1) == 1);
    e->shown_count = 3;
    e->shown[0] = (gad_box){truth.x1, truth.y1, truth.x1 + 0.15 * (truth.x2 - truth.x1), truth.y2};
    e->shown[1] = (gad_box){0, 0, 1, 1};
    e->shown[2] = truth;
    gad_shown_name(e);
    assert_int_equal(count_id(e, e->prompt_count, first, 1), 0);
    assert_true(count_id(e, e->decision, first + 2, 1) == 1);
    assert_true(e->weight[e->count - 1] == 1);
    for (int64_t i = e->prompt_count; i < e->count; i++) /* back to what it was */
        e->ids[i] = e->ids[i] == first + 2 ? first : e->ids[i];
    e->shown_count = 2;
    e->shown[0] = e->shown[1];
    gad_shown_name(e);
    assert_int_equal(count_id(e, e->prompt_count, first, 1), 0);
    assert_true(e->weight[e->decision] == 1 && e->weight[e->count - 1] == 0);
}

/* The answer anew: marks of the regions that lie on the truth, an account that says only what was measured of them, the
 * label where the evidence is clear. Where no region is on the truth the decision alone is learnt. */
static void test_retold(void **state)
{
    bench *b = *state;
    gad_example *e = &b->example;
    gad_error err;
    gad_string text = {0};
    const gad_box truth = e->truth.boxes[0];
    const int64_t prompt = e->prompt_count;
    e->reasons = true;
    e->truth.count = 1;
    e->shown_count = 2;
    e->shown[0] = (gad_box){0, 0, 1, 1};
    e->shown[1] = truth;
    e->words[0] = (gad_words){{[GAD_WORD_TONE] = 3, [GAD_WORD_LEVEL] = 3}};
    e->words[1] = (gad_words){{1, 4, 0, 2, 3, 1, 1, 0, 5}};
    ASSERT_OK(gad_example_maker_retell(&b->setup.maker, e, &err), &err);
    assert_int_equal(e->prompt_count, prompt);
    for (int64_t i = 0; i < e->count; i++)
        assert_true(e->weight[i] == (i < prompt ? 0 : 1));
    assert_int_equal(count_id(e, e->decision, e->first_region_token + 1, 1), 1);
    assert_int_equal(count_id(e, e->decision, e->first_region_token, 1), 0);
    ASSERT_OK(
        gad_tokenizer_decode(b->setup.engine->tokenizer, e->ids + prompt, (size_t)(e->count - prompt), false, &text, &err),
        &err);
    char *think = strstr(gad_string_text(&text), "<think>\n") + 8, *end = strstr(think, "\n</think>");
    assert_true(think < end);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "'label': '%s'}</answer>", e->labels);
    assert_non_null(strstr(end, wanted));
    *end = 0;
    gad_account_faults faults = gad_account_check(think, &e->words[1], 1, e->object, e->labels);
    if (faults.broken || faults.unmeasured)
        fail_msg("%s in: %s", faults.first, think);
    gad_string_free(&text);
    b->setup.maker.reasoning_only = true;
    ASSERT_OK(gad_example_maker_retell(&b->setup.maker, e, &err), &err);
    b->setup.maker.reasoning_only = false;
    for (int64_t i = 0; i < e->count; i++)
        assert_true(e->weight[i] == (i < prompt || i >= e->decision ? 0 : 1));
    e->shown_count = 1;
    ASSERT_OK(gad_example_maker_retell(&b->setup.maker, e, &err), &err);
    for (int64_t i = 0; i < e->count; i++)
        assert_true(e->weight[i] == (i == e->decision ? 1 : 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_answer_has_marks),
                                       cmocka_unit_test(test_the_reward_reads_them), cmocka_unit_test(test_shown),
                                       cmocka_unit_test(test_names_what_is_shown), cmocka_unit_test(test_retold)};
    return cmocka_run_group_tests(tests, open_bench, close_bench);
}
