/* test_cpu: the CPU device around its ops: stack memory, failures that are kept, choice of kernels, the accuracy of exp,
 * and the measured limits. */
#include "base/half.h"
#include "base/memory.h"
#include "op/cpu/cpu.h"
#include "op/cpu/limits.h"
#include "op/judge.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void open_device(gad_device *device, const char *level)
{
    gad_error err;
    ASSERT_OK(gad_device_open_cpu(device, 2, &err), &err);
    if (level)
        ASSERT_OK(gad_device_limit_cpu(device, level, &err), &err);
}

static void test_stack_memory(void **state)
{
    (void)state;
    gad_device device;
    open_device(&device, NULL);
    const gad_ops *ops = device.ops;
    gad_tensor first = ops->take(&device, 10, 100);
    assert_true(((uintptr_t)first.data & 63) == 0 && first.stride == 100 && first.dtype == GAD_F32);
    const size_t mark = ops->mark(&device);
    gad_tensor second = ops->take(&device, 3, 7), large = ops->take(&device, 3000, 1000);
    memset(large.data, 0, 3000 * 1000 * sizeof(float));
    gad_tensor after = ops->take(&device, 5, 5);
    assert_true((char *)after.data >= (char *)large.data + 3000 * 1000 * sizeof(float) || after.data < large.data);
    ops->rewind(&device, mark);
    assert_ptr_equal(ops->take(&device, 3, 7).data, second.data);      /* the same place again */
    assert_ptr_equal(ops->take(&device, 3000, 1000).data, large.data); /* and the same large chunk */
    ops->rewind(&device, 0);
    assert_ptr_equal(ops->take(&device, 10, 100).data, first.data);
    /* many sizes in and out: every tensor keeps its content until it is given back */
    for (int round = 0; round < 50; round++) {
        const size_t here = ops->mark(&device);
        gad_tensor t[20];
        for (int i = 0; i < 20; i++) {
            t[i] = ops->take(&device, 1 + (round * 7919 + i * 104729) % 300, 1 + (round * 31 + i * 17) % 3000);
            memset(t[i].data, i, (size_t)(t[i].rows * t[i].cols) * sizeof(float));
        }
        for (int i = 0; i < 20; i++) {
            const unsigned char *bytes = t[i].data;
            assert_int_equal(bytes[0], i);
            assert_int_equal(bytes[(size_t)(t[i].rows * t[i].cols) * sizeof(float) - 1], i);
        }
        ops->rewind(&device, here);
    }
    gad_device_close(&device);
}

/* Gives memory `left` times, then none. */
static void *limited(void *user, size_t size_bytes)
{
    int *left = user;
    return (*left)-- > 0 ? malloc(size_bytes) : NULL;
}

static void *limited_resize(void *user, void *old, size_t size_bytes)
{
    (void)user;
    return realloc(old, size_bytes);
}

static void release(void *user, void *old)
{
    (void)user;
    free(old);
}

/* Without memory an op does nothing and the first failure stays. */
static void test_failure_is_kept(void **state)
{
    (void)state;
    static float x[60 * 600], w[600 * 600], y[60 * 600];
    for (int allowed = 0; allowed < 3; allowed++) {
        int left = allowed;
        gad_use_allocator(&(gad_allocator){limited, limited_resize, release, &left});
        gad_device device = {0};
        gad_error err = {0}, again = {0};
        const gad_status opened = gad_device_open_cpu(&device, 2, &err);
        if (allowed == 0) {
            assert_int_equal(opened, GAD_E_MEMORY);
        } else {
            gad_tensor tx = gad_tensor_make(x, GAD_F32, 60, 600), ty = gad_tensor_make(y, GAD_F32, 60, 600);
            y[0] = 17;
            device.ops->linear(&device, ty, tx, (gad_weight){w, GAD_F32, 600, 600, NULL}, gad_tensor_none(), 1, false);
            if (allowed == 1) {
                assert_int_equal(gad_device_check(&device, &err), GAD_E_MEMORY);
                assert_true(strlen(err.cause) > 0);
                assert_true(y[0] == 17);
                left = 100;
                device.ops->zero(&device, ty); /* does nothing any more */
                assert_true(y[0] == 17);
                assert_null(device.ops->take(&device, 1, 1).data);
                gad_device_check(&device, &again);
                assert_memory_equal(&err, &again, sizeof err);
            } else {
                assert_int_equal(gad_device_check(&device, &err), GAD_OK);
                assert_true(y[0] == 0);
            }
        }
        gad_device_close(&device);
        gad_use_allocator(NULL);
    }
    gad_device device;
    open_device(&device, NULL);
    assert_null(device.ops->take(&device, INT64_MAX / 2, 8).data);
    assert_int_equal(gad_device_check(&device, NULL), GAD_E_MEMORY);
    gad_device_close(&device);
}

static void test_levels(void **state)
{
    (void)state;
    gad_device device;
    gad_error err = {0};
    open_device(&device, NULL);
    assert_non_null(gad_device_cpu_level(&device));
    assert_int_equal(gad_device_limit_cpu(&device, "sse9", &err), GAD_E_ARGUMENT);
    assert_non_null(strstr(err.cause, "sse9"));
    ASSERT_OK(gad_device_limit_cpu(&device, "portable", &err), &err);
    assert_string_equal(gad_device_cpu_level(&device), "portable");
    gad_device_close(&device);
}

/* Distance in units of the last place of the double result rounded to float. */
static double units_off(float got, double wanted)
{
    if (isnan(wanted) || isinf((float)wanted))
        return isnan(wanted) ? (isnan(got) ? 0 : INFINITY) : got == (float)wanted ? 0 : INFINITY;
    const double unit = wanted == 0 ? 0x1p-149 : fmax(ldexp(1, ilogb(wanted) - 23), 0x1p-149);
    return fabs((double)got - wanted) / unit;
}

static void test_exp(void **state)
{
    (void)state;
    static float x[200000], y[200000];
    const int n = 200000;
    static const float special[] = {0,    -0.0f, INFINITY, -INFINITY, NAN,    88.72f, 88.73f, -87.33f, -87.34f,
                                    -103, -104,  -200,     1e-30f,    -1e30f, 1e30f,  -88.5f, 1,       -1};
    for (int i = 0; i < n; i++)
        x[i] = -105 + 195 * (float)i / (float)n;
    memcpy(x, special, sizeof special);
    const char *level;
    for (size_t l = 0; (level = gad_device_cpu_level_name(l)); l++) {
        gad_device device;
        gad_error err;
        open_device(&device, NULL);
        if (gad_device_limit_cpu(&device, level, &err) == GAD_OK) {
            double worst = 0;
            gad_cpu_kernels(&device)->exp_row(y, x, n, 0, 1, 1, NULL);
            for (int i = 0; i < n; i++) {
                const double off = units_off(y[i], exp((double)x[i]));
                if (off > 2)
                    fail_msg("%s: exp(%.9g) = %.9g, off by %.3g units", level, (double)x[i], (double)y[i], off);
                worst = fmax(worst, off);
            }
            print_message("exp, %s: off by at most %.2f units in the last place\n", level, worst);
        }
        gad_device_close(&device);
    }
}

/* What a head of d numbers becomes when it is kept. */
static void keep_head(gad_dtype kept, const float *x, int64_t d, float *to)
{
    float most = 0;
    for (int64_t i = 0; i < d; i++)
        most = fmaxf(most, fabsf(x[i]));
    for (int64_t i = 0; i < d; i++)
        to[i] =
            kept == GAD_F16 ? gad_half_from_f16(gad_half_to_f16(x[i])) : (float)lrintf(x[i] * (127 / most)) * (most / 127);
}

/* The same keys and values in pages that lie in another order give the same bits: o[1] is what there was without. */
static void check_pages(gad_device *device, const gad_tensor o[2], gad_tensor q, const gad_tensor kept[2], int heads,
                        int kv_heads, gad_attention_span span)
{
    enum { PAGE = GAD_PAGE_ROWS, MOST = 32 };
    const gad_ops *ops = device->ops;
    const int64_t keys = kept[0].rows, width = kept[0].cols, pages = (keys + PAGE - 1) / PAGE, d = width / kv_heads;
    gad_tensor paged[2];
    int32_t table[MOST];
    assert_true(pages <= MOST);
    for (int n = 0; n < 2; n++)
        paged[n] = gad_tensor_view(ops->allocate(device, pages * PAGE * kv_heads, d), pages * PAGE, width);
    for (int64_t i = 0; i < pages; i++) {
        const int64_t rows = keys - i * PAGE < PAGE ? keys - i * PAGE : PAGE;
        table[i] = (int32_t)(pages - 1 - i);
        for (int n = 0; n < 2; n++)
            ops->axpby(device, gad_tensor_rows(paged[n], table[i] * PAGE, rows), 1,
                       gad_tensor_rows(kept[n], i * PAGE, rows), 0);
    }
    ops->attention(device, o[0], gad_tensor_none(), q, paged[0], paged[1], heads, kv_heads, 0.2f, &span, 1, table);
    assert_int_equal(gad_device_check(device, NULL), GAD_OK);
    assert_memory_equal(o[0].data, o[1].data, (size_t)(q.rows * q.cols) * sizeof(float));
    for (int n = 0; n < 2; n++)
        ops->release(device, paged[n]);
}

/* Attention over keys and values that are kept in 16 bits is, bit for bit, that over the same numbers in 32; in 8 bits it
 * is but for rounding, since scales are multiplied where there are fewest numbers. */
static void check_kept(gad_device *device, int64_t queries, int64_t keys, int heads, int kv_heads, int64_t d)
{
    const gad_ops *ops = device->ops;
    const size_t mark = ops->mark(device);
    const int64_t width = kv_heads * d, half = keys / 2, count = queries * heads * d;
    gad_tensor q = ops->take(device, queries, heads * d), wide[2], kept[2], o[2];
    int32_t *to = malloc((size_t)keys * sizeof *to);
    for (int64_t i = 0; i < keys; i++)
        to[i] = (int32_t)(keys - 1 - i); /* the second half of the rows, from the last one down */
    for (int64_t i = 0; i < count; i++)
        ((float *)q.data)[i] = (float)judge_normal(3, 1, i);
    for (int n = 0; n < 2; n++) {
        gad_tensor x = ops->take(device, keys, width);
        wide[n] = ops->take(device, keys, width);
        o[n] = ops->take(device, queries, heads * d);
        kept[n] = gad_tensor_view(ops->allocate(device, keys * kv_heads, d), keys, width);
        assert_true(kept[n].data && kept[n].dtype == device->kept);
        for (int64_t i = 0; i < keys * width; i++)
            ((float *)x.data)[i] = (float)judge_normal(3, (uint64_t)(2 + n), i);
        for (int64_t i = 0; i < keys * kv_heads; i++)
            keep_head(device->kept, (float *)x.data + i * d, d, (float *)wide[n].data + i * d);
        gad_tensor first = gad_tensor_view(ops->allocate(device, half * kv_heads, d), half, width);
        ops->axpby(device, first, 1, gad_tensor_rows(x, 0, half), 0);
        ops->axpby(device, gad_tensor_rows(kept[n], 0, half), 1, first, 0); /* a cache that grows is copied */
        ops->rows(device, kept[n], to, x, to, keys - half, false);
        ops->release(device, first);
    }
    const gad_attention_span span = {.q1 = queries, .k1 = keys, .causal = true};
    ops->attention(device, o[0], gad_tensor_none(), q, wide[0], wide[1], heads, kv_heads, 0.2f, &span, 1, NULL);
    ops->attention(device, o[1], gad_tensor_none(), q, kept[0], kept[1], heads, kv_heads, 0.2f, &span, 1, NULL);
    assert_int_equal(gad_device_check(device, NULL), GAD_OK);
    if (device->kept == GAD_F16)
        assert_memory_equal(o[0].data, o[1].data, (size_t)count * sizeof(float));
    else
        support_assert_close("attention over 8 bits", o[1].data, o[0].data, count, 4e-6);
    check_pages(device, o, q, kept, heads, kv_heads, span);
    float *last = (float *)wide[1].data + (keys - 1) * width;
    *last = INFINITY; /* is not made a number */
    ops->axpby(device, gad_tensor_rows(kept[1], keys - 1, 1), 1, gad_tensor_rows(wide[1], keys - 1, 1), 0);
    ops->attention(device, o[1], gad_tensor_none(), q, kept[0], kept[1], heads, kv_heads, 0.2f, &span, 1, NULL);
    const float end = ((float *)o[1].data)[(queries - 1) * heads * d];
    assert_true(isnan(end) || isinf(end));
    for (int n = 0; n < 2; n++)
        ops->release(device, kept[n]);
    ops->rewind(device, mark);
    free(to);
}

static void test_kept_in_fewer_bits(void **state)
{
    (void)state;
    const char *level;
    for (size_t l = 0; (level = gad_device_cpu_level_name(l)); l++) {
        gad_device device;
        gad_error err;
        open_device(&device, NULL);
        for (gad_cache cache = GAD_CACHE_FP16; cache <= GAD_CACHE_Q8; cache++)
            if (gad_device_limit_cpu(&device, level, &err) == GAD_OK) {
                gad_device_use_cache(&device, cache);
                check_kept(&device, 1, 700, 8, 2, 80); /* decoding: several chunks of keys */
                check_kept(&device, 3, 33, 4, 4, 24);
                check_kept(&device, 40, 300, 4, 2, 20); /* tiles */
            }
        gad_device_close(&device);
    }
}

static void test_limits(void **state)
{
    (void)state;
    gad_device device;
    gad_error err;
    gad_limits limits;
    open_device(&device, NULL);
    ASSERT_OK(gad_limits_measure(&limits, &device, &err), &err);
    print_message("reads %.1f GB/s, multiply-add %.1f GFLOP/s\n", limits.read_gb_s, limits.fma_gflop_s);
    assert_true(limits.read_gb_s > 0.1 && limits.fma_gflop_s > 0.1);
    gad_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack_memory), cmocka_unit_test(test_failure_is_kept),
        cmocka_unit_test(test_levels),       cmocka_unit_test(test_exp),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_kept_in_fewer_bits),
    };
    return cmocka_run_group_tests_name("op/cpu", tests, NULL, NULL);
}
