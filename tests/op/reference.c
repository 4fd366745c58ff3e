/* reference: see reference.h. Letters as in op/op.h. */
#include "op/reference.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/host.h"
#include "op/ops_here.h"
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

static void download(gad_device *device, float *host, gad_tensor x)
{
    (void)device;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t c = 0; c < x.cols; c++)
            host[t * x.cols + c] = (float)*reference_at(x, t, c);
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
            *reference_at(to, t, i) = factor(device, (double)alpha * *reference_at(x, t, i));
        for (int64_t from = 0; w && gad_quant_is(w->dtype) && from < x.cols; from += GAD_QUANT_GROUP) {
            const int64_t n = x.cols - from < GAD_QUANT_GROUP ? x.cols - from : GAD_QUANT_GROUP;
            float value[GAD_QUANT_GROUP];
            int8_t q[GAD_QUANT_GROUP];
            for (int64_t i = 0; i < n; i++)
                value[i] = alpha * (float)*reference_at(x, t, from + i);
            const double scale = (double)gad_quant_round(q, value, n);
            for (int64_t i = 0; i < n; i++)
                *reference_at(to, t, from + i) = scale * q[i];
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
                sum += *reference_at(ax, t, i) * (gad_quant_is(w.dtype) ? number : factor(device, number));
            }
            *reference_at(y, t, o) = sum + parameter(bias, o) + (add ? *reference_at(y, t, o) : 0);
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
                sum += *reference_at(ady, t, o) * factor(device, gad_reference_number(&w, o, i));
            *reference_at(dx, t, i) = sum + (add ? *reference_at(dx, t, i) : 0);
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
                *reference_at(dw, o, i) += *reference_at(ady, t, o) * factor(device, *reference_at(x, t, i));
    rewind_to(device, before);
}

static void linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t o = 0; o < dy.cols; o++)
            *reference_at(db, 0, o) += *reference_at(dy, t, o);
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
                sum += *reference_at(x, t, g * n + c) * *reference_at(x, t, g * n + c);
            double r = 1 / sqrt(sum / (double)n + (double)eps);
            for (int64_t c = 0; c < n; c++)
                *reference_at(y, t, g * n + c) = *reference_at(x, t, g * n + c) * r * parameter(weight, c);
            if (rstd.data)
                *reference_at(rstd, t, g) = r;
        }
}

static void rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                         gad_tensor rstd, gad_tensor weight, bool add)
{
    (void)device;
    const int64_t n = weight.cols;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t g = 0; g < x.cols / n; g++) {
            double r = *reference_at(rstd, t, g), mean = 0;
            for (int64_t c = 0; c < n; c++)
                mean +=
                    *reference_at(dy, t, g * n + c) * parameter(weight, c) * *reference_at(x, t, g * n + c) * r / (double)n;
            for (int64_t c = 0; c < n; c++) {
                double xh = *reference_at(x, t, g * n + c) * r, d = *reference_at(dy, t, g * n + c);
                double *to = reference_at(dx, t, g * n + c);
                if (dweight.data)
                    *reference_at(dweight, 0, c) += d * xh;
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
            mean += *reference_at(x, t, c) / n;
        for (int64_t c = 0; c < x.cols; c++)
            square += (*reference_at(x, t, c) - mean) * (*reference_at(x, t, c) - mean) / n;
        double r = 1 / sqrt(square + (double)eps);
        for (int64_t c = 0; c < x.cols; c++)
            *reference_at(y, t, c) = (*reference_at(x, t, c) - mean) * r * parameter(weight, c) + parameter(bias, c);
        if (stats.data) {
            *reference_at(stats, t, 0) = mean;
            *reference_at(stats, t, 1) = r;
        }
    }
}

static void layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                           gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    (void)device;
    const double n = (double)x.cols;
    for (int64_t t = 0; t < x.rows; t++) {
        double mean = *reference_at(stats, t, 0), r = *reference_at(stats, t, 1), mean_u = 0, mean_ux = 0;
        for (int64_t c = 0; c < x.cols; c++) {
            double u = *reference_at(dy, t, c) * parameter(weight, c);
            mean_u += u / n;
            mean_ux += u * (*reference_at(x, t, c) - mean) * r / n;
        }
        for (int64_t c = 0; c < x.cols; c++) {
            double xh = (*reference_at(x, t, c) - mean) * r, d = *reference_at(dy, t, c);
            if (dweight.data)
                *reference_at(dweight, 0, c) += d * xh;
            if (dbias.data)
                *reference_at(dbias, 0, c) += d;
            *reference_at(dx, t, c) =
                r * (d * parameter(weight, c) - mean_u - xh * mean_ux) + (add ? *reference_at(dx, t, c) : 0);
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
            *reference_at(y, t, c) = *reference_at(a, t, c) * sigmoid(*reference_at(a, t, c)) * *reference_at(b, t, c);
}

static void swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t c = 0; c < dy.cols; c++) {
            double x = *reference_at(a, t, c), r = *reference_at(b, t, c), d = *reference_at(dy, t, c), s = sigmoid(x);
            *reference_at(da, t, c) = d * r * s * (1 + x * (1 - s));
            *reference_at(db, t, c) = d * x * s;
        }
}

static const double k0 = 0.79788456080286535588, k1 = 0.044715; /* sqrt(2/pi) */

static void gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++) {
            double v = *reference_at(x, t, c);
            double inner = kind == GAD_GELU_ERF ? erf(v / sqrt(2)) : tanh(k0 * (v + k1 * v * v * v));
            *reference_at(y, t, c) = 0.5 * v * (1 + inner);
        }
}

static void gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    (void)device;
    for (int64_t t = 0; t < dx.rows; t++)
        for (int64_t c = 0; c < dx.cols; c++) {
            double v = *reference_at(x, t, c), slope;
            if (kind == GAD_GELU_ERF) {
                slope = 0.5 * (1 + erf(v / sqrt(2))) + v * exp(-v * v / 2) / sqrt(2 * M_PI);
            } else {
                double th = tanh(k0 * (v + k1 * v * v * v));
                slope = 0.5 * (1 + th) + 0.5 * v * (1 - th * th) * k0 * (1 + 3 * k1 * v * v);
            }
            *reference_at(dx, t, c) = *reference_at(dy, t, c) * slope;
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
                double c = *reference_at(cosine, t, i),
                       s = inverse ? -*reference_at(sine, t, i) : *reference_at(sine, t, i);
                double a = *reference_at(x, t, h * d + i), b = *reference_at(x, t, h * d + i + d / 2);
                *reference_at(y, t, h * d + i) = a * c - b * s;
                *reference_at(y, t, h * d + i + d / 2) = b * c + a * s;
            }
}

/* ---- rows ---- */

static void embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; ids[t] >= 0 && c < y.cols; c++)
            *reference_at(y, t, c) = gad_reference_number(&table, ids[t], c);
}

static void embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    (void)device;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t c = 0; ids[t] >= 0 && c < dy.cols; c++)
            *reference_at(dtable, ids[t], c) += *reference_at(dy, t, c);
}

static void rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                 bool add)
{
    (void)device;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < y.cols; c++) {
            double *target = reference_at(y, to ? to[i] : i, c);
            *target = *reference_at(x, from ? from[i] : i, c) + (add ? *target : 0);
        }
}

static void rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight)
{
    (void)device;
    for (int64_t j = 0; j < 4 * y.rows; j++)
        for (int64_t c = 0; c < y.cols; c++)
            *reference_at(y, j / 4, c) += (double)weight[j] * gad_reference_number(&table, index[j], c);
}

static void rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight)
{
    (void)device;
    for (int64_t j = 0; j < 4 * dy.rows; j++)
        for (int64_t c = 0; c < dy.cols; c++)
            *reference_at(dtable, index[j], c) += (double)weight[j] * *reference_at(dy, j / 4, c);
}

static void axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            *reference_at(y, t, c) =
                (double)alpha * *reference_at(x, t, c) + (beta == 0 ? 0 : (double)beta * *reference_at(y, t, c));
}

static void zero(gad_device *device, gad_tensor y)
{
    (void)device;
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            *reference_at(y, t, c) = 0;
}

/* ---- log-probability ---- */

/* log of sum over v of exp(z[t,v] / temperature) */
static double log_sum(gad_tensor z, int64_t t, double temperature)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t v = 0; v < z.cols; v++)
        largest = fmax(largest, *reference_at(z, t, v) / temperature);
    for (int64_t v = 0; v < z.cols; v++)
        sum += exp(*reference_at(z, t, v) / temperature - largest);
    return largest + log(sum);
}

static void logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                    float temperature)
{
    (void)device;
    for (int64_t t = 0; t < z.rows; t++) {
        double total = log_sum(z, t, (double)temperature), h = 0;
        *reference_at(logp, t, 0) = *reference_at(z, t, target[t]) / (double)temperature - total;
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *reference_at(z, t, v) / (double)temperature - total;
            h -= exp(log_p) == 0 ? 0 : exp(log_p) * log_p;
        }
        if (entropy.data)
            *reference_at(entropy, t, 0) = h;
    }
}

static void logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z, const int32_t *target,
                         float temperature)
{
    (void)device;
    for (int64_t t = 0; t < z.rows; t++) {
        double total = log_sum(z, t, (double)temperature), slope = *reference_at(g, t, 0) / (double)temperature,
               entropy = 0;
        double rate = h.data ? *reference_at(h, t, 0) / (double)temperature : 0;
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *reference_at(z, t, v) / (double)temperature - total;
            entropy -= exp(log_p) == 0 ? 0 : exp(log_p) * log_p;
        }
        for (int64_t v = 0; v < z.cols; v++) {
            double log_p = *reference_at(z, t, v) / (double)temperature - total, p = exp(log_p);
            *reference_at(dz, t, v) = slope * ((v == target[t] ? 1 : 0) - p) - (p == 0 ? 0 : rate * p * (log_p + entropy));
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
                sum += *reference_at(x[i], t, c) * *reference_at(x[i], t, c);
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
    .release = gad_host_release,
    .place = gad_host_place,
    .unplace = gad_host_unplace,
    .fetch = gad_host_fetch,
    .linear_parts = gad_reference_linear_parts,
    .linear_swiglu = gad_reference_linear_swiglu,
    .attention = gad_reference_attention,
    .attention_back = gad_reference_attention_back,
    .unfold = gad_reference_unfold,
    .expand_depthwise = gad_reference_expand_depthwise,
    OPS_HERE,
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
