/* memory: running out of it. Every single allocation of opening an engine (with and without an adapter, int8) and of one
 * inspection fails once: the call says so, nothing is leaked, the engine goes on working. And a bf16 checkpoint is not
 * copied. Through gad.h only. jansson's allocations are counted but do not fail: its parser (2.14) aborts when they do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/counting.h"
#include "gad_train.h"
#include "support/support.h"

static gad_engine_options engine_options(const char *model, const char *adapter, bool quantise)
{
    return (gad_engine_options){.model = support_source(model),
                                .adapter = adapter ? support_source(adapter) : NULL,
                                .merge_adapter = adapter && strstr(adapter, "save"),
                                .compute.quantise = quantise,
                                .compute.threads = 1};
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------------------- */

/* Whether it opened; call n gives nothing. */
static bool open_failing(const gad_engine_options *options, size_t n)
{
    gad_error err = {0};
    gad_engine *engine = NULL;
    counting_start(&counting_own, n);
    gad_status status = gad_engine_open(options, &engine, &err);
    bool failed = counting_own.calls >= n;
    counting_start(&counting_own, 0);
    if (status != (failed ? GAD_E_MEMORY : GAD_OK) || err.code != status || (failed && !err.cause[0]))
        fail_msg("allocation %zu: %s: cannot %s: %s", n, gad_status_name(status), err.operation, err.cause);
    assert_true((engine != NULL) == (status == GAD_OK));
    gad_engine_free(engine);
    if (counting_own.live || counting_json.live)
        fail_msg("allocation %zu: %zu and %zu pieces leaked", n, counting_own.live, counting_json.live);
    return status == GAD_OK;
}

static void sweep_open(const char *what, const gad_engine_options *options)
{
    size_t n = 1;
    while (!open_failing(options, n))
        n++;
    print_message("%s: %zu allocations failed in turn\n", what, n - 1);
    assert_true(n > 100);
}

static void test_open(void **state)
{
    (void)state;
    gad_engine_options options = engine_options("tests/fixtures/qwen25/model", NULL, false);
    sweep_open("open", &options);
    options = engine_options("tests/fixtures/qwen3/model", "tests/fixtures/qwen3/lora_gate", true);
    sweep_open("open, int8, adapter", &options);
    options = engine_options("tests/fixtures/qwen3/model", "tests/fixtures/qwen3/lora_save", false);
    sweep_open("open, merged adapter", &options);
}

/* ---- inspecting
 * ------------------------------------------------------------------------------------------------------------ */

typedef struct scene {
    gad_engine *engine;
    gad_picture *good, *part;
    gad_inspect_settings settings;
} scene;

/* The JSON line of one inspection; *text is the caller's. */
static gad_status inspect(const scene *s, char **text, gad_error *err)
{
    gad_inspection result;
    const char *good_name = "good.png";
    gad_status status = gad_inspect(s->engine, &s->good, 1, s->part, &s->settings, &result, err);
    if (status)
        return status;
    result.encode_ms = result.prompt_ms = result.answer_ms = 0;
    result.computed_tokens = 0;
    /* a cache that a failure left half-filled is filled in other pieces, which rounds otherwise */
    result.score = round(1e4 * result.score) / 1e4;
    result.score_fast = round(1e4 * result.score_fast) / 1e4;
    status = gad_inspection_json(&result, "part.png", &good_name, 1, text, err);
    gad_inspection_clear(&result);
    return status;
}

/* What the engine keeps from one call to the next goes, so that each starts alike. */
static void forget(const scene *s)
{
    gad_engine_use_adapter(s->engine, false);
    gad_engine_use_adapter(s->engine, true);
}

static void sweep_inspection(const char *what, const scene *s)
{
    gad_error err;
    char *expected = NULL, *text = NULL;
    ASSERT_OK(inspect(s, &expected, &err), &err);
    size_t tried = 0;
    for (size_t n = 1;; n++) {
        err = (gad_error){0};
        forget(s);
        counting_start(&counting_own, n);
        gad_status status = inspect(s, &text, &err);
        bool failed = counting_own.calls >= n;
        counting_start(&counting_own, 0);
        if (status && (status != GAD_E_MEMORY || !failed || !err.cause[0]))
            fail_msg("%s, allocation %zu: %s: cannot %s: %s", what, n, gad_status_name(status), err.operation, err.cause);
        if (!status) { /* less working memory was enough, or nothing failed */
            assert_string_equal(text, expected);
            gad_text_free(text);
        }
        if (!failed)
            break;
        if (tried++ % 8 == 0) { /* with what the failure left behind */
            ASSERT_OK(inspect(s, &text, &err), &err);
            assert_string_equal(text, expected);
            gad_text_free(text);
        }
    }
    print_message("%s: %zu allocations failed in turn\n", what, tried);
    assert_true(tried > 40);
    gad_text_free(expected);
}

static void test_inspection(void **state)
{
    (void)state;
    gad_error err;
    static const char *const models[] = {"tests/fixtures/qwen25/model", "tests/fixtures/qwen3/model"};
    for (size_t m = 0; m < 2; m++) {
        gad_engine_options options = engine_options(models[m], NULL, false);
        scene s = {
            .settings = {.max_tokens = 6, .threshold = 0, .reason = GAD_REASON_REJECTS, .knowledge = "scratch, dent"}};
        ASSERT_OK(gad_engine_open(&options, &s.engine, &err), &err);
        ASSERT_OK(gad_picture_load(support_source("tests/fixtures/images/plate.png"), &s.good, &err), &err);
        ASSERT_OK(gad_picture_load(support_source("tests/fixtures/images/bolt.png"), &s.part, &err), &err);
        sweep_inspection(models[m], &s);
        s.settings.knowledge = NULL;
        s.settings.reason = GAD_REASON_NEVER;
        sweep_inspection("fast answer", &s);
        gad_picture_free(s.good);
        gad_picture_free(s.part);
        gad_engine_free(s.engine);
        assert_int_equal(counting_own.live, 0);
    }
}

/* A picture read, and an overlay with a box written. */
static gad_status read_and_draw(const char *overlay, gad_error *err)
{
    gad_picture *picture = NULL;
    char label[] = "scratch", empty[] = "";
    gad_defect defect = {.x1 = 10, .y1 = 20, .x2 = 40, .y2 = 50, .valid = true, .label = label};
    gad_inspection result = {.verdict = GAD_VERDICT_ANOMALOUS,
                             .score = 0.75,
                             .defect = &defect,
                             .defect_count = 1,
                             .reasoning = empty,
                             .raw = empty,
                             .flags = empty};
    gad_status status = gad_picture_load(support_source("tests/fixtures/images/plate.png"), &picture, err);
    if (!status)
        status = gad_inspection_save_overlay(&result, picture, overlay, err);
    gad_picture_free(picture);
    return status;
}

static void test_picture(void **state)
{
    (void)state;
    const char *overlay = support_scratch(GAD_TEST_TMP, "overlay.png");
    remove(overlay);
    for (size_t n = 1;; n++) {
        gad_error err = {0};
        counting_start(&counting_own, n);
        gad_status status = read_and_draw(overlay, &err);
        bool failed = counting_own.calls >= n;
        counting_start(&counting_own, 0);
        assert_int_equal(status, failed ? GAD_E_MEMORY : GAD_OK);
        assert_int_equal(counting_own.live, 0);
        FILE *file = fopen(overlay, "rb"); /* nothing half-written */
        assert_true((file != NULL) == !failed);
        if (file)
            fclose(file);
        if (!status)
            break;
    }
}

/* ---- not copied
 * ------------------------------------------------------------------------------------------------------------- */

static size_t file_bytes(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (size_t)info.st_size;
}

/* A checkpoint of random bf16 weights, large against its tokenizer and tables. */
static const char *make_checkpoint(void)
{
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, "checkpoint");
    gad_new_settings settings = {.preset = "s", .vocab = support_source("tests/fixtures/qwen25/model"), .out = folder};
    ASSERT_OK(gad_model_new(&settings, &err), &err);
    return folder;
}

/* What opening asks for beside the mapped file: the tokenizer, vectors as fp32, tables. A copy of the weights would be at
 * least as large as the file; int8 weights are half of it. */
static void test_weights_are_mapped(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = NULL;
    const char *folder = make_checkpoint();
    size_t file = file_bytes(support_scratch(folder, "model.safetensors")), asked[2];
    for (int quantise = 0; quantise < 2; quantise++) {
        gad_engine_options options = {.model = folder, .compute.quantise = quantise, .compute.threads = 1};
        counting_start(&counting_own, 0);
        counting_start(&counting_json, 0);
        ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
        asked[quantise] = counting_own.bytes;
        print_message("%s: %.2f MiB of weights, %.3f MiB asked for while loading (JSON: %.3f MiB)\n",
                      quantise ? "int8" : "bf16", (double)file / 1048576, (double)asked[quantise] / 1048576,
                      (double)counting_json.bytes / 1048576);
        gad_engine_free(engine);
    }
    assert_true(asked[0] + counting_json.bytes < file / 10);
    assert_true(asked[1] > 10 * asked[0]); /* the counter sees weights where there are new ones */
}

int main(void)
{
    counting_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_inspection),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_weights_are_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
