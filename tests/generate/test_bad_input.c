/* bad_input: every malformed file of tests/fixtures/malformed, met where a user meets it: opening an engine, attaching an
 * adapter. Each is refused with a status that fits and a message that names the file; what is well formed is taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "generate/engine.h"
#include "model/golden.h"
#include "model/lora.h"
#include "model/weights.h"

static const char *malformed(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/fixtures/malformed/%s", name);
    return support_source(path);
}

/* A refusal that tells the user what is wrong: not a defect of gad, not a lack of memory, with the file's name and without
 * a line end. `other` (may be NULL) is another file that may be named instead. */
static void assert_refused(const char *what, gad_status status, const gad_error *err, const char *file, const char *other)
{
    bool fits = status == GAD_E_FORMAT || status == GAD_E_UNSUPPORTED || status == GAD_E_LIMIT || status == GAD_E_IO ||
                status == GAD_E_ARGUMENT;
    bool named = strstr(err->cause, file) || (other && strstr(err->cause, other));
    if (!fits || err->code != status || !named || strchr(err->cause, '\n') || !err->operation[0])
        fail_msg("%s: %s: cannot %s: %s", what, gad_status_name(status), err->operation, err->cause);
}

static gad_status open_folder(const char *folder, const char *adapter, gad_error *err)
{
    gad_engine *engine = NULL;
    gad_engine_options options = {.model = folder, .adapter = adapter, .compute.threads = 1};
    *err = (gad_error){0};
    gad_status status = gad_engine_open(&options, &engine, err);
    assert_true((engine != NULL) == (status == GAD_OK));
    gad_engine_free(engine);
    return status;
}

/* ---- JSON files
 * ----------------------------------------------------------------------------------------------------------- */

static void check_changes(const char *list_name)
{
    gad_error err;
    json_t *list = NULL, *change;
    size_t i;
    int accepted = 0;
    ASSERT_OK(gad_json_load(malformed(list_name), &list, &err), &err);
    json_array_foreach (list, i, change) {
        const char *name = json_string_value(json_object_get(change, "name"));
        const char *file = json_string_value(json_object_get(change, "file"));
        golden_folder folder = golden_copy(json_string_value(json_object_get(change, "family")), "changed");
        golden_change(&folder, file, change);
        gad_status status = open_folder(folder.path, NULL, &err);
        if (name[0] == 'n')
            assert_refused(name, status, &err, file, folder.path);
        else if (status)
            fail_msg("%s: %s: %s", name, gad_status_name(status), err.cause);
        accepted += name[0] == 'y';
    }
    print_message("%s: %zu changes, %d of them accepted\n", list_name, i, accepted);
    assert_true(i >= 30 && accepted >= 2);
    json_decref(list);
}

static void test_configs(void **state)
{
    (void)state;
    check_changes("configs.json");
}

static void test_tokenizers(void **state)
{
    (void)state;
    check_changes("tokenizers.json");
}

/* Files that are no JSON, cut short, empty, or gone. */
static void test_broken_json(void **state)
{
    (void)state;
    static const char *const files[] = {
        "config.json",        "tokenizer.json",       "preprocessor_config.json", "generation_config.json",
        "chat_template.json", "tokenizer_config.json"};
    static const char *const texts[] = {"", "{", "[1, 2]", "null", "\xff\xfe{}", "{\"a\": 1, \"a\": 2}"};
    int refused = 0, taken = 0;
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++)
        for (size_t t = 0; t <= sizeof texts / sizeof texts[0]; t++) {
            gad_error err;
            golden_folder folder = golden_copy("qwen25", "broken");
            const char *path = support_scratch(folder.path, files[f]);
            golden_drop(&folder, files[f]);
            bool gone = t == sizeof texts / sizeof texts[0];
            if (!gone)
                ASSERT_OK(gad_file_write(path, texts[t], strlen(texts[t]), &err), &err);
            gad_status status = open_folder(folder.path, NULL, &err);
            if (status)
                assert_refused(files[f], status, &err, files[f], gone ? folder.path : NULL);
            else
                print_message("%s: %s is taken\n", files[f], gone ? "absent" : texts[t]);
            taken += !status;
            refused += status != GAD_OK;
        }
    print_message("%d refused, %d taken\n", refused, taken);
    assert_true(refused >= 29); /* of a repeated key the last value holds, as the reference reads it */
}

static void test_no_folder(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine = NULL;
    assert_refused("absent folder", open_folder("/nonexistent/model", NULL, &err), &err, "/nonexistent/model", NULL);
    assert_true(err.hint[0] != 0);
    const char *file = golden_path("qwen25", "model/config.json");
    assert_refused("a file", open_folder(file, NULL, &err), &err, file, NULL);
    gad_engine_options none = gad_engine_options_default(); /* no model named: the one that ships */
    ASSERT_OK(gad_engine_open(&none, &engine, &err), &err);
    gad_engine_free(engine);
    assert_refused("absent adapter", open_folder(golden_path("qwen25", "model"), "/nonexistent/adapter", &err), &err,
                   "/nonexistent/adapter", NULL);
}

/* ---- tensor files
 * ---------------------------------------------------------------------------------------------------------- */

static void test_safetensors(void **state)
{
    (void)state;
    gad_error err;
    gad_file_names names = {0};
    int refused = 0;
    ASSERT_OK(gad_file_list(malformed("safetensors"), &names, &err), &err);
    for (size_t i = 0; i < names.count; i++) {
        if (!gad_file_has_extension(names.name[i], "safetensors"))
            continue;
        golden_folder folder = golden_copy("qwen25", "tensors");
        golden_put(&folder, "model.safetensors", support_scratch(malformed("safetensors"), names.name[i]));
        /* the well-formed ones lack the model's tensors, which the folder is blamed for */
        assert_refused(names.name[i], open_folder(folder.path, NULL, &err), &err, "model.safetensors",
                       names.name[i][0] == 'y' ? folder.path : NULL);
        refused++;
    }
    print_message("%d tensor files\n", refused);
    assert_true(refused >= 60);
    gad_file_names_free(&names);
}

static void test_indexes(void **state)
{
    (void)state;
    gad_error err;
    gad_file_names names = {0};
    ASSERT_OK(gad_file_list(malformed("index"), &names, &err), &err);
    assert_true(names.count >= 20);
    for (size_t i = 0; i < names.count; i++) {
        golden_folder folder = golden_copy("qwen25", "index");
        gad_file_names files = {0};
        const char *source = support_scratch(malformed("index"), names.name[i]);
        golden_drop(&folder, "model.safetensors");
        ASSERT_OK(gad_file_list(source, &files, &err), &err);
        for (size_t k = 0; k < files.count; k++)
            golden_put(&folder, files.name[k], support_scratch(source, files.name[k]));
        assert_refused(names.name[i], open_folder(folder.path, NULL, &err), &err, "safetensors", folder.path);
        gad_file_names_free(&files);
    }
    print_message("%zu indexes\n", names.count);
    gad_file_names_free(&names);
}

/* The true weights, cut at many lengths. */
static void test_truncated_weights(void **state)
{
    (void)state;
    gad_error err;
    char *data = NULL;
    size_t size = 0;
    ASSERT_OK(gad_file_read(golden_path("qwen25", "model/model.safetensors"), 1 << 24, &data, &size, &err), &err);
    golden_folder folder = golden_copy("qwen25", "cut");
    const size_t keep[] = {0, 1, 7, 8, 9, 100, 7000, size / 2, size - 4, size - 1};
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++) {
        golden_drop(&folder, "model.safetensors");
        const char *path = support_scratch(folder.path, "model.safetensors");
        ASSERT_OK(gad_file_write(path, data, keep[i], &err), &err);
        assert_refused("truncated", open_folder(folder.path, NULL, &err), &err, "model.safetensors", NULL);
    }
    free(data);
}

/* ---- adapters
 * ---------------------------------------------------------------------------------------------------------------- */

/* Attached to one model, again and again: what is refused leaves it as it was. */
static void test_adapters(void **state)
{
    (void)state;
    gad_error err;
    gad_file_names names = {0};
    gad_config config;
    gad_tensor_source *weights = NULL;
    gad_device device;
    gad_model model;
    const golden_folder copy = golden_copy("qwen25", "base"); /* its path lives longer than one of golden_path */
    const char *folder = copy.path;
    ASSERT_OK(gad_file_list(malformed("adapter"), &names, &err), &err);
    ASSERT_OK(gad_config_load(folder, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    ASSERT_OK(gad_weights_load(folder, &(gad_weights_options){0}, &model, &weights, NULL, &err), &err);
    ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
    golden_case c = golden_open("qwen25", &config, 'e');
    float *before = golden_logits(&model, &device, true, &c, 1, NULL);
    size_t params = model.params.count;
    int accepted = 0;
    for (size_t i = 0; i < names.count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", malformed("adapter"), names.name[i]);
        err = (gad_error){0};
        gad_status status = gad_lora_load(path, &model, &err);
        if (names.name[i][0] == 'n') {
            assert_refused(names.name[i], status, &err, "adapter_", NULL);
            assert_refused(names.name[i], open_folder(folder, path, &err), &err, "adapter_", NULL);
        } else {
            ASSERT_OK(status, &err);
            ASSERT_OK(open_folder(folder, path, &err), &err);
            gad_model_free(&model);
            ASSERT_OK(gad_model_build(&config, &model, &err), &err);
            gad_tensor_source_free(weights);
            ASSERT_OK(gad_weights_load(folder, &(gad_weights_options){0}, &model, &weights, NULL, &err), &err);
            accepted++;
        }
        assert_int_equal(model.params.count, params);
        float *after = golden_logits(&model, &device, true, &c, 1, NULL);
        if (memcmp(before, after, (size_t)config.text.vocab * sizeof *after))
            fail_msg("%s: the model is not as it was before", names.name[i]);
        free(after);
    }
    print_message("%zu adapters, %d of them accepted\n", names.count, accepted);
    assert_true(names.count >= 40 && accepted >= 6);
    free(before);
    golden_close(&c);
    gad_device_close(&device);
    gad_model_free(&model);
    gad_tensor_source_free(weights);
    gad_file_names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configs),           cmocka_unit_test(test_tokenizers),  cmocka_unit_test(test_broken_json),
        cmocka_unit_test(test_no_folder),         cmocka_unit_test(test_safetensors), cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_truncated_weights), cmocka_unit_test(test_adapters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
