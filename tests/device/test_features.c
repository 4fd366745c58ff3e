/* test_features: backbones and products on a device whose memory the host cannot read: the CPU's bits, and everything that
 * was placed is given back. */
#include <stdio.h>
#include <string.h>

#include "device/far.h"
#include "features/backbone.h"
#include "gad_product.h"
#include "model/golden.h"

enum { PATHS = 3 };
static const char *const paths[PATHS] = {"models/backbone/lite0.safetensors", "tests/fixtures/features/dinov2",
                                         "tests/fixtures/features/dinov3"};

static gad_features features_of(const char *path, const char *device)
{
    gad_error err;
    gad_backbone *backbone = NULL;
    gad_image picture;
    gad_features f = {0};
    ASSERT_OK(gad_backbone_open(support_source(path), 1, &backbone, &err), &err);
    ASSERT_OK(gad_backbone_use_device(backbone, device, &err), &err);
    ASSERT_OK(gad_image_load(golden_image("plate"), &picture, &err), &err);
    const int64_t unit = gad_backbone_describe(backbone)->unit;
    ASSERT_OK(gad_backbone_run(backbone, &picture, 4 * unit, 6 * unit, &f, &err), &err);
    if (strcmp(device, "cpu") != 0)
        assert_int_equal(gad_backbone_use_device(backbone, device, &err), GAD_E_ARGUMENT);
    gad_image_free(&picture);
    gad_backbone_free(backbone);
    return f;
}

static void test_backbones(void **state)
{
    (void)state;
    for (int i = 0; i < PATHS; i++) {
        gad_features cpu = features_of(paths[i], "cpu");
        for (int half = 0; half < 2; half++) { /* a device of bf16 sees in fp32 too */
            gad_features far = features_of(paths[i], half ? "half" : "far");
            assert_int_equal(cpu.count, far.count);
            for (int m = 0; m < cpu.count; m++)
                assert_memory_equal(cpu.map[m].data, far.map[m].data,
                                    (size_t)(cpu.map[m].rows * cpu.map[m].cols * cpu.map[m].width) * sizeof(float));
            gad_feature_free(&far);
            assert_int_equal(far_held_bytes(), 0);
        }
        gad_feature_free(&cpu);
    }
}

/* Other sums, the same features. */
static void test_kernels(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_kernels");
    gad_error err;
    gad_device device;
    ASSERT_OK(gad_device_open(&device, "kernels", 1, &err), &err);
    const bool whole = device.ops->unfold && device.ops->expand_depthwise;
    gad_device_close(&device);
    if (!whole)
        SKIP_TEST("test_kernels", "the CUDA filling lacks convolutions");
    for (int i = 0; i < PATHS; i++) {
        gad_features cpu = features_of(paths[i], "cpu"), kernels = features_of(paths[i], "kernels");
        for (int m = 0; m < cpu.count; m++)
            support_assert_close(paths[i], kernels.map[m].data, cpu.map[m].data,
                                 cpu.map[m].rows * cpu.map[m].cols * cpu.map[m].width, 2e-5);
        gad_feature_free(&cpu);
        gad_feature_free(&kernels);
    }
}

static void test_products(void **state)
{
    (void)state;
    gad_error err;
    gad_inspection result[2];
    gad_picture *part;
    char good[2][512];
    snprintf(good[0], sizeof good[0], "%s", golden_image("plate"));
    snprintf(good[1], sizeof good[1], "%s", golden_image("coin"));
    const char *const files[] = {good[0], good[1]};
    const char *file = support_scratch(GAD_TEST_TMP, "product.gad");
    ASSERT_OK(gad_picture_load(golden_image("bolt"), &part, &err), &err);
    for (int i = 0; i < 2; i++) {
        gad_product *product;
        gad_learn_settings settings = gad_learn_settings_default();
        settings.device = i ? "far" : "cpu";
        settings.threads = 1;
        settings.side_px = 96;
        ASSERT_OK(gad_product_learn(files, 2, &settings, NULL, &product, &err), &err);
        ASSERT_OK(gad_product_save(product, file, &err), &err);
        gad_product_free(product);
        ASSERT_OK(gad_product_open(file, NULL, 1, &product, &err), &err);
        ASSERT_OK(gad_product_use_device(product, settings.device, &err), &err);
        ASSERT_OK(gad_product_inspect(product, part, 0.5, &result[i], &err), &err);
        gad_product_free(product);
        assert_int_equal(far_held_bytes(), 0);
    }
    assert_true(result[0].score == result[1].score && result[0].score_fast == result[1].score_fast);
    assert_int_equal(result[0].heat_width * result[0].heat_height, result[1].heat_width * result[1].heat_height);
    assert_memory_equal(result[0].heat, result[1].heat,
                        (size_t)(result[0].heat_width * result[0].heat_height) * sizeof(float));
    gad_inspection_clear(&result[0]);
    gad_inspection_clear(&result[1]);
    gad_picture_free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backbones),
        cmocka_unit_test(test_kernels),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests_name("device/features", tests, NULL, NULL);
}
