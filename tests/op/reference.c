/* reference: see reference.h. Letters as in op/op.h. */
#include "op/reference.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/quant.h"

#include <math.h>
#include <string.h>

/* ---- memory: the blocks in the order they were taken ---- */

typedef struct reference_state {
    void **block;
    size_t blocks, capacity;
} reference_state;

static gad_tensor take(gad_device *device, int64_t rows, int64_t cols)
{
    reference_state *state = device->state;
    double *data = NULL;
    if (!device->error.code && gad_memory_grow((void **)&state->block, &state->capacity, state->blocks, sizeof(void *)))
        data = gad_memory_alloc_aligned((size_t)(rows * cols), sizeof(double));
    if (data)
        state->block[state->blocks++] = data;
    else if (!device->error.code)
        gad_error_fill_memory(&device->error, "take working memory", (size_t)(rows * cols) * sizeof(double));
    for (int64_t i = 0; data && i < rows * cols; i++)
        data[i] = NAN; /* reading what was never written shows */
    return gad_tensor_make(data, GAD_F64, rows, cols);
}

static size_t mark(gad_device *device)
{
    return ((reference_state *)device->state)->blocks;
}

static void rewind_to(gad_device *device, size_t to)
{
    reference_state *state = device->state;
    while (state->blocks > to)
        gad_memory_free_aligned(state->block[--state->blocks]);
}

static const void *upload(gad_device *device, const void *host, size_t size_bytes)
{
    (void)device;
    (void)size_bytes;
    return host;
}

/* ---- numbers ---- */

static double read_number(const void *data, gad_dtype dtype, int64_t i)
{
    const char *at = (const char *)data + i * (int64_t)gad_dtype_bytes(dtype);
    uint16_t half;
    float single;
    double number;
    switch (dtype) {
    case GAD_F32: memcpy(&single, at, 4); return (double)single;
    case GAD_BF16: memcpy(&half, at, 2); return (double)gad_half_from_bf16(half);
    case GAD_F16: memcpy(&half, at, 2); return (double)gad_half_from_f16(half);
    default: break;
    }
    memcpy(&number, at, 8);
    return number;
}

double gad_reference_number(const gad_weight *w, int64_t row, int64_t col)
{
    if (!gad_quant_is(w->dtype))
        return read_number(w->data, w->dtype, row * w->cols + col);
    float number;
    gad_quant_row(&number, w, row, col, 1);
    return (double)number;
}

/* Element of a [1,C] parameter; 0 when there is none. */
static double parameter(gad_tensor t, int64_t c)
{
    return t.data ? read_number(t.data, t.dtype, c) : 0;
}

static double *at(gad_tensor t, int64_t row, int64_t col)
{
    return (double *)t.data + row * t.stride + col;
}

static void download(gad_device *device, float *host, gad_tensor x)
{
    (void)device;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t c = 0; c < x.cols; c++)
            host[t * x.cols + c] = (float)*at(x, t, c);
}

static void fill(gad_device *device, gad_tensor y, const float *host)
{
    for (int64_t t = 0; !device->error.code && t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            ((double *)y.data)[t * y.stride + c] = (double)host[t * y.cols + c];
}

static gad_tensor allocate(gad_device *device, int64_t rows, int64_t cols)
{
    double *data = device->error.code ? NULL : gad_memory_alloc_aligned((size_t)(rows * cols), sizeof(double));
    if (!data && !device->error.code)
        gad_error_fill_memory(&device->error, "take lasting memory", (size_t)(rows * cols) * sizeof(double));
    return gad_tensor_make(data, GAD_F64, rows, cols);
}

static gad_tensor allocate_exact(gad_device *device, int64_t rows, int64_t cols)
{
    gad_tensor x = allocate(device, rows, cols);
    if (x.data)
        memset(x.data, 0, (size_t)(rows * cols) * sizeof(double));
    return x;
}

static void release(gad_device *device, gad_tensor x)
{
    (void)device;
    gad_memory_free_aligned(x.data);
}

/* Parameters stay where the host has them. */
static gad_weight place(gad_device *device, gad_weight host)
{
    (void)device;
    return host;
}

static void unplace(gad_device *device, gad_weight placed)
{
    (void)device;
    (void)placed;
}

static void fetch(gad_device *device, gad_weight host, gad_weight placed)
{
    (void)device;
    (void)host;
    (void)placed;
}

/* ---- linear ---- */

/* A factor as device->products says. */
static double factor(const gad_device *device, double x)
{
    return device->products == GAD_BF16 ? (double)gad_half_from_bf16(gad_half_to_bf16((float)x)) : x;
}

/* alpha * x, rounded for a product with w. */
static gad_tensor rounded(gad_device *device, gad_tensor x, float alpha, const gad_weight *w)
{
    gad_tensor to = take(device, x.rows, x.cols);
    for (int64_t t = 0; to.data && t < x.rows; t++) {
        for (int64_t i = 0; i < x.cols; i++)
            *at(to, t, i) = factor(device, (double)alpha * *at(x, t, i));
        for (int64_t from = 0; w && gad_quant_is(w->dtype) && from < x.cols; from += GAD_QUANT_GROUP) {
            const int64_t n = x.cols - from < GAD_QUANT_GROUP ? x.cols - from : GAD_QUANT_GROUP;
            float value[GAD_QUANT_GROUP];
            int8_t q[GAD_QUANT_GROUP];
            for (int64_t i = 0; i < n; i++)
                value[i] = alpha * (float)*at(x, t, from + i);
            const double scale = (double)gad_quant_round(q, value, n);
            for (int64_t i = 0; i < n; i++)
                *at(to, t, from + i) = scale * q[i];
        }
    }
    return to;
}

static void linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    const size_t before = mark(device);
    const gad_tensor ax = rounded(device, x, alpha, &w);
    for (int64_t t = 0; ax.data && t < y.rows; t++)
        for (int64_t o = 0; o < y.cols; o++) {
            double sum = 0;
            for (int64_t i = 0; i < x.cols; i++) {
                const double number = gad_reference_number(&w, o, i);
                sum += *at(ax, t, i) * (gad_quant_is(w.dtype) ? number : factor(device, number));
            }
            *at(y, t, o) = sum + parameter(bias, o) + (add ? *at(y, t, o) : 0);
        }
    rewind_to(device, before);
}

static void linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    const size_t before = mark(device);
    const gad_tensor ady = rounded(device, dy, alpha, NULL);
    for (int64_t t = 0; ady.data && t < dx.rows; t++)
        for (int64_t i = 0; i < dx.cols; i++) {
            double sum = 0;
            for (int64_t o = 0; o < dy.cols; o++)
                sum += *at(ady, t, o) * factor(device, gad_reference_number(&w, o, i));
            *at(dx, t, i) = sum + (add ? *at(dx, t, i) : 0);
        }
    rewind_to(device, before);
}

static void linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha)
{
    const size_t before = mark(device);
    const gad_tensor ady = rounded(device, dy, alpha, NULL);
    for (int64_t o = 0; ady.data && o < dw.rows; o++)
        for (int64_t i = 0; i < dw.cols; i++)
            for (int64_t t = 0; t < x.rows; t++)
                *at(dw, o, i) += *at(ady, t, o) * factor(device, *at(x, t, i));
    rewind_to(device, before);
}

static void linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t o = 0; o < dy.cols; o++)
            *at(db, 0, o) += *at(dy, t, o);
}

/* ---- norms ---- */

static void rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    (void)device;
    const int64_t n = weight.cols;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t g = 0; g < x.cols / n; g++) {
            double sum = 0;
            for (int64_t c = 0; c < n; c++)
                sum += *at(x, t, g * n + c) * *at(x, t, g * n + c);
            double r = 1 / sqrt(sum / (double)n + (double)eps);
            for (int64_t c = 0; c < n; c++)
                *at(y, t, g * n + c) = *at(x, t, g * n + c) * r * parameter(weight, c);
            if (rstd.data)
                *at(rstd, t, g) = r;
        }
}

static void rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                         gad_tensor rstd, gad_tensor weight, bool add)
{
    (void)device;
    const int64_t n = weight.cols;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t g = 0; g < x.cols / n; g++) {
            double r = *at(rstd, t, g), mean = 0;
            for (int64_t c = 0; c < n; c++)
                mean += *at(dy, t, g * n + c) * parameter(weight, c) * *at(x, t, g * n + c) * r / (double)n;
            for (int64_t c = 0; c < n; c++) {
                double xh = *at(x, t, g * n + c) * r, d = *at(dy, t, g * n + c);
                double *to = at(dx, t, g * n + c);
                if (dweight.data)
                    *at(dweight, 0, c) += d * xh;
                *to = r * (d * parameter(weight, c) - xh * mean) + (add ? *to : 0);
            }
        }
}

static void layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight, gad_tensor bias,
                      float eps)
{
    (void)device;
    const double n = (double)x.cols;
    for (int64_t t = 0; t < x.rows; t++) {
        double mean = 0, square = 0;
        for (int64_t c = 0; c < x.cols; c++)
            mean += *at(x, t, c) / n;
        for (int64_t c = 0; c < x.cols; c++)
            square += (*at(x, t, c) - mean) * (*at(x, t, c) - mean) / n;
        double r = 1 / sqrt(square + (double)eps);
        for (int64_t c = 0; c < x.cols; c++)
            *at(y, t, c) = (*at(x, t, c) - mean) * r * parameter(weight, c) + parameter(bias, c);
        if (stats.data) {
            *at(stats, t, 0) = mean;
            *at(stats, t, 1) = r;
        }
    }
}

static void layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                           gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    (void)device;
    const double n = (double)x.cols;
    for (int64_t t = 0; t < x.rows; t++) {
        double mean = *at(stats, t, 0), r = *at(stats, t, 1), mean_u = 0, mean_ux = 0;
        for (int64_t c = 0; c < x.cols; c++) {
            double u = *at(dy, t, c) * parameter(weight, c);
            mean_u += u / n;
            mean_ux += u * (*at(x, t, c) - mean) * r / n;
        }
        for (int64_t c = 0; c < x.cols; c++) {
            double xh = (*at(x, t, c) - mean) * r, d = *at(dy, t, c);
            if (dweight.data)
                *at(dweight, 0, c) += d * xh;
            if (dbias.data)
                *at(dbias, 0, c) += d;
            *at(dx, t, c) = r * (d * parameter(weight, c) - mean_u - xh * mean_ux) + (add ? *at(dx, t, c) : 0);
        }
    }
}

/* ---- activations ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            *at(y, t, c) = *at(a, t, c) * sigmoid(*at(a, t, c)) * *at(b, t, c);
}

static void swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t c = 0; c < dy.cols; c++) {
            double x = *at(a, t, c), r = *at(b, t, c), d = *at(dy, t, c), s = sigmoid(x);
            *at(da, t, c) = d * r * s * (1 + x * (1 - s));
            *at(db, t, c) = d * x * s;
        }
}

static const double k0 = 0.79788456080286535588, k1 = 0.044715; /* sqrt(2/pi) */

static void gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++) {
            double v = *at(x, t, c);
            double inner = kind == GAD_GELU_ERF ? erf(v / sqrt(2)) : tanh(k0 * (v + k1 * v * v * v));
            *at(y, t, c) = 0.5 * v * (1 + inner);
        }
}

static void gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    (void)device;
    for (int64_t t = 0; t < dx.rows; t++)
        for (int64_t c = 0; c < dx.cols; c++) {
            double v = *at(x, t, c), slope;
            if (kind == GAD_GELU_ERF) {
                slope = 0.5 * (1 + erf(v / sqrt(2))) + v * exp(-v * v / 2) / sqrt(2 * M_PI);
            } else {
                double th = tanh(k0 * (v + k1 * v * v * v));
                slope = 0.5 * (1 + th) + 0.5 * v * (1 - th * th) * k0 * (1 + 3 * k1 * v * v);
            }
            *at(dx, t, c) = *at(dy, t, c) * slope;
        }
}

static void rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cosine, gad_tensor sine, int heads,
                 bool inverse)
{
    (void)device;
    const int64_t d = x.cols / heads;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < d / 2; i++) {
                double c = *at(cosine, t, i), s = inverse ? -*at(sine, t, i) : *at(sine, t, i);
                double a = *at(x, t, h * d + i), b = *at(x, t, h * d + i + d / 2);
                *at(y, t, h * d + i) = a * c - b * s;
                *at(y, t, h * d + i + d / 2) = b * c + a * s;
            }
}

/* ---- attention ---- */

static bool sees(const gad_attention_span *s, int64_t row, int64_t key)
{
    if (key >= s->p0 && key < s->p1)
        return true;
    return key >= s->k0 && key < s->k1 && (!s->causal || key <= s->k1 - (s->q1 - s->q0) + (row - s->q0));
}

static double head_dot(gad_tensor a, int64_t row_a, int64_t from_a, gad_tensor b, int64_t row_b, int64_t from_b, int64_t d)
{
    double sum = 0;
    for (int64_t c = 0; c < d; c++)
        sum += *at(a, row_a, from_a + c) * *at(b, row_b, from_b + c);
    return sum;
}

/* Where key row `key` of the spans lies. */
static int64_t place_of(const int32_t *pages, int64_t key)
{
    return pages ? pages[key / GAD_PAGE_ROWS] * (int64_t)GAD_PAGE_ROWS + key % GAD_PAGE_ROWS : key;
}

/* One row and head: o may be q, so that the result is put together in `out` first. */
typedef struct row_call {
    gad_tensor o, lse, q, k, v;
    int64_t d, h, g, row;
    double scale;
    const gad_attention_span *span;
    const int32_t *pages;
} row_call;

static double score_of(const row_call *c, int64_t key)
{
    return c->scale * head_dot(c->q, c->row, c->h * c->d, c->k, place_of(c->pages, key), c->g * c->d, c->d);
}

static void attend(const row_call *c, double *out)
{
    const int64_t d = c->d, end = c->span->k1 > c->span->p1 ? c->span->k1 : c->span->p1;
    double largest = -INFINITY, sum = 0;
    bool broken = false;
    memset(out, 0, (size_t)d * sizeof(double));
    for (int64_t key = 0; key < end; key++)
        if (sees(c->span, c->row, key)) {
            const double score = score_of(c, key);
            broken |= isnan(score);
            largest = fmax(largest, score);
        }
    for (int64_t key = 0; key < end; key++)
        if (sees(c->span, c->row, key)) {
            const double p = exp(score_of(c, key) - largest);
            sum += p;
            for (int64_t i = 0; i < d; i++)
                out[i] += p * *at(c->v, place_of(c->pages, key), c->g * d + i);
        }
    for (int64_t i = 0; i < d; i++)
        *at(c->o, c->row, c->h * d + i) = broken ? NAN : sum == 0 ? 0 : out[i] / sum;
    if (c->lse.data)
        *at(c->lse, c->row, c->h) = broken ? NAN : largest + log(sum);
}

static void attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads,
                      int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count, const int32_t *pages)
{
    const int64_t d = q.cols / heads;
    gad_tensor out = take(device, 1, d);
    row_call c = {.o = o, .lse = lse, .q = q, .k = k, .v = v, .d = d, .scale = (double)scale, .pages = pages};
    for (int64_t n = 0; out.data && n < span_count; n++)
        for (c.span = &spans[n], c.row = spans[n].q0; c.row < spans[n].q1; c.row++)
            for (c.h = 0; c.h < heads; c.h++) {
                c.g = c.h / (heads / kv_heads);
                attend(&c, out.data);
            }
    if (out.data)
        rewind_to(device, mark(device) - 1);
}

/* P = exp(S - lse), D = sum dO O, dS = P (dO V^T - D): dq = scale dS K, dk += scale dS^T Q, dv += P^T dO */
static void attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                           gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                           const gad_attention_span *spans, int64_t span_count)
{
    (void)device;
    const int64_t d = q.cols / heads;
    for (int64_t n = 0; n < span_count; n++)
        for (int64_t row = spans[n].q0; row < spans[n].q1; row++)
            for (int64_t h = 0; h < heads; h++) {
                const int64_t g = h / (heads / kv_heads);
                const double delta = head_dot(d_o, row, h * d, o, row, h * d, d);
                for (int64_t c = 0; c < d; c++)
                    *at(dq, row, h * d + c) = 0;
                for (int64_t key = 0; key < k.rows; key++) {
                    if (!sees(&spans[n], row, key))
                        continue;
                    double p = exp((double)scale * head_dot(q, row, h * d, k, key, g * d, d) - *at(lse, row, h));
                    double ds = (double)scale * p * (head_dot(d_o, row, h * d, v, key, g * d, d) - delta);
                    for (int64_t c = 0; c < d; c++) {
                        *at(dq, row, h * d + c) += ds * *at(k, key, g * d + c);
                        *at(dk, key, g * d + c) += ds * *at(q, row, h * d + c);
                        *at(dv, key, g * d + c) += p * *at(d_o, row, h * d + c);
                    }
                }
            }
}

/* ---- rows ---- */

static void embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; ids[t] >= 0 && c < y.cols; c++)
            *at(y, t, c) = gad_reference_number(&table, ids[t], c);
}

static void embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t c = 0; ids[t] >= 0 && c < dy.cols; c++)
            *at(dtable, ids[t], c) += *at(dy, t, c);
}

static void rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                 bool add)
{
    (void)device;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < y.cols; c++) {
            double *target = at(y, to ? to[i] : i, c);
            *target = *at(x, from ? from[i] : i, c) + (add ? *target : 0);
        }
}

static void rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight)
{
    (void)device;
    for (int64_t j = 0; j < 4 * y.rows; j++)
        for (int64_t c = 0; c < y.cols; c++)
            *at(y, j / 4, c) += (double)weight[j] * gad_reference_number(&table, index[j], c);
}

static void rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight)
{
    (void)device;
    for (int64_t j = 0; j < 4 * dy.rows; j++)
        for (int64_t c = 0; c < dy.cols; c++)
            *at(dtable, index[j], c) += (double)weight[j] * *at(dy, j / 4, c);
}

static void axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            *at(y, t, c) = (double)alpha * *at(x, t, c) + (beta == 0 ? 0 : (double)beta * *at(y, t, c));
}

static void zero(gad_device *device, gad_tensor y)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            *at(y, t, c) = 0;
}

/* ---- log-probability ---- */

/* log of sum over v of exp(z[t,v] / temperature) */
static double log_sum(gad_tensor z, int64_t t, double temperature)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t v = 0; v < z.cols; v++)
        largest = fmax(largest, *at(z, t, v) / temperature);
    for (int64_t v = 0; v < z.cols; v++)
        sum += exp(*at(z, t, v) / temperature - largest);
    return largest + log(sum);
}

static void logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                    float temperature)
{
    (void)device;
    for (int64_t t = 0; t < z.rows; t++) {
        double total = log_sum(z, t, (double)temperature), h = 0;
        *at(logp, t, 0) = *at(z, t, target[t]) / (double)temperature - total;
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *at(z, t, v) / (double)temperature - total;
            h -= exp(log_p) == 0 ? 0 : exp(log_p) * log_p;
        }
        if (entropy.data)
            *at(entropy, t, 0) = h;
    }
}

static void logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z, const int32_t *target,
                         float temperature)
{
    (void)device;
    for (int64_t t = 0; t < z.rows; t++) {
        double total = log_sum(z, t, (double)temperature), slope = *at(g, t, 0) / (double)temperature, entropy = 0;
        double rate = h.data ? *at(h, t, 0) / (double)temperature : 0;
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *at(z, t, v) / (double)temperature - total;
            entropy -= exp(log_p) == 0 ? 0 : exp(log_p) * log_p;
        }
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *at(z, t, v) / (double)temperature - total, p = exp(log_p);
            *at(dz, t, v) = slope * ((v == target[t] ? 1 : 0) - p) - (p == 0 ? 0 : rate * p * (log_p + entropy));
        }
    }
}

/* ---- training arithmetic ---- */

static double sum_squares(gad_device *device, const gad_tensor *x, int64_t count)
{
    (void)device;
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t t = 0; t < x[i].rows; t++)
            for (int64_t c = 0; c < x[i].cols; c++)
                sum += *at(x[i], t, c) * *at(x[i], t, c);
    return sum;
}

static void update(const gad_adamw_part *part)
{
    const gad_adamw *s = &part->settings;
    double *weight = part->w, *first = part->m, *second = part->v, *gradient = part->g;
    const double b1 = (double)s->beta1, b2 = (double)s->beta2;
    for (int64_t i = 0; i < part->n; i++) {
        double d = gradient[i] * (double)s->gradient_scale;
        first[i] = b1 * first[i] + (1 - b1) * d;
        second[i] = b2 * second[i] + (1 - b2) * d * d;
        double mean = first[i] / (1 - pow(b1, (double)s->step)), square = second[i] / (1 - pow(b2, (double)s->step));
        weight[i] -=
            (double)s->learning_rate * (mean / (sqrt(square) + (double)s->epsilon) + (double)s->weight_decay * weight[i]);
        gradient[i] = 0;
    }
}

static void adamw(gad_device *device, const gad_adamw_part *part, int64_t count)
{
    (void)device;
    for (int64_t i = 0; i < count; i++)
        update(&part[i]);
}

/* ---- the table ---- */

static void free_reference(gad_device *device)
{
    reference_state *state = device->state;
    rewind_to(device, 0);
    gad_memory_free(state->block);
    gad_memory_free(state);
}

static const gad_ops table = {
    .name = "reference",
    .take = take,
    .take_exact = take,
    .mark = mark,
    .rewind = rewind_to,
    .upload = upload,
    .download = download,
    .fill = fill,
    .allocate = allocate,
    .allocate_exact = allocate_exact,
    .release = release,
    .place = place,
    .unplace = unplace,
    .fetch = fetch,
    .linear = linear,
    .linear_dx = linear_dx,
    .linear_dw = linear_dw,
    .linear_db = linear_db,
    .linear_parts = gad_reference_linear_parts,
    .linear_swiglu = gad_reference_linear_swiglu,
    .rmsnorm = rmsnorm,
    .rmsnorm_back = rmsnorm_back,
    .layernorm = layernorm,
    .layernorm_back = layernorm_back,
    .swiglu = swiglu,
    .swiglu_back = swiglu_back,
    .gelu = gelu,
    .gelu_back = gelu_back,
    .rope = rope,
    .attention = attention,
    .attention_back = attention_back,
    .embed = embed,
    .embed_back = embed_back,
    .rows = rows,
    .rows_mix = rows_mix,
    .rows_mix_back = rows_mix_back,
    .unfold = gad_reference_unfold,
    .expand_depthwise = gad_reference_expand_depthwise,
    .axpby = axpby,
    .zero = zero,
    .logprob = logprob,
    .logprob_back = logprob_back,
    .sum_squares = sum_squares,
    .adamw = adamw,
    .free = free_reference,
};

gad_status gad_device_open_reference(gad_device *device, gad_error *err)
{
    reference_state *state = gad_memory_zero(1, sizeof *state);
    if (!state)
        return gad_error_memory(err, "open the reference", sizeof *state);
    *device = (gad_device){.ops = &table, .dtype = GAD_F64, .kept = GAD_F64, .threads = 1, .state = state};
    return GAD_OK;
}
