/* quadrant: the whole way in small: from random weights a tiny model learns by SFT to say which quadrant changed, then by
 * GRPO to say it more often; and without contrastive sampling more groups teach nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/shape.h"
#include "model/weights.h"
#include "train/grpo.h"
#include "train/quadrant.h"
#include "train/sft.h"
#include "train/tiny.h"

enum { BATCH = 32, SFT_STEPS = 230, PROMPTS = 16, GROUP = 4, GRPO_STEPS = 80, HELD_OUT = 200 };
static const int32_t stops[] = {QUADRANT_END};

typedef struct pupil {
    gad_model model;
    gad_device device;
    gad_dist dist;
    quadrant task, held_out;
    gad_source source, evaluation;
} pupil;

static void train_all(pupil *p)
{
    gad_error err;
    for (size_t i = 0; i < p->model.params.count; i++)
        ASSERT_OK(gad_param_train(p->model.params.item[i], true, &p->device, &err), &err);
}

static void open_pupil(pupil *p)
{
    gad_error err;
    gad_config config;
    *p = (pupil){.dist = {.size = 1}};
    ASSERT_OK(gad_shape_find("gad-xs", &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &p->model, &err), &err);
    ASSERT_OK(gad_weights_random(&p->model, 1, GAD_F32, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&p->device, 2, &err), &err);
    p->task = quadrant_make(&config, 3);
    p->held_out = quadrant_make(&config, 4);
    p->source = quadrant_source(&p->task, 0);
    p->evaluation = quadrant_source(&p->held_out, HELD_OUT);
    train_all(p);
}

static void close_pupil(pupil *p)
{
    gad_model_free(&p->model);
    gad_device_close(&p->device);
}

/* Half a point for knowing whether something changed, half for the place; an answer in another form gets nothing. */
static gad_status judge(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                        gad_reward *reward, gad_error *err)
{
    (void)user, (void)err, (void)cut;
    int truth = example->ids[example->prompt_count] - QUADRANT_NONE;
    bool formed = count == 3 && id[0] >= QUADRANT_NONE && id[0] <= QUADRANT_NONE + 4 && id[1] == QUADRANT_CLOSE;
    int said = formed ? id[0] - QUADRANT_NONE : -1;
    gad_score score = {.anomalous = truth > 0, .unparsable = !formed, .truths = truth > 0};
    score.decision = !formed ? GAD_ANSWER_NONE : said ? GAD_ANSWER_YES : GAD_ANSWER_NO;
    score.right = formed && (said > 0) == (truth > 0);
    score.at_05 =
        (gad_score_local){.tp = truth && said == truth, .fp = said > 0 && said != truth, .fn = truth && said != truth};
    score.mean_iou = truth && said == truth;
    *reward = (gad_reward){.total = 0.5 * score.right + 0.5 * (said == truth), .score = score};
    return GAD_OK;
}

static const gad_answering answering = {.stop = stops, .stop_count = 1, .judge = judge};

typedef struct marks {
    double reward, decision, place;
} marks;

/* Greedy answers to samples that were never shown. */
static marks examine(pupil *p)
{
    gad_error err;
    gad_metrics metrics = {0};
    gad_evaluation evaluation = {.source = &p->evaluation, .count = HELD_OUT, .max_tokens = 4, .answering = answering};
    gad_step step = gad_step_make(&p->model, &p->device, false);
    ASSERT_OK(gad_evaluation_run(&evaluation, &step, &p->dist, &metrics, &err), &err);
    return (marks){gad_metrics_value(&metrics, "eval_reward"), gad_metrics_value(&metrics, "eval_decision_acc"),
                   gad_metrics_value(&metrics, "eval_loc_05")};
}

static void run(pupil *p, const gad_trainer_task *task, int64_t steps, double rate, const char *out)
{
    gad_error err;
    gad_train_settings settings = {
        .save_every = -1,
        .eval_every = -1,
        .schedule = {.kind = GAD_SCHEDULE_CONSTANT, .peak = rate, .warmup = 5, .steps = steps},
        .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.01, .clip = 1}};
    const gad_checkpoint_settings checkpoint = {.out = out, .dtype = GAD_F32, .keep = 1, .signature = "quadrant"};
    if (out)
        gad_file_remove(out, NULL);
    ASSERT_OK(gad_trainer_run(&settings, &checkpoint, &p->model, &p->device, &p->dist, task, NULL, NULL, &err), &err);
}

static void learn_by_heart(pupil *p)
{
    gad_error err;
    gad_sft sft;
    gad_train_settings settings = {.batch = BATCH, .micro_tokens = 4096, .seed = 7, .text_weight = 1};
    ASSERT_OK(gad_sft_open(&settings, &answering, &p->source, NULL, &p->model, &p->device, &sft, &err), &err);
    gad_trainer_task task = gad_sft_task(&sft);
    run(p, &task, SFT_STEPS, 2e-3, NULL);
    gad_sft_close(&sft);
}

static void learn_by_reward(pupil *p, gad_zero_variance equal, const char *out)
{
    gad_error err;
    gad_grpo grpo;
    gad_train_settings settings = {.batch = PROMPTS,
                                   .group = GROUP,
                                   .max_new_tokens = 4,
                                   .temperature = 1,
                                   .loss = {.clip_low = 0.2, .clip_high = 0.28, .kl = 0.01},
                                   .scale_by_deviation = true,
                                   .mask_truncated = true,
                                   .share_prefix = true,
                                   .zero_variance = equal,
                                   .positive = 1,
                                   .seed = 2};
    ASSERT_OK(gad_grpo_open(&settings, &answering, &p->source, NULL, &p->model, &p->device, &grpo, &err), &err);
    gad_trainer_task task = gad_grpo_task(&grpo);
    run(p, &task, GRPO_STEPS, 3e-4, out);
    gad_grpo_close(&grpo);
}

/* Mean of a metric over the steps from..to-1 of a run's log. */
static double mean_of(const char *out, const char *name, int from, int to)
{
    gad_error err;
    char *text = NULL, key[64];
    size_t size;
    double sum = 0;
    int step = 0;
    ASSERT_OK(gad_file_read(support_scratch(out, "log.jsonl"), 1 << 22, &text, &size, &err), &err);
    snprintf(key, sizeof key, "\"%s\":", name);
    for (const char *at = strstr(text, key); at && step < to; at = strstr(at + 1, key), step++)
        sum += step >= from ? strtod(at + strlen(key), NULL) : 0;
    assert_int_equal(step, to);
    gad_memory_free(text);
    return sum / (to - from);
}

static float *keep_weights(const pupil *p)
{
    int64_t n = 0;
    for (size_t i = 0; i < p->model.params.count; i++)
        n += gad_param_count(p->model.params.item[i]);
    float *all = malloc((size_t)n * sizeof *all), *at = all;
    for (size_t i = 0; i < p->model.params.count; at += gad_param_count(p->model.params.item[i++]))
        memcpy(at, p->model.params.item[i]->owned, (size_t)gad_param_count(p->model.params.item[i]) * sizeof *at);
    return all;
}

static void put_weights(pupil *p, const float *all)
{
    for (size_t i = 0; i < p->model.params.count; all += gad_param_count(p->model.params.item[i++]))
        memcpy(p->model.params.item[i]->owned, all, (size_t)gad_param_count(p->model.params.item[i]) * sizeof *all);
}

static void test_which_quadrant_changed(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_which_quadrant_changed");
    pupil p;
    open_pupil(&p);
    learn_by_heart(&p);
    float *start = keep_weights(&p);
    marks taught = examine(&p), rewarded[2];
    double equal[2];
    for (int contrast = 0; contrast < 2; contrast++) {
        const char *out = support_scratch(GAD_TEST_TMP, contrast ? "contrast" : "plain");
        put_weights(&p, start);
        learn_by_reward(&p, contrast ? GAD_ZERO_VARIANCE_CONTRAST : GAD_ZERO_VARIANCE_KEEP, out);
        rewarded[contrast] = examine(&p);
        equal[contrast] = mean_of(out, "frac_reward_zero_std", 0, 10);
    }
    print_message("after %d SFT steps: reward %.3f, decision %.3f, place %.3f\n", SFT_STEPS, taught.reward, taught.decision,
                  taught.place);
    for (int contrast = 0; contrast < 2; contrast++)
        print_message("and %d GRPO steps %s: reward %.3f, decision %.3f, place %.3f; groups of "
                      "equal rewards at first %.3f\n",
                      GRPO_STEPS, contrast ? "with contrastive sampling" : "without", rewarded[contrast].reward,
                      rewarded[contrast].decision, rewarded[contrast].place, equal[contrast]);
    assert_true(taught.decision > 0.8 && taught.place > 0.2 && taught.place < 0.9);
    /* the margins leave room for processors that round otherwise */
    assert_true(rewarded[1].reward > taught.reward + 0.02 && rewarded[1].place > taught.place + 0.05);
    assert_true(equal[1] < equal[0]);
    free(start);
    close_pupil(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_which_quadrant_changed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
