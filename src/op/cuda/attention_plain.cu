/* attention_plain: attention of any dtype and head size in fp32, a warp to a lane: 32 keys at a time, each thread one
 * score, then each thread its channels. For proof in fp32, and for what the tiles of matrix instructions do not serve. */
#include "op/cuda/attention.cuh"

#include <math.h>

enum { WARPS = 4, THREADS = 32 * WARPS, MIN_CHUNK = 256 };

/* out[d] = shrink out + sum of p[t] v[key t], over the warp's keys from `first` on; p in shared memory. */
static __device__ inline void mix_values(const gad_attention_call &c, const lane_work &w, float *out, const float *p,
                                         int first, int keys, float shrink)
{
    for (int channel = (int)threadIdx.x % 32; channel < c.d; channel += 32) {
        float sum = out[channel] * shrink;
        for (int t = 0; t < keys; t++)
            sum += p[t] * number_at(c.v, key_row(w.span, c.pages, first + t), w.g * c.d + channel);
        out[channel] = sum;
    }
}

static __device__ inline void write_lane(const gad_attention_call &c, const lane_work &w, int lane, const float *out,
                                         float most, float sum)
{
    const int n = w.n0 + lane, head = w.g * c.group + n % c.group, thread = (int)threadIdx.x % 32;
    const int64_t row = w.span.q0 + n / c.group;
    float *part = c.partial + (((int64_t)w.item * c.kv_heads + w.g) * c.spans.lanes + lane) * (c.d + 2);
    const bool whole = w.span.chunks == 1;
    for (int channel = thread; channel < c.d; channel += 32)
        if (whole)
            number_put(c.o, row, head * c.d + channel, sum == 0 ? 0 : out[channel] / sum);
        else
            part[channel] = out[channel];
    if (thread == 0 && !whole) {
        part[c.d] = most;
        part[c.d + 1] = sum;
    } else if (thread == 0 && c.lse.data) {
        number_put(c.lse, row, head, most + logf(sum));
    }
}

static __global__ void __launch_bounds__(THREADS) attend_plain_kernel(const __grid_constant__ gad_attention_call c)
{
    grid_begin();
    __shared__ float weight[WARPS][32];
    const int warp = (int)threadIdx.x / 32, thread = (int)threadIdx.x % 32;
    float *const query = (float *)grid_shared() + warp * 2 * c.d, *const out = query + c.d;
    const lane_work w = work_of(c.spans, c.group, c.kv_heads, (int)blockIdx.x);
    if (warp >= w.lanes)
        return;
    const int n = w.n0 + warp, seen = span_seen(w.span, n / c.group), to = seen < w.to ? seen : w.to;
    for (int channel = thread; channel < c.d; channel += 32) {
        query[channel] = c.scale * number_at(c.q, w.span.q0 + n / c.group, (w.g * c.group + n % c.group) * c.d + channel);
        out[channel] = 0;
    }
    __syncwarp();
    float most = -INFINITY, sum = 0;
    for (int first = w.from; first < to; first += 32) {
        const int keys = to - first < 32 ? to - first : 32;
        float score = 0;
        for (int channel = 0; thread < keys && channel < c.d; channel++)
            score += query[channel] * number_at(c.k, key_row(w.span, c.pages, first + thread), w.g * c.d + channel);
        score = thread < keys ? score : -INFINITY;
        const float top = fmaxf(most, grid_warp_largest(score)), base = top == -INFINITY ? 0 : top;
        const float p = expf(score - base), shrink = expf(most - base);
        sum = sum * shrink + grid_warp_sum(p);
        most = top;
        weight[warp][thread] = p;
        __syncwarp();
        mix_values(c, w, out, weight[warp], first, keys, shrink);
        __syncwarp();
    }
    write_lane(c, w, warp, out, most, sum);
}

void gad_cuda_attention_plain(gad_device *device, gad_attention_call *c, const gad_attention_span *spans, int64_t count)
{
    const gad_attention_cut cut = {0, INT64_MAX, WARPS, MIN_CHUNK, 2 * gad_cuda_of(device)->card.multiprocessors};
    if (!gad_cuda_attention_cut(device, &c->spans, spans, count, c->group, c->kv_heads, cut))
        return;
    gad_cuda_attention_open_pieces(device, c);
    GAD_LAUNCH(device, attend_plain_kernel, (unsigned)(c->spans.items * c->kv_heads), THREADS,
               (size_t)(WARPS * 2 * c->d) * sizeof(float), *c);
    gad_cuda_attention_merge(device, c);
}
