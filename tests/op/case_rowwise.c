/* case_rowwise: every op that works row by row: norms, activations, rotary positions, embedding, moving rows,
 * log-probabilities, AdamW. Tolerances in units of 2^-24 of the largest value: 8 for an op of a few roundings and one exp
 * (2 units), plus sqrt(n) / 2 where n numbers are added (see case_linear.c). */
#include "op/judge.h"

#include <math.h>

static double units(int64_t n)
{
    return 8 + 0.5 * sqrt((double)n);
}

/* ---- norms: T rows, C channels in groups of G ---- */

static void rmsnorm(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1], group = p[2];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", t, c, 2), weight = judge_parameter(s, "weight", group, (gad_dtype)p[3]);
    gad_tensor y = judge_output(s, "y", t, c, units(0)), rstd = judge_exact_output(s, "rstd", t, c / group, units(0));
    gad_tensor dy = judge_seed(s, "dy", y);
    judge_time(s, "rmsnorm", 4.0 * (double)(t * c), judge_bytes(s, 2.0 * (double)(t * c)))
        ops->rmsnorm(s->device, y, rstd, x, weight, 0.01f);
    if (s->forward)
        return;
    gad_tensor dx = (p[4] ? judge_sum : judge_output)(s, "dx", t, c, units(group));
    gad_tensor dweight = judge_exact_sum(s, "dweight", 1, group, units(t * c / group));
    judge_time(s, "rmsnorm_back", 9.0 * (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c)))
        ops->rmsnorm_back(s->device, dx, dweight, dy, x, rstd, weight, p[4]);
    if (s->grad)
        return;
    gad_tensor both = judge_sum(s, "both", t, c, units(0)), alone = judge_output(s, "alone", t, c, units(group));
    ops->rmsnorm(s->device, both, gad_tensor_none(), both, weight, 0.01f);
    ops->rmsnorm_back(s->device, alone, gad_tensor_none(), dy, x, rstd, weight, false);
}

static void layernorm(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", t, c, 2), weight = judge_parameter(s, "weight", c, (gad_dtype)p[2]);
    gad_tensor bias = p[3] >= 0 ? judge_parameter(s, "bias", c, (gad_dtype)p[3]) : gad_tensor_none();
    gad_tensor y = judge_output(s, "y", t, c, units(c)), stats = judge_exact_output(s, "stats", t, 2, units(c));
    gad_tensor dy = judge_seed(s, "dy", y);
    judge_time(s, "layernorm", 7.0 * (double)(t * c), judge_bytes(s, 2.0 * (double)(t * c)))
        ops->layernorm(s->device, y, stats, x, weight, bias, 0.01f);
    if (s->forward)
        return;
    gad_tensor dx = (p[4] ? judge_sum : judge_output)(s, "dx", t, c, units(c));
    gad_tensor dweight = judge_exact_sum(s, "dweight", 1, c, units(t) + units(c));
    gad_tensor dbias = p[3] >= 0 ? judge_exact_sum(s, "dbias", 1, c, units(t)) : gad_tensor_none();
    judge_time(s, "layernorm_back", 12.0 * (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c)))
        ops->layernorm_back(s->device, dx, dweight, dbias, dy, x, stats, weight, p[4]);
    if (s->grad)
        return;
    gad_tensor both = judge_sum(s, "both", t, c, units(c)), alone = judge_output(s, "alone", t, c, units(c));
    ops->layernorm(s->device, both, gad_tensor_none(), both, weight, bias, 0.01f);
    ops->layernorm_back(s->device, alone, gad_tensor_none(), gad_tensor_none(), dy, x, stats, weight, false);
}

/* ---- activations: T rows, C channels; wide: inputs beyond where exp overflows ---- */

static void swiglu(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1];
    const gad_ops *ops = s->device->ops;
    gad_tensor a = judge_input(s, "a", t, c, p[2] ? 60 : 2), b = judge_input(s, "b", t, c, 1);
    gad_tensor y = judge_output(s, "y", t, c, units(0)), dy = judge_seed(s, "dy", y);
    judge_time(s, "swiglu", (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c))) ops->swiglu(s->device, y, a, b);
    if (s->forward)
        return;
    gad_tensor da = judge_output(s, "da", t, c, units(0)), db = judge_output(s, "db", t, c, units(0));
    judge_time(s, "swiglu_back", (double)(t * c), judge_bytes(s, 5.0 * (double)(t * c)))
        ops->swiglu_back(s->device, da, db, dy, a, b);
    if (s->grad)
        return;
    gad_tensor left = judge_sum(s, "left", t, c, units(0));
    judge_rounds(s, 2); /* of both factors, by the calls before the last */
    gad_tensor right = judge_sum(s, "right", t, c, units(0));
    judge_rounds(s, 2);
    ops->swiglu(s->device, left, left, b); /* y may be a or b */
    ops->swiglu(s->device, right, a, right);
    ops->swiglu_back(s->device, left, right, dy, left, right); /* da, db may be a, b */
}

static void gelu(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1];
    const gad_gelu_kind kind = p[3] ? GAD_GELU_TANH : GAD_GELU_ERF;
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", t, c, p[2] ? 30 : 2), y = judge_output(s, "y", t, c, units(0));
    gad_tensor dy = judge_seed(s, "dy", y);
    judge_time(s, "gelu", (double)(t * c), judge_bytes(s, 2.0 * (double)(t * c))) ops->gelu(s->device, y, x, kind);
    if (s->forward)
        return;
    gad_tensor dx = judge_output(s, "dx", t, c, units(0));
    judge_time(s, "gelu_back", (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c)))
        ops->gelu_back(s->device, dx, dy, x, kind);
    if (s->grad)
        return;
    gad_tensor both = judge_sum(s, "both", t, c, units(0));
    judge_rounds(s, 1);
    ops->gelu(s->device, both, both, kind);
    ops->gelu_back(s->device, both, both, x, kind); /* dx may be dy */
}

/* ---- rotary positions: T rows, heads, D ---- */

static double cosine(int64_t t, int64_t i)
{
    return cos((double)t * pow(100, -(double)i / 8));
}

static double sine(int64_t t, int64_t i)
{
    return sin((double)t * pow(100, -(double)i / 8));
}

static void rope(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1] * p[2];
    const int heads = (int)p[1];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", t, c, 1), co = judge_given(s, "cos", t, p[2] / 2, cosine);
    gad_tensor si = judge_given(s, "sin", t, p[2] / 2, sine), y = judge_output(s, "y", t, c, 3);
    gad_tensor dy = judge_seed(s, "dy", y);
    judge_time(s, "rope", 3.0 * (double)(t * c), judge_bytes(s, 2.0 * (double)(t * c)))
        ops->rope(s->device, y, x, co, si, heads, false);
    if (s->forward)
        return;
    gad_tensor dx = judge_output(s, "dx", t, c, 3);
    ops->rope(s->device, dx, dy, co, si, heads, true);
    if (s->grad)
        return;
    gad_tensor both = judge_sum(s, "both", t, c, 3);
    ops->rope(s->device, both, both, co, si, heads, false);
}

/* ---- rows: T rows out of a table of V rows, C channels ---- */

static void embed(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], v = p[1], c = p[2];
    gad_weight table = judge_weight(s, "table", v, c, (gad_dtype)p[3]);
    const int32_t *ids = judge_there(s, judge_index(s, t, v, true, false), (size_t)t * sizeof *ids);
    gad_tensor y = judge_sum(s, "y", t, c, 1), dy = judge_seed(s, "dy", y);
    judge_time(s, "embed", 0, judge_bytes(s, 1.5 * (double)(t * c))) s->device->ops->embed(s->device, y, table, ids);
    if (s->forward)
        return;
    gad_tensor dtable = judge_exact_sum(s, "dtable", v, c, units(t));
    judge_time(s, "embed_back", (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c)))
        s->device->ops->embed_back(s->device, dtable, dy, ids);
}

static void rows(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], v = p[1], c = p[2];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", v, c, 1);
    const size_t index_bytes = (size_t)t * sizeof(int32_t);
    const int32_t *to = judge_there(s, judge_index(s, t, v, false, true), index_bytes);
    const int32_t *from = judge_there(s, judge_index(s, t, v, false, true), index_bytes);
    gad_tensor y = judge_sum(s, "y", v, c, 1), dy = judge_seed(s, "dy", y);
    judge_time(s, "rows", 0, judge_bytes(s, 2.0 * (double)(t * c))) ops->rows(s->device, y, to, x, from, t, p[3]);
    if (s->forward)
        return;
    gad_tensor dx = judge_sum(s, "dx", v, c, 1);
    ops->rows(s->device, dx, from, dy, to, t, true);
    if (s->grad)
        return;
    gad_tensor head = judge_sum(s, "head", v, c, 1);
    ops->rows(s->device, head, NULL, x, from, t, false);
    ops->rows(s->device, head, to, x, NULL, t, true);
}

static void rows_mix(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], v = p[1], c = p[2];
    gad_weight table = judge_weight(s, "table", v, c, (gad_dtype)p[3]);
    const int32_t *index = judge_there(s, judge_index(s, 4 * t, v, false, false), 4 * (size_t)t * sizeof *index);
    const float *weight = judge_there(s, judge_floats(s, 4 * t), 4 * (size_t)t * sizeof *weight);
    gad_tensor y = judge_sum(s, "y", t, c, units(4)), dy = judge_seed(s, "dy", y);
    judge_time(s, "rows_mix", 8.0 * (double)(t * c), judge_bytes(s, 4.0 * (double)(t * c)))
        s->device->ops->rows_mix(s->device, y, table, index, weight);
    if (s->forward)
        return;
    gad_tensor dtable = judge_exact_sum(s, "dtable", v, c, units(4 * t));
    s->device->ops->rows_mix_back(s->device, dtable, dy, index, weight);
}

static void axpby(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], c = p[1];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_input(s, "x", t, c, 1), y = judge_sum(s, "y", t, c, 3);
    gad_tensor fresh = judge_output(s, "fresh", t, c, 2), nothing = judge_sum(s, "nothing", t, c, 0);
    judge_time(s, "axpby", 2.0 * (double)(t * c), judge_bytes(s, 3.0 * (double)(t * c)))
        ops->axpby(s->device, y, 0.5f, x, -1.25f);
    ops->axpby(s->device, fresh, 3, x, 0);
    ops->zero(s->device, nothing);
}

/* ---- log-probability: T rows of V logits; masked: some are -infinity; temperature in percent ---- */

static void logprob(judge_stage *s, const int64_t *p)
{
    const int64_t t = p[0], v = p[1];
    const float temperature = (float)p[2] / 100;
    const gad_ops *ops = s->device->ops;
    gad_tensor z = (p[4] ? judge_exact_input : judge_input)(s, "z", t, v, 4);
    for (int64_t row = 0; p[3] && row < t; row++)
        for (int64_t c = 1; c < v; c += 3)
            judge_set(s, z, row, c, -INFINITY);
    int32_t *token = judge_index(s, t, v, false, false);
    for (int64_t row = 0; p[3] && row < t; row++)
        token[row] = token[row] % 3 == 1 ? 0 : token[row];
    const int32_t *target = judge_there(s, token, (size_t)t * sizeof *token);
    gad_tensor logp = judge_exact_output(s, "logp", t, 1, 24), g = judge_seed(s, "g", logp);
    gad_tensor entropy = judge_exact_output(s, "entropy", t, 1, 48), h = judge_seed(s, "h", entropy);
    judge_time(s, "logprob", 2.0 * (double)(t * v), 4.0 * (double)(t * v))
        ops->logprob(s->device, logp, entropy, z, target, temperature);
    if (s->forward)
        return;
    gad_tensor dz = judge_output(s, "dz", t, v, 48);
    judge_time(s, "logprob_back", 3.0 * (double)(t * v), 12.0 * (double)(t * v))
        ops->logprob_back(s->device, dz, g, h, z, target, temperature);
    if (s->grad)
        return;
    gad_tensor both = (p[4] ? judge_exact_sum : judge_sum)(s, "both", t, v, 48);
    ops->logprob(s->device, logp, gad_tensor_none(), z, target, temperature);
    ops->logprob_back(s->device, both, g, gad_tensor_none(), both, target, temperature); /* dz may be z */
}

/* ---- training arithmetic: T rows of C numbers, at step `step` ---- */

/* Part number i of `of` parts of exact tensors of n numbers; their rates differ. */
static gad_adamw_part part_of(const gad_tensor t[4], int64_t n, int64_t i, int64_t of, int64_t step)
{
    const int64_t from = i * n / of, cols = (i + 1) * n / of - from;
    const float rate = 0.01f + 0.002f * (float)i;
    return (gad_adamw_part){.w = gad_tensor_cols(t[0], from, cols).data,
                            .g = gad_tensor_cols(t[1], from, cols).data,
                            .m = gad_tensor_cols(t[2], from, cols).data,
                            .v = gad_tensor_cols(t[3], from, cols).data,
                            .n = cols,
                            .settings = {rate, 0.9f, 0.99f, 1e-3f, i % 2 ? 0 : 0.1f, 0.5f, step}};
}

/* The update itself is compared in units of the learning rate: w starts at zero. Of the sum of squares only the last
 * bits of fp32 are compared, since it comes back as a double. */
static void adamw(judge_stage *s, const int64_t *p)
{
    enum { PARTS = 5 };
    const int64_t n = p[0] * p[1], pad = s->pad, parts = p[3];
    const gad_ops *ops = s->device->ops;
    gad_tensor x = judge_exact_input(s, "x", p[0], p[1], 1);
    s->pad = 0; /* adamw takes arrays without gaps */
    gad_tensor slope = judge_exact_input(s, "slope", 1, n, 3), w = judge_exact_sum(s, "w", 1, n, 32);
    gad_tensor g = judge_exact_output(s, "gradient", 1, n, 0), m = judge_exact_sum(s, "m", 1, n, 4);
    gad_tensor v = judge_exact_sum(s, "v", 1, n, 8), sum = judge_exact_output(s, "sum", 1, 1, 2);
    const gad_tensor all[] = {w, g, m, v}, both[] = {x, slope};
    gad_adamw_part part[PARTS];
    for (int64_t i = 0; i < parts; i++)
        part[i] = part_of(all, n, i, parts, p[2]);
    ops->rows(s->device, g, NULL, slope, NULL, 1, false);
    ops->rows(s->device, m, NULL, slope, NULL, 1, false);
    ops->zero(s->device, v);
    judge_time(s, "adamw", 12.0 * (double)n, 32.0 * (double)n) ops->adamw(s->device, part, parts);
    double squares = 0;
    judge_time(s, "sum_squares", 4.0 * (double)n, 8.0 * (double)n) squares = ops->sum_squares(s->device, both, 2);
    judge_set(s, sum, 0, 0, (float)squares);
    s->pad = pad;
}

#define RMSNORM(...)                                                                                                       \
    {                                                                                                                      \
        "rmsnorm", "T C group dtype add", rmsnorm,                                                                         \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define LAYERNORM(...)                                                                                                     \
    {                                                                                                                      \
        "layernorm", "T C dtype bias add", layernorm,                                                                      \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define SWIGLU(...)                                                                                                        \
    {                                                                                                                      \
        "swiglu", "T C wide", swiglu,                                                                                      \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define GELU(...)                                                                                                          \
    {                                                                                                                      \
        "gelu", "T C wide tanh", gelu,                                                                                     \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define ROPE(...)                                                                                                          \
    {                                                                                                                      \
        "rope", "T heads D", rope,                                                                                         \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define EMBED(...)                                                                                                         \
    {                                                                                                                      \
        "embed", "T V C dtype", embed,                                                                                     \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define ROWS(...)                                                                                                          \
    {                                                                                                                      \
        "rows", "T V C add", rows,                                                                                         \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define ROWS_MIX(...)                                                                                                      \
    {                                                                                                                      \
        "rows_mix", "T V C dtype", rows_mix,                                                                               \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define AXPBY(...)                                                                                                         \
    {                                                                                                                      \
        "axpby", "T C", axpby,                                                                                             \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define LOGPROB(...)                                                                                                       \
    {                                                                                                                      \
        "logprob", "T V temperature masked exact", logprob,                                                                \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }
#define ADAMW(...)                                                                                                         \
    {                                                                                                                      \
        "adamw", "T C step parts", adamw,                                                                                  \
        {                                                                                                                  \
            __VA_ARGS__                                                                                                    \
        }                                                                                                                  \
    }

static const judge_case cases[] = {
    RMSNORM(1, 7, 7, GAD_F32, 0),
    RMSNORM(5, 128, 128, GAD_BF16, 1),
    RMSNORM(70, 64, 16, GAD_F16, 0),
    RMSNORM(130, 2048, 2048, GAD_BF16, 0),
    RMSNORM(3, 4 * 33, 33, GAD_F64, 1),
    RMSNORM(200, 512, 128, GAD_F32, 1),
    LAYERNORM(1, 5, GAD_F32, GAD_F32, 0),
    LAYERNORM(66, 160, GAD_BF16, GAD_BF16, 1),
    LAYERNORM(3, 1281, GAD_F16, -1, 0),
    LAYERNORM(130, 37, GAD_F64, GAD_F32, 1),
    SWIGLU(1, 1, 0),
    SWIGLU(3, 67, 0),
    SWIGLU(40, 2048, 0),
    SWIGLU(5, 129, 1),
    GELU(1, 7, 0, 0),
    GELU(3, 67, 0, 0),
    GELU(3, 67, 0, 1),
    GELU(40, 513, 0, 0),
    GELU(40, 513, 0, 1),
    GELU(9, 200, 1, 0),
    GELU(9, 200, 1, 1),
    ROPE(1, 1, 2),
    ROPE(3, 2, 20),
    ROPE(17, 16, 128),
    ROPE(50, 3, 80),
    EMBED(1, 5, 3, GAD_F32),
    EMBED(20, 10, 70, GAD_BF16),
    EMBED(64, 9, 300, GAD_F16),
    EMBED(30, 50, 130, GAD_Q8),
    EMBED(200, 7, 129, GAD_F32),
    ROWS(1, 1, 1, 0),
    ROWS(5, 9, 33, 0),
    ROWS(300, 400, 70, 1),
    ROWS(300, 400, 70, 0),
    ROWS_MIX(1, 4, 3, GAD_F32),
    ROWS_MIX(40, 16, 70, GAD_BF16),
    ROWS_MIX(100, 49, 130, GAD_F16),
    AXPBY(1, 1),
    AXPBY(5, 33),
    AXPBY(64, 1000),
    LOGPROB(1, 2, 100, 0, 0),
    LOGPROB(5, 33, 70, 0, 0),
    LOGPROB(4, 5000, 100, 0, 1),
    LOGPROB(6, 301, 100, 1, 1),
    LOGPROB(3, 1000, 25, 0, 1),
    ADAMW(1, 1, 1, 1),
    ADAMW(7, 33, 1, 3),
    ADAMW(1, 3, 2, 5),
    ADAMW(100, 700, 20, 1),
    ADAMW(64, 640, 7, 4),
};

static const judge_case gradients[] = {
    RMSNORM(3, 8, 8, GAD_F32, 0),
    RMSNORM(4, 12, 4, GAD_F32, 1),
    LAYERNORM(3, 7, GAD_F32, GAD_F32, 0),
    LAYERNORM(5, 6, GAD_F32, GAD_F32, 1),
    SWIGLU(4, 9, 0),
    GELU(4, 9, 0, 0),
    GELU(4, 9, 0, 1),
    ROPE(4, 2, 6),
    EMBED(9, 4, 3, GAD_F32),
    ROWS(3, 5, 4, 0),
    ROWS(5, 5, 4, 1),
    ROWS_MIX(5, 4, 3, GAD_F32),
    LOGPROB(3, 7, 70, 0, 1),
    LOGPROB(2, 9, 100, 0, 0),
};

static const judge_case perf[] = {
    RMSNORM(1, 2048, 2048, GAD_BF16, 0),
    RMSNORM(512, 2048, 2048, GAD_BF16, 0),
    RMSNORM(512, 2048, 128, GAD_BF16, 0),
    LAYERNORM(1024, 1280, GAD_BF16, GAD_BF16, 0),
    SWIGLU(1, 11008, 0),
    SWIGLU(512, 11008, 0),
    GELU(1024, 4096, 0, 0),
    GELU(1024, 4096, 0, 1),
    ROPE(512, 16, 128),
    EMBED(512, 20000, 2048, GAD_BF16),
    ROWS(1024, 1024, 1280, 0),
    ROWS_MIX(1024, 2304, 1024, GAD_BF16),
    AXPBY(512, 2048),
    LOGPROB(32, 151936, 100, 0, 1),
    ADAMW(1000, 10000, 3, 1),
};

#define CASES(list)                                                                                                        \
    {                                                                                                                      \
        list, sizeof list / sizeof *(list)                                                                                 \
    }
static const judge_case large[] = {
    RMSNORM(1, 3584, 3584, GAD_BF16, 0),
    RMSNORM(1024, 3584, 3584, GAD_BF16, 0),
    RMSNORM(4096, 3584, 3584, GAD_BF16, 1),
    RMSNORM(1024, 28 * 128, 128, GAD_BF16, 0),
    LAYERNORM(4096, 1280, GAD_BF16, GAD_BF16, 0),
    SWIGLU(1, 18944, 0),
    SWIGLU(1024, 18944, 0),
    SWIGLU(4096, 18944, 0),
    GELU(4096, 5120, 0, 1),
    ROPE(1, 28, 128),
    ROPE(4096, 28, 128),
    EMBED(1024, 152064, 1024, GAD_BF16),
    ROWS(4096, 4096, 3584, 0),
    ROWS_MIX(1024, 2304, 1280, GAD_BF16),
    AXPBY(4096, 3584),
    LOGPROB(64, 152064, 100, 0, 1),
    LOGPROB(300, 152064, 100, 0, 0),
    ADAMW(10000, 4000, 3, 1),
};

judge_cases judge_cases_rowwise(void)
{
    return (judge_cases)CASES(cases);
}

judge_cases judge_gradients_rowwise(void)
{
    return (judge_cases)CASES(gradients);
}

judge_cases judge_perf_rowwise(void)
{
    return (judge_cases)CASES(perf);
}

judge_cases judge_large_rowwise(void)
{
    return (judge_cases)CASES(large);
}
