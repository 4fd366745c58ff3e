/* attention_few: spans of few lanes (decoding), whose time is that of reading the keys. All lanes of a key head are one
 * fragment of 16; a block goes over a piece of the keys in tiles of 64, each of its four warps takes 16 keys of a tile, and
 * what the warps gathered is put together at the end: every key and value is read once. */
#include "op/cuda/attention_tiles.cuh"

enum { THREADS = 128, LANES = GAD_ATTENTION_FEW, WARPS = THREADS / 32, WARP_KEYS = KEY_TILE / WARPS, STAGES = 3 };

/* This warp's sums as [16][DP] and [16][most, sum] in shared memory. */
template <int DP> static __device__ inline void share(float *out, float *ends, gathered<1, DP> &all, float scale)
{
    const int pair = (int)threadIdx.x % 4 * 2;
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const int lane = fragment_row(0, h);
        const float sum = quad_sum(all.sum[0][h]);
#pragma unroll
        for (int i = 0; i < DP / 8; i++) {
            out[lane * DP + i * 8 + pair] = all.out[0][i][2 * h];
            out[lane * DP + i * 8 + pair + 1] = all.out[0][i][2 * h + 1];
        }
        if (pair == 0) {
            ends[lane * 2] = all.most[0][h] * scale;
            ends[lane * 2 + 1] = sum;
        }
    }
}

/* ends [warp][lane][2] become the factors of the warps' sums in the first number, and in the lane's second ones the largest
 * score (warp 0) and the sum of all (warp 1). A thread has a lane. */
static __device__ inline void share_factors(float *ends)
{
    const int lane = (int)threadIdx.x;
    if (lane >= LANES)
        return;
    float most = -INFINITY, sum = 0, end[WARPS][2];
    for (int j = 0; j < WARPS; j++) {
        for (int i = 0; i < 2; i++)
            end[j][i] = ends[(j * LANES + lane) * 2 + i];
        most = fmaxf(most, end[j][0]);
    }
    for (int j = 0; j < WARPS; j++) {
        const float factor = end[j][0] == -INFINITY && end[j][1] == 0 ? 0 : expf(end[j][0] - most);
        sum += factor * end[j][1];
        ends[(j * LANES + lane) * 2] = factor;
    }
    ends[lane * 2 + 1] = most;
    ends[(LANES + lane) * 2 + 1] = sum;
}

/* The warps' sums of every lane into the result, or into the lane's part of it. */
template <int DP>
static __device__ inline void write_lanes(const gad_attention_call &c, const lane_work &w, const float *out,
                                          const float *ends)
{
    const bool whole = w.span.chunks == 1;
    for (int i = (int)threadIdx.x; i < w.lanes * DP; i += THREADS) {
        const int lane = i / DP, channel = i % DP, n = w.n0 + lane, head = w.g * c.group + n % c.group;
        const int64_t row = w.span.q0 + n / c.group;
        const float most = ends[lane * 2 + 1], sum = ends[(LANES + lane) * 2 + 1];
        float value = 0;
        for (int j = 0; j < WARPS; j++)
            value += ends[(j * LANES + lane) * 2] * out[(j * LANES + lane) * DP + channel];
        float *part = c.partial + (((int64_t)w.item * c.kv_heads + w.g) * c.spans.lanes + lane) * (c.d + 2);
        if (channel < c.d && whole)
            ((bf16 *)c.o.data)[row * c.o.stride + head * c.d + channel] = grid_round<bf16>(sum == 0 ? 0 : value / sum);
        else if (channel < c.d)
            part[channel] = value;
        if (channel == 0 && !whole) {
            part[c.d] = most;
            part[c.d + 1] = sum;
        } else if (channel == 0 && c.lse.data) {
            ((float *)c.lse.data)[row * c.lse.stride + head] = most + logf(sum);
        }
    }
}

template <int DP>
static __device__ inline void load_keys(const gad_attention_call &c, const lane_work &w, bf16 *keys, int first, bool wide)
{
    bf16 *values = keys + tile_numbers<DP>(KEY_TILE);
    if (first < w.to) {
        tile_load<KEY_TILE, DP, THREADS>(keys, keys_of(c.k, c.pages, w.span, c.d, w.g, first), w.to - first, c.d, wide);
        tile_load<KEY_TILE, DP, THREADS>(values, keys_of(c.v, c.pages, w.span, c.d, w.g, first), w.to - first, c.d, wide);
    }
    grid_copy_close();
}

template <int DP>
static __global__ void __launch_bounds__(THREADS) attend_few_kernel(const __grid_constant__ gad_attention_call c, bool wide)
{
    grid_begin();
    const int stage = 2 * tile_numbers<DP>(KEY_TILE), warp = (int)threadIdx.x / 32;
    bf16 *const queries = (bf16 *)grid_shared(), *const keys = queries + tile_numbers<DP>(LANES);
    const lane_work w = work_of(c.spans, c.group, c.kv_heads, (int)blockIdx.x);
    tile_load<LANES, DP, THREADS>(queries, lanes_of(c.q, w.span, c.group, c.d, w.g, w.n0), w.lanes, c.d, wide);
    for (int i = 0; i < STAGES - 1; i++)
        load_keys<DP>(c, w, keys + i * stage, w.from + i * KEY_TILE, wide);
    int limit[1][2];
    for (int h = 0; h < 2; h++) {
        const int lane = fragment_row(0, h);
        const int seen = lane < w.lanes ? span_seen(w.span, (w.n0 + lane) / c.group) : 0;
        limit[0][h] = seen < w.to ? seen : w.to;
    }
    gathered<1, DP> all;
    all.clear();
    for (int first = w.from, at = 0; first < w.to; first += KEY_TILE, at = (at + 1) % STAGES) {
        grid_copy_wait<STAGES - 2>();
        __syncthreads();
        load_keys<DP>(c, w, keys + (at + STAGES - 1) % STAGES * stage, first + (STAGES - 1) * KEY_TILE, wide);
        const bf16 *mine = keys + at * stage + tile_numbers<DP>(warp * WARP_KEYS);
        float s[1][WARP_KEYS / 8][4] = {};
        tile_dot<1, WARP_KEYS / 8, DP>(s, queries, mine);
        softmax_tile(s, all, limit, first + warp * WARP_KEYS, true, c.scale * LOG2E);
        tile_mix<1, WARP_KEYS / 8, DP>(all.out, s, mine + stage / 2);
    }
    grid_copy_wait<0>();
    __syncthreads();
    float *const out = (float *)keys, *const ends = out + WARPS * LANES * DP;
    share<DP>(out + warp * LANES * DP, ends + warp * 2 * LANES, all, c.scale);
    __syncthreads();
    share_factors(ends);
    __syncthreads();
    write_lanes<DP>(c, w, out, ends);
}

void gad_cuda_attention_few(gad_device *device, gad_attention_call *c, const gad_attention_span *spans, int64_t count,
                            bool wide)
{
    const gad_attention_cut cut = {0, LANES, LANES, KEY_TILE, 2 * gad_cuda_of(device)->card.multiprocessors};
    if (!gad_cuda_attention_cut(device, &c->spans, spans, count, c->group, c->kv_heads, cut))
        return;
    gad_cuda_attention_open_pieces(device, c);
    GAD_ATTENTION_BY_WIDTH(c->d, DP, {
        const size_t bytes = tile_numbers<DP>(LANES + STAGES * 2 * KEY_TILE) * sizeof(bf16);
        GAD_LAUNCH(device, attend_few_kernel<DP>, (unsigned)(c->spans.items * c->kv_heads), THREADS, bytes, *c, wide);
    });
    gad_cuda_attention_merge(device, c);
}
