/* test_inspect: inspections on a device whose memory the host cannot read give the CPU's bits: fast and reasoned answers of
 * both families, with an adapter, quantised, with an evidence head; everything that was placed is given back. A device that
 * breaks ends the inspection with its own words, and every later one. */
#include <stdio.h>
#include <string.h>

#include "device/far.h"
#include "gad_bench.h"
#include "gad_train.h"
#include "model/golden.h"

enum { PICTURES = 3 };

static const char *const names[PICTURES] = {"plate", "coin", "bolt"};

typedef struct bench {
    gad_engine *engine;
    gad_picture *picture[PICTURES];
} bench;

static bench open_bench(gad_engine_options options, const char *device)
{
    gad_error err;
    bench b;
    options.compute.device = device;
    options.compute.threads = 1;
    options.image_size = "canvas";
    ASSERT_OK(gad_engine_open(&options, &b.engine, &err), &err);
    for (int i = 0; i < PICTURES; i++)
        ASSERT_OK(gad_picture_load(golden_image(names[i]), &b.picture[i], &err), &err);
    return b;
}

static void close_bench(bench *b)
{
    for (int i = 0; i < PICTURES; i++)
        gad_picture_free(b->picture[i]);
    gad_engine_free(b->engine);
}

static gad_status inspect(const bench *b, gad_reason reason, gad_inspection *result, gad_error *err)
{
    gad_inspect_settings settings = gad_inspect_settings_default();
    settings.reason = reason;
    settings.max_tokens = 12;
    settings.greedy = false;
    return gad_inspect(b->engine, b->picture, PICTURES - 1, b->picture[PICTURES - 1], &settings, result, err);
}

/* What does not depend on time. */
static void assert_same(const gad_inspection *a, const gad_inspection *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_true(a->score == b->score && a->score_fast == b->score_fast && a->score_reasoned == b->score_reasoned);
    assert_true(a->difference == b->difference && a->distance == b->distance);
    assert_string_equal(a->raw, b->raw);
    assert_int_equal(a->defect_count, b->defect_count);
    assert_int_equal(a->heat_width * a->heat_height, b->heat_width * b->heat_height);
    if (a->heat)
        assert_memory_equal(a->heat, b->heat, (size_t)(a->heat_width * a->heat_height) * sizeof *a->heat);
}

static void check(const char *what, gad_engine_options options)
{
    gad_error err;
    bench cpu = open_bench(options, "cpu"), far = open_bench(options, "far");
    assert_true(far_held_bytes() > 0);
    for (int round = 0; round < 2; round++) { /* then with the adapter off */
        for (int reason = GAD_REASON_ALWAYS; reason <= GAD_REASON_NEVER; reason++) {
            gad_inspection a, b;
            ASSERT_OK(inspect(&cpu, (gad_reason)reason, &a, &err), &err);
            ASSERT_OK(inspect(&far, (gad_reason)reason, &b, &err), &err);
            assert_same(&a, &b);
            gad_inspection_clear(&a);
            gad_inspection_clear(&b);
        }
        gad_engine_use_adapter(cpu.engine, false);
        gad_engine_use_adapter(far.engine, false);
    }
    print_message("%s: the CPU's bits\n", what);
    close_bench(&cpu);
    close_bench(&far);
    assert_int_equal(far_held_bytes(), 0);
}

static void test_families(void **state)
{
    (void)state;
    static const char *const families[] = {"qwen25", "qwen3"};
    for (int i = 0; i < 2; i++) {
        char model[512];
        snprintf(model, sizeof model, "%s", golden_path(families[i], "model"));
        check(families[i], (gad_engine_options){.model = model});
        check("8 bits", (gad_engine_options){.model = model, .compute.quantise = GAD_QUANTISE_Q8_ALL});
        check("4 bits", (gad_engine_options){.model = model, .compute.quantise = GAD_QUANTISE_Q4});
    }
}

static void test_adapters(void **state)
{
    (void)state;
    char model[512];
    snprintf(model, sizeof model, "%s", golden_path("qwen25", "model"));
    check("LoRA", (gad_engine_options){.model = model, .adapter = golden_path("qwen25", "lora_lm")});
    check("whole tensors", (gad_engine_options){.model = model, .adapter = golden_path("qwen25", "lora_save")});
    check("merged",
          (gad_engine_options){.model = model, .adapter = golden_path("qwen25", "lora_lm"), .merge_adapter = true});
}

static void test_evidence(void **state)
{
    (void)state;
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, "evidence");
    gad_new_settings settings = {.preset = "xs", .out = folder, .difference = true, .seed = 3};
    ASSERT_OK(gad_model_new(&settings, &err), &err);
    check("evidence head", (gad_engine_options){.model = folder});
}

/* Broken at any op: its words, no answer, no crash; and dead from then on. */
static void test_a_broken_device(void **state)
{
    (void)state;
    gad_error err;
    gad_inspection result;
    char model[512];
    snprintf(model, sizeof model, "%s", golden_path("qwen3", "model"));
    const gad_engine_options options = {.model = model};
    bench b = open_bench(options, "far");
    const int64_t before = far_calls();
    ASSERT_OK(inspect(&b, GAD_REASON_ALWAYS, &result, &err), &err);
    gad_inspection_clear(&result);
    close_bench(&b);
    const int64_t all = far_calls() - before, step = support_is_short() ? all / 5 + 1 : all / 25 + 1;
    for (int64_t at = 0; at < all; at += step) {
        b = open_bench(options, "far");
        far_break(at);
        assert_int_equal(inspect(&b, GAD_REASON_ALWAYS, &result, &err), GAD_E_DEVICE);
        assert_non_null(strstr(err.cause, "illegal memory access"));
        far_break(-1);
        assert_int_equal(inspect(&b, GAD_REASON_NEVER, &result, &err), GAD_E_DEVICE);
        assert_non_null(strstr(err.cause, "illegal memory access"));
        close_bench(&b);
    }
    assert_int_equal(far_held_bytes(), 0);
}

/* What does not fit is refused before anything is loaded, by the device's name. */
static void test_too_small_a_device(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = NULL;
    gad_model_info info;
    char model[512];
    snprintf(model, sizeof model, "%s", golden_path("qwen3", "model"));
    const gad_engine_options options = {.model = model, .compute.device = "far", .compute.threads = 1};
    far_have((size_t)8 << 20);
    assert_int_equal(gad_engine_open(&options, &engine, &err), GAD_E_MEMORY);
    assert_non_null(strstr(err.cause, "0.01 GiB are free on far"));
    ASSERT_OK(gad_model_describe(&options, 448, 448, 2, 16, &info, &err), &err);
    assert_string_equal(info.device, "far");
    assert_int_equal(info.available_bytes, 8 << 20);
    assert_true(info.total_bytes > info.available_bytes);
    far_have((size_t)64 << 30);
    assert_int_equal(far_held_bytes(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),        cmocka_unit_test(test_adapters),           cmocka_unit_test(test_evidence),
        cmocka_unit_test(test_a_broken_device), cmocka_unit_test(test_too_small_a_device),
    };
    return cmocka_run_group_tests_name("device/inspect", tests, NULL, NULL);
}
