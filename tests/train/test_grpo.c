/* grpo: the formulas against finite differences and identities; shared prompts change nothing; the first update of a batch
 * sees probability ratios of 1; a bandit is learned; contrastive sampling puts a right answer into groups without one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/adapter.h"
#include "model/shape.h"
#include "model/weights.h"
#include "train/grpo.h"
#include "train/quadrant.h"
#include "train/tiny.h"

/* ---- formulas ------------------------------------------------------------------------------------------------------ */

static void test_token_derivative(void **state)
{
    (void)state;
    static const double advantages[] = {-2, -0.5, 0, 0.7, 2}, logs[] = {-6, -2.1, -1.9, -0.3};
    static const gad_advantage_loss losses[] = {{.clip_low = 0.2, .clip_high = 0.28},
                                                {.clip_low = 0.2, .clip_high = 0.28, .kl = 0.04},
                                                {.clip_low = 0.2, .clip_high = 0.28, .dual = 3}};
    for (int k = 0; k < 3; k++)
        for (int a = 0; a < 5; a++)
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) {
                    double d, ignored, h = 1e-6, reference = -1.5;
                    bool clipped;
                    gad_advantage_token(&losses[k], advantages[a], logs[i], logs[j], reference, &d, &clipped);
                    double up =
                        gad_advantage_token(&losses[k], advantages[a], logs[i] + h, logs[j], reference, &ignored, &clipped);
                    double down =
                        gad_advantage_token(&losses[k], advantages[a], logs[i] - h, logs[j], reference, &ignored, &clipped);
                    double numeric = (up - down) / (2 * h);
                    assert_true(fabs(numeric - d) < 1e-6 * fmax(1, fabs(d)));
                }
    double d;
    bool clipped;
    /* on policy: REINFORCE with the advantage; no divergence when the policies agree; nothing overflows */
    gad_advantage_token(&losses[1], 1.5, -3, -3, -3, &d, &clipped);
    assert_true(fabs(d + 1.5) < 1e-12 && !clipped);
    /* the loss of a wrong answer that became twenty times as probable: unbounded by default, 3 advantages with dual clip */
    assert_true(fabs(gad_advantage_token(&losses[0], -1, log(20), 0, 0, &d, &clipped) - 20) < 1e-9 && d > 0);
    assert_true(fabs(gad_advantage_token(&losses[2], -1, log(20), 0, 0, &d, &clipped) - 3) < 1e-9 && d == 0);
    assert_true(isfinite(gad_advantage_token(&losses[1], 1, -1e4, 0, 1e4, &d, &clipped)) && isfinite(d));
}

static void test_group_advantages(void **state)
{
    (void)state;
    double reward[] = {1, 0, 0, 1, 0.5}, shifted[5], a[5], b[5], sum = 0;
    assert_true(gad_advantage_group(reward, 5, true, a) > 0);
    for (int i = 0; i < 5; i++) {
        sum += a[i];
        shifted[i] = reward[i] + 7;
    }
    assert_true(fabs(sum) < 1e-12);
    gad_advantage_group(shifted, 5, true, b);
    for (int i = 0; i < 5; i++)
        assert_true(fabs(a[i] - b[i]) < 1e-9);
    double equal[] = {1, 1, 1}, one[] = {3}, missing[] = {1, (double)NAN, 0};
    assert_true(gad_advantage_group(equal, 3, true, a) == 0 && a[0] == 0 && a[2] == 0);
    assert_true(gad_advantage_group(one, 1, true, a) == 0 && a[0] == 0);
    assert_true(gad_advantage_group(missing, 3, true, a) > 0 && a[1] == 0 && a[0] > 0 && a[2] < 0);
}

/* ---- a pupil ------------------------------------------------------------------------------------------------------- */

typedef struct pupil {
    gad_model model;
    gad_device device;
    gad_dist dist;
    quadrant task;
    gad_source source;
} pupil;

static void open_pupil(pupil *p)
{
    gad_error err;
    gad_config config;
    *p = (pupil){.dist = {.size = 1}};
    ASSERT_OK(gad_shape_find("gad-xs", &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &p->model, &err), &err);
    ASSERT_OK(gad_weights_random(&p->model, 1, GAD_F32, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&p->device, 1, &err), &err);
    p->task = quadrant_make(&config, 3);
    p->source = quadrant_source(&p->task, 0);
}

static void train_language(pupil *p)
{
    gad_error err;
    for (size_t i = 0; i < p->model.params.count; i++) {
        gad_param *param = p->model.params.item[i];
        ASSERT_OK(gad_param_train(param, !strncmp(param->name, "model.", 6), &p->device, &err), &err);
    }
}

static void close_pupil(pupil *p)
{
    gad_model_free(&p->model);
    gad_device_close(&p->device);
}

static const int32_t stops[] = {QUADRANT_END};

static void test_shared_prompt_gives_the_same_answers(void **state)
{
    (void)state;
    enum { GROUP = 5 };
    gad_error err;
    pupil p;
    gad_example example;
    open_pupil(&p);
    ASSERT_OK(p.source.get(p.source.user, 4, &example, &err), &err);
    gad_step step = gad_step_make(&p.model, &p.device, false);
    gad_segment prompt = gad_example_segment(&example);
    prompt.count = example.prompt_count;
    gad_rollout_settings shared = {.group = GROUP,
                                   .max_tokens = 7,
                                   .temperature = 1,
                                   .stop = stops,
                                   .stop_count = 1,
                                   .share_prefix = true},
                         apart = shared;
    apart.share_prefix = false;
    gad_rollout_answer a[GROUP], b[GROUP];
    ASSERT_OK(gad_rollout_run(&step, &prompt, &shared, 5, a, &err), &err);
    ASSERT_OK(gad_rollout_run(&step, &prompt, &apart, 5, b, &err), &err);
    for (int i = 0; i < GROUP; i++) {
        assert_int_equal(a[i].count, b[i].count);
        assert_memory_equal(a[i].id, b[i].id, (size_t)a[i].count * sizeof(int32_t));
        for (int64_t t = 0; t < a[i].count; t++)
            assert_true(fabs((double)a[i].logp[t] - (double)b[i].logp[t]) < 1e-5);
        for (int j = 0; j < i; j++) /* each answer has its own random numbers */
            assert_memory_not_equal(a[i].id, a[j].id, 3 * sizeof(int32_t));
    }
    gad_rollout_free(a, GROUP);
    gad_rollout_free(b, GROUP);
    gad_example_free(&example);
    close_pupil(&p);
}

/* ---- training ------------------------------------------------------------------------------------------------------ */

/* Reward for an opening id that leaves 2 when divided by 4. */
static gad_status bandit(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                         gad_reward *reward, gad_error *err)
{
    (void)cut;
    double *seen = user;
    (void)example, (void)err;
    *reward = (gad_reward){.total = count && id[0] % 4 == 2 ? 1 : 0};
    *seen = 0.9 * *seen + 0.1 * reward->total;
    return GAD_OK;
}

/* Settings of a run, and who judges its answers. */
typedef struct grpo_case {
    gad_train_settings s;
    gad_answering a;
} grpo_case;

static grpo_case grpo_settings(void)
{
    return (grpo_case){.s = {.batch = 2,
                             .group = 8,
                             .max_new_tokens = 1,
                             .temperature = 1,
                             .loss = {.clip_low = 0.2, .clip_high = 0.28},
                             .scale_by_deviation = true,
                             .share_prefix = true,
                             .zero_variance = GAD_ZERO_VARIANCE_KEEP,
                             .positive = 0.5,
                             .seed = 2,
                             .cache_mib = 16},
                       .a = {.stop = stops, .stop_count = 1}};
}

static void run(pupil *p, const grpo_case *settings, double rate, int64_t steps, const char *out)
{
    gad_error err;
    gad_grpo grpo;
    gad_train_settings trainer = {.save_every = -1,
                                  .eval_every = -1,
                                  .schedule = {.peak = rate, .steps = steps},
                                  .optimizer = {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .clip = 1}};
    const gad_checkpoint_settings checkpoint = {.out = out, .dtype = GAD_F32, .keep = 1, .signature = "grpo test"};
    if (out)
        gad_file_remove(out, NULL);
    ASSERT_OK(gad_grpo_open(&settings->s, &settings->a, &p->source, NULL, &p->model, &p->device, &grpo, &err), &err);
    gad_trainer_task task = gad_grpo_task(&grpo);
    ASSERT_OK(gad_trainer_run(&trainer, &checkpoint, &p->model, &p->device, &p->dist, &task, NULL, NULL, &err), &err);
    gad_grpo_close(&grpo);
}

static void test_bandit(void **state)
{
    (void)state;
    pupil p;
    double seen = 0;
    open_pupil(&p);
    train_language(&p);
    grpo_case settings = grpo_settings();
    settings.a.judge = bandit;
    settings.a.judge_user = &seen;
    run(&p, &settings, 2e-3, 200, NULL);
    print_message("bandit: %.3f of the last answers are right\n", seen);
    assert_true(seen > 0.95);
    close_pupil(&p);
}

/* The right quadrant. */
static gad_status quadrant_reward(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                                  gad_reward *reward, gad_error *err)
{
    (void)user, (void)err, (void)cut;
    *reward = (gad_reward){.total = count && id[0] == example->ids[example->prompt_count] ? 1 : 0};
    return GAD_OK;
}

static double log_value(const char *out, const char *name, bool largest)
{
    gad_error err;
    char *text = NULL, key[64];
    size_t size;
    double value = 0;
    ASSERT_OK(gad_file_read(support_scratch(out, "log.jsonl"), 1 << 20, &text, &size, &err), &err);
    snprintf(key, sizeof key, "\"%s\":", name);
    for (const char *at = strstr(text, key); at; at = strstr(at + 1, key)) {
        double found = strtod(at + strlen(key), NULL);
        value = largest ? fmax(value, found) : found;
    }
    gad_memory_free(text);
    return value;
}

static void test_contrast_and_ratio(void **state)
{
    (void)state;
    double equal_share[2], ratio = 0;
    for (int contrast = 0; contrast < 2; contrast++) {
        pupil p;
        const char *out = support_scratch(GAD_TEST_TMP, contrast ? "contrast" : "plain");
        open_pupil(&p);
        train_language(&p);
        grpo_case settings = grpo_settings();
        settings.a.judge = quadrant_reward;
        settings.s.max_new_tokens = 4;
        settings.s.loss.kl = 0.02;
        settings.s.zero_variance = contrast ? GAD_ZERO_VARIANCE_CONTRAST : GAD_ZERO_VARIANCE_KEEP;
        run(&p, &settings, 1e-3, 6, out);
        equal_share[contrast] = log_value(out, "frac_reward_zero_std", true);
        ratio = fmax(ratio, log_value(out, "log_ratio_max", true));
        close_pupil(&p);
    }
    print_message("groups of equal rewards: %.2f without contrastive sampling, %.2f with it; largest log ratio %.2g\n",
                  equal_share[0], equal_share[1], ratio);
    assert_true(equal_share[0] > 0.9 && equal_share[1] == 0);
    assert_true(ratio < 1e-5);
}

/* ---- several updates, one ratio an answer, refilling, entropy ------------------------------------------------------ */

static gad_status no_reward(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                            gad_reward *reward, gad_error *err)
{
    (void)user, (void)example, (void)id, (void)count, (void)err, (void)cut;
    *reward = (gad_reward){0};
    return GAD_OK;
}

/* Weights of the language model after a short run from the same start. */
static float *weights_after(const grpo_case *settings, int64_t steps, const char *out, int64_t *n)
{
    pupil p;
    open_pupil(&p);
    train_language(&p);
    run(&p, settings, 1e-3, steps, out);
    *n = 0;
    for (size_t i = 0; i < p.model.params.count; i++)
        *n += gad_param_count(p.model.params.item[i]);
    float *all = malloc((size_t)*n * sizeof *all), *at = all;
    for (size_t i = 0; i < p.model.params.count; at += gad_param_count(p.model.params.item[i++]))
        memcpy(at, p.model.params.item[i]->value.data, (size_t)gad_param_count(p.model.params.item[i]) * sizeof *at);
    close_pupil(&p);
    return all;
}

static void test_several_updates(void **state)
{
    (void)state;
    const char *out = support_scratch(GAD_TEST_TMP, "updates");
    grpo_case settings = grpo_settings();
    double seen = 0;
    int64_t n;
    settings.a.judge = bandit;
    settings.a.judge_user = &seen;
    settings.s.iterations = 3;
    for (int sequence = 0; sequence < 2; sequence++) {
        gad_error err;
        char *text = NULL;
        size_t size;
        settings.s.ratio = sequence ? GAD_RATIO_SEQUENCE : GAD_RATIO_TOKEN;
        free(weights_after(&settings, 4, out, &n));
        assert_true(log_value(out, "log_ratio_max", true) < 1e-5); /* the first update is on the policy that answered */
        assert_true(log_value(out, "clip_ratio/region_mean", true) > 0); /* the later ones are not */
        ASSERT_OK(gad_file_read(support_scratch(out, "step-000004/trainer.json"), 1 << 20, &text, &size, &err), &err);
        assert_non_null(strstr(text, "\"updates\": 12"));
        gad_memory_free(text);
    }
}

/* At the first update one ratio for an answer and one for each id are both 1, and the gradients are the same. */
static void test_sequence_ratio_starts_as_tokens(void **state)
{
    (void)state;
    grpo_case settings = grpo_settings();
    double seen = 0;
    int64_t n;
    settings.a.judge = bandit;
    settings.a.judge_user = &seen;
    settings.s.max_new_tokens = 5;
    settings.s.aggregation = GAD_AGGREGATE_SEQ_MEAN;
    float *tokens = weights_after(&settings, 1, NULL, &n);
    settings.s.ratio = GAD_RATIO_SEQUENCE;
    settings.s.aggregation = GAD_AGGREGATE_GROUP_TOKEN; /* not asked */
    float *sequence = weights_after(&settings, 1, NULL, &n);
    double apart = 0;
    for (int64_t i = 0; i < n; i++)
        apart += fabs((double)tokens[i] - (double)sequence[i]);
    assert_true(apart / (double)n < 1e-6);
    free(tokens);
    free(sequence);
}

static void test_refill(void **state)
{
    (void)state;
    const char *out = support_scratch(GAD_TEST_TMP, "refill");
    grpo_case settings = grpo_settings();
    int64_t n;
    settings.a.judge = no_reward;
    settings.s.zero_variance = GAD_ZERO_VARIANCE_DROP;
    settings.s.refill = 2;
    free(weights_after(&settings, 2, out, &n));
    assert_true(log_value(out, "refilled", true) == 2); /* prompts tried in place of each, all in vain */
    double seen = 0;
    settings.a.judge = bandit;
    settings.a.judge_user = &seen;
    settings.s.refill = 30;
    free(weights_after(&settings, 2, out, &n));
    double tried = log_value(out, "refilled", true);
    assert_true(tried < 30);
}

static void test_entropy_bonus(void **state)
{
    (void)state;
    double entropy[2];
    for (int bonus = 0; bonus < 2; bonus++) {
        const char *out = support_scratch(GAD_TEST_TMP, bonus ? "entropy" : "no_entropy");
        grpo_case settings = grpo_settings();
        double seen = 0;
        int64_t n;
        settings.a.judge = bandit;
        settings.a.judge_user = &seen;
        settings.s.entropy_bonus = bonus ? 1 : 0;
        free(weights_after(&settings, 120, out, &n));
        entropy[bonus] = log_value(out, "entropy", false);
    }
    print_message("entropy after 120 steps: %.3f, with a bonus %.3f\n", entropy[0], entropy[1]);
    assert_true(entropy[1] > entropy[0] + 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_derivative),
        cmocka_unit_test(test_group_advantages),
        cmocka_unit_test(test_shared_prompt_gives_the_same_answers),
        cmocka_unit_test(test_bandit),
        cmocka_unit_test(test_contrast_and_ratio),
        cmocka_unit_test(test_several_updates),
        cmocka_unit_test(test_sequence_ratio_starts_as_tokens),
        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_entropy_bonus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
