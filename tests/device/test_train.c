/* test_train: training on a device whose memory the host cannot read gives the CPU's bits: full and LoRA by examples and by
 * rewards, averaged weights, checkpoints that are gone on from; everything that was placed is given back, and a device that
 * breaks ends the run with its own words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "device/far.h"
#include "model/adapter.h"
#include "model/shape.h"
#include "model/weights.h"
#include "support/support.h"
#include "train/grpo.h"
#include "train/memory_plan.h"
#include "train/quadrant.h"
#include "train/sft.h"

typedef enum training { FULL, LORA } training;

typedef struct pupil {
    gad_model model;
    gad_device device;
    gad_dist dist;
    quadrant task;
    gad_source source;
} pupil;

static void open_pupil(pupil *p, const char *device, training how)
{
    gad_error err;
    gad_config config;
    *p = (pupil){.dist = {.size = 1}};
    ASSERT_OK(gad_shape_find("gad-xs", &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &p->model, &err), &err);
    ASSERT_OK(gad_weights_random(&p->model, 1, how == LORA ? GAD_BF16 : GAD_F32, &err), &err);
    ASSERT_OK(gad_device_open(&p->device, device, 1, &err), &err);
    ASSERT_OK(gad_model_place(&p->model, &p->device, &err), &err);
    p->task = quadrant_make(&config, 3);
    p->source = quadrant_source(&p->task, 8);
    gad_adapter_settings adapter = {.rank = 4, .alpha = 8, .targets = "all-linear", .seed = 9};
    if (how == LORA)
        ASSERT_OK(gad_adapter_create(&p->model, &adapter, &err), &err);
    for (size_t i = 0; i < p->model.params.count; i++) {
        gad_param *param = p->model.params.item[i];
        bool wanted = how == FULL || strstr(param->name, ".lora_");
        ASSERT_OK(gad_param_train(param, wanted, &p->device, &err), &err);
    }
}

static void close_pupil(pupil *p)
{
    gad_model_free(&p->model);
    gad_device_close(&p->device);
}

static gad_train_settings trainer_settings(int64_t steps, const char *out)
{
    return (gad_train_settings){
        .out = out,
        .save_every = 1,
        .eval_every = -1,
        .schedule = {.peak = 3e-3, .steps = steps},
        .optimizer =
            {.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.01, .clip = 1, .average = out ? 0.9 : 0},
        .keep = 3,
        .resume = true};
}

/* A reward that some answers get. */
static gad_status judge(void *user, const gad_example *example, const int32_t *id, int64_t count, bool cut,
                        gad_reward *reward, gad_error *err)
{
    (void)user, (void)example, (void)err, (void)cut;
    *reward = (gad_reward){.total = count && id[0] % 4 == 2 ? 1 : 0};
    return GAD_OK;
}

static gad_checkpoint_settings checkpoint_of(const gad_train_settings *trainer)
{
    return (gad_checkpoint_settings){.out = trainer->out, .dtype = GAD_F32, .keep = trainer->keep, .signature = "far test"};
}

static gad_status train_sft(pupil *p, const gad_train_settings *trainer, gad_error *err)
{
    gad_sft sft;
    const gad_train_settings settings = {
        .batch = 2, .micro_tokens = 4096, .checkpointing = true, .text_weight = 1, .seed = 7, .cache_mib = 1};
    ASSERT_OK(gad_sft_open(&settings, &(gad_answering){0}, &p->source, NULL, &p->model, &p->device, &sft, err), err);
    gad_trainer_task task = gad_sft_task(&sft);
    const gad_checkpoint_settings checkpoint = checkpoint_of(trainer);
    gad_status status = gad_trainer_run(trainer, &checkpoint, &p->model, &p->device, &p->dist, &task, NULL, NULL, err);
    gad_sft_close(&sft);
    return status;
}

static gad_status train_grpo(pupil *p, const gad_train_settings *trainer, gad_error *err)
{
    static const int32_t stops[] = {QUADRANT_END};
    gad_grpo grpo;
    const gad_answering answering = {.stop = stops, .stop_count = 1, .judge = judge};
    const gad_train_settings settings = {.batch = 1,
                                         .group = 4,
                                         .max_new_tokens = 3,
                                         .temperature = 1,
                                         .loss = {.clip_low = 0.2, .clip_high = 0.28, .kl = 0.05},
                                         .entropy_bonus = 0.01,
                                         .scale_by_deviation = true,
                                         .share_prefix = true,
                                         .zero_variance = GAD_ZERO_VARIANCE_KEEP,
                                         .positive = 0.5,
                                         .seed = 2,
                                         .cache_mib = 1};
    gad_status status = gad_grpo_open(&settings, &answering, &p->source, NULL, &p->model, &p->device, &grpo, err);
    if (status)
        return status;
    gad_trainer_task task = gad_grpo_task(&grpo);
    const gad_checkpoint_settings checkpoint = checkpoint_of(trainer);
    status = gad_trainer_run(trainer, &checkpoint, &p->model, &p->device, &p->dist, &task, NULL, NULL, err);
    gad_grpo_close(&grpo);
    return status;
}

typedef gad_status trainer_function(pupil *p, const gad_train_settings *trainer, gad_error *err);

static void assert_same_weights(pupil *a, pupil *b)
{
    gad_params_fetch(&b->model.params);
    assert_int_equal(a->model.params.count, b->model.params.count);
    for (size_t i = 0; i < a->model.params.count; i++) {
        const gad_param *x = a->model.params.item[i], *y = b->model.params.item[i];
        if (memcmp(x->value.data, y->value.data, gad_param_data_bytes(x, x->value.dtype)) != 0)
            fail_msg("%s differs", x->name);
    }
}

static void check(const char *what, trainer_function *train, training how)
{
    gad_error err;
    pupil cpu, far;
    open_pupil(&cpu, "cpu", how);
    open_pupil(&far, "far", how);
    gad_train_settings settings = trainer_settings(2, NULL);
    ASSERT_OK(train(&cpu, &settings, &err), &err);
    ASSERT_OK(train(&far, &settings, &err), &err);
    assert_same_weights(&cpu, &far);
    close_pupil(&cpu);
    close_pupil(&far);
    assert_int_equal(far_held_bytes(), 0);
    print_message("%s: the CPU's bits\n", what);
}

static void test_steps(void **state)
{
    (void)state;
    check("examples, full", train_sft, FULL);
    check("examples, LoRA", train_sft, LORA);
    check("rewards, full", train_grpo, FULL);
    check("rewards, LoRA", train_grpo, LORA);
}

static void assert_same_file(const char *a, const char *b, const char *name)
{
    gad_error err;
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    ASSERT_OK(gad_file_read(support_scratch(a, name), 1u << 30, &x, &n, &err), &err);
    ASSERT_OK(gad_file_read(support_scratch(b, name), 1u << 30, &y, &m, &err), &err);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    gad_memory_free(x);
    gad_memory_free(y);
}

/* A run on the CPU, and one that the device goes on with: the same checkpoints, averages and moments included. */
static void check_resume(const char *name, training how)
{
    gad_error err;
    char whole[512], split[512], file[64];
    snprintf(whole, sizeof whole, "%s-whole", support_scratch(GAD_TEST_TMP, name));
    snprintf(split, sizeof split, "%s-split", support_scratch(GAD_TEST_TMP, name));
    gad_file_remove(whole, NULL);
    gad_file_remove(split, NULL);
    static const char *const devices[] = {"cpu", "far", "far"};
    for (int i = 0; i < 3; i++) {
        pupil p;
        gad_train_settings settings = trainer_settings(i == 1 ? 1 : 2, i ? split : whole);
        open_pupil(&p, devices[i], how);
        ASSERT_OK(train_sft(&p, &settings, &err), &err);
        close_pupil(&p);
        assert_int_equal(far_held_bytes(), 0);
    }
    for (int step = 1; step <= 2; step++) {
        snprintf(file, sizeof file, "step-%06d/state.safetensors", step);
        assert_same_file(whole, split, file);
        snprintf(file, sizeof file, "step-%06d/%s", step, how == LORA ? "adapter_model.safetensors" : "model.safetensors");
        assert_same_file(whole, split, file);
    }
}

static void test_checkpoints(void **state)
{
    (void)state;
    check_resume("full", FULL);
    check_resume("lora", LORA);
}

static void test_a_broken_device(void **state)
{
    (void)state;
    gad_error err;
    pupil p;
    open_pupil(&p, "far", FULL);
    const int64_t before = far_calls();
    gad_train_settings settings = trainer_settings(1, NULL);
    ASSERT_OK(train_grpo(&p, &settings, &err), &err);
    const int64_t all = far_calls() - before;
    close_pupil(&p);
    for (int64_t at = 0; at < all; at += all / (support_is_short() ? 3 : 12) + 1) {
        open_pupil(&p, "far", FULL);
        far_break(at);
        assert_int_equal(train_grpo(&p, &settings, &err), GAD_E_DEVICE);
        assert_non_null(strstr(err.cause, "illegal memory access"));
        far_break(-1);
        close_pupil(&p);
    }
    assert_int_equal(far_held_bytes(), 0);
}

/* The plan counts activations as the device has them, not what stays on the host, and asks for what the device has. */
static void test_plan(void **state)
{
    (void)state;
    gad_error err;
    pupil cpu, far;
    far_have((size_t)1 << 20);
    open_pupil(&cpu, "cpu", FULL);
    open_pupil(&far, "far", FULL);
    gad_memory_request request = {.trainable = 1000, .micro_tokens = 512, .cache_bytes = 1 << 20, .device = &cpu.device};
    const gad_memory_plan here = gad_memory_plan_make(&cpu.model, &request);
    request.device = &far.device;
    const gad_memory_plan there = gad_memory_plan_make(&far.model, &request);
    assert_int_equal(there.activation_bytes, here.activation_bytes);
    assert_int_equal(there.vision_bytes, here.vision_bytes - request.cache_bytes);
    gad_device narrow = far.device;
    narrow.dtype = narrow.kept = GAD_BF16;
    request.device = &narrow;
    const gad_memory_plan half = gad_memory_plan_make(&far.model, &request);
    assert_int_equal(half.activation_bytes, here.activation_bytes / 2);
    assert_int_equal(half.optimizer_bytes, here.optimizer_bytes);
    ASSERT_OK(gad_memory_plan_check(&here, NULL, &err), &err);
    assert_int_equal(gad_memory_plan_check(&there, NULL, &err), GAD_E_MEMORY);
    assert_non_null(strstr(err.cause, "1 MiB are free"));
    close_pupil(&cpu);
    close_pupil(&far);
    far_have((size_t)64 << 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_a_broken_device),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests_name("device/train", tests, NULL, NULL);
}
