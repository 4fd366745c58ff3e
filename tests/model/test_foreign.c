/* foreign: a checkpoint that is not ours is named for what it is, with what to do. */
#include "base/file.h"
#include "base/memory.h"
#include "model/config.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static const char *folder_with(const char *const *files, const char *config)
{
    gad_error err;
    const char *folder = support_scratch(GAD_TEST_TMP, "checkpoint");
    ASSERT_OK(gad_file_remove(folder, &err), &err);
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
    for (int i = 0; files && files[i]; i++)
        ASSERT_OK(gad_file_write(support_scratch(folder, files[i]), "x", 1, &err), &err);
    if (config)
        ASSERT_OK(gad_file_write(support_scratch(folder, "config.json"), config, strlen(config), &err), &err);
    return folder;
}

static void assert_named(const char *path, gad_status status, const char *cause, const char *hint)
{
    gad_error err = {0};
    gad_config config;
    assert_int_equal(gad_config_load(path, &config, &err), status);
    if (!strstr(err.cause, cause) || !strstr(err.hint, hint))
        fail_msg("\"%s\" (%s) does not say \"%s\" (%s)", err.cause, err.hint, cause, hint);
}

#define FILES(...)                                                                                                         \
    (const char *const[])                                                                                                  \
    {                                                                                                                      \
        __VA_ARGS__, NULL                                                                                                  \
    }

static void test_files(void **state)
{
    (void)state;
    assert_named(folder_with(FILES("Qwen2.5-VL-7B-Q4_K_M.gguf", "mmproj.gguf"), NULL), GAD_E_UNSUPPORTED, "a GGUF file",
                 "--mmproj");
    assert_named(support_scratch(folder_with(FILES("m.GGUF"), NULL), "m.GGUF"), GAD_E_UNSUPPORTED, "is a GGUF file",
                 "--mmproj");
    assert_named(folder_with(FILES("pytorch_model.bin"), NULL), GAD_E_UNSUPPORTED, "PyTorch .bin", "safe_serialization");
    assert_named(folder_with(FILES("model.onnx"), NULL), GAD_E_UNSUPPORTED, "ONNX", "--endpoint");
    assert_named(folder_with(FILES("consolidated.00.pth"), NULL), GAD_E_UNSUPPORTED, "PyTorch checkpoint", "safetensors");
    assert_named(support_scratch(folder_with(FILES("model.safetensors"), NULL), "model.safetensors"), GAD_E_UNSUPPORTED,
                 "single safetensors", "give the folder");
    assert_named(folder_with(FILES("readme.txt", "training_args.bin"), NULL), GAD_E_IO, "no such file", "Hugging Face");
    assert_named("/no/such/folder", GAD_E_IO, "no such file", "Hugging Face");
}

/* The right settings beside weights that are not read. */
static void test_bin_beside_settings(void **state)
{
    (void)state;
    gad_error err;
    char *config;
    size_t length;
    ASSERT_OK(gad_file_read(support_source("tests/fixtures/qwen25/model/config.json"), 1 << 20, &config, &length, &err),
              &err);
    const char *folder = folder_with(FILES("pytorch_model-00001-of-00005.bin"), config);
    assert_named(folder, GAD_E_UNSUPPORTED, "PyTorch .bin", "safe_serialization");
    ASSERT_OK(gad_file_write(support_scratch(folder, "model.safetensors"), "x", 1, &err), &err);
    gad_config read;
    ASSERT_OK(gad_config_load(folder, &read, &err), &err);
    gad_memory_free(config);
}

static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *config, *cause, *hint;
    } cases[] = {{"{\"model_type\":\"qwen2_vl\"}", "Qwen2-VL, the generation before", "Qwen2.5-VL"},
                 {"{\"model_type\":\"qwen3_vl_moe\"}", "mixture of experts", "dense"},
                 {"{\"model_type\":\"some_new_moe\"}", "some_new_moe, a mixture of experts", "dense"},
                 {"{\"model_type\":\"internvl_chat\"}", "InternVL", "--endpoint"},
                 {"{\"model_type\":\"qwen3\"}", "without pictures", "Qwen3-VL"},
                 {"{\"model_type\":\"qwen2_5_vl\",\"quantization_config\":{\"quant_method\":\"fp8\"}}", "FP8", "--quant"},
                 {"{\"model_type\":\"qwen2_5_vl\",\"quantization_config\":{\"quant_method\":\"awq\"}}", "AWQ", "BF16"},
                 {"{\"model_type\":\"qwen3_vl\",\"quantization_config\":{\"bits\":4}}", "quantised weights", "BF16"},
                 {"{\"model_type\":\"never_heard\"}", "\"never_heard\" is not supported", "Qwen3-VL"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_named(folder_with(FILES("model.safetensors"), cases[i].config), GAD_E_UNSUPPORTED, cases[i].cause,
                     cases[i].hint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_bin_beside_settings),
                                       cmocka_unit_test(test_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
