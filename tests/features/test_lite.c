/* test_lite: EfficientNet-Lite against the public implementation (reference/fixtures_features.py): a narrow network with
 * random weights to rounding, the shipped lite0 to what 16-bit weights allow. */
#include "base/memory.h"
#include "features/backbone.h"
#include "support/support.h"

#include "io/safetensors.h"
#include <stdio.h>

enum { WIDTH = 96, HEIGHT = 64 };

static gad_features see(const char *file, const char *picture, int threads, gad_backbone_info *info)
{
    gad_backbone *backbone = NULL;
    gad_features features = {0};
    gad_image image = {0};
    gad_error err = {0};
    ASSERT_OK(gad_backbone_open(support_source(file), threads, &backbone, &err), &err);
    ASSERT_OK(gad_image_load(support_source(picture), &image, &err), &err);
    ASSERT_OK(gad_backbone_run(backbone, &image, WIDTH, HEIGHT, &features, &err), &err);
    *info = *gad_backbone_describe(backbone);
    gad_image_free(&image);
    gad_backbone_free(backbone);
    return features;
}

static void compare_with_golden(const char *file, const char *prefix, double tolerance)
{
    gad_safetensors *golden = NULL;
    gad_backbone_info info;
    gad_error err = {0};
    gad_features features = see(file, "tests/fixtures/images/plate.png", 2, &info);
    ASSERT_OK(gad_safetensors_open(support_source("tests/fixtures/features/lite.safetensors"), &golden, &err), &err);
    assert_int_equal(features.count, info.level_count);
    for (int i = 0; i < features.count; i++) {
        const gad_feature_map *map = &features.map[i];
        char name[64];
        snprintf(name, sizeof name, "%s.%d", prefix, i);
        const gad_safetensors_tensor *t = gad_safetensors_find(golden, name);
        assert_non_null(t);
        assert_int_equal(t->shape[0], map->rows);
        assert_int_equal(t->shape[1], map->cols);
        assert_int_equal(t->shape[2], map->width);
        assert_int_equal(map->stride * map->rows, HEIGHT);
        assert_int_equal(info.level[i].width, map->width);
        assert_int_equal(info.level[i].stride, map->stride);
        float *wanted = gad_memory_alloc(t->count, sizeof *wanted);
        ASSERT_OK(gad_safetensors_copy_f32(t, 0, t->count, wanted, &err), &err);
        support_assert_close(name, map->data, wanted, (int64_t)t->count, tolerance);
        gad_memory_free(wanted);
    }
    gad_safetensors_free(golden);
    gad_feature_free(&features);
}

static void test_random_weights(void **state)
{
    (void)state;
    compare_with_golden("tests/fixtures/features/lite_random.safetensors", "random", 1e-5);
}

static void test_shipped_weights(void **state)
{
    (void)state;
    compare_with_golden("models/backbone/lite0.safetensors", "lite0", 8e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_weights),
        cmocka_unit_test(test_shipped_weights),
    };
    return cmocka_run_group_tests_name("features/lite", tests, NULL, NULL);
}
