/* reward: ids become text and rewards (the table of strings is in tests/task/test_score.c), and a program of the user's
 * gives them: well, slowly, in no form at all, or not any more. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"
#include "train/reward.h"

#define THINK "<think>\nreasoning\n</think>"
#define FOUND THINK "<answer>Yes. {'bbox_2d': [10, 10, 60, 60], 'label': 'hole'}</answer>"

static gad_tokenizer *tokenizer;
static const gad_box hole = {10, 10, 60, 60};

static int load(void **state)
{
    (void)state;
    gad_error err;
    ASSERT_OK(gad_tokenizer_load(support_source("tests/fixtures/qwen25/model"), &tokenizer, &err), &err);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    gad_tokenizer_free(tokenizer);
    return 0;
}

static gad_example example_of(bool anomalous)
{
    return (gad_example){.truth = {anomalous, anomalous ? &hole : NULL, anomalous ? 1 : 0},
                         .frame = gad_box_frame_make(GAD_BOX_INPUT, GAD_BOX_XY, 100, 80, 100, 80)};
}

static gad_status give_cut(gad_reward_judge *judge, bool anomalous, const char *text, bool cut, gad_reward *reward,
                           gad_error *err)
{
    gad_tokenizer_ids ids = {0};
    gad_example example = example_of(anomalous);
    ASSERT_OK(gad_tokenizer_encode(tokenizer, text, strlen(text), GAD_TOKENIZER_WORDS, &ids, err), err);
    gad_status status = gad_reward_give(judge, &example, ids.id, (int64_t)ids.count, cut, reward, err);
    gad_tokenizer_ids_free(&ids);
    return status;
}

static gad_status give(gad_reward_judge *judge, bool anomalous, const char *text, gad_reward *reward, gad_error *err)
{
    return give_cut(judge, anomalous, text, false, reward, err);
}

/* A word in reasoning that was cut is no answer; an answer that was given before the cut is one. */
static void test_cut(void **state)
{
    (void)state;
    gad_error err;
    gad_reward_judge judge;
    gad_reward reward;
    const gad_reward_settings settings = gad_reward_default();
    ASSERT_OK(gad_reward_open(tokenizer, &settings, &judge, &err), &err);
    ASSERT_OK(give_cut(&judge, false, "Let me look. No, that is a reflection. Now the", true, &reward, &err), &err);
    assert_true(fabs(reward.total) < 1e-9);
    assert_true(reward.score.unparsable);
    gad_string_free(&reward.text);
    ASSERT_OK(give_cut(&judge, false, THINK "<answer>No</answer>", true, &reward, &err), &err);
    assert_true(fabs(reward.total - 1) < 1e-9);
    gad_string_free(&reward.text);
    gad_reward_close(&judge);
}

static void test_papers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool anomalous;
        double mm, vd;
    } cases[] = {{FOUND, true, 1, 2.5},
                 {FOUND, false, 0, 0},
                 {THINK "<answer>No</answer>", false, 1, 2},
                 {THINK "<answer>No</answer>", true, 0, 0},
                 {THINK "<answer>Yes.</answer>", true, .8, 1.4},
                 {"", true, 0, 0},
                 {"!!!!!!!!", false, 0, 0}};
    for (int vd = 0; vd < 2; vd++) {
        gad_error err;
        gad_reward_judge judge;
        gad_reward_settings settings = gad_reward_default();
        settings.kind = vd ? "vd" : "mmr";
        ASSERT_OK(gad_reward_open(tokenizer, &settings, &judge, &err), &err);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            gad_reward reward;
            ASSERT_OK(give(&judge, cases[i].anomalous, cases[i].text, &reward, &err), &err);
            assert_true(fabs(reward.total - (vd ? cases[i].vd : cases[i].mm)) < 1e-9);
            assert_string_equal(gad_string_text(&reward.text), cases[i].text);
            gad_string_free(&reward.text);
        }
        gad_reward_close(&judge);
    }
}

/* The parts that the command line reaches. */
static void test_parts(void **state)
{
    (void)state;
    static const struct {
        double iou, miss, false_box, floor, expected;
        const char *text;
    } cases[] = {{.5, .2, 0, -1, 1, FOUND},
                 {.5, .2, 0, -1, .8, THINK "<answer>Yes.</answer>"},
                 {.5, .7, 0, -1, .3, THINK "<answer>Yes.</answer>"},
                 {.5, 3, 0, -1, -1, THINK "<answer>Yes.</answer>"},
                 {.5, 3, 0, -.5, -.5, THINK "<answer>Yes.</answer>"},
                 {.5, .2, .25, -1, .55, THINK "<answer>Yes. {'bbox_2d': [0, 0, 1, 1], 'label': 'dent'}</answer>"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_error err;
        gad_reward_judge judge;
        gad_reward reward;
        const gad_reward_settings settings = gad_reward_default();
        ASSERT_OK(gad_reward_open(tokenizer, &settings, &judge, &err), &err);
        judge.parts.cover.iou = cases[i].iou;
        judge.parts.mm.miss = cases[i].miss;
        judge.parts.mm.false_box = cases[i].false_box;
        judge.parts.mm.lower_bound = cases[i].floor;
        ASSERT_OK(give(&judge, true, cases[i].text, &reward, &err), &err);
        if (fabs(reward.total - cases[i].expected) > 1e-9)
            fail_msg("case %zu: %g", i, reward.total);
        gad_string_free(&reward.text);
        gad_reward_close(&judge);
    }
}

/* What the command answers to `count` answers; NaN where it fails, with `cause` in the message. */
static void ask(const char *command, int count, const double *expected, const char *cause)
{
    gad_error err;
    gad_reward_judge judge;
    gad_reward_settings settings = gad_reward_default();
    settings.command = command;
    settings.timeout_s = 20;
    ASSERT_OK(gad_reward_open(tokenizer, &settings, &judge, &err), &err);
    for (int i = 0; i < count; i++) {
        gad_reward reward;
        gad_status status = give(&judge, true, FOUND, &reward, &err);
        if (isnan(expected[i])) {
            assert_int_not_equal(status, GAD_OK);
            if (!strstr(err.cause, cause))
                fail_msg("\"%s\" is not in: %s", cause, err.cause);
        } else {
            ASSERT_OK(status, &err);
            assert_true(fabs(reward.total - expected[i]) < 1e-9);
        }
        gad_string_free(&reward.text);
    }
    gad_reward_close(&judge);
}

static void test_own_program(void **state)
{
    (void)state;
    const double none = (double)NAN;
    /* it sees the text, the truth and the boxes */
    ask("while read line; do case \"$line\" in *'\"text\":'*Yes*'\"anomalous\":true'*'[10,10,60,60]'*) echo 0.75;; "
        "*) echo -1;; esac; done",
        2, (double[]){0.75, 0.75}, "");
    ask("read line; sleep 1; echo 2.5; read line; echo 1e-3", 2, (double[]){2.5, 1e-3}, ""); /* slow */
    ask("read line; echo good", 1, &none, "good");
    ask("read line; echo 0.5 points", 1, &none, "0.5 points");
    ask("read line; echo", 1, &none, "");
    ask("read line; echo 0.5", 2, (double[]){0.5, none}, "no answer"); /* dies after one */
    ask("exit 3", 1, &none, "no answer");
    ask("/no/such/program", 1, &none, "no answer");
    ask("read line; echo nan", 1, &none, "nan");
}

/* A program that hangs costs its time and is ended, with what it started. */
static void test_hanging_program(void **state)
{
    (void)state;
    gad_error err;
    gad_reward_judge judge;
    gad_reward reward;
    gad_reward_settings settings = gad_reward_default();
    settings.command = "sleep 1000 & wait";
    settings.timeout_s = 1;
    ASSERT_OK(gad_reward_open(tokenizer, &settings, &judge, &err), &err);
    assert_int_equal(give(&judge, true, FOUND, &reward, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "within 1 s"));
    pid_t program = judge.program;
    gad_string_free(&reward.text);
    gad_reward_close(&judge);
    int left = 0; /* nobody stays in its group, once init has noticed */
    for (int i = 0; i < 200 && (left = kill(-program, 0)) == 0; i++)
        usleep(10000);
    assert_int_equal(left, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),           cmocka_unit_test(test_cut),
        cmocka_unit_test(test_papers),          cmocka_unit_test(test_own_program),
        cmocka_unit_test(test_hanging_program),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
