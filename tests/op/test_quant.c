/* test_quant: int8 weights: the error of every number, awkward groups, and that all source dtypes give the same. */
#include "op/quant.h"

#include "base/half.h"
#include "op/judge.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

enum { ROWS = 7, COLS = 203, GROUPS = (COLS + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP };

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(gad_quant_data_bytes(ROWS, COLS), ROWS * COLS);
    assert_int_equal(gad_quant_scale_bytes(ROWS, COLS), ROWS * GROUPS * sizeof(float));
    assert_int_equal(gad_quant_scale_bytes(3, GAD_Q8_GROUP), 3 * sizeof(float));
}

/* Half a step of rounding, and the roundings of scale, division and product. */
static void test_error_is_half_a_step(void **state)
{
    (void)state;
    static float w[ROWS * COLS], scale[ROWS * GROUPS];
    static int8_t data[ROWS * COLS];
    for (int64_t i = 0; i < ROWS * COLS; i++)
        w[i] = (float)judge_normal(5, 1, i);
    gad_quant_q8(&(gad_weight){w, GAD_F32, ROWS, COLS, NULL}, data, scale);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t c = 0; c < COLS; c++) {
            const float step = scale[r * GROUPS + c / GAD_Q8_GROUP], value = w[r * COLS + c];
            const float back = (float)data[r * COLS + c] * step;
            assert_true(fabsf(back - value) <= 0.5f * step * 1.0001f);
        }
    for (int64_t g = 0; g < ROWS * GROUPS; g++) { /* the largest number of a group is exact to rounding */
        const int64_t row = g / GROUPS, from = g % GROUPS * GAD_Q8_GROUP;
        float largest = 0;
        for (int64_t c = from; c < COLS && c < from + GAD_Q8_GROUP; c++)
            largest = fmaxf(largest, fabsf(w[row * COLS + c]));
        assert_true(scale[g] == largest / 127.0f);
    }
}

static void test_dtypes_agree(void **state)
{
    (void)state;
    static float exact[ROWS * COLS], scale[3][ROWS * GROUPS];
    static unsigned char half[2][2 * ROWS * COLS + 1]; /* from an odd byte on */
    static int8_t data[3][ROWS * COLS];
    for (int64_t i = 0; i < ROWS * COLS; i++) {
        exact[i] = (float)round(judge_normal(6, 1, i) * 32) / 32; /* few bits: the same in every dtype */
        const uint16_t b = gad_half_to_bf16(exact[i]), h = gad_half_to_f16(exact[i]);
        memcpy(half[0] + 1 + 2 * i, &b, 2);
        memcpy(half[1] + 1 + 2 * i, &h, 2);
    }
    gad_quant_q8(&(gad_weight){exact, GAD_F32, ROWS, COLS, NULL}, data[0], scale[0]);
    gad_quant_q8(&(gad_weight){half[0] + 1, GAD_BF16, ROWS, COLS, NULL}, data[1], scale[1]);
    gad_quant_q8(&(gad_weight){half[1] + 1, GAD_F16, ROWS, COLS, NULL}, data[2], scale[2]);
    for (int i = 1; i < 3; i++) {
        assert_memory_equal(data[0], data[i], sizeof data[0]);
        assert_memory_equal(scale[0], scale[i], sizeof scale[0]);
    }
}

static void test_awkward_groups(void **state)
{
    (void)state;
    static const float group[][4] = {
        {0, 0, 0, 0}, {1, -1, 0.5f, 0}, {INFINITY, 1, 2, 3}, {NAN, 1, 2, 3}, {2.1e-43f, 1.4e-45f, 0, -2.1e-43f}};
    float scale[5];
    int8_t data[5][4];
    for (int i = 0; i < 5; i++)
        gad_quant_q8(&(gad_weight){group[i], GAD_F32, 1, 4, NULL}, data[i], &scale[i]);
    assert_true(scale[0] == 0 && data[0][0] == 0);
    assert_true(data[1][0] == 127 && data[1][1] == -127 && data[1][2] == 64 && data[1][3] == 0);
    assert_true(isnan(scale[2]) && isnan(scale[3]));
    assert_true(data[4][0] == 127 && data[4][3] == -127); /* 150 units of the smallest number: the scale is one unit */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_error_is_half_a_step),
        cmocka_unit_test(test_dtypes_agree),
        cmocka_unit_test(test_awkward_groups),
    };
    return cmocka_run_group_tests_name("op/quant", tests, NULL, NULL);
}
