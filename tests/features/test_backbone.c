/* test_backbone: what every backbone promises: sizes it takes, pictures brought to them, files and folders it refuses, the
 * same features from any number of threads, and no leak or crash when memory runs out anywhere. */
#include "base/memory.h"
#include "features/backbone.h"
#include "io/resize.h"
#include "io/safetensors.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char lite[] = "tests/fixtures/features/lite_random.safetensors";
static const char vit[] = "tests/fixtures/features/dinov3_gated";

static gad_image plate(void)
{
    gad_image image = {0};
    gad_error err = {0};
    ASSERT_OK(gad_image_load(support_source("tests/fixtures/images/plate.png"), &image, &err), &err);
    return image;
}

static gad_features run(const char *path, int threads, const gad_image *image, int64_t width, int64_t height)
{
    gad_backbone *backbone = NULL;
    gad_features features = {0};
    gad_error err = {0};
    ASSERT_OK(gad_backbone_open(support_source(path), threads, &backbone, &err), &err);
    ASSERT_OK(gad_backbone_run(backbone, image, width, height, &features, &err), &err);
    gad_backbone_free(backbone);
    return features;
}

static void assert_same(gad_features *a, gad_features *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        const gad_feature_map *m = &a->map[i];
        assert_memory_equal(m->data, b->map[i].data, (size_t)(m->rows * m->cols * m->width) * sizeof *m->data);
    }
    gad_feature_free(a);
    gad_feature_free(b);
}

static void test_threads_and_sizes_change_nothing(void **state)
{
    (void)state;
    gad_image image = plate(), fitted = {0};
    gad_error err = {0};
    ASSERT_OK(gad_resize_bicubic(&image, 96, 64, GAD_RESIZE_PIL, &fitted, &err), &err);
    static const char *const paths[] = {lite, vit};
    for (int i = 0; i < 2; i++) {
        gad_features one = run(paths[i], 1, &image, 96, 64), three = run(paths[i], 3, &fitted, 96, 64);
        assert_same(&one, &three);
    }
    gad_image_free(&image);
    gad_image_free(&fitted);
}

/* A run leaves nothing behind that changes the next one, also after a refused one. */
static void test_runs_are_independent(void **state)
{
    (void)state;
    gad_image image = plate();
    gad_backbone *backbone = NULL;
    gad_features first = {0}, between = {0}, last = {0};
    gad_error err = {0};
    ASSERT_OK(gad_backbone_open(support_source(lite), 2, &backbone, &err), &err);
    ASSERT_OK(gad_backbone_run(backbone, &image, 64, 96, &first, &err), &err);
    ASSERT_OK(gad_backbone_run(backbone, &image, 32, 160, &between, &err), &err);
    assert_int_equal(gad_backbone_run(backbone, &image, 33, 160, &last, &err), GAD_E_ARGUMENT);
    ASSERT_OK(gad_backbone_run(backbone, &image, 64, 96, &last, &err), &err);
    assert_same(&first, &last);
    gad_feature_free(&between);
    gad_backbone_free(backbone);
    gad_image_free(&image);
}

static void test_refused_pictures(void **state)
{
    (void)state;
    gad_image image = plate(), grey = {0};
    gad_backbone *backbone = NULL;
    gad_features features = {0};
    gad_error err = {0};
    ASSERT_OK(gad_image_new(16, 16, 1, &grey, &err), &err);
    ASSERT_OK(gad_backbone_open(support_source(lite), 1, &backbone, &err), &err);
    assert_int_equal(gad_backbone_run(backbone, &grey, 32, 32, &features, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "1 channels"));
    assert_int_equal(gad_backbone_run(backbone, &image, 40, 32, &features, &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "multiples of 16"));
    assert_int_equal(gad_backbone_run(backbone, &image, 0, 32, &features, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_backbone_run(backbone, &image, 1 << 20, 32, &features, &err), GAD_E_LIMIT);
    assert_int_equal(features.count, 0);
    gad_backbone_free(backbone);
    gad_image_free(&image);
    gad_image_free(&grey);
    gad_backbone_free(NULL);
}

/* ---- files that must be refused ---- */

/* The lite fixture with one tensor replaced (NULL data: left out), written to a scratch file. */
static const char *changed(const gad_safetensors_item *with)
{
    gad_safetensors *file = NULL;
    gad_error err = {0};
    ASSERT_OK(gad_safetensors_open(support_source(lite), &file, &err), &err);
    const size_t count = gad_safetensors_count(file);
    gad_safetensors_item *items = gad_memory_zero(count, sizeof *items);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const gad_safetensors_tensor *t = gad_safetensors_at(file, i);
        if (!strcmp(t->name, with->name)) {
            if (with->data)
                items[used++] = *with;
            continue;
        }
        items[used] = (gad_safetensors_item){.name = t->name, .dtype = t->dtype, .rank = t->rank, .data = t->data};
        memcpy(items[used++].shape, t->shape, sizeof t->shape);
    }
    const char *path = support_scratch(GAD_TEST_TMP, "changed.safetensors");
    ASSERT_OK(gad_safetensors_write(path, items, used, &err), &err);
    gad_memory_free(items);
    gad_safetensors_free(file);
    return path;
}

static void assert_refused(gad_safetensors_item with, gad_status wanted, const char *cause)
{
    gad_backbone *backbone = NULL;
    gad_error err = {0};
    assert_int_equal(gad_backbone_open(changed(&with), 1, &backbone, &err), wanted);
    if (!strstr(err.cause, cause) || !strstr(err.cause, "changed.safetensors"))
        fail_msg("%s: \"%s\" does not say \"%s\" and the file", with.name, err.cause, cause);
}

static void test_refused_files(void **state)
{
    (void)state;
    static const int64_t strides[] = {1, 2, 1, 3, 1, 1, 1}, down[] = {4, 2, 6}, few[] = {2, 4}, long_side[] = {5};
    static const float numbers[4096];
    const gad_safetensors_dtype f32 = GAD_SAFETENSORS_F32, i64 = GAD_SAFETENSORS_I64;
    assert_refused((gad_safetensors_item){.name = "strides"}, GAD_E_FORMAT, "tensor strides is missing");
    assert_refused((gad_safetensors_item){.name = "levels"}, GAD_E_FORMAT, "tensor levels is missing");
    assert_refused((gad_safetensors_item){.name = "blocks.3.project.bias"}, GAD_E_FORMAT,
                   "tensor blocks.3.project.bias is missing");
    assert_refused((gad_safetensors_item){"strides", i64, 1, {7}, strides, NULL, NULL}, GAD_E_UNSUPPORTED, "stride 3");
    assert_refused((gad_safetensors_item){"levels", i64, 1, {3}, down, NULL, NULL}, GAD_E_FORMAT, "not ascending");
    assert_refused((gad_safetensors_item){"levels", i64, 1, {2}, few, NULL, NULL}, GAD_E_FORMAT, "end with the last");
    assert_refused((gad_safetensors_item){"levels", f32, 1, {3}, numbers, NULL, NULL}, GAD_E_UNSUPPORTED, "levels");
    assert_refused((gad_safetensors_item){"strides", i64, 1, {0}, strides, NULL, NULL}, GAD_E_FORMAT, "0 numbers");
    assert_refused((gad_safetensors_item){"side", i64, 2, {1, 0}, long_side, NULL, NULL}, GAD_E_FORMAT, "side");
    assert_refused((gad_safetensors_item){"blocks.0.expand.weight", f32, 2, {32, 28}, numbers, NULL, NULL}, GAD_E_FORMAT,
                   "[32, 28], not [any, 27]");
    assert_refused((gad_safetensors_item){"blocks.0.expand.weight", i64, 2, {32, 27}, numbers, NULL, NULL},
                   GAD_E_UNSUPPORTED, "type I64");
    assert_refused((gad_safetensors_item){"blocks.0.depthwise.weight", f32, 2, {8, 32}, numbers, NULL, NULL},
                   GAD_E_UNSUPPORTED, "8 weights a channel");
    assert_refused((gad_safetensors_item){"blocks.0.depthwise.weight", f32, 2, {0, 32}, numbers, NULL, NULL}, GAD_E_FORMAT,
                   "[0, 32]");
    assert_refused((gad_safetensors_item){"blocks.0.expand.bias", f32, 1, {31}, numbers, NULL, NULL}, GAD_E_FORMAT,
                   "[31], not [1, 32]");
    gad_backbone *backbone = NULL;
    gad_error err = {0};
    assert_int_equal(gad_backbone_open("nowhere.safetensors", 1, &backbone, &err), GAD_E_IO);
    assert_int_equal(gad_backbone_open(support_source("tests/fixtures/images"), 1, &backbone, &err), GAD_E_IO);
    assert_int_equal(gad_backbone_open(support_source("tests/fixtures/images/plate.png"), 1, &backbone, &err),
                     GAD_E_FORMAT);
    assert_int_equal(gad_backbone_open(support_source("tests/fixtures/qwen25/model"), 1, &backbone, &err),
                     GAD_E_UNSUPPORTED);
    assert_null(backbone);
}

/* ---- running out of memory ---- */

typedef struct budget {
    int left; /* allocations that succeed */
    int held; /* given and not given back */
} budget;

static void *allocate(void *user, size_t size_bytes)
{
    budget *b = user;
    if (b->left-- <= 0)
        return NULL;
    b->held++;
    return malloc(size_bytes);
}

static void *resize(void *user, void *old, size_t size_bytes)
{
    budget *b = user;
    if (b->left-- <= 0)
        return NULL;
    b->held += !old;
    return realloc(old, size_bytes);
}

static void release(void *user, void *old)
{
    ((budget *)user)->held -= old != NULL;
    free(old);
}

static gad_status open_and_run(const char *path, const gad_image *image, gad_error *err)
{
    gad_backbone *backbone = NULL;
    gad_features features = {0};
    gad_status status = gad_backbone_open(path, 2, &backbone, err);
    if (!status)
        status = gad_backbone_run(backbone, image, 48, 48, &features, err);
    assert_true(!status || !features.count);
    gad_feature_free(&features);
    gad_backbone_free(backbone);
    return status;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    gad_image image = plate();
    static const char *const paths[] = {lite, vit, "tests/fixtures/features/dinov2"};
    for (int i = 0; i < 3; i++) {
        const char *path = support_source(paths[i]);
        gad_status status = GAD_E_MEMORY;
        for (int allowed = 0; status; allowed++) {
            budget b = {.left = allowed};
            gad_error err = {0};
            gad_use_allocator(&(gad_allocator){allocate, resize, release, &b});
            status = open_and_run(path, &image, &err);
            gad_use_allocator(NULL);
            if (status && status != GAD_E_MEMORY)
                fail_msg("%s, allocation %d refused: %s: %s", paths[i], allowed, err.operation, err.cause);
            assert_int_equal(b.held, 0);
        }
    }
    gad_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_and_sizes_change_nothing),
        cmocka_unit_test(test_runs_are_independent),
        cmocka_unit_test(test_refused_pictures),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("features/backbone", tests, NULL, NULL);
}
