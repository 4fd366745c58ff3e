/* case_linear: the four ops of linear layers, and the two of several layers of one input.
 *
 * Tolerance: a sum of K products of independent normal numbers, added in fp32 in any order, is off by at most about
 * K u / sqrt(6) standard deviations of one product (one accumulator; less with several), while the result itself has
 * sqrt(K) of them, u = 2^-24. Both have normal tails, so the ratio of the largest values stays near sqrt(K)/2.4 units;
 * twice that is allowed, and 8 for the rounding of alpha, bias and sum.
 *
 * Factors that a product rounds (to bf16, or activations to 8 bits before quantised weights) are rounded by the reference
 * in the same way, so that the tolerance stays that of the sums: products of two bf16 numbers and sums of a group of
 * integers are exact, and what is added in fp32 is again K or fewer terms. */
#include "op/judge.h"
#include "op/quant.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#undef I /* of complex.h */

static double units(int64_t k)
{
    return 8 + sqrt((double)k);
}

static double weight_bytes(int64_t o, int64_t i, int64_t dtype)
{
    const gad_dtype d = (gad_dtype)dtype;
    return gad_quant_is(d) ? (double)(gad_quant_data_bytes(d, o, i) + gad_quant_scale_bytes(d, o, i))
                           : (double)o * (double)i * (double)gad_dtype_bytes(d);
}

/* A device whose activations are bf16 rounds weights of another type to it too, and a bias. */
static double weight_rounds(int64_t dtype)
{
    return dtype == GAD_BF16 ? 0 : 1;
}

enum { T, I, O, DTYPE, BIAS, ADD }; /* BIAS: its dtype, or -1 */

/* The yardstick when timing: OpenBLAS on the same fp32 product. */
static void openblas(judge_stage *s, const int64_t *p, gad_tensor y, gad_tensor x, gad_weight w)
{
    if (!s->timer || w.dtype != GAD_F32 || strcmp(s->device->ops->name, "cpu") != 0)
        return;
    const int before = omp_get_max_threads();
    omp_set_num_threads(s->device->threads);
    judge_time(s, "openblas", 2.0 * (double)p[T] * (double)p[I] * (double)p[O], 4.0 * (double)(p[I] * p[O]))
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)p[T], (blasint)p[O], (blasint)p[I], 1, x.data,
                    (blasint)x.stride, w.data, (blasint)w.cols, 0, y.data, (blasint)y.stride);
    omp_set_num_threads(before);
}

/* All four: a fault in the backward ops must not hide behind the forward's. */
static void linear(judge_stage *s, const int64_t *p)
{
    const float alpha = p[ADD] ? 0.75f : 1;
    const double flops = 2.0 * (double)p[T] * (double)p[I] * (double)p[O];
    const double read = weight_bytes(p[O], p[I], p[DTYPE]);
    gad_tensor x = judge_input(s, "x", p[T], p[I], 1), bias = gad_tensor_none();
    gad_weight w = judge_weight(s, "w", p[O], p[I], (gad_dtype)p[DTYPE]);
    if (p[BIAS] >= 0)
        bias = judge_parameter(s, "b", p[O], (gad_dtype)p[BIAS]);
    gad_tensor y = (p[ADD] ? judge_sum : judge_output)(s, "y", p[T], p[O], units(p[I]));
    judge_rounds(s, weight_rounds(p[DTYPE]) + (p[BIAS] < 0 ? 0 : weight_rounds(p[BIAS])));
    gad_tensor dy = judge_seed(s, "dy", y);
    judge_time(s, "linear", flops, read) s->device->ops->linear(s->device, y, x, w, bias, alpha, p[ADD]);
    openblas(s, p, y, x, w);
    if (s->forward)
        return;
    gad_tensor dx = (p[ADD] ? judge_sum : judge_output)(s, "dx", p[T], p[I], units(p[O]));
    judge_rounds(s, weight_rounds(p[DTYPE]));
    judge_time(s, "linear_dx", flops, read) s->device->ops->linear_dx(s->device, dx, dy, w, alpha, p[ADD]);
    gad_tensor dw = judge_exact_sum(s, "dw", p[O], p[I], units(p[T]));
    judge_time(s, "linear_dw", flops, 4.0 * (double)(p[O] * p[I])) s->device->ops->linear_dw(s->device, dw, dy, x, alpha);
    if (p[BIAS] < 0)
        return;
    gad_tensor db = judge_exact_sum(s, "db", 1, p[O], units(p[T]));
    judge_time(s, "linear_db", (double)(p[T] * p[O]), 4.0 * (double)(p[T] * p[O]))
        s->device->ops->linear_db(s->device, db, dy);
}

/* Only y: one long row of weights, many outputs, few rows; exact: logits. */
static void forward(judge_stage *s, const int64_t *p)
{
    const double flops = 2.0 * (double)p[T] * (double)p[I] * (double)p[O];
    gad_tensor x = judge_input(s, "x", p[T], p[I], 1);
    gad_weight w = judge_weight(s, "w", p[O], p[I], (gad_dtype)p[DTYPE]);
    gad_tensor y = (p[4] ? judge_exact_output : judge_output)(s, "y", p[T], p[O], units(p[I]));
    judge_rounds(s, weight_rounds(p[DTYPE]));
    judge_time(s, "linear", flops, weight_bytes(p[O], p[I], p[DTYPE]))
        s->device->ops->linear(s->device, y, x, w, gad_tensor_none(), 1, false);
}

/* ---- layers of one input: heads of D channels, queries and keys turned unless D is odd ---- */

static double cosine(int64_t t, int64_t i)
{
    return cos((double)(t + 3) * pow(100, -(double)i / 8));
}

static double sine(int64_t t, int64_t i)
{
    return sin((double)(t + 3) * pow(100, -(double)i / 8));
}

static void parts(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[T], i = p[I], d = p[4], out[] = {p[2] * d, p[3] * d, p[3] * d}, all = out[0] + 2 * out[1];
    const int heads[] = {d % 2 ? 0 : (int)p[2], d % 2 ? 0 : (int)p[3], 0};
    const gad_dtype dtype = (gad_dtype)p[5];
    static const char *const weight[] = {"wq", "wk", "wv"}, *const bias[] = {"bq", "bk", "bv"},
                             *const y[] = {"q", "k", "v"};
    gad_tensor x = judge_input(s, "x", t, i, 1), co = judge_given(s, "cos", t, d / 2, cosine);
    gad_tensor si = judge_given(s, "sin", t, d / 2, sine);
    gad_linear_part part[GAD_LINEAR_PARTS];
    for (int n = 0; n < 3; n++) {
        part[n] = (gad_linear_part){.w = judge_weight(s, weight[n], out[n], i, dtype), .heads = heads[n]};
        if (p[6] >= 0)
            part[n].bias = judge_parameter(s, bias[n], out[n], (gad_dtype)p[6]);
        part[n].y = judge_output(s, y[n], t, out[n], 2 * units(i));
        judge_rounds(s, weight_rounds(p[5]) + (p[6] < 0 ? 0 : weight_rounds(p[6])) + 2); /* before it is turned, or not */
    }
    judge_time(s, "linear_parts", 2.0 * (double)(t * i * all), weight_bytes(all, i, p[5]))
        s->device->ops->linear_parts(s->device, part, 3, x, co, si);
}

/* The result is a product of two sums. */
static void gated(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[T], i = p[I], o = p[O];
    gad_tensor x = judge_input(s, "x", t, i, 1), gate_bias = gad_tensor_none(), up_bias = gad_tensor_none();
    gad_weight gate = judge_weight(s, "gate", o, i, (gad_dtype)p[DTYPE]);
    gad_weight up = judge_weight(s, "up", o, i, (gad_dtype)p[DTYPE]);
    if (p[BIAS] >= 0) {
        gate_bias = judge_parameter(s, "gate_bias", o, (gad_dtype)p[BIAS]);
        up_bias = judge_parameter(s, "up_bias", o, (gad_dtype)p[BIAS]);
    }
    gad_tensor y = judge_output(s, "y", t, o, 4 * units(i));
    judge_rounds(s, 2 * (weight_rounds(p[DTYPE]) + (p[BIAS] < 0 ? 0 : weight_rounds(p[BIAS])) + 1));
    judge_floor(s, 1);
    judge_time(s, "linear_swiglu", 4.0 * (double)(t * i * o), 2 * weight_bytes(o, i, p[DTYPE]))
        s->device->ops->linear_swiglu(s->device, y, x, gate, gate_bias, up, up_bias);
}

#define LINEAR(...)                                                                                                        \
    {                                                                                                                      \
        "linear", "T I O dtype bias add", linear,                                                                          \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define FORWARD(...)                                                                                                       \
    {                                                                                                                      \
        "linear", "T I O dtype", forward,                                                                                  \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

#define LOGITS(...)                                                                                                        \
    {                                                                                                                      \
        "linear", "T I O dtype exact", forward,                                                                            \
        {                                                                                                                  \
            __VA_ARGS__, 1                                                                                                 \
        }                                                                                                                  \
    }

#define PARTS(...)                                                                                                         \
    {                                                                                                                      \
        "linear_parts", "T I heads kv_heads D dtype bias", parts,                                                          \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define GATED(...)                                                                                                         \
    {                                                                                                                      \
        "linear_swiglu", "T I O dtype bias", gated,                                                                        \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

static const judge_case cases[] = {
    /* every weight dtype at every path: one row, few, an odd number, a block edge, more than a block */
    LINEAR(1, 1, 1, GAD_F32, -1, 0),
    LINEAR(1, 64, 32, GAD_F32, GAD_F32, 0),
    LINEAR(1, 131, 67, GAD_BF16, GAD_BF16, 0),
    LINEAR(1, 200, 37, GAD_F16, GAD_F16, 1),
    LINEAR(1, 257, 33, GAD_Q8, GAD_F64, 0),
    LINEAR(2, 96, 100, GAD_BF16, -1, 1),
    LINEAR(3, 320, 31, GAD_Q8, GAD_F32, 1),
    LINEAR(4, 77, 45, GAD_F32, GAD_BF16, 0),
    LINEAR(5, 129, 66, GAD_BF16, GAD_F32, 0),
    LINEAR(7, 63, 19, GAD_F16, -1, 0),
    LINEAR(8, 512, 48, GAD_Q8, -1, 0),
    LINEAR(9, 191, 65, GAD_BF16, -1, 0),
    LINEAR(13, 100, 97, GAD_F32, GAD_F32, 1),
    LINEAR(16, 130, 16, GAD_F16, GAD_F32, 0),
    LINEAR(17, 65, 33, GAD_Q8, GAD_BF16, 1),
    LINEAR(51, 385, 35, GAD_BF16, GAD_F32, 1),
    LINEAR(49, 16, 300, GAD_F32, -1, 0),
    LINEAR(50, 700, 70, GAD_Q8, -1, 0),
    LINEAR(65, 530, 130, GAD_BF16, GAD_F32, 0),
    LINEAR(100, 300, 8, GAD_F32, -1, 1),
    LINEAR(130, 8, 260, GAD_F16, -1, 1),
    LINEAR(300, 33, 1, GAD_F32, GAD_F32, 0),
    LINEAR(257, 290, 66, GAD_Q8, GAD_F32, 0),
    LINEAR(800, 40, 50, GAD_BF16, GAD_F32, 1),
    FORWARD(1, 2048, 300, GAD_BF16),
    FORWARD(2, 8400, 50, GAD_BF16), /* few outputs: blocks share the columns */
    FORWARD(1, 2048, 300, GAD_Q8),
    LINEAR(1, 257, 33, GAD_Q4, GAD_F64, 0),
    LINEAR(2, 64, 16, GAD_Q4, -1, 0),
    LINEAR(3, 320, 31, GAD_Q4, GAD_F32, 1),
    LINEAR(17, 65, 33, GAD_Q4, GAD_BF16, 1),
    LINEAR(200, 290, 70, GAD_Q4, GAD_F32, 0),
    FORWARD(1, 2048, 300, GAD_Q4),
    FORWARD(53, 1000, 130, GAD_Q4),
    FORWARD(12, 200, 48, GAD_Q8),
    FORWARD(6, 4000, 77, GAD_F16),
    FORWARD(53, 1000, 130, GAD_Q8),
    FORWARD(55, 4100, 40, GAD_BF16),
    LOGITS(1, 200, 77, GAD_BF16),
    LOGITS(11, 72, 40, GAD_BF16),
    /* in one launch or not: turned or not, one row, few, too many, all types; few outputs share the columns */
    PARTS(1, 64, 4, 2, 16, GAD_BF16, GAD_F32),
    PARTS(1, 2048, 2, 1, 32, GAD_BF16, -1),
    PARTS(3, 72, 2, 1, 48, GAD_BF16, GAD_BF16),
    PARTS(8, 40, 3, 1, 13, GAD_BF16, GAD_F32),
    PARTS(5, 33, 2, 1, 16, GAD_BF16, GAD_F32),
    PARTS(9, 64, 2, 1, 16, GAD_BF16, -1),
    PARTS(2, 70, 2, 2, 10, GAD_F32, GAD_F32),
    PARTS(4, 61, 2, 1, 16, GAD_F16, -1),
    PARTS(1, 130, 4, 1, 32, GAD_Q8, GAD_F32),
    PARTS(5, 65, 1, 1, 37, GAD_Q8, GAD_F32),
    PARTS(12, 100, 2, 1, 96, GAD_Q8, -1),
    PARTS(1, 290, 2, 1, 64, GAD_Q4, GAD_BF16),
    PARTS(30, 64, 2, 1, 32, GAD_Q4, GAD_F32),
    PARTS(40, 64, 2, 1, 16, GAD_Q4, -1),
    GATED(1, 64, 40, GAD_BF16, -1),
    GATED(1, 2048, 24, GAD_BF16, GAD_F32),
    GATED(7, 96, 37, GAD_BF16, GAD_BF16),
    GATED(11, 64, 30, GAD_BF16, -1),
    GATED(3, 50, 21, GAD_F32, GAD_F32),
    GATED(1, 130, 50, GAD_Q8, -1),
    GATED(13, 65, 33, GAD_Q8, GAD_F32),
    GATED(1, 290, 70, GAD_Q4, GAD_F32),
    GATED(20, 100, 16, GAD_Q4, -1),
    GATED(35, 64, 20, GAD_Q8, -1),
};

static const judge_case gradients[] = {
    LINEAR(5, 7, 6, GAD_F32, GAD_F32, 0),
    LINEAR(1, 3, 2, GAD_F32, -1, 0),
    LINEAR(4, 6, 5, GAD_F32, GAD_F32, 1),
};

static const judge_case perf[] = {
    FORWARD(1, 2048, 151936, GAD_BF16),
    FORWARD(1, 2048, 151936, GAD_Q8),
    FORWARD(1, 2048, 151936, GAD_Q4),
    FORWARD(1, 2048, 75968, GAD_F16),
    FORWARD(1, 2048, 37984, GAD_F32),
    FORWARD(1, 11008, 24576, GAD_BF16),
    FORWARD(1, 11008, 24576, GAD_Q8),
    FORWARD(4, 2048, 65536, GAD_BF16),
    FORWARD(4, 2048, 65536, GAD_Q8),
    FORWARD(8, 2048, 65536, GAD_BF16),
    FORWARD(8, 2048, 65536, GAD_Q8),
    FORWARD(16, 2048, 11008, GAD_BF16),
    FORWARD(32, 2048, 11008, GAD_BF16),
    FORWARD(64, 2048, 11008, GAD_BF16),
    LINEAR(512, 2048, 11008, GAD_BF16, GAD_F32, 0),
    LINEAR(512, 11008, 2048, GAD_Q8, -1, 0),
    LINEAR(512, 2048, 2048, GAD_F16, -1, 0),
    LINEAR(512, 2048, 512, GAD_BF16, -1, 0),
    FORWARD(512, 2048, 512, GAD_Q8),
    FORWARD(512, 2048, 512, GAD_Q4),
    FORWARD(512, 2048, 11008, GAD_Q8),
    FORWARD(512, 2048, 11008, GAD_Q4),
    LINEAR(512, 2048, 2048, GAD_F32, -1, 0),
    LINEAR(1024, 1280, 3420, GAD_BF16, GAD_F32, 0),
    LINEAR(860, 2048, 16, GAD_F32, -1, 0),
    LINEAR(860, 16, 2048, GAD_F32, -1, 1),
    LINEAR(600, 256, 768, GAD_F32, -1, 0),
};

#define CASES(list)                                                                                                        \
    {                                                                                                                      \
        list, sizeof list / sizeof *(list)                                                                                 \
    }
/* Projections of queries, keys and values; gate and up together; down; half of the head; an adapter. */
static const judge_case large[] = {
    FORWARD(1, 3584, 4608, GAD_BF16),
    FORWARD(1, 3584, 37888, GAD_BF16),
    PARTS(1, 3584, 28, 4, 128, GAD_BF16, GAD_BF16),
    PARTS(1, 3584, 28, 4, 128, GAD_Q8, GAD_BF16),
    PARTS(1, 3584, 28, 4, 128, GAD_Q4, GAD_BF16),
    PARTS(8, 3584, 28, 4, 128, GAD_BF16, GAD_BF16),
    GATED(1, 3584, 18944, GAD_BF16, -1),
    GATED(1, 3584, 18944, GAD_Q8, -1),
    GATED(1, 3584, 18944, GAD_Q4, -1),
    GATED(8, 3584, 18944, GAD_BF16, -1),
    FORWARD(1, 18944, 3584, GAD_BF16),
    FORWARD(1, 3584, 76032, GAD_BF16),
    FORWARD(1, 3584, 37888, GAD_Q8),
    FORWARD(1, 3584, 37888, GAD_Q4),
    FORWARD(4, 3584, 37888, GAD_BF16),
    FORWARD(8, 3584, 37888, GAD_BF16),
    FORWARD(8, 3584, 37888, GAD_Q8),
    FORWARD(16, 3584, 37888, GAD_BF16),
    FORWARD(64, 3584, 37888, GAD_BF16),
    FORWARD(64, 3584, 37888, GAD_Q8),
    LINEAR(1024, 3584, 4608, GAD_BF16, GAD_BF16, 0),
    LINEAR(1024, 3584, 37888, GAD_BF16, -1, 0),
    LINEAR(1024, 18944, 3584, GAD_BF16, -1, 1),
    LINEAR(4096, 3584, 37888, GAD_BF16, -1, 0),
    LINEAR(1024, 3584, 16, GAD_F32, -1, 0),
    LINEAR(1024, 16, 3584, GAD_F32, -1, 1),
    LINEAR(4096, 1280, 3420, GAD_BF16, GAD_BF16, 0),
};

judge_cases judge_cases_linear(void)
{
    return (judge_cases)CASES(cases);
}

judge_cases judge_gradients_linear(void)
{
    return (judge_cases)CASES(gradients);
}

judge_cases judge_perf_linear(void)
{
    return (judge_cases)CASES(perf);
}

judge_cases judge_large_linear(void)
{
    return (judge_cases)CASES(large);
}
