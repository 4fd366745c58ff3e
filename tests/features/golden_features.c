/* golden_features: see golden_features.h */
#include "features/golden_features.h"

#include "base/memory.h"
#include "features/backbone.h"
#include "io/safetensors.h"
#include "support/support.h"

#include <stdio.h>

static void compare_map(const gad_feature_map *map, const gad_safetensors *golden, const char *name, double tolerance)
{
    const gad_safetensors_tensor *t = gad_safetensors_find(golden, name);
    gad_error err = {0};
    assert_non_null(t);
    assert_int_equal(t->shape[0], map->rows);
    assert_int_equal(t->shape[1], map->cols);
    assert_int_equal(t->shape[2], map->width);
    float *wanted = gad_memory_alloc(t->count, sizeof *wanted);
    ASSERT_OK(gad_safetensors_copy_f32(t, 0, t->count, wanted, &err), &err);
    support_assert_close(name, map->data, wanted, (int64_t)t->count, tolerance);
    gad_memory_free(wanted);
}

void golden_features_compare(const char *path, int64_t width, int64_t height, const char *golden, const char *prefix,
                             int first, double tolerance)
{
    gad_backbone *backbone = NULL;
    gad_features features = {0};
    gad_image image = {0};
    gad_safetensors *file = NULL;
    gad_error err = {0};
    char name[128];
    snprintf(name, sizeof name, "tests/fixtures/features/%s", golden);
    ASSERT_OK(gad_safetensors_open(support_source(name), &file, &err), &err);
    ASSERT_OK(gad_backbone_open(support_source(path), 2, &backbone, &err), &err);
    ASSERT_OK(gad_image_load(support_source("tests/fixtures/images/plate.png"), &image, &err), &err);
    ASSERT_OK(gad_backbone_run(backbone, &image, width, height, &features, &err), &err);
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    assert_int_equal(features.count, info->level_count);
    for (int i = 0; i < features.count; i++) {
        snprintf(name, sizeof name, "%s.%d", prefix, first + i);
        assert_int_equal(features.map[i].stride, info->level[i].stride);
        assert_int_equal(features.map[i].stride * features.map[i].rows, height);
        assert_int_equal(features.map[i].width, info->level[i].width);
        compare_map(&features.map[i], file, name, tolerance);
    }
    gad_feature_free(&features);
    gad_image_free(&image);
    gad_backbone_free(backbone);
    gad_safetensors_free(file);
}
