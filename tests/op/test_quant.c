/* test_quant: weights in 8 and 4 bits: the error of every number, awkward groups, and that all source dtypes give the same;
 * activations in 8 bits on every instruction set. */
#include "op/quant.h"

#include "base/half.h"
#include "base/memory.h"
#include "op/cpu/cpu.h"
#include "op/judge.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

enum { ROWS = 37, COLS = 203, BLOCKS = 3, GROUPS = 4 };

static const gad_dtype dtypes[] = {GAD_Q8, GAD_Q4};

static gad_weight make(gad_dtype dtype, const void *w, gad_dtype from)
{
    void *data = gad_memory_alloc_aligned(gad_quant_data_bytes(dtype, ROWS, COLS), 1);
    void *scale = gad_memory_alloc_aligned(gad_quant_scale_bytes(dtype, ROWS, COLS), 1);
    assert_true(data && scale);
    gad_quant_make(dtype, &(gad_weight){w, from, ROWS, COLS, NULL}, data, scale);
    return (gad_weight){data, dtype, ROWS, COLS, scale};
}

static void drop(gad_weight w)
{
    gad_memory_free_aligned((void *)(uintptr_t)w.data);
    gad_memory_free_aligned((void *)(uintptr_t)w.scale);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(gad_quant_data_bytes(GAD_Q8, ROWS, COLS), BLOCKS * 16 * GROUPS * 64);
    assert_int_equal(gad_quant_scale_bytes(GAD_Q8, ROWS, COLS), BLOCKS * 16 * GROUPS * 2);
    assert_int_equal(gad_quant_data_bytes(GAD_Q4, ROWS, COLS), BLOCKS * 16 * GROUPS * 32);
    assert_int_equal(gad_quant_scale_bytes(GAD_Q4, ROWS, COLS), BLOCKS * 16 * (8 + GROUPS * 4));
}

/* Half a step of rounding, where a step is at most 1 / 127 of the group's largest number and 2^-7 of that more (bf16
 * scale); 0.1 % for the roundings of division and product. */
static void test_error_of_q8(void **state)
{
    (void)state;
    static float w[ROWS * COLS], back[COLS];
    for (int64_t i = 0; i < ROWS * COLS; i++)
        w[i] = (float)judge_normal(5, 1, i);
    const gad_weight q = make(GAD_Q8, w, GAD_F32);
    for (int64_t r = 0; r < ROWS; r++) {
        gad_quant_row(back, &q, r, 0, COLS);
        for (int64_t from = 0; from < COLS; from += GAD_QUANT_GROUP) {
            float most = 0;
            for (int64_t c = from; c < COLS && c < from + GAD_QUANT_GROUP; c++)
                most = fmaxf(most, fabsf(w[r * COLS + c]));
            for (int64_t c = from; c < COLS && c < from + GAD_QUANT_GROUP; c++)
                assert_true(fabsf(back[c] - w[r * COLS + c]) <= 0.5f * most / 127 * (1 + 0x1p-7f) * 1.001f);
        }
    }
    drop(q);
}

/* Of normal numbers, the best 16 levels over the range of a half group of 32 (about 4.1 deviations) leave a root mean
 * square error of 4.1 / 15 / sqrt(12) = 0.079 deviations; what least squares gain by cutting outliers makes up for rounded
 * steps. */
static void test_error_of_q4(void **state)
{
    (void)state;
    static float w[ROWS * COLS], back[COLS];
    double square = 0;
    for (int64_t i = 0; i < ROWS * COLS; i++)
        w[i] = (float)judge_normal(5, 1, i);
    const gad_weight q = make(GAD_Q4, w, GAD_F32);
    for (int64_t r = 0; r < ROWS; r++) {
        gad_quant_row(back, &q, r, 0, COLS);
        for (int64_t c = 0; c < COLS; c++)
            square += (double)(back[c] - w[r * COLS + c]) * (double)(back[c] - w[r * COLS + c]);
    }
    const double error = sqrt(square / (ROWS * COLS));
    print_message("q4: root mean square error %.4f deviations\n", error);
    assert_true(error > 0.05 && error < 0.079);
    drop(q);
}

/* What two levels can express comes back to rounding of their step. */
static void test_q4_of_two_levels(void **state)
{
    (void)state;
    static float w[ROWS * COLS], back[COLS];
    for (int64_t i = 0; i < ROWS * COLS; i++)
        w[i] = i % 3 ? 0.25f : -0.5f;
    const gad_weight q = make(GAD_Q4, w, GAD_F32);
    for (int64_t r = 0; r < ROWS; r++) {
        gad_quant_row(back, &q, r, 0, COLS);
        for (int64_t c = 0; c < COLS; c++)
            assert_true(fabsf(back[c] - w[r * COLS + c]) < 1e-6f);
    }
    drop(q);
}

static void test_dtypes_agree(void **state)
{
    (void)state;
    static float exact[ROWS * COLS];
    static unsigned char half[2][2 * ROWS * COLS + 1]; /* from an odd byte on */
    for (int64_t i = 0; i < ROWS * COLS; i++) {
        exact[i] = (float)round(judge_normal(6, 1, i) * 32) / 32; /* few bits: the same in every dtype */
        const uint16_t b = gad_half_to_bf16(exact[i]), h = gad_half_to_f16(exact[i]);
        memcpy(half[0] + 1 + 2 * i, &b, 2);
        memcpy(half[1] + 1 + 2 * i, &h, 2);
    }
    for (int d = 0; d < 2; d++) {
        const gad_weight of[3] = {make(dtypes[d], exact, GAD_F32), make(dtypes[d], half[0] + 1, GAD_BF16),
                                  make(dtypes[d], half[1] + 1, GAD_F16)};
        for (int i = 1; i < 3; i++) {
            assert_memory_equal(of[0].data, of[i].data, gad_quant_data_bytes(dtypes[d], ROWS, COLS));
            assert_memory_equal(of[0].scale, of[i].scale, gad_quant_scale_bytes(dtypes[d], ROWS, COLS));
            drop(of[i]);
        }
        drop(of[0]);
    }
}

static void test_awkward_groups(void **state)
{
    (void)state;
    static const float group[][4] = {
        {0, 0, 0, 0}, {1, -1, 0.5f, 0}, {INFINITY, 1, 2, 3}, {NAN, 1, 2, 3}, {2.1e-43f, 1.4e-45f, 0, -2.1e-43f}};
    static float w[ROWS * COLS], back[4];
    for (int i = 0; i < 5; i++)
        memcpy(w + i * COLS, group[i], sizeof group[i]);
    for (int d = 0; d < 2; d++) {
        const gad_weight q = make(dtypes[d], w, GAD_F32);
        for (int i = 0; i < 5; i++) {
            gad_quant_row(back, &q, i, 0, 4);
            for (int c = 0; c < 4; c++)
                assert_true(i == 2 || i == 3 ? isnan(back[c]) != 0 : fabsf(back[c] - group[i][c]) <= 0.1f);
        }
        drop(q);
    }
}

static void test_rounded_activations(void **state)
{
    (void)state;
    int8_t q[GAD_QUANT_GROUP];
    const float x[] = {127, -127, 63.5f, 64.5f, 0.49f, -0.51f}; /* the step is 1; ties go to even */
    assert_true(gad_quant_round(q, x, 6) == 1);
    static const int8_t wanted[] = {127, -127, 64, 64, 0, -1};
    assert_memory_equal(q, wanted, sizeof wanted);
    assert_true(isnan(gad_quant_round(q, (float[]){1, NAN}, 2)) && isnan(gad_quant_round(q, (float[]){1, INFINITY}, 2)));
    assert_true(gad_quant_round(q, (float[]){1e-38f, 0}, 2) == 0 && q[0] == 0);
}

/* Every instruction set rounds a row alike, bit for bit. */
static void test_levels_round_alike(void **state)
{
    (void)state;
    const char *level;
    enum { N = 200, G = 4 };
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)judge_normal(9, 1, i) * (i < 64 ? 1e-3f : 50);
    for (size_t l = 0; (level = gad_device_cpu_level_name(l)); l++) {
        gad_device device;
        gad_error err;
        ASSERT_OK(gad_device_open_cpu(&device, 1, &err), &err);
        int8_t number[G * GAD_QUANT_GROUP], wanted[GAD_QUANT_GROUP];
        float scale[G], half_sum[2 * G];
        int32_t sum[G];
        const gad_int8_rows rows = {1, 1, G, number, scale, sum, half_sum};
        if (gad_device_limit_cpu(&device, level, &err) == GAD_OK) {
            gad_cpu_int8(&device)->round_panel(&rows, 0, x, N, N, 0.75f);
            for (int g = 0; g < G; g++) {
                float value[GAD_QUANT_GROUP] = {0};
                int32_t half[2] = {0, 0};
                for (int i = 0; i < GAD_QUANT_GROUP && g * GAD_QUANT_GROUP + i < N; i++)
                    value[i] = 0.75f * x[g * GAD_QUANT_GROUP + i];
                assert_true(gad_quant_round(wanted, value, GAD_QUANT_GROUP) == scale[g]);
                assert_memory_equal(wanted, number + g * GAD_QUANT_GROUP, sizeof wanted);
                for (int i = 0; i < GAD_QUANT_GROUP; i++)
                    half[i / GAD_QUANT_HALF] += wanted[i];
                assert_int_equal(sum[g], half[0] + half[1]);
                assert_true(half_sum[2 * g] == scale[g] * (float)half[0] &&
                            half_sum[2 * g + 1] == scale[g] * (float)half[1]);
            }
        }
        gad_device_close(&device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_error_of_q8),
        cmocka_unit_test(test_error_of_q4),
        cmocka_unit_test(test_q4_of_two_levels),
        cmocka_unit_test(test_dtypes_agree),
        cmocka_unit_test(test_awkward_groups),
        cmocka_unit_test(test_rounded_activations),
        cmocka_unit_test(test_levels_round_alike),
    };
    return cmocka_run_group_tests_name("op/quant", tests, NULL, NULL);
}
