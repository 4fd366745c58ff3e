/* test_lite: EfficientNet-Lite against the public implementation (reference/fixtures_features.py): a narrow network with
 * random weights to rounding, the shipped lite0 to what 16-bit weights allow. */
#include "features/golden_features.h"
#include "support/support.h"

enum { WIDTH = 96, HEIGHT = 64 };

static void test_random_weights(void **state)
{
    (void)state;
    golden_features_compare("tests/fixtures/features/lite_random.safetensors", WIDTH, HEIGHT, "lite.safetensors", "random",
                            0, 1e-5);
}

static void test_shipped_weights(void **state)
{
    (void)state;
    golden_features_compare("models/backbone/lite0.safetensors", WIDTH, HEIGHT, "lite.safetensors", "lite0", 0, 8e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_weights),
        cmocka_unit_test(test_shipped_weights),
    };
    return cmocka_run_group_tests_name("features/lite", tests, NULL, NULL);
}
