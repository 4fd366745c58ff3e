/* case_attention: attention and its gradients over every kind of span, and over pages.
 *
 * Tolerance in units of 2^-24 of the largest value: a score is a dot product of D numbers times scale = 1/sqrt(D), off by
 * about sqrt(D)/2.4 units of 1 (see case_linear.c); that is a relative error of its probability; the sum over K keys adds
 * sqrt(K)/2.4, and exp and the rescaling of tiles a few units. Twice that is allowed; four times for gradients, where dS is
 * a difference of two such sums, each of size 1. With activations of bf16 a filling may round P before it meets v, and P
 * and dS before they meet dO, q and k: one rounding more for o, two for gradients, since dS holds the rounded o too. */
#include "op/judge.h"

#include <math.h>

enum { SHAPE, Q, K, HEADS, KV_HEADS, D, IN_PLACE };
typedef enum shape { FULL, CAUSAL, DECODE, WINDOWS, PACKED, PREFIX, EMPTY, PAIRS } shape;
enum { MOST_SPANS = 70 };

/* The spans of a shape over q query rows and k key rows; how many. */
static int64_t spans_of(shape kind, int64_t q, int64_t k, gad_attention_span span[MOST_SPANS])
{
    switch (kind) {
    case FULL: /* one image: every row sees every key */ span[0] = (gad_attention_span){.q1 = q, .k1 = k}; return 1;
    case CAUSAL: /* prefill, with a cache when k > q */
    case DECODE: span[0] = (gad_attention_span){.q1 = q, .k1 = k, .causal = true}; return 1;
    case WINDOWS: /* windows of unequal size; the last rows belong to none */
        span[0] = (gad_attention_span){.q0 = 0, .q1 = q / 2, .k0 = 0, .k1 = q / 2};
        span[1] = (gad_attention_span){.q0 = q / 2, .q1 = q - 3, .k0 = q / 2, .k1 = q - 3};
        return 2;
    case PACKED: /* samples of unequal length, one behind the other */
        span[0] = (gad_attention_span){.q0 = 0, .q1 = 1, .k0 = 0, .k1 = 1, .causal = true};
        span[1] = (gad_attention_span){.q0 = 1, .q1 = q / 3, .k0 = 1, .k1 = q / 3, .causal = true};
        span[2] = (gad_attention_span){.q0 = q / 3, .q1 = q, .k0 = q / 3, .k1 = q, .causal = true};
        return 3;
    case PREFIX: /* a prefix of a third, then two answers that both see it but not each other */
        span[0] = (gad_attention_span){.q0 = 0, .q1 = q / 3, .k0 = 0, .k1 = q / 3, .causal = true};
        span[1] = (gad_attention_span){.q0 = q / 3, .q1 = q / 2, .p1 = q / 3, .k0 = q / 3, .k1 = q / 2, .causal = true};
        span[2] = (gad_attention_span){.q0 = q / 2, .q1 = q, .p1 = q / 3, .k0 = q / 2, .k1 = q, .causal = true};
        return 3;
    case EMPTY: /* more causal rows than keys: the first rows see none */
        span[0] = (gad_attention_span){.q1 = q, .k1 = k, .causal = true};
        return 1;
    case PAIRS: /* more spans than a filling may hand over at once: two rows each, behind a prefix that others share */
        for (int64_t i = 0; i < q / 2; i++)
            span[i] = (gad_attention_span){.q0 = 2 * i,
                                           .q1 = 2 * i + 2,
                                           .p0 = i % 7,
                                           .p1 = i % 7 + 3,
                                           .k0 = 11 + i / 2,
                                           .k1 = 16 + i / 2 + i % 3,
                                           .causal = i % 2};
        return q / 2;
    }
    return 0;
}

/* Pairs of query row and key, for the count of operations. */
static double pairs(const gad_attention_span *span, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double q = (double)(span[i].q1 - span[i].q0), k = (double)(span[i].k1 - span[i].k0);
        sum += q * (double)(span[i].p1 - span[i].p0) + q * k - (span[i].causal ? q * (q - 1) / 2 : 0);
    }
    return sum;
}

static void attention(judge_stage *s, const int64_t *p)
{
    const int heads = (int)p[HEADS], kv_heads = (int)p[KV_HEADS];
    const double forward_units = 24 + 2 * (sqrt((double)p[D]) + sqrt((double)p[K]));
    const float scale = 1.0f / sqrtf((float)p[D]);
    gad_attention_span span[MOST_SPANS];
    const int64_t n = spans_of((shape)p[SHAPE], p[Q], p[K], span);
    const double flops = 4.0 * pairs(span, n) * (double)(p[HEADS] * p[D]);
    gad_tensor q = judge_input(s, "q", p[Q], p[HEADS] * p[D], 1), k = judge_input(s, "k", p[K], p[KV_HEADS] * p[D], 1);
    gad_tensor v = judge_input(s, "v", p[K], p[KV_HEADS] * p[D], 1);
    gad_tensor o = judge_sum(s, "o", p[Q], p[HEADS] * p[D], forward_units); /* rows outside all spans are left alone */
    judge_loosen_nan(s);
    judge_rounds(s, 1);
    gad_tensor lse = judge_exact_sum(s, "lse", p[Q], p[HEADS], forward_units);
    judge_loosen_nan(s);
    gad_tensor d_o = judge_seed(s, "do", o);
    judge_time(s, "attention", flops, judge_bytes(s, 2.0 * (double)(p[K] * p[KV_HEADS] * p[D])))
        s->device->ops->attention(s->device, o, lse, q, k, v, heads, kv_heads, scale, span, n, NULL);
    if (p[IN_PLACE]) { /* o may be q, lse unwanted */
        gad_tensor both = judge_sum(s, "both", p[Q], p[HEADS] * p[D], forward_units);
        judge_loosen_nan(s);
        judge_rounds(s, 1);
        s->device->ops->attention(s->device, both, gad_tensor_none(), both, k, v, heads, kv_heads, scale, span, n, NULL);
    }
    if (s->forward)
        return;
    gad_tensor dq = judge_sum(s, "dq", p[Q], p[HEADS] * p[D], 4 * forward_units);
    judge_loosen_nan(s);
    judge_rounds(s, 2);
    judge_floor(s, 1);
    gad_tensor dk = judge_sum(s, "dk", p[K], p[KV_HEADS] * p[D], 4 * forward_units);
    judge_loosen_nan(s);
    judge_rounds(s, 2);
    judge_floor(s, 1);
    gad_tensor dv = judge_sum(s, "dv", p[K], p[KV_HEADS] * p[D], 4 * forward_units);
    judge_loosen_nan(s);
    judge_rounds(s, 2);
    judge_time(s, "attention_back", 2.5 * flops, judge_bytes(s, 2.0 * (double)(p[K] * p[KV_HEADS] * p[D])))
        s->device->ops->attention_back(s->device, dq, dk, dv, d_o, o, lse, q, k, v, heads, kv_heads, scale, span, n);
}

/* Keys and values in pages that lie anywhere: V answers of N keys each to a prompt of P keys, with a row each, and a piece
 * of R rows of another prompt, in pages too. */
static void paged(judge_stage *s, const int64_t *p)
{
    enum { V, P, N, R, PAGED_HEADS, PAGED_KV_HEADS, PAGED_D, PAGE = GAD_PAGE_ROWS };
    const int64_t prompt = (p[P] + PAGE - 1) / PAGE, own = (p[N] + PAGE - 1) / PAGE, piece = (p[R] + 9 + PAGE) / PAGE;
    const int64_t pages = prompt + p[V] * own + piece, rows = p[V] + p[R], keys = (pages + 2) * PAGE;
    const int64_t width = p[PAGED_HEADS] * p[PAGED_D], kv_width = p[PAGED_KV_HEADS] * p[PAGED_D];
    gad_attention_span span[MOST_SPANS];
    int64_t n = 0;
    for (; n < p[V]; n++) {
        const int64_t first = (prompt + n * own) * PAGE;
        span[n] = (gad_attention_span){
            .q0 = n, .q1 = n + 1, .p1 = p[P], .k0 = first, .k1 = first + p[N] - n % p[N], .causal = true};
    }
    const int64_t first = (prompt + p[V] * own) * PAGE;
    if (p[R])
        span[n++] = (gad_attention_span){.q0 = p[V], .q1 = rows, .k0 = first, .k1 = first + p[R] + 9, .causal = true};
    const double units = 24 + 2 * (sqrt((double)p[PAGED_D]) + sqrt((double)(p[P] + p[N])));
    gad_tensor q = judge_input(s, "q", rows, width, 1), k = judge_input(s, "k", keys, kv_width, 1);
    gad_tensor v = judge_input(s, "v", keys, kv_width, 1), o = judge_output(s, "o", rows, width, units);
    judge_loosen_nan(s);
    judge_rounds(s, 1);
    gad_tensor lse = judge_exact_output(s, "lse", rows, p[PAGED_HEADS], units);
    judge_loosen_nan(s);
    const int32_t *table = judge_there(s, judge_index(s, pages, pages + 2, false, true), (size_t)pages * sizeof *table);
    judge_time(s, "attention", 4.0 * (double)(width * rows * (p[P] + p[N])),
               judge_bytes(s, 2.0 * (double)(keys * kv_width)))
        s->device->ops->attention(s->device, o, lse, q, k, v, (int)p[PAGED_HEADS], (int)p[PAGED_KV_HEADS],
                                  1.0f / sqrtf((float)p[PAGED_D]), span, n, table);
}

#define PAGED(...)                                                                                                         \
    {                                                                                                                      \
        "attention", "voices P N R heads kv_heads D", paged,                                                               \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

#define ATTENTION(...)                                                                                                     \
    {                                                                                                                      \
        "attention", "shape Q K heads kv_heads D in_place", attention,                                                     \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

static const judge_case cases[] = {
    ATTENTION(FULL, 1, 1, 1, 1, 8, 1),
    ATTENTION(FULL, 65, 65, 2, 2, 80, 1),
    ATTENTION(FULL, 20, 200, 3, 1, 20, 0),
    ATTENTION(FULL, 64, 64, 4, 4, 16, 0),
    ATTENTION(CAUSAL, 33, 33, 4, 2, 24, 1),
    ATTENTION(CAUSAL, 100, 100, 4, 1, 32, 0),
    ATTENTION(CAUSAL, 150, 290, 6, 2, 64, 0),
    ATTENTION(CAUSAL, 40, 700, 2, 1, 128, 0),
    ATTENTION(DECODE, 1, 1, 4, 2, 16, 0),
    ATTENTION(DECODE, 1, 77, 16, 2, 128, 1),
    ATTENTION(DECODE, 1, 1500, 8, 8, 32, 0),
    ATTENTION(DECODE, 3, 600, 4, 2, 36, 1),
    ATTENTION(DECODE, 8, 130, 7, 1, 12, 0),
    ATTENTION(WINDOWS, 50, 50, 2, 2, 80, 1),
    ATTENTION(WINDOWS, 131, 131, 3, 3, 16, 0),
    ATTENTION(PACKED, 90, 90, 4, 2, 16, 1),
    ATTENTION(PREFIX, 60, 60, 4, 2, 16, 1),
    ATTENTION(PREFIX, 400, 400, 8, 2, 32, 0),
    ATTENTION(EMPTY, 40, 12, 2, 1, 16, 0),
    ATTENTION(EMPTY, 4, 2, 2, 2, 8, 1),
    ATTENTION(PAIRS, 140, 60, 2, 1, 72, 0),
    ATTENTION(CAUSAL, 20, 30, 2, 1, 136, 0),
    PAGED(3, 70, 40, 0, 4, 2, 16),
    PAGED(5, 1, 3, 50, 2, 1, 64),
    PAGED(2, 600, 33, 150, 7, 1, 128),
    PAGED(66, 31, 2, 10, 2, 2, 8),
    PAGED(1, 90, 10, 3, 2, 1, 136),
};

static const judge_case gradients[] = {
    ATTENTION(FULL, 5, 5, 2, 2, 4, 0),     ATTENTION(CAUSAL, 6, 6, 4, 2, 4, 0),  ATTENTION(CAUSAL, 3, 7, 2, 1, 6, 0),
    ATTENTION(DECODE, 1, 5, 2, 1, 4, 0),   ATTENTION(WINDOWS, 9, 9, 1, 1, 4, 0), ATTENTION(PACKED, 9, 9, 2, 1, 4, 0),
    ATTENTION(PREFIX, 12, 12, 2, 1, 4, 0),
};

static const judge_case perf[] = {
    ATTENTION(CAUSAL, 512, 512, 16, 2, 128, 0),  ATTENTION(FULL, 1024, 1024, 16, 16, 80, 0),
    ATTENTION(WINDOWS, 131, 131, 16, 16, 80, 0), ATTENTION(DECODE, 1, 1000, 16, 2, 128, 0),
    ATTENTION(DECODE, 1, 8000, 16, 2, 128, 0),   ATTENTION(DECODE, 4, 2000, 16, 2, 128, 0),
    ATTENTION(PREFIX, 860, 860, 16, 2, 128, 0),  ATTENTION(CAUSAL, 600, 600, 8, 8, 32, 0),
    ATTENTION(CAUSAL, 64, 4000, 16, 2, 128, 0),
};

#define CASES(list)                                                                                                        \
    {                                                                                                                      \
        list, sizeof list / sizeof *(list)                                                                                 \
    }
static const judge_case large[] = {
    ATTENTION(DECODE, 1, 1000, 28, 4, 128, 0),    ATTENTION(DECODE, 1, 8000, 28, 4, 128, 0),
    ATTENTION(CAUSAL, 1024, 1024, 28, 4, 128, 0), ATTENTION(CAUSAL, 4096, 4096, 28, 4, 128, 0),
    ATTENTION(FULL, 1024, 1024, 16, 16, 80, 0),   ATTENTION(FULL, 4096, 4096, 16, 16, 80, 0),
    ATTENTION(WINDOWS, 131, 131, 16, 16, 80, 0),  ATTENTION(PREFIX, 3200, 3200, 28, 4, 128, 0),
    PAGED(64, 700, 150, 0, 28, 4, 128),
};

judge_cases judge_cases_attention(void)
{
    return (judge_cases)CASES(cases);
}

judge_cases judge_gradients_attention(void)
{
    return (judge_cases)CASES(gradients);
}

judge_cases judge_perf_attention(void)
{
    return (judge_cases)CASES(perf);
}

judge_cases judge_large_attention(void)
{
    return (judge_cases)CASES(large);
}
