/* faults_train: see faults_train.h */
#include "api/faults_train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/faults.h"
#include "base/file.h"
#include "base/memory.h"
#include "support/support.h"

static const char *model, *out;
static int64_t steps;
static gad_status (*train)(const gad_train_settings *settings, gad_error *err);
static char *expected; /* the adapter of an undisturbed run */
static size_t expected_bytes;

static gad_train_settings settings(bool resume)
{
    gad_train_settings s = train == gad_train_sft ? gad_train_sft_default() : gad_train_grpo_default();
    s.model = model;
    s.out = out;
    s.resume = resume;
    s.synth.width = s.synth.height = 56;
    s.image_size = "56";
    s.schedule = (gad_schedule){.kind = GAD_SCHEDULE_CONSTANT, .peak = 0.01, .floor = 1, .steps = steps};
    s.lora.rank = 2;
    s.batch = 1;
    s.threads = 1;
    s.cache_mib = 64;
    s.save_every = 1;
    s.eval_every = -1;
    s.keep = 1;
    s.group = 2;
    s.max_new_tokens = 4;
    s.mask_truncated = false; /* all are */
    return s;
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
    snprintf(path, sizeof path, "%s/step-%06lld/adapter_model.safetensors", out, (long long)steps);
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

static void sweep(const faults_scene *scene)
{
    gad_error err;
    model = support_source("tests/fixtures/qwen25/model");
    out = support_scratch(GAD_TEST_TMP, scene->name);
    remove_run();
    ASSERT_OK(run_new(&err), &err);
    assert_trained();
    faults_sweep(scene);
    gad_memory_free(expected);
    expected = NULL;
}

void faults_train_sweep(const char *name, gad_status (*how)(const gad_train_settings *settings, gad_error *err))
{
    const size_t rare = support_is_short() ? 35 : 1, once = (size_t)1 << 30, seldom = support_is_short() ? 55 : 11;
    train = how;
    steps = 1;
    sweep(&(faults_scene){name, run_new, remove_run, assert_goes_on, {rare, once, rare, once}});
    steps = 2; /* asks for the same again, and prunes what the first step saved */
    sweep(&(faults_scene){name, run_new, remove_run, assert_goes_on, {once, 1, seldom, 1}});
}
