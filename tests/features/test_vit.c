/* test_vit: DINOv2 and DINOv3 against transformers on tiny random checkpoints (reference/fixtures_features.py), and what a
 * folder must not say. */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "features/backbone.h"
#include "features/golden_features.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int64_t width, height;
} folders[] = {
    {"dinov2", 30, 12}, {"dinov2_gated", 20, 12}, {"dinov2_registers", 16, 32},
    {"dinov3", 40, 24}, {"dinov3_gated", 12, 16},
};

static void test_against_transformers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/fixtures/features/%s", folders[i].name);
        golden_features_compare(path, folders[i].width, folders[i].height, "vit.safetensors", folders[i].name, 1, 2e-5);
    }
}

static void test_what_it_says(void **state)
{
    (void)state;
    gad_backbone *backbone = NULL, *other = NULL;
    gad_error err = {0};
    ASSERT_OK(gad_backbone_open(support_source("tests/fixtures/features/dinov3"), 1, &backbone, &err), &err);
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    assert_string_equal(info->family, "dinov3_vit");
    assert_int_equal(info->unit, 8);
    assert_int_equal(info->default_side, 32);
    assert_int_equal(info->level_count, 3);
    assert_string_equal(info->level[2].name, "layer 3");
    assert_int_equal(info->level[2].width, 16);
    ASSERT_OK(gad_backbone_open(support_source("tests/fixtures/features/dinov2"), 1, &other, &err), &err);
    assert_false(gad_hash_equal(info->hash, gad_backbone_describe(other)->hash));
    gad_backbone_free(backbone);
    gad_backbone_free(other);
}

/* The folder dinov2 with one member of config.json changed. */
static gad_status open_changed(const char *key, json_t *value, gad_error *err)
{
    const char *source = support_source("tests/fixtures/features/dinov2");
    const char *weights = support_scratch(GAD_TEST_TMP, "model.safetensors");
    gad_backbone *backbone = NULL;
    json_t *root = NULL;
    char *config = gad_file_join(source, "config.json"), *file = gad_file_join(source, "model.safetensors");
    ASSERT_OK(gad_json_load(config, &root, err), err);
    json_object_set_new(root, key, value);
    ASSERT_OK(gad_json_write(support_scratch(GAD_TEST_TMP, "config.json"), root, err), err);
    unlink(weights);
    assert_int_equal(symlink(file, weights), 0);
    char folder[512];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(weights, '/') - weights), weights);
    const gad_status status = gad_backbone_open(folder, 1, &backbone, err);
    gad_backbone_free(backbone);
    json_decref(root);
    gad_memory_free(config);
    gad_memory_free(file);
    return status;
}

static void test_refused_folders(void **state)
{
    (void)state;
    gad_error err = {0};
    static const struct {
        const char *key, *value; /* JSON */
        gad_status status;
        const char *cause;
    } cases[] = {
        {"model_type", "\"vit\"", GAD_E_UNSUPPORTED, "\"model_type\" is \"vit\""},
        {"model_type", "3", GAD_E_FORMAT, "model_type"},
        {"hidden_act", "\"relu\"", GAD_E_UNSUPPORTED, "\"hidden_act\" is \"relu\""},
        {"num_attention_heads", "3", GAD_E_FORMAT, "16 channels do not give 3 heads"},
        {"num_attention_heads", "0", GAD_E_FORMAT, "\"num_attention_heads\" is 0"},
        {"num_hidden_layers", "4", GAD_E_FORMAT, "tensor encoder.layer.3.norm1.weight is missing"},
        {"num_hidden_layers", "9999999999", GAD_E_FORMAT, "num_hidden_layers"},
        {"hidden_size", "32", GAD_E_FORMAT, "tensor embeddings.patch_embeddings.projection.weight is [16, 3, 6, 6]"},
        {"patch_size", "5", GAD_E_FORMAT, "embeddings.patch_embeddings.projection.weight"},
        {"image_size", "24", GAD_E_FORMAT, "embeddings.position_embeddings is missing or has not 272 numbers"},
        {"layer_norm_eps", "-1", GAD_E_FORMAT, "layer_norm_eps"},
        {"use_swiglu_ffn", "true", GAD_E_FORMAT, "mlp.weights_in.weight is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
        assert_int_equal(open_changed(cases[i].key, value, &err), cases[i].status);
        if (!strstr(err.cause, cases[i].cause))
            fail_msg("%s = %s: \"%s\" does not say \"%s\"", cases[i].key, cases[i].value, err.cause, cases[i].cause);
    }
    ASSERT_OK(open_changed("num_hidden_layers", json_integer(2), &err), &err); /* fewer layers than the file has */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_transformers),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_refused_folders),
    };
    return cmocka_run_group_tests_name("features/vit", tests, NULL, NULL);
}
