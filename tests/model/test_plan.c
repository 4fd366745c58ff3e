/* plan: parameter counts and costs against the numbers of docs/spec/qwen_vl.md (sections 1.2, 10.1 and 15). */
#include <math.h>

#include "model/plan.h"
#include "model/shape.h"
#include "support/support.h"

static gad_plan plan_of(const char *name, int64_t *tensors)
{
    gad_error err;
    gad_config config;
    gad_model model;
    ASSERT_OK(gad_shape_find(name, &config, &err), &err);
    ASSERT_OK(gad_model_build(&config, &model, &err), &err);
    gad_grid side = {32, 32};
    if (config.vision.patch == 16)
        side = (gad_grid){28, 28};
    gad_grid images[] = {side, side};
    gad_plan_request r = {.images = images,
                          .image_count = 2,
                          .text_tokens = 48,
                          .answer_tokens = 300,
                          .matrix_dtype = GAD_BF16,
                          .vision_dtype = GAD_BF16};
    gad_plan plan = gad_plan_make(&model, &r);
    *tensors = (int64_t)model.params.count;
    gad_model_free(&model);
    return plan;
}

static void check_shape(const char *name, int64_t vision, int64_t total, int64_t expected_tensors)
{
    int64_t tensors;
    gad_plan plan = plan_of(name, &tensors);
    print_message("%s: %lld + %lld parameters, %lld tensors\n", name, (long long)plan.vision_parameters,
                  (long long)plan.text_parameters, (long long)tensors);
    if (vision)
        assert_int_equal(plan.vision_parameters, vision);
    assert_int_equal(plan.vision_parameters + plan.text_parameters, total);
    assert_int_equal(tensors, expected_tensors);
}

static void test_published_sizes(void **state)
{
    (void)state;
    check_shape("qwen2.5-vl-3b", 668684288, 3754622976, 824);
    check_shape("qwen2.5-vl-7b", 676550144, 8292166656, 729);
    check_shape("qwen2.5-vl-32b", 688841984, 33452718336, 1161);
    check_shape("qwen2.5-vl-72b", 704573696, 73410777344, 1353);
    check_shape("qwen3-vl-2b", 0, 2127532032, 625);
    check_shape("qwen3-vl-4b", 0, 4437815808, 713);
    check_shape("qwen3-vl-8b", 0, 8767123696, 750);
    check_shape("qwen3-vl-32b", 0, 33357390064, 1058);
}

/* The worked example of section 15: two 448x448 images, 560 prompt tokens, Qwen2.5-VL-3B and 7B. */
static void test_worked_example(void **state)
{
    (void)state;
    int64_t tensors;
    gad_plan p3 = plan_of("qwen2.5-vl-3b", &tensors), p7 = plan_of("qwen2.5-vl-7b", &tensors);
    assert_int_equal(p3.prompt_tokens, 560);
    assert_true(fabs(p3.vision_flop / 2.69e12 - 1) < 0.01);
    assert_true(fabs(p3.prefill_flop / (3.107e12 + 0.046e12) - 1) < 0.01);
    assert_true(fabs(p7.prefill_flop / (7.308e12 + 0.063e12) - 1) < 0.01);
    assert_true(fabs((p3.decode_bytes - 36864.0 * 2 * 560) / 6.17e9 - 1) < 0.01); /* our cache is fp32 */
    assert_true(fabs((p7.decode_bytes - 57344.0 * 2 * 560) / 14.14e9 - 1) < 0.01);
}

static void test_too_little_memory(void **state)
{
    (void)state;
    gad_error err;
    assert_int_equal(gad_plan_check((size_t)1 << 60, NULL, "load the model", &err), GAD_E_MEMORY);
    assert_int_equal(gad_plan_check(1, NULL, "load the model", &err), GAD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_sizes),
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_too_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
