/* variants: the forms in which a checkpoint comes: configuration layouts, tensor names, shards, dtypes, tied and untied
 * heads, tokenizer files, int8. Each is opened as an engine and gives the reference's logits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "generate/engine.h"
#include "model/golden.h"
#include "model/weights.h"
#include "op/quant.h"

static const char *const families[] = {"qwen25", "qwen3"};

/* fp32 weights: as in test_golden, far below the 1e-4 of docs/spec/qwen_vl.md section 14. */
static const double fp32_tolerance = 8e-6;
/* The reference rounds every activation to bf16, gad none: section 14 expects about 1e-2. Measured 1.4e-2 at worst. */
static const double bf16_tolerance = 2e-2;

/* With products of fp32, whatever the checkpoint: what is compared is how it was read. */
static gad_engine *open_engine(const char *folder, gad_quantise quantise)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_engine_options options = {
        .model = folder, .compute.quantise = quantise, .compute.precision = GAD_PRECISION_FP32, .compute.threads = 1};
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    return engine;
}

/* The prompt of case A, in which there is no image, must give its ids. */
static void check_tokenizer(const gad_engine *engine, const char *family)
{
    gad_error err;
    json_t *cases = NULL;
    gad_tokenizer_ids ids = {0};
    golden_case c = golden_open(family, &engine->model.config, 'a');
    ASSERT_OK(gad_json_load(golden_path(family, "cases.json"), &cases, &err), &err);
    const char *prompt = json_string_value(json_object_get(json_object_get(cases, "a"), "prompt"));
    ASSERT_OK(gad_tokenizer_encode(engine->tokenizer, prompt, strlen(prompt), GAD_TOKENIZER_CONTROL, &ids, &err), &err);
    assert_int_equal(ids.count, c.count);
    assert_memory_equal(ids.id, c.ids, ids.count * sizeof *ids.id);
    gad_tokenizer_ids_free(&ids);
    json_decref(cases);
    golden_close(&c);
}

/* e of the case's logits and vision rows against the golden file (NULL: the case's own), whose names begin with "b." . */
static double compare_case(gad_engine *engine, const char *family, char letter, const char *golden_file)
{
    gad_error err;
    golden_case c = golden_open(family, &engine->model.config, letter), other = {0};
    char logits_name[16] = "logits", vision_name[16] = "vis.out";
    if (golden_file) {
        ASSERT_OK(gad_safetensors_open(golden_path(family, golden_file), &other.values, &err), &err);
        snprintf(logits_name, sizeof logits_name, "%c.logits", letter);
        snprintf(vision_name, sizeof vision_name, "%c.vis.out", letter);
    }
    const golden_case *golden = golden_file ? &other : &c;
    int64_t n = 0, vision_n = 0, vocab = engine->model.config.text.vocab;
    float *expected = golden_values(golden, logits_name, &n), *vision = NULL;
    float *expected_vision = golden_values(golden, vision_name, &vision_n);
    double e = -1;
    if (expected) {
        float *logits = golden_logits(&engine->model, &engine->device, true, &c, n / vocab, &vision);
        support_difference a = support_compare(logits, expected, n), b = support_compare(vision, expected_vision, vision_n);
        assert_true(a.nonfinite + b.nonfinite == 0);
        e = fmax(a.e, b.e);
        free(logits);
        free(vision);
    }
    free(expected);
    free(expected_vision);
    gad_safetensors_free(other.values);
    golden_close(&c);
    return e;
}

static void check_folder(const char *family, const char *what, const golden_folder *folder, const char *golden_file,
                         double tolerance)
{
    gad_engine *engine = open_engine(folder->path, GAD_QUANTISE_NONE);
    check_tokenizer(engine, family);
    double b = compare_case(engine, family, 'b', golden_file), c = compare_case(engine, family, 'c', golden_file);
    print_message("%s %s: e %.2g in case b, %.2g in case c\n", family, what, b, c);
    assert_true(b >= 0 && b <= tolerance && c <= tolerance);
    gad_engine_free(engine);
}

/* ---- the variants of the fixtures ------------------------------------------------------------------------------------ */

static void test_fixture_variants(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        gad_error err;
        json_t *root = NULL, *row;
        const char *name;
        ASSERT_OK(gad_json_load(golden_path(families[f], "variants.json"), &root, &err), &err);
        assert_true(json_object_size(root) >= 2);
        json_object_foreach (root, name, row) {
            const char *same_as = json_string_value(json_object_get(row, "same_as"));
            golden_folder folder = golden_variant(families[f], name);
            check_folder(families[f], name, &folder, same_as,
                         same_as && strstr(same_as, "bf16") ? bf16_tolerance : fp32_tolerance);
        }
        json_decref(root);
    }
}

/* ---- checkpoints written here ------------------------------------------------------------------------------------------
 */

typedef enum naming { AS_IT_IS, OLD_NAMES, NEW_NAMES } naming;

static void rename_tensor(const char *name, naming style, char *renamed, size_t size)
{
    char internal[256];
    gad_weights_internal_name(name, internal, sizeof internal);
    if (style == AS_IT_IS)
        snprintf(renamed, size, "%s", name);
    else if (style == OLD_NAMES || !strncmp(internal, "lm_head", 7))
        snprintf(renamed, size, "%s", internal);
    else if (!strncmp(internal, "model.", 6))
        snprintf(renamed, size, "model.language_model.%s", internal + 6);
    else
        snprintf(renamed, size, "model.%s", internal);
}

/* The tensor in another dtype. */
static void *convert(const gad_safetensors_tensor *tensor, gad_safetensors_dtype dtype)
{
    gad_error err;
    float *values = malloc(tensor->count * sizeof *values);
    ASSERT_OK(gad_safetensors_copy_f32(tensor, 0, tensor->count, values, &err), &err);
    if (dtype == GAD_SAFETENSORS_F32)
        return values;
    uint16_t *half = malloc(tensor->count * sizeof *half);
    for (size_t i = 0; i < tensor->count; i++)
        half[i] = dtype == GAD_SAFETENSORS_BF16 ? gad_half_to_bf16(values[i]) : gad_half_to_f16(values[i]);
    free(values);
    return half;
}

/* The family's weights written anew into a folder of their own. */
static golden_folder write_checkpoint(const char *family, const char *name, gad_safetensors_dtype dtype, naming style,
                                      size_t shard_bytes)
{
    gad_error err;
    golden_folder folder = golden_copy(family, name);
    gad_safetensors *source = NULL;
    ASSERT_OK(gad_safetensors_open(golden_path(family, "model"), &source, &err), &err);
    size_t count = gad_safetensors_count(source);
    gad_safetensors_item *item = calloc(count, sizeof *item);
    for (size_t i = 0; i < count; i++) {
        const gad_safetensors_tensor *tensor = gad_safetensors_at(source, i);
        char *renamed = malloc(256);
        rename_tensor(tensor->name, style, renamed, 256);
        item[i] =
            (gad_safetensors_item){.name = renamed, .dtype = dtype, .rank = tensor->rank, .data = convert(tensor, dtype)};
        memcpy(item[i].shape, tensor->shape, sizeof item[i].shape);
    }
    golden_drop(&folder, "model.safetensors"); /* a link: writing would change the fixture */
    ASSERT_OK(gad_safetensors_write_sharded(folder.path, item, count, shard_bytes, &err), &err);
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)item[i].name);
        free((void *)(uintptr_t)item[i].data);
    }
    free(item);
    gad_safetensors_free(source);
    return folder;
}

static void test_names_and_shards(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        golden_folder folder = write_checkpoint(families[f], "old", GAD_SAFETENSORS_F32, OLD_NAMES, SIZE_MAX);
        check_folder(families[f], "old names", &folder, NULL, fp32_tolerance);
        folder = write_checkpoint(families[f], "new", GAD_SAFETENSORS_F32, NEW_NAMES, SIZE_MAX);
        check_folder(families[f], "new names", &folder, NULL, fp32_tolerance);
        folder = write_checkpoint(families[f], "shards", GAD_SAFETENSORS_F32, AS_IT_IS, 200000);
        assert_false(gad_file_exists(support_scratch(folder.path, "model.safetensors")));
        assert_true(gad_file_exists(support_scratch(folder.path, "model-00003-of-00005.safetensors")));
        check_folder(families[f], "in five shards", &folder, NULL, fp32_tolerance);
    }
}

/* ---- 16-bit weights
 * ------------------------------------------------------------------------------------------------------ */

/* The same engine with all weights as fp32: what remains is the arithmetic of the 16-bit kernels. */
static void check_widened(const char *family, const char *what, const golden_folder *folder, double tolerance)
{
    gad_error err;
    gad_engine *half = open_engine(folder->path, GAD_QUANTISE_NONE), *wide = open_engine(folder->path, GAD_QUANTISE_NONE);
    golden_case c = golden_open(family, &half->model.config, 'c');
    int64_t n = c.count * half->model.config.text.vocab;
    for (size_t i = 0; i < wide->model.params.count; i++) {
        assert_true(half->model.params.item[i]->value.dtype != GAD_F32 || !half->model.params.item[i]->is_matrix);
        ASSERT_OK(gad_param_convert(wide->model.params.item[i], GAD_F32, &err), &err);
    }
    float *a = golden_logits(&half->model, &half->device, true, &c, c.count, NULL);
    float *b = golden_logits(&wide->model, &wide->device, true, &c, c.count, NULL);
    support_difference d = support_compare(a, b, n);
    print_message("%s %s against the same weights widened to fp32: e %.2g\n", family, what, d.e);
    assert_true(d.e <= tolerance && !d.nonfinite);
    free(a);
    free(b);
    golden_close(&c);
    gad_engine_free(half);
    gad_engine_free(wide);
}

static void test_sixteen_bits(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        golden_folder folder = write_checkpoint(families[f], "bf16", GAD_SAFETENSORS_BF16, AS_IT_IS, SIZE_MAX);
        check_folder(families[f], "bf16 made here", &folder, "bf16_logits.safetensors", bf16_tolerance);
        check_widened(families[f], "bf16", &folder, 1e-5);
        folder = write_checkpoint(families[f], "f16", GAD_SAFETENSORS_F16, AS_IT_IS, SIZE_MAX);
        check_folder(families[f], "f16 against the fp32 goldens", &folder, NULL, 4e-3); /* 11 bits of mantissa, not 8 */
        check_widened(families[f], "f16", &folder, 1e-5);
    }
}

/* ---- int8
 * ------------------------------------------------------------------------------------------------------------------ */

/* In 8 bits a weight is off by up to 1/254 of its group's largest, and so is a number of an activation; in 4 bits by 1/30
 * of its half group's range. Weights are random here, without anything that would average out. Measured e stands beside the
 * bound. */
static void check_quantised(const char *family, gad_quantise quantise, double bound)
{
    gad_engine *engine = open_engine(golden_path(family, "model"), quantise);
    int q8 = 0, q4 = 0;
    for (size_t i = 0; i < engine->model.params.count; i++) {
        const gad_param *param = engine->model.params.item[i];
        const gad_dtype dtype = param->value.dtype;
        assert_true(gad_quant_is(dtype) == (param->is_matrix && !strncmp(param->name, "model.", 6)));
        q8 += dtype == GAD_Q8;
        q4 += dtype == GAD_Q4;
    }
    assert_true(quantise == GAD_QUANTISE_Q4 ? q4 > 0 && engine->model.lm.embed->value.dtype == GAD_Q8 : q4 == 0);
    double e = compare_case(engine, family, 'c', NULL);
    print_message("%s, %d matrices in 8 bits, %d in 4: e %.2g\n", family, q8, q4, e);
    assert_true(e >= 0 && e < bound);
    gad_engine_free(engine);
}

static void test_quantised(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        check_quantised(families[f], GAD_QUANTISE_Q8, 5e-2);
        check_quantised(families[f], GAD_QUANTISE_Q4, 4e-1);
    }
}

/* ---- instruction sets
 * -------------------------------------------------------------------------------------------------------- */

static void test_cpu_levels(void **state)
{
    (void)state;
    size_t levels = 0;
    while (gad_device_cpu_level_name(levels))
        levels++;
    for (size_t f = 0; f < 2; f++)
        for (int form = 0; form < 3; form++) {
            gad_error err;
            golden_folder bf16 = write_checkpoint(families[f], "levels", GAD_SAFETENSORS_BF16, AS_IT_IS, SIZE_MAX);
            const char *folder = form ? bf16.path : golden_path(families[f], "model");
            float *first = NULL;
            int compared = 0;
            for (size_t l = levels; l-- > 0;) { /* "portable" first: the others are compared with it */
                const char *level = gad_device_cpu_level_name(l);
                gad_engine *engine = open_engine(folder, form == 2 ? GAD_QUANTISE_Q8 : GAD_QUANTISE_NONE);
                if (gad_device_limit_cpu(&engine->device, level, &err)) {
                    print_message("SKIPPED level %s: %s\n", level, err.cause);
                    gad_engine_free(engine);
                    continue;
                }
                assert_string_equal(gad_device_cpu_level(&engine->device), level);
                golden_case c = golden_open(families[f], &engine->model.config, 'c');
                float *logits = golden_logits(&engine->model, &engine->device, true, &c, c.count, NULL);
                if (first) {
                    support_difference d = support_compare(logits, first, c.count * engine->model.config.text.vocab);
                    print_message("%s %s, %s against portable: e %.2g\n", families[f],
                                  form == 2   ? "bf16 and q8"
                                  : form == 1 ? "bf16"
                                              : "fp32",
                                  level, d.e);
                    assert_true(d.e <= 1e-5 && !d.nonfinite);
                    compared++;
                    free(logits);
                } else {
                    first = logits;
                }
                golden_close(&c);
                gad_engine_free(engine);
            }
            assert_non_null(first);
            free(first);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixture_variants), cmocka_unit_test(test_names_and_shards),
        cmocka_unit_test(test_sixteen_bits),     cmocka_unit_test(test_quantised),
        cmocka_unit_test(test_cpu_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
