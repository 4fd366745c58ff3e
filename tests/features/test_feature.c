/* test_feature: lists of feature maps: adding, bounds, giving back. */
#include "features/feature.h"
#include "support/support.h"

static void test_maps(void **state)
{
    (void)state;
    gad_features features = {0};
    gad_error err = {0};
    ASSERT_OK(gad_feature_add(&features, 4, 5, 3, 8, &err), &err);
    ASSERT_OK(gad_feature_add(&features, 2, 2, 7, 16, &err), &err);
    assert_int_equal(features.count, 2);
    assert_int_equal(features.map[1].stride, 16);
    assert_int_equal((uintptr_t)features.map[0].data & 63, 0);
    assert_ptr_equal(gad_feature_cell(&features.map[0], 3, 4), features.map[0].data + 19 * 3);
    gad_feature_free(&features);
    assert_int_equal(features.count, 0);
    gad_feature_free(&features);
    gad_feature_free(NULL);
}

static void test_bounds(void **state)
{
    (void)state;
    gad_features features = {0};
    gad_error err = {0};
    assert_int_equal(gad_feature_add(&features, 0, 5, 3, 8, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_feature_add(&features, INT64_MAX, INT64_MAX, 3, 8, &err), GAD_E_MEMORY);
    assert_int_equal(features.count, 0);
    for (int i = 0; i < GAD_FEATURE_MOST; i++)
        ASSERT_OK(gad_feature_add(&features, 1, 1, 1, 1, &err), &err);
    assert_int_equal(gad_feature_add(&features, 1, 1, 1, 1, &err), GAD_E_LIMIT);
    gad_feature_free(&features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_maps), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests_name("features/feature", tests, NULL, NULL);
}
