/* kernel_rowwise: the inner loops of norms, activations, rotary positions, softmax rows and AdamW. Included once per
 * instruction set. The last vector of a row may be short: what is loaded behind its end is 0. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd_math.h"

SIMD_INLINE vf get(const float *p, int64_t left)
{
    return left >= SIMD_LANES ? vf_load(p) : vf_load_part(p, left);
}

SIMD_INLINE void put(float *p, vf v, int64_t left)
{
    if (left >= SIMD_LANES)
        vf_store(p, v);
    else
        vf_store_part(p, v, left);
}

/* v in the lanes below `left`, 0 above. */
SIMD_INLINE vf keep(vf v, int64_t left)
{
    if (left >= SIMD_LANES)
        return v;
    return (vf)((vi)v & (vi)(vi_lane() < (int32_t)left));
}

/* ---- norms ---- */

static float rmsnorm(float *y, const float *x, const float *weight, int64_t n, float eps)
{
    vf squares = {0};
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf v = get(x + c, n - c);
        squares += v * v;
    }
    const float r = 1.0f / __builtin_sqrtf(vf_sum(squares) / (float)n + eps);
    for (int64_t c = 0; c < n; c += SIMD_LANES)
        put(y + c, get(x + c, n - c) * r * get(weight + c, n - c), n - c);
    return r;
}

/* xh = x r, u = dy w: dx = r (u - xh mean(u xh)), dw += dy xh */
static void rmsnorm_back(float *dx, float *dweight, const float *dy, const float *x, float r, const float *weight,
                         int64_t n, bool add)
{
    vf sum = {0};
    for (int64_t c = 0; c < n; c += SIMD_LANES)
        sum += get(dy + c, n - c) * get(weight + c, n - c) * (get(x + c, n - c) * r);
    const float mean = vf_sum(sum) / (float)n;
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const int64_t left = n - c;
        const vf xh = get(x + c, left) * r, d = get(dy + c, left);
        vf value = r * (d * get(weight + c, left) - xh * mean);
        if (dweight)
            put(dweight + c, get(dweight + c, left) + d * xh, left);
        if (add)
            value += get(dx + c, left);
        put(dx + c, value, left);
    }
}

static void layernorm(float *y, float *stats, const float *x, const float *weight, const float *bias, int64_t n, float eps)
{
    vf sum = {0}, squares = {0};
    for (int64_t c = 0; c < n; c += SIMD_LANES)
        sum += get(x + c, n - c);
    const float mean = vf_sum(sum) / (float)n;
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf v = keep(get(x + c, n - c) - mean, n - c);
        squares += v * v;
    }
    const float r = 1.0f / __builtin_sqrtf(vf_sum(squares) / (float)n + eps);
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        vf v = (get(x + c, n - c) - mean) * r * get(weight + c, n - c);
        put(y + c, bias ? v + get(bias + c, n - c) : v, n - c);
    }
    if (stats) {
        stats[0] = mean;
        stats[1] = r;
    }
}

/* xh = (x - mean) r, u = dy w: dx = r (u - mean(u) - xh mean(u xh)), dw += dy xh, db += dy */
static void layernorm_back(float *dx, float *dweight, float *dbias, const float *dy, const float *x, const float *stats,
                           const float *weight, int64_t n, bool add)
{
    const float mean = stats[0], r = stats[1];
    vf sum_u = {0}, sum_ux = {0};
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf u = get(dy + c, n - c) * get(weight + c, n - c);
        sum_u += u;
        sum_ux += u * ((get(x + c, n - c) - mean) * r); /* u is 0 behind the end */
    }
    const float mean_u = vf_sum(sum_u) / (float)n, mean_ux = vf_sum(sum_ux) / (float)n;
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const int64_t left = n - c;
        const vf xh = (get(x + c, left) - mean) * r, d = get(dy + c, left);
        vf value = r * (d * get(weight + c, left) - mean_u - xh * mean_ux);
        if (dweight)
            put(dweight + c, get(dweight + c, left) + d * xh, left);
        if (dbias)
            put(dbias + c, get(dbias + c, left) + d, left);
        if (add)
            value += get(dx + c, left);
        put(dx + c, value, left);
    }
}

/* ---- activations ---- */

SIMD_INLINE vf sigmoid(vf x)
{
    return 1.0f / (1.0f + vf_exp(-x));
}

/* sigmoid(x) and *rest = 1 - sigmoid(x), neither by subtraction: gradients need the small one of both exactly. */
SIMD_INLINE vf sigmoid_rest(vf x, vf *rest)
{
    const vf e = vf_exp(-vf_abs(x)), large = 1.0f / (1.0f + e), small = e * large;
    const vi negative = (vi)(x < 0.0f);
    *rest = vf_select(negative, large, small);
    return vf_select(negative, small, large);
}

static void swiglu(float *y, const float *a, const float *b, int64_t n)
{
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf x = get(a + c, n - c);
        put(y + c, x * sigmoid(x) * get(b + c, n - c), n - c);
    }
}

/* s = sigmoid(a): da = dy b s (1 + a (1 - s)), db = dy a s */
static void swiglu_back(float *da, float *db, const float *dy, const float *a, const float *b, int64_t n)
{
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const int64_t left = n - c;
        const vf x = get(a + c, left), d = get(dy + c, left), other = get(b + c, left);
        vf rest;
        const vf s = sigmoid_rest(x, &rest);
        put(da + c, d * other * s * (1.0f + x * rest), left);
        put(db + c, d * x * s, left);
    }
}

#define GELU_K0 0.7978845608028654f /* sqrt(2/pi) */
#define GELU_K1 0.044715f

/* tanh form: 0.5 (1 + tanh(u)) = sigmoid(2u), u = k0 (x + k1 x^3) */
static void gelu(float *y, const float *x, int64_t n, gad_gelu_kind kind)
{
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf v = get(x + c, n - c);
        vf bell;
        if (kind == GAD_GELU_ERF)
            put(y + c, v * vf_normal(v, &bell), n - c);
        else
            put(y + c, v * sigmoid(2.0f * GELU_K0 * (v + GELU_K1 * v * v * v)), n - c);
    }
}

/* erf form: P + x bell / sqrt(2 pi). tanh form with s = sigmoid(2u): s + x s (1 - s) 2 k0 (1 + 3 k1 x^2) */
static void gelu_back(float *dx, const float *dy, const float *x, int64_t n, gad_gelu_kind kind)
{
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vf v = get(x + c, n - c), d = get(dy + c, n - c);
        vf bell, slope, rest;
        if (kind == GAD_GELU_ERF) {
            slope = vf_normal(v, &bell);
            slope += v * bell * 0.3989422804014327f;
        } else {
            const vf s = sigmoid_rest(2.0f * GELU_K0 * (v + GELU_K1 * v * v * v), &rest);
            slope = s + v * (s * rest) * (2.0f * GELU_K0) * (1.0f + 3.0f * GELU_K1 * v * v);
        }
        put(dx + c, d * slope, n - c);
    }
}

/* ---- rotary positions: one head ---- */

static void rope(float *y, const float *x, const float *cosine, const float *sine, int64_t half, float sign)
{
    for (int64_t i = 0; i < half; i += SIMD_LANES) {
        const int64_t left = half - i;
        const vf c = get(cosine + i, left), s = sign * get(sine + i, left), a = get(x + i, left),
                 b = get(x + half + i, left);
        put(y + i, a * c - b * s, left);
        put(y + half + i, b * c + a * s, left);
    }
}

/* ---- sums of rows ---- */

static void axpby(float *y, float alpha, const float *x, float beta, int64_t n)
{
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        vf v = alpha * get(x + c, n - c);
        if (beta != 0)
            v += beta * get(y + c, n - c);
        put(y + c, v, n - c);
    }
}

/* ---- softmax of a row ---- */

/* NaN may get lost; it shows again in the exponentials. */
static float largest(const float *x, int64_t n)
{
    vf most = vf_set(-__builtin_inff());
    int64_t c = 0;
    for (; c + SIMD_LANES <= n; c += SIMD_LANES)
        most = vf_max(vf_load(x + c), most);
    float result = vf_largest(most);
    for (; c < n; c++)
        result = x[c] > result ? x[c] : result;
    return result;
}

/* Sums go to double every 1024 numbers, so that their error does not grow with the row. */
static double exp_row(float *y, const float *x, int64_t n, float shift, float inverse, float factor, double *moment)
{
    double sum = 0, moments = 0;
    for (int64_t from = 0; from < n; from += 1024) {
        const int64_t end = from + 1024 < n ? from + 1024 : n;
        vf part = {0}, part_moment = {0};
        for (int64_t c = from; c < end; c += SIMD_LANES) {
            const int64_t left = n - c;
            const vf at = (get(x + c, left) - shift) * inverse, e = keep(vf_exp(at), left);
            part += e;
            if (moment) /* where e is 0, `at` may be -infinity */
                part_moment += vf_select((vi)(e == 0.0f), e, e * at);
            if (y)
                put(y + c, factor * e, left);
        }
        sum += (double)vf_sum(part);
        moments += (double)vf_sum(part_moment);
    }
    if (moment)
        *moment = moments;
    return sum;
}

/* ---- training ---- */

static double sum_squares(const float *x, int64_t n)
{
    typedef double vd __attribute__((vector_size(8 * SIMD_LANES)));
    vd sum = {0};
    for (int64_t c = 0; c < n; c += SIMD_LANES) {
        const vd v = __builtin_convertvector(get(x + c, n - c), vd);
        sum += v * v;
    }
    double total = 0;
    for (int i = 0; i < SIMD_LANES; i++)
        total += sum[i];
    return total;
}

static void adamw(float *w, const float *g, float *m, float *v, int64_t n, const gad_adamw *s, float correct1,
                  float correct2)
{
    for (int64_t i = 0; i < n; i += SIMD_LANES) {
        const int64_t left = n - i;
        const vf d = get(g + i, left) * s->gradient_scale, weight = get(w + i, left);
        const vf first = s->beta1 * get(m + i, left) + (1.0f - s->beta1) * d;
        const vf second = s->beta2 * get(v + i, left) + (1.0f - s->beta2) * d * d;
        const vf step = first * correct1 / (vf_sqrt(second * correct2) + s->epsilon);
        put(m + i, first, left);
        put(v + i, second, left);
        put(w + i, weight - s->learning_rate * (step + s->weight_decay * weight), left);
    }
}
