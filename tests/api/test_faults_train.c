/* faults_train: allocations, reads, writes and removals of a tiny training run fail, one at a time: the call says so or
 * trains as if nothing had been, the run goes on from what is there, and ends at the same weights. Through the public
 * headers only. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/faults.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_train.h"
#include "support/support.h"

static const char *model, *out;
static gad_status (*train)(const gad_train_settings *settings, gad_error *err);
static char *expected; /* the adapter of an undisturbed run */
static size_t expected_bytes;

static gad_train_settings settings(bool resume)
{
    return (gad_train_settings){.model = model,
                                .out = out,
                                .split = "train",
                                .eval_split = "val",
                                .references = 1,
                                .synth_seed = 1,
                                .synth_class_seed = 1,
                                .synth_side_px = 56,
                                .synth_normal_share = 0.5,
                                .synth_strength_low = 0.5,
                                .synth_nuisance = 1,
                                .input = "pair",
                                .image_size = "56",
                                .think = true,
                                .train = "lora",
                                .lora_rank = 2,
                                .lora_alpha = 4,
                                .lora_targets = "all-linear",
                                .steps = 2,
                                .batch = 1,
                                .micro_tokens = 4096,
                                .learning_rate = 0.01,
                                .beta1 = 0.9,
                                .beta2 = 0.95,
                                .clip = 1,
                                .schedule = "constant",
                                .resume = resume,
                                .text_weight = 1,
                                .cache_mib = 64,
                                .threads = 1,
                                .save_every = 1,
                                .eval_every = -1,
                                .eval_examples = 1,
                                .keep = 1,
                                .seed = 1,
                                .group = 2,
                                .max_new_tokens = 4,
                                .iterations = 1,
                                .temperature = 1,
                                .kl = 0.02,
                                .clip_low = 0.2,
                                .clip_high = 0.28,
                                .positive = 0.5,
                                .ratio = "token",
                                .aggregation = "group-token",
                                .reward = "mmr",
                                .zero_variance = "contrastive",
                                .reward_iou = 0.5,
                                .reward_miss = 0.2,
                                .reward_false_box = -1,
                                .reward_floor = -1,
                                .scale_by_deviation = true,
                                .mask_truncated = false,
                                .share_prefix = true};
}

static gad_status run_new(gad_error *err)
{
    const gad_train_settings s = settings(false);
    return train(&s, err);
}

static void remove_run(void)
{
    gad_error err;
    ASSERT_OK(gad_file_remove(out, &err), &err);
}

static void assert_trained(void)
{
    gad_error err;
    char path[800], *bytes = NULL;
    size_t length = 0;
    snprintf(path, sizeof path, "%s/step-000002/adapter_model.safetensors", out);
    ASSERT_OK(gad_file_read(path, 1 << 24, &bytes, &length, &err), &err);
    if (!expected) {
        expected = bytes;
        expected_bytes = length;
        return;
    }
    assert_int_equal(length, expected_bytes);
    assert_memory_equal(bytes, expected, length);
    gad_memory_free(bytes);
}

static void assert_goes_on(bool succeeded)
{
    gad_error err;
    const gad_train_settings s = settings(true);
    if (succeeded)
        assert_trained();
    else
        ASSERT_OK(train(&s, &err), &err);
    assert_trained();
}

static void sweep(const char *name, gad_status (*how)(const gad_train_settings *settings, gad_error *err))
{
    gad_error err;
    model = support_source("tests/fixtures/qwen25/model");
    out = support_scratch(GAD_TEST_TMP, name);
    train = how;
    remove_run();
    ASSERT_OK(run_new(&err), &err);
    assert_trained();
    /* A thousand allocations and a thousand writes: every seventh and every eleventh. */
    const size_t rare = support_is_short() ? 5 : 1;
    const faults_scene s = {name, run_new, remove_run, assert_goes_on, {7 * rare, 1, 11 * rare, 1}};
    faults_sweep(&s);
    gad_memory_free(expected);
    expected = NULL;
}

static void test_sft(void **state)
{
    (void)state;
    sweep("sft", gad_train_sft);
}

static void test_grpo(void **state)
{
    (void)state;
    sweep("grpo", gad_train_grpo);
}

int main(void)
{
    faults_install();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sft), cmocka_unit_test(test_grpo)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
