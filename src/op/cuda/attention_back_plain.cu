/* attention_back_plain: the gradients of attention of any dtype and head size in fp32 (formulas: attention_back.cu). A warp
 * has a lane (dq) or a key row (dk, dv) and meets 32 keys or lanes at a time: each thread one score, then its channels. */
#include "op/cuda/attention.cuh"

#include <math.h>

enum { WARPS = 4, THREADS = 32 * WARPS };

static __device__ inline float dot(const float *a, const gad_tensor &b, int64_t row, int64_t from, int d)
{
    float sum = 0;
    for (int i = 0; i < d; i++)
        sum += a[i] * number_at(b, row, from + i);
    return sum;
}

/* d numbers of a row into shared memory of the warp */
static __device__ inline void fetch(float *to, const gad_tensor &x, int64_t row, int64_t from, int d)
{
    for (int i = (int)threadIdx.x % 32; i < d; i += 32)
        to[i] = number_at(x, row, from + i);
}

static __global__ void __launch_bounds__(THREADS) back_lanes_plain_kernel(const __grid_constant__ gad_attention_back_call c)
{
    grid_begin();
    __shared__ float weight[WARPS][32];
    const int warp = (int)threadIdx.x / 32, thread = (int)threadIdx.x % 32;
    float *const query = (float *)grid_shared() + warp * 3 * c.d, *const d_out = query + c.d, *const sum = d_out + c.d;
    const lane_work w = work_of(c.spans, c.group, c.kv_heads, (int)blockIdx.x);
    if (warp >= w.lanes)
        return;
    const int n = w.n0 + warp, seen = span_seen(w.span, n / c.group), head = w.g * c.group + n % c.group;
    const int64_t row = w.span.q0 + n / c.group, from = (int64_t)w.g * c.d;
    fetch(query, c.q, row, head * c.d, c.d);
    fetch(d_out, c.d_o, row, head * c.d, c.d);
    for (int i = thread; i < c.d; i += 32)
        sum[i] = 0;
    __syncwarp();
    const float lse = number_at(c.lse, row, head), delta = c.delta[row * c.kv_heads * c.group + head];
    for (int first = 0; first < seen; first += 32) {
        const int keys = seen - first < 32 ? seen - first : 32;
        float ds = 0;
        if (thread < keys) {
            const int64_t key = key_row(w.span, NULL, first + thread);
            const float p = expf(c.scale * dot(query, c.k, key, from, c.d) - lse);
            ds = p * (dot(d_out, c.v, key, from, c.d) - delta);
        }
        weight[warp][thread] = ds;
        __syncwarp();
        for (int i = thread; i < c.d; i += 32)
            for (int t = 0; t < keys; t++)
                sum[i] += weight[warp][t] * number_at(c.k, key_row(w.span, NULL, first + t), from + i);
        __syncwarp();
    }
    for (int i = thread; i < c.d; i += 32)
        number_put(c.dq, row, head * c.d + i, c.scale * sum[i]);
}

/* The lanes from `start` on of a span that sees the key. `weight`: 64 numbers of the warp. */
static __device__ inline void meet_lanes(const gad_attention_back_call &c, const gad_cuda_span &s, int g, int start,
                                         const float *key, const float *value, float *dk, float *dv, float *weight)
{
    const int thread = (int)threadIdx.x % 32, lanes = s.rows * c.group;
    for (int n0 = start; n0 < lanes; n0 += 32) {
        const int count = lanes - n0 < 32 ? lanes - n0 : 32;
        float p = 0, ds = 0;
        if (thread < count) {
            const int n = n0 + thread, head = g * c.group + n % c.group;
            const int64_t row = s.q0 + n / c.group, from = (int64_t)head * c.d;
            p = expf(c.scale * dot(key, c.q, row, from, c.d) - number_at(c.lse, row, head));
            ds = p * (dot(value, c.d_o, row, from, c.d) - c.delta[row * c.kv_heads * c.group + head]);
        }
        weight[thread] = p;
        weight[32 + thread] = ds;
        __syncwarp();
        for (int t = 0; t < count; t++) {
            const int n = n0 + t;
            const int64_t row = s.q0 + n / c.group, from = (int64_t)(g * c.group + n % c.group) * c.d;
            for (int i = thread; i < c.d; i += 32) {
                dv[i] += weight[t] * number_at(c.d_o, row, from + i);
                dk[i] += weight[32 + t] * number_at(c.q, row, from + i);
            }
        }
        __syncwarp();
    }
}

static __global__ void __launch_bounds__(THREADS) back_keys_plain_kernel(const __grid_constant__ gad_attention_back_call c)
{
    grid_begin();
    __shared__ float weight[WARPS][64];
    const int warp = (int)threadIdx.x / 32, thread = (int)threadIdx.x % 32;
    float *const key = (float *)grid_shared() + warp * 4 * c.d, *const value = key + c.d;
    float *const dk = value + c.d, *const dv = dk + c.d;
    const int64_t number = (int64_t)blockIdx.x * WARPS + warp, row = number / c.kv_heads;
    const int g = (int)(number % c.kv_heads);
    if (row >= c.k.rows)
        return;
    fetch(key, c.k, row, (int64_t)g * c.d, c.d);
    fetch(value, c.v, row, (int64_t)g * c.d, c.d);
    for (int i = thread; i < c.d; i += 32)
        dk[i] = dv[i] = 0;
    __syncwarp();
    for (int i = 0; i < c.spans.count; i++) {
        const gad_cuda_span s = spans_at(c.spans, i);
        const int own = (int)row - s.k0, before = s.causal ? own - s.own + s.rows : 0; /* rows that do not see it */
        if (row >= s.p0 && row < s.p0 + s.prefix)
            meet_lanes(c, s, g, 0, key, value, dk, dv, weight[warp]);
        if (own >= 0 && own < s.own)
            meet_lanes(c, s, g, before > 0 ? before * c.group : 0, key, value, dk, dv, weight[warp]);
    }
    for (int i = thread; i < c.d; i += 32) {
        number_put(c.dk, row, g * c.d + i, number_at(c.dk, row, g * c.d + i) + c.scale * dk[i]);
        number_put(c.dv, row, g * c.d + i, number_at(c.dv, row, g * c.d + i) + dv[i]);
    }
}

void gad_cuda_attention_back_plain(gad_device *device, gad_attention_back_call *c, const gad_attention_span *spans,
                                   int64_t count)
{
    const gad_attention_cut cut = {0, INT64_MAX, WARPS, 0, 0};
    if (!gad_cuda_attention_cut(device, &c->spans, spans, count, c->group, c->kv_heads, cut))
        return;
    const unsigned blocks = (unsigned)(c->spans.items * c->kv_heads);
    const unsigned keys = (unsigned)gad_cuda_parts(c->k.rows * c->kv_heads, WARPS);
    GAD_LAUNCH(device, back_lanes_plain_kernel, blocks, THREADS, (size_t)(WARPS * 3 * c->d) * sizeof(float), *c);
    GAD_LAUNCH(device, back_keys_plain_kernel, keys, THREADS, (size_t)(WARPS * 4 * c->d) * sizeof(float), *c);
}
