/* lora: PEFT adapters of both naming styles on the golden checkpoints: beside the weights and merged into them, switched
 * off and on again, on int8 weights, through the model and through the engine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "inspect/turn.h"
#include "model/golden.h"
#include "model/lora.h"
#include "model/weights.h"

static const struct {
    const char *family, *folder, *golden;
} adapters[] = {
    {"qwen25", "lora_lm", "lora_lm"},         {"qwen25", "lora_lm_old", "lora_lm"},
    {"qwen25", "lora_gate", "lora_gate"},     {"qwen25", "lora_gate_old", "lora_gate"},
    {"qwen25", "lora_rslora", "lora_rslora"}, {"qwen25", "lora_save", "lora_save"},
    {"qwen3", "lora_lm", "lora_lm"},          {"qwen3", "lora_gate", "lora_gate"},
    {"qwen3", "lora_rslora", "lora_rslora"},  {"qwen3", "lora_save", "lora_save"},
};
enum { ADAPTERS = sizeof adapters / sizeof adapters[0], ROWS = 4 };

/* As for the logits in test_golden. */
static const double tolerance = 8e-6;

typedef struct adapted {
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
    golden_case sample; /* the training sample: its base logits too */
    golden_case golden; /* values only */
    int64_t n;          /* ROWS * vocab */
} adapted;

static adapted open_base(size_t i, const gad_weights_options *options)
{
    gad_error err;
    adapted a = {0};
    char path[64];
    gad_config config;
    const char *folder = golden_path(adapters[i].family, "model");
    ASSERT_OK(gad_config_load(folder, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &a.model, &err), &err);
    ASSERT_OK(gad_weights_load(folder, options, &a.model, &a.files, NULL, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&a.device, 1, &err), &err);
    a.sample = golden_open_training(adapters[i].family, &config);
    snprintf(path, sizeof path, "%s/golden.safetensors", adapters[i].golden);
    ASSERT_OK(gad_safetensors_open(golden_path(adapters[i].family, path), &a.golden.values, &err), &err);
    a.n = ROWS * config.text.vocab;
    return a;
}

static void load_adapter(adapted *a, size_t i)
{
    gad_error err;
    ASSERT_OK(gad_lora_load(golden_path(adapters[i].family, adapters[i].folder), &a->model, &err), &err);
}

static void close_base(adapted *a)
{
    gad_device_close(&a->device);
    gad_model_free(&a->model);
    gad_tensor_source_free(a->files);
    golden_close(&a->sample);
    gad_safetensors_free(a->golden.values);
}

static float *logits_of(adapted *a, bool on)
{
    return golden_logits(&a->model, &a->device, on, &a->sample, ROWS, NULL);
}

/* e of the logits against a golden. */
static double compare_logits(adapted *a, bool on, const golden_case *golden, const char *name)
{
    int64_t n = 0;
    float *expected = golden_values(golden, name, &n), *got = logits_of(a, on);
    assert_int_equal(n, a->n);
    support_difference d = support_compare(got, expected, n);
    free(expected);
    free(got);
    return d.nonfinite ? INFINITY : d.e;
}

static void assert_same_bits(adapted *a, bool on, const float *expected)
{
    float *got = logits_of(a, on);
    assert_memory_equal(got, expected, (size_t)a->n * sizeof *got);
    free(got);
}

static void test_beside(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADAPTERS; i++) {
        adapted a = open_base(i, &(gad_weights_options){0});
        float *base = logits_of(&a, true);
        assert_true(compare_logits(&a, true, &a.sample, "logits") < tolerance);
        load_adapter(&a, i);
        double e = compare_logits(&a, true, &a.golden, "logits"), apart = compare_logits(&a, true, &a.sample, "logits");
        print_message("%s %s: e %.2g (from the base %.2g)\n", adapters[i].family, adapters[i].folder, e, apart);
        assert_true(e < tolerance);
        assert_true(apart > 1e-2);
        float *on = logits_of(&a, true);
        gad_lora_switch(&a.model, false);
        assert_same_bits(&a, false, base);
        gad_lora_switch(&a.model, true);
        assert_same_bits(&a, true, on);
        free(base);
        free(on);
        close_base(&a);
    }
}

/* The samples of merged weights: elements 0, s, 2s, ... with s = max(1, ceil(count / 48)) | 1. */
static int check_merged_weights(adapted *a)
{
    int compared = 0;
    for (size_t i = 0; i < gad_safetensors_count(a->golden.values); i++) {
        const char *name = gad_safetensors_at(a->golden.values, i)->name;
        char internal[256];
        if (strncmp(name, "merged.", 7) != 0 || !strcmp(name, "merged.logits"))
            continue;
        gad_weights_internal_name(name + 7, internal, sizeof internal);
        char *mark = strchr(internal, '#');
        if (mark)
            *mark = 0;
        const gad_param *param = gad_params_find(&a->model.params, internal);
        assert_non_null(param);
        int64_t n = 0, count = gad_param_count(param), stride = mark ? ((count + 47) / 48) | 1 : 1;
        float *expected = golden_values(&a->golden, name, &n), *got = malloc((size_t)n * sizeof *got);
        assert_int_equal(n, (count + stride - 1) / stride);
        for (int64_t k = 0; k < n; k++)
            got[k] = (float)gad_param_get(param, k * stride);
        support_assert_close(name, got, expected, n, 2e-7); /* B A in another order, one rounding */
        free(expected);
        free(got);
        compared++;
    }
    return compared;
}

static void test_merged(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADAPTERS; i++) {
        gad_error err;
        adapted a = open_base(i, &(gad_weights_options){0});
        size_t params = a.model.params.count;
        load_adapter(&a, i);
        ASSERT_OK(gad_lora_merge(&a.model, &err), &err);
        assert_int_equal(a.model.params.count, params);
        int weights = check_merged_weights(&a);
        double e = compare_logits(&a, true, &a.golden, "merged.logits");
        print_message("%s %s merged: %d weights, logits e %.2g\n", adapters[i].family, adapters[i].folder, weights, e);
        assert_true(weights >= 6 && e < tolerance);
        close_base(&a);
    }
}

/* An adapter on int8 weights, beside them: as far from the golden as int8 itself is. */
static void test_on_int8(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADAPTERS; i++) {
        adapted a = open_base(i, &(gad_weights_options){.quantise = true});
        double base = compare_logits(&a, true, &a.sample, "logits");
        load_adapter(&a, i);
        double e = compare_logits(&a, true, &a.golden, "logits");
        print_message("%s %s on q8: e %.2g (base %.2g)\n", adapters[i].family, adapters[i].folder, e, base);
        assert_true(e < 5e-2);
        gad_error err = {0};
        if (strcmp(adapters[i].golden, "lora_save") != 0) {
            assert_int_equal(gad_lora_merge(&a.model, &err), GAD_E_ARGUMENT);
            assert_non_null(strstr(err.hint, "quantise"));
        }
        close_base(&a);
    }
}

static void test_second_adapter_refused(void **state)
{
    (void)state;
    gad_error err;
    adapted a = open_base(0, &(gad_weights_options){0});
    load_adapter(&a, 0);
    float *on = logits_of(&a, true);
    assert_int_equal(gad_lora_load(golden_path("qwen25", "lora_gate"), &a.model, &err), GAD_E_ARGUMENT);
    assert_same_bits(&a, true, on);
    free(on);
    close_base(&a);
}

/* ---- adapters made here -------------------------------------------------------------------------------------------------
 */

typedef struct made_tensor {
    const char *name; /* after "base_model.model." */
    int64_t rows, cols;
} made_tensor;

/* An adapter folder with tensors of small random values; cols 0: a vector. */
static const char *make_adapter(const char *name, const char *extra, const made_tensor *tensor, size_t count)
{
    gad_error err;
    gad_rng rng = gad_rng_make(7, 0);
    const char *folder = support_scratch(GAD_TEST_TMP, name);
    char config[512];
    gad_safetensors_item item[8] = {0};
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    int length = snprintf(config, sizeof config, "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8%s}", extra);
    ASSERT_OK(gad_file_write(support_scratch(folder, "adapter_config.json"), config, (size_t)length, &err), &err);
    for (size_t i = 0; i < count; i++) {
        int64_t n = tensor[i].rows * (tensor[i].cols ? tensor[i].cols : 1);
        float *values = malloc((size_t)n * sizeof *values);
        char *full = malloc(256);
        snprintf(full, 256, "base_model.model.%s", tensor[i].name);
        for (int64_t k = 0; k < n; k++)
            values[k] = (float)(0.2 * gad_rng_normal(&rng));
        item[i] = (gad_safetensors_item){.name = full,
                                         .dtype = GAD_SAFETENSORS_F32,
                                         .rank = tensor[i].cols ? 2 : 1,
                                         .shape = {tensor[i].rows, tensor[i].cols},
                                         .data = values};
    }
    ASSERT_OK(gad_safetensors_write(support_scratch(folder, "adapter_model.safetensors"), item, count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)item[i].name);
        free((void *)(uintptr_t)item[i].data);
    }
    return folder;
}

/* Beside the weights and merged are the same function, and not the base's; off is the base's. */
static void check_made(const char *what, const char *folder)
{
    gad_error err;
    adapted a = open_base(0, &(gad_weights_options){0});
    float *base = logits_of(&a, true);
    ASSERT_OK(gad_lora_load(folder, &a.model, &err), &err);
    float *on = logits_of(&a, true);
    support_difference apart = support_compare(on, base, a.n);
    gad_lora_switch(&a.model, false);
    assert_same_bits(&a, false, base);
    gad_lora_switch(&a.model, true);
    assert_same_bits(&a, true, on);
    ASSERT_OK(gad_lora_merge(&a.model, &err), &err);
    float *merged = logits_of(&a, true);
    support_difference d = support_compare(merged, on, a.n);
    print_message("%s: merged against beside e %.2g, from the base %.2g\n", what, d.e, apart.e);
    assert_true(d.e < tolerance && apart.e > 1e-3 && !d.nonfinite);
    free(base);
    free(on);
    free(merged);
    close_base(&a);
}

/* The head of a tied model shares its matrix with the embedding, which must not change with it. */
static void test_tied_head(void **state)
{
    (void)state;
    const made_tensor lora[] = {{"lm_head.lora_A.weight", 4, 64}, {"lm_head.lora_B.weight", 512, 4}};
    check_made("LoRA on a tied head", make_adapter("head", "", lora, 2));
    const made_tensor whole[] = {{"lm_head.weight", 512, 64},
                                 {"model.layers.0.self_attn.q_proj.lora_A.weight", 4, 64},
                                 {"model.layers.0.self_attn.q_proj.lora_B.weight", 64, 4}};
    check_made("a saved head of a tied model",
               make_adapter("saved_head", ", \"modules_to_save\": [\"lm_head\"]", whole, 3));
    const made_tensor both[] = {
        {"lm_head.lora_A.weight", 4, 64}, {"lm_head.lora_B.weight", 512, 4}, {"model.embed_tokens.weight", 512, 64}};
    check_made("a saved embedding and LoRA on the tied head",
               make_adapter("both", ", \"modules_to_save\": [\"embed_tokens\"]", both, 3));
}

static void test_biases(void **state)
{
    (void)state;
    const made_tensor lora[] = {{"model.layers.1.self_attn.k_proj.lora_A.weight", 4, 64},
                                {"model.layers.1.self_attn.k_proj.lora_B.weight", 32, 4},
                                {"model.layers.1.self_attn.k_proj.lora_B.bias", 32, 0},
                                {"model.language_model.layers.2.self_attn.v_proj.lora_A.weight", 4, 64},
                                {"model.language_model.layers.2.self_attn.v_proj.lora_B.weight", 32, 4},
                                {"model.language_model.layers.2.self_attn.v_proj.lora_B.bias", 32, 0}};
    check_made("lora_bias", make_adapter("bias", ", \"lora_bias\": true", lora, 6));
    const made_tensor all[] = {{"model.layers.1.self_attn.v_proj.lora_A.weight", 4, 64},
                               {"model.layers.1.self_attn.v_proj.lora_B.weight", 32, 4},
                               {"model.layers.1.self_attn.v_proj.base_layer.bias", 32, 0},
                               {"model.visual.blocks.1.attn.qkv.bias", 96, 0}};
    check_made("trained biases", make_adapter("all_biases", ", \"bias\": \"all\"", all, 4));
}

/* ---- the engine's switch ------------------------------------------------------------------------------------------------
 */

static gad_engine *open_engine(const char *family, const char *adapter, bool merge, bool quantise)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_engine_options options = {.model = golden_path(family, "model"),
                                  .adapter = adapter ? golden_path(family, adapter) : NULL,
                                  .merge_adapter = merge,
                                  .compute.quantise = quantise,
                                  .compute.threads = 1};
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    engine->preprocess = golden_preprocess(family);
    return engine;
}

/* Logits after a question about an image. */
static const float *ask(gad_engine *engine)
{
    gad_error err;
    gad_image image;
    gad_turn turn;
    ASSERT_OK(gad_image_load(golden_image("bolt"), &image, &err), &err);
    const gad_turn_part part[] = {{.image = &image, .hash = gad_image_hash(&image)}, {.text = "Is it good?"}};
    ASSERT_OK(gad_turn_make(engine, part, 2, &turn, &err), &err);
    ASSERT_OK(gad_timeline_feed(&engine->timeline, &turn.asked.prompt, 0, NULL, &err), &err);
    gad_turn_free(engine, &turn);
    gad_image_free(&image);
    return engine->timeline.logits;
}

/* Off is the base to the bit, also for an adapter of the vision tower, whose image rows are kept; on again is on. */
static void test_engine_switch(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADAPTERS; i++) {
        gad_engine *base = open_engine(adapters[i].family, NULL, false, false);
        gad_engine *engine = open_engine(adapters[i].family, adapters[i].folder, false, false);
        gad_engine *merged = open_engine(adapters[i].family, adapters[i].folder, true, false);
        int64_t vocab = base->model.config.text.vocab;
        float *on = malloc((size_t)vocab * sizeof *on);
        memcpy(on, ask(engine), (size_t)vocab * sizeof *on);
        assert_string_not_equal(gad_engine_hash(engine), gad_engine_hash(base));
        support_assert_close("merged engine", ask(merged), on, vocab, 1e-5);
        gad_engine_use_adapter(engine, false);
        assert_memory_equal(ask(engine), ask(base), (size_t)vocab * sizeof *on);
        gad_engine_use_adapter(engine, true);
        assert_memory_equal(ask(engine), on, (size_t)vocab * sizeof *on);
        free(on);
        gad_engine_free(base);
        gad_engine_free(engine);
        gad_engine_free(merged);
    }
}

/* Merge first, quantise then. */
static void test_engine_merged_int8(void **state)
{
    (void)state;
    gad_engine *engine = open_engine("qwen3", "lora_lm", true, true), *wide = open_engine("qwen3", "lora_lm", true, false);
    int64_t vocab = engine->model.config.text.vocab;
    support_difference d = support_compare(ask(engine), ask(wide), vocab);
    print_message("merged, then q8: e %.2g\n", d.e);
    assert_true(d.e > 1e-4 && d.e < 5e-2);
    gad_engine_free(engine);
    gad_engine_free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside),        cmocka_unit_test(test_merged),
        cmocka_unit_test(test_on_int8),       cmocka_unit_test(test_second_adapter_refused),
        cmocka_unit_test(test_tied_head),     cmocka_unit_test(test_biases),
        cmocka_unit_test(test_engine_switch), cmocka_unit_test(test_engine_merged_int8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
