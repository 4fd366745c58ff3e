/* trained: checkpoints and adapters that gad trained and that transformers and PEFT loaded unchanged (reference/
 * check_trained.py): gad's logits agree with theirs. */
#include <stdio.h>
#include <stdlib.h>

#include "generate/timeline.h"
#include "model/golden.h"
#include "model/lora.h"
#include "model/weights.h"

/* `adapter`: the folder of one, NULL for a full checkpoint; `under`: another that is merged before, NULL for none. */
static void check(const char *family, const char *under, const char *adapter)
{
    gad_error err;
    gad_config config;
    gad_model model;
    gad_device device;
    gad_tensor_source *files = NULL;
    gad_safetensors *golden = NULL;
    gad_timeline timeline;
    const char *folder = adapter ? "model" : "trained_full", *kind = adapter ? adapter : "trained_full";
    char name[64];
    ASSERT_OK(gad_config_load(golden_path(family, folder), &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    ASSERT_OK(gad_weights_load(golden_path(family, folder), &(gad_weights_options){0}, &model, &files, NULL, &err), &err);
    if (under) {
        ASSERT_OK(gad_lora_load(golden_path(family, under), &model, &err), &err);
        ASSERT_OK(gad_lora_merge(&model, &err), &err);
    }
    if (adapter)
        ASSERT_OK(gad_lora_load(golden_path(family, kind), &model, &err), &err);
    snprintf(name, sizeof name, "%s/golden.safetensors", kind);
    ASSERT_OK(gad_safetensors_open(golden_path(family, name), &golden, &err), &err);
    golden_case values = {.values = golden};
    int64_t count, vocab;
    float *wide = golden_values(&values, "ids", &count), *expected = golden_values(&values, "logits", &vocab);
    assert_int_equal(vocab, config.text.vocab);
    int32_t *ids = malloc((size_t)count * sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        ids[i] = (int32_t)wide[i];
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    ASSERT_OK(gad_timeline_open(&model, &device, &timeline, &err), &err);
    gad_prompt prompt = {.ids = ids, .count = count};
    ASSERT_OK(gad_timeline_feed(&timeline, &prompt, 1, NULL, &err), &err);
    support_difference d = support_compare(timeline.logits, expected, vocab);
    print_message("%s %s: %.2g\n", family, kind, d.e);
    support_assert_close(kind, timeline.logits, expected, vocab, 1e-4);
    gad_timeline_close(&timeline);
    gad_device_close(&device);
    gad_model_free(&model);
    gad_tensor_source_free(files);
    gad_safetensors_free(golden);
    free(ids);
    free(wide);
    free(expected);
}

static void test_full(void **state)
{
    (void)state;
    check("qwen25", NULL, NULL);
    check("qwen3", NULL, NULL);
}

static void test_adapter(void **state)
{
    (void)state;
    check("qwen25", NULL, "trained_lora");
    check("qwen3", NULL, "trained_lora");
}

/* Reinforcement after supervised training: PEFT had the second adapter on the base that its run saved. */
static void test_second_adapter(void **state)
{
    (void)state;
    check("qwen25", "trained_lora", "trained_grpo");
    check("qwen3", "trained_lora", "trained_grpo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full), cmocka_unit_test(test_adapter),
                                       cmocka_unit_test(test_second_adapter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
