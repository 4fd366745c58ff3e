/* test_judge: every op of the table on the CPU against the fp64 reference, and the reference's gradients against finite
 * differences. Without arguments the whole test; otherwise: compare|grad|perf|list [part of a case's name, or several
 * with | between them [level or cuda [bf16]]].
 */
#include "base/error.h"
#include "op/judge.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef judge_cases (*case_list)(void);
static const case_list compared[] = {judge_cases_linear, judge_cases_rowwise, judge_cases_attention, judge_cases_conv,
                                     NULL};
static const case_list differentiated[] = {judge_gradients_linear, judge_gradients_rowwise, judge_gradients_attention,
                                           NULL};
static const case_list large[] = {judge_large_linear, judge_large_rowwise, judge_large_attention, NULL};
static const case_list timed[] = {judge_perf_linear, judge_perf_rowwise, judge_perf_attention, judge_perf_conv, NULL};

typedef struct visitor {
    int (*visit)(const judge_case *c, void *user);
    void *user;
} visitor;

/* Whether the name contains one of the parts that `filter` names, with | between them. */
static bool matches(const char *name, const char *filter)
{
    char part[128];
    for (;;) {
        const size_t length = strcspn(filter, "|");
        snprintf(part, sizeof part, "%.*s", (int)length, filter);
        if (strstr(name, part))
            return true;
        if (!filter[length])
            return false;
        filter += length + 1;
    }
}

/* Visits the cases whose name matches `filter`; the sum of what the visits return. */
static int visit(const case_list *lists, const char *filter, visitor v)
{
    int sum = 0;
    char name[256];
    for (int i = 0; lists[i]; i++) {
        judge_cases cases = lists[i]();
        for (size_t n = 0; n < cases.count; n++)
            if (matches(judge_name(&cases.list[n], name), filter))
                sum += v.visit(&cases.list[n], v.user);
    }
    return sum;
}

typedef struct devices {
    gad_device *list;
    int count;
} devices;

static int compare_one(const judge_case *c, void *user)
{
    const devices *d = user;
    return judge_compare(c, d->list, d->count, false);
}

static int compare_quietly(const judge_case *c, void *user)
{
    return judge_compare(c, user, 1, true) > 0;
}

static int gradient_one(const judge_case *c, void *user)
{
    (void)user;
    return judge_gradient(c, false);
}

static int time_one(const judge_case *c, void *device)
{
    gad_error err;
    if (judge_perf(c, device, &err) == GAD_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", err.operation, err.cause);
    return 1;
}

static int print_one(const judge_case *c, void *user)
{
    char name[256];
    printf("%s %s\n", (const char *)user, judge_name(c, name));
    return 1;
}

/* ---- the tests ---- */

enum { LEVELS = 6 };

/* Opens every instruction set that this processor has, in bf16 only those that can; how many. */
static int open_levels(gad_device open[LEVELS], gad_dtype products)
{
    gad_error err;
    int count = 0;
    const char *level;
    for (size_t i = 0; (level = gad_device_cpu_level_name(i)); i++) {
        assert_true(i < LEVELS);
        ASSERT_OK(gad_device_open_cpu(&open[count], 2, &err), &err);
        const gad_status status = gad_device_limit_cpu(&open[count], level, &err);
        if (status == GAD_OK)
            assert_string_equal(gad_device_cpu_level(&open[count]), level);
        if (status == GAD_OK && gad_device_use_products(&open[count], products) == products) {
            count++;
        } else {
            print_message("SKIPPED %s kernels%s: %s\n", level, products == GAD_BF16 ? " in bf16" : "",
                          status ? err.cause : "not of this level");
            gad_device_close(&open[count]);
        }
    }
    return count;
}

static void compare_levels(gad_dtype products, const char *filter)
{
    gad_device open[LEVELS];
    int count = open_levels(open, products);
    if (count)
        assert_int_equal(visit(compared, filter, (visitor){compare_one, &(devices){open, count}}), 0);
    while (count)
        gad_device_close(&open[--count]);
}

static void test_cpu_against_reference(void **state)
{
    (void)state;
    compare_levels(GAD_F32, "");
}

/* The reference rounds the same factors, so that its tolerance stays that of fp32 sums; the instruction flushes results
 * below 2^-126, which is less than a unit of any result here. */
static void test_bf16_against_reference(void **state)
{
    (void)state;
    compare_levels(GAD_BF16, "linear(");
}

static int same_bits(const judge_case *c, void *user)
{
    const devices *d = user;
    return judge_threads(c, d->list, d->count, false);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_threads_change_nothing");
    static const int threads[] = {1, 2, 3, 8};
    gad_device open[4];
    gad_error err;
    for (int i = 0; i < 4; i++)
        ASSERT_OK(gad_device_open_cpu(&open[i], threads[i], &err), &err);
    assert_int_equal(visit(compared, "", (visitor){same_bits, &(devices){open, 4}}), 0);
    for (int i = 0; i < 4; i++)
        gad_device_use_products(&open[i], GAD_BF16);
    assert_int_equal(visit(compared, "linear(", (visitor){same_bits, &(devices){open, 4}}), 0);
    for (int i = 0; i < 4; i++)
        gad_device_close(&open[i]);
}

static void test_gradients(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_gradients");
    assert_int_equal(visit(differentiated, "", (visitor){gradient_one, NULL}), 0);
}

/* ---- the judge itself: fillings with one defect each must be found ---- */

static gad_ops whole; /* the CPU's table without defect, for the broken ones below */

static void linear_without_bias(gad_device *d, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha,
                                bool add)
{
    (void)bias;
    whole.linear(d, y, x, w, gad_tensor_none(), alpha, add);
}

static void linear_writes_outside(gad_device *d, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha,
                                  bool add)
{
    whole.linear(d, y, x, w, bias, alpha, add);
    ((float *)y.data)[(y.rows - 1) * y.stride + y.cols] = 0;
}

static void linear_dx_overwrites(gad_device *d, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    (void)add;
    whole.linear_dx(d, dx, dy, w, alpha, false);
}

/* Rounds a result to bf16: the smallest defect that a wrong kernel is likely to have. */
static void linear_rounds(gad_device *d, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    whole.linear(d, y, x, w, bias, alpha, add);
    float *first = y.data;
    uint32_t bits;
    memcpy(&bits, first, 4);
    bits &= 0xFFFF8000u;
    memcpy(first, &bits, 4);
}

static void rmsnorm_forgets_eps(gad_device *d, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    whole.rmsnorm(d, y, rstd, x, weight, eps * 0.99f);
}

static void swiglu_hides_nan(gad_device *d, gad_tensor y, gad_tensor a, gad_tensor b)
{
    whole.swiglu(d, y, a, b);
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++) {
            float *value = (float *)y.data + t * y.stride + c;
            *value = isnan(*value) ? 0 : *value;
        }
}

static void rope_turns_back(gad_device *d, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads,
                            bool inverse)
{
    whole.rope(d, y, x, cos, sin, heads, !inverse);
}

static void attention_sees_one_less(gad_device *d, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                                    int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t n,
                                    const int32_t *pages)
{
    gad_attention_span less[8];
    for (int64_t i = 0; i < n; i++) {
        less[i] = spans[i];
        less[i].k1 -= less[i].k1 > less[i].k0 + 1;
    }
    whole.attention(d, o, lse, q, k, v, heads, kv_heads, scale, less, n, pages);
}

static void logprob_at_temperature_one(gad_device *d, gad_tensor logp, gad_tensor entropy, gad_tensor z,
                                       const int32_t *target, float temperature)
{
    (void)temperature;
    whole.logprob(d, logp, entropy, z, target, 1);
}

static void adamw_without_correction(gad_device *d, const gad_adamw_part *part, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        gad_adamw_part late = part[i];
        late.settings.step += 1000;
        whole.adamw(d, &late, 1);
    }
}

static void test_the_judge_finds_defects(void **state)
{
    (void)state;
    gad_device device;
    gad_error err;
    ASSERT_OK(gad_device_open_cpu(&device, 2, &err), &err);
    whole = *device.ops;
    gad_ops broken[10];
    for (int i = 0; i < 10; i++)
        broken[i] = whole;
    broken[0].linear = linear_without_bias;
    broken[1].linear = linear_writes_outside;
    broken[2].linear_dx = linear_dx_overwrites;
    broken[3].linear = linear_rounds;
    broken[4].rmsnorm = rmsnorm_forgets_eps;
    broken[5].swiglu = swiglu_hides_nan;
    broken[6].rope = rope_turns_back;
    broken[7].attention = attention_sees_one_less;
    broken[8].logprob = logprob_at_temperature_one;
    broken[9].adamw = adamw_without_correction;
    static const char *const word[] = {"linear(T=1,", "linear(T=5,", "linear(T=2,",       "linear(T=1,",  "rmsnorm(T=5,",
                                       "swiglu(T=3,", "rope(T=3,",   "attention(shape=1", "logprob(T=5,", "adamw(T=7,"};
    for (int i = 0; i < 10; i++) {
        device.ops = &broken[i];
        if (visit(compared, word[i], (visitor){compare_quietly, &device}) == 0)
            fail_msg("defect %d in %s was not found", i, word[i]);
    }
    device.ops = &whole;
    gad_device_close(&device);
}

/* ---- by hand ---- */

static const char usage[] = "usage: op_test_judge [compare|grad|perf|list [part of a case's name [LEVEL|cuda [bf16]]]]\n";

/* A device of a level, NULL for the best, or a GPU; bf16: in products, on a GPU in activations too. */
static gad_status open_by_hand(gad_device *device, const char *limit, bool bf16, gad_error *err)
{
    const bool gpu = limit && !strncmp(limit, "cuda", 4);
    gad_status status = gad_device_open(device, gpu ? limit : "cpu", 0, err);
    if (!status && limit && !gpu)
        status = gad_device_limit_cpu(device, limit, err);
    if (!status)
        gad_device_use_products(device, bf16 ? GAD_BF16 : GAD_F32);
    return status;
}

static int run_by_hand(const char *mode, const char *filter, gad_device *device)
{
    if (!strcmp(mode, "compare"))
        return visit(compared, filter, (visitor){compare_one, &(devices){device, 1}}) != 0;
    if (strcmp(mode, "perf") != 0) {
        fputs(usage, stderr);
        return 2;
    }
    printf("%s, %d threads; percentages of what is possible: products, memory\n", gad_device_cpu_level(device),
           device->threads);
    return visit(device->memory_bytes ? large : timed, filter, (visitor){time_one, device}) != 0;
}

static int by_hand(const char *mode, const char *filter, const char *limit, bool bf16)
{
    gad_device device;
    gad_error err = {0};
    if (!strcmp(mode, "grad"))
        return visit(differentiated, filter, (visitor){gradient_one, NULL}) != 0;
    if (!strcmp(mode, "list")) {
        int count = visit(compared, filter, (visitor){print_one, "compare"});
        count += visit(differentiated, filter, (visitor){print_one, "grad"});
        return visit(timed, filter, (visitor){print_one, "perf"}) + count == 0;
    }
    if (open_by_hand(&device, limit, bf16, &err) != GAD_OK) {
        fprintf(stderr, "%s: %s (%s)\n", err.operation, err.cause, err.hint);
        return 1;
    }
    const int faults = run_by_hand(mode, filter, &device);
    gad_device_close(&device);
    return faults;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return by_hand(argv[1], argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : NULL, argc > 4 && !strcmp(argv[4], "bf16"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu_against_reference),   cmocka_unit_test(test_bf16_against_reference),
        cmocka_unit_test(test_threads_change_nothing),  cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_the_judge_finds_defects),
    };
    return cmocka_run_group_tests_name("op/judge", tests, NULL, NULL);
}
