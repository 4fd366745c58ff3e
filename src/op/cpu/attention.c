/* attention: softmax(scale q k^T) v over the keys that the spans allow, and its gradients. */
#include "op/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* Key rows that query row q0+i sees: [p0,p1) and [k0,end). */
static int64_t key_end(const gad_attention_span *s, int64_t i)
{
    int64_t end = s->causal ? s->k1 - (s->q1 - s->q0) + i + 1 : s->k1;
    return end < s->k0 ? s->k0 : end;
}

static int64_t next_key(const gad_attention_span *s, int64_t key)
{
    return key + 1 == s->p1 && s->p0 < s->p1 ? s->k0 : key + 1;
}

static int64_t first_key(const gad_attention_span *s)
{
    return s->p0 < s->p1 ? s->p0 : s->k0;
}

static float dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* One query row of one head, softmax on the run: o is rescaled whenever a larger score comes. */
static void attend(float *o, float *lse, const float *q, gad_tensor k, gad_tensor v, int64_t d, int64_t at, float scale,
                   const gad_attention_span *s, int64_t i)
{
    float query[512], sum = 0, largest = -INFINITY;
    memcpy(query, q, (size_t)d * sizeof(float));
    memset(o, 0, (size_t)d * sizeof(float));
    int64_t end = key_end(s, i), seen = (s->p1 > s->p0 ? s->p1 - s->p0 : 0) + end - s->k0;
    for (int64_t key = first_key(s); seen-- > 0; key = next_key(s, key)) {
        float score = scale * dot(query, gad_cpu_row(k, key) + at, d);
        if (!(score <= largest)) {
            float shrink = expf(largest - score);
            sum *= shrink;
            for (int64_t c = 0; c < d; c++)
                o[c] *= shrink;
            largest = score;
        }
        float p = expf(score - largest);
        sum += p;
        for (int64_t c = 0; c < d; c++)
            o[c] += p * (gad_cpu_row(v, key) + at)[c];
    }
    for (int64_t c = 0; c < d && sum != 0; c++)
        o[c] /= sum;
    if (lse)
        *lse = largest + logf(sum);
}

void gad_cpu_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                       int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count)
{
    if (!gad_cpu_well(device))
        return;
    const int64_t d = q.cols / heads, group = heads / kv_heads;
    for (int64_t n = 0; n < span_count; n++) {
        const gad_attention_span *s = &spans[n];
#pragma omp parallel for schedule(dynamic) collapse(2) num_threads(device->threads)
        for (int64_t t = s->q0; t < s->q1; t++)
            for (int h = 0; h < heads; h++)
                attend(gad_cpu_row(o, t) + h * d, lse.data ? gad_cpu_row(lse, t) + h : NULL, gad_cpu_row(q, t) + h * d, k,
                       v, d, h / group * d, scale, s, t - s->q0);
    }
}

/* P = exp(S - lse), D = sum dO O, dS = P (dO V^T - D): dq = scale dS K, dk = scale dS^T Q, dv = P^T dO */
static void attend_back(float *dq, gad_tensor dk, gad_tensor dv, const float *d_o, const float *o, float lse,
                        const float *q, gad_tensor k, gad_tensor v, int64_t d, int64_t at, float scale,
                        const gad_attention_span *s, int64_t i)
{
    float query[512], total[512] = {0}, delta = dot(d_o, o, d);
    memcpy(query, q, (size_t)d * sizeof(float));
    int64_t end = key_end(s, i), seen = (s->p1 > s->p0 ? s->p1 - s->p0 : 0) + end - s->k0;
    for (int64_t key = first_key(s); seen-- > 0; key = next_key(s, key)) {
        const float *keys = gad_cpu_row(k, key) + at, *values = gad_cpu_row(v, key) + at;
        float *to_k = gad_cpu_row(dk, key) + at, *to_v = gad_cpu_row(dv, key) + at;
        float p = expf(scale * dot(query, keys, d) - lse);
        float ds = scale * p * (dot(d_o, values, d) - delta);
        for (int64_t c = 0; c < d; c++) {
            total[c] += ds * keys[c];
            to_k[c] += ds * query[c];
            to_v[c] += p * d_o[c];
        }
    }
    memcpy(dq, total, (size_t)d * sizeof(float));
}

void gad_cpu_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                            gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                            const gad_attention_span *spans, int64_t span_count)
{
    if (!gad_cpu_well(device))
        return;
    const int64_t d = q.cols / heads, group = heads / kv_heads;
#pragma omp parallel for schedule(dynamic) num_threads(device->threads)
    for (int64_t g = 0; g < kv_heads; g++)
        for (int64_t n = 0; n < span_count; n++)
            for (int64_t t = spans[n].q0; t < spans[n].q1; t++)
                for (int64_t h = g * group; h < (g + 1) * group; h++)
                    attend_back(gad_cpu_row(dq, t) + h * d, dk, dv, gad_cpu_row(d_o, t) + h * d, gad_cpu_row(o, t) + h * d,
                                gad_cpu_row(lse, t)[h], gad_cpu_row(q, t) + h * d, k, v, d, g * d, scale, &spans[n],
                                t - spans[n].q0);
}
