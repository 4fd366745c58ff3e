/* attention: softmax(scale q k^T) v over the keys that the spans allow, forward. Many lanes (see attention.cuh): a block of
 * four warps holds 64 or 128 lanes and goes over tiles of 64 keys, copied two deep; every fragment of K and V that is read
 * from shared memory meets one or two fragments of lanes. Few lanes: attention_few.cu. Other numbers: attention_plain.cu.
 */
#include "op/cuda/attention_tiles.cuh"

enum { THREADS = 128, WARPS = THREADS / 32, MIN_CHUNK = 512 };

/* One thread's part of 16 MT lanes, from lane n0 of the block on. */
template <int MT, int DP>
static __device__ inline void write_lanes(const gad_attention_call &c, const lane_work &w, gathered<MT, DP> &all, int n0)
{
    const int pair = (int)threadIdx.x % 4 * 2;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int lane = n0 + fragment_row(m, h);
            const float sum = quad_sum(all.sum[m][h]), most = all.most[m][h] * c.scale;
            if (lane >= w.lanes)
                continue;
            const int n = w.n0 + lane, head = w.g * c.group + n % c.group;
            const int64_t row = w.span.q0 + n / c.group;
            const bool whole = w.span.chunks == 1;
            const float factor = !whole ? 1 : sum == 0 ? 0 : 1 / sum;
            bf16 *o = (bf16 *)c.o.data + row * c.o.stride + head * c.d;
            float *part = c.partial + (((int64_t)w.item * c.kv_heads + w.g) * c.spans.lanes + lane) * (c.d + 2);
#pragma unroll
            for (int i = 0; i < DP / 8; i++)
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    const int channel = i * 8 + pair + e;
                    const float value = all.out[m][i][2 * h + e] * factor;
                    if (channel < c.d && whole)
                        o[channel] = grid_round<bf16>(value);
                    else if (channel < c.d)
                        part[channel] = value;
                }
            if (pair == 0 && !whole) {
                part[c.d] = most;
                part[c.d + 1] = sum;
            } else if (pair == 0 && c.lse.data) {
                ((float *)c.lse.data)[row * c.lse.stride + head] = most + logf(sum);
            }
        }
}

template <int MT, int DP>
static __global__ void __launch_bounds__(THREADS)
    attend_tiles_kernel(const __grid_constant__ gad_attention_call c, bool wide)
{
    grid_begin();
    const int lanes = 16 * MT * WARPS, tile = tile_numbers<DP>(KEY_TILE), warp = (int)threadIdx.x / 32;
    bf16 *const queries = (bf16 *)grid_shared(), *const keys = queries + tile_numbers<DP>(lanes);
    bf16 *const values = keys + 2 * tile;
    const lane_work w = work_of(c.spans, c.group, c.kv_heads, (int)blockIdx.x);
    tile_load<lanes, DP, THREADS>(queries, lanes_of(c.q, w.span, c.group, c.d, w.g, w.n0), w.lanes, c.d, wide);
    int limit[MT][2], most = 0, least = w.to; /* keys that a row of this thread, some or every lane of the warp sees */
#pragma unroll
    for (int m = 0; m < MT; m++)
        for (int h = 0; h < 2; h++) {
            const int lane = warp * 16 * MT + fragment_row(m, h);
            const int seen = lane < w.lanes ? span_seen(w.span, (w.n0 + lane) / c.group) : 0;
            limit[m][h] = seen < w.to ? seen : w.to;
        }
    if (warp * 16 * MT < w.lanes) {
        const int last = (warp + 1) * 16 * MT < w.lanes ? (warp + 1) * 16 * MT : w.lanes;
        most = span_seen(w.span, (w.n0 + last - 1) / c.group);
        least = span_seen(w.span, (w.n0 + warp * 16 * MT) / c.group);
        least = least < w.to ? least : w.to;
    }
    gathered<MT, DP> all;
    all.clear();
    for (int first = w.from - KEY_TILE, stage = 1; first < w.to; first += KEY_TILE, stage ^= 1) {
        const int next = first + KEY_TILE;
        grid_copy_wait<0>();
        __syncthreads();
        if (next < w.to) {
            tile_load<KEY_TILE, DP, THREADS>(keys + (stage ^ 1) * tile, keys_of(c.k, c.pages, w.span, c.d, w.g, next),
                                             w.to - next, c.d, wide);
            tile_load<KEY_TILE, DP, THREADS>(values + (stage ^ 1) * tile, keys_of(c.v, c.pages, w.span, c.d, w.g, next),
                                             w.to - next, c.d, wide);
        }
        grid_copy_close();
        if (first < w.from || first >= most)
            continue;
        float s[MT][KEY_TILE / 8][4] = {};
        tile_dot<MT, KEY_TILE / 8, DP>(s, queries + warp * tile_numbers<DP>(16 * MT), keys + stage * tile);
        softmax_tile(s, all, limit, first, next > least, c.scale * LOG2E);
        tile_mix<MT, KEY_TILE / 8, DP>(all.out, s, values + stage * tile);
    }
    write_lanes<MT, DP>(c, w, all, warp * 16 * MT);
}

/* Blocks of lanes with MT fragments to a warp. */
template <int MT>
static void attend_many(gad_device *device, gad_attention_call *c, const gad_attention_span *spans, int64_t count,
                        bool wide)
{
    const int lanes = 16 * MT * WARPS;
    const gad_attention_cut cut = {GAD_ATTENTION_FEW, INT64_MAX, lanes, MIN_CHUNK,
                                   gad_cuda_of(device)->card.multiprocessors};
    if (!gad_cuda_attention_cut(device, &c->spans, spans, count, c->group, c->kv_heads, cut))
        return;
    gad_cuda_attention_open_pieces(device, c);
    GAD_ATTENTION_BY_WIDTH(c->d, DP, {
        const size_t bytes = tile_numbers<DP>(lanes + 4 * KEY_TILE) * sizeof(bf16);
        GAD_LAUNCH(device, (attend_tiles_kernel<MT, DP>), (unsigned)(c->spans.items * c->kv_heads), THREADS, bytes, *c,
                   wide);
    });
    gad_cuda_attention_merge(device, c);
}

/* Whether blocks of 128 lanes would be mostly full, and enough to keep every multiprocessor at work with two. */
static bool fills_large_blocks(gad_device *device, const gad_attention_call *c, const gad_attention_span *spans,
                               int64_t count)
{
    int64_t blocks = 0, most = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t lanes = (spans[i].q1 - spans[i].q0) * c->group;
        blocks += gad_cuda_parts(lanes, 128);
        most = lanes > most ? lanes : most;
    }
    return most > 64 && blocks * c->kv_heads >= 2 * gad_cuda_of(device)->card.multiprocessors;
}

void gad_cuda_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                        int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                        const int32_t *pages)
{
    const size_t mark = gad_cuda_mark(device);
    gad_attention_call c;
    c.o = o;
    c.lse = lse;
    c.q = q;
    c.k = k;
    c.v = v;
    c.d = (int)(q.cols / heads);
    c.group = heads / kv_heads;
    c.kv_heads = kv_heads;
    c.scale = scale;
    c.pages = pages;
    const bool wide = gad_attention_is_wide(q, c.d) && gad_attention_is_wide(k, c.d) && gad_attention_is_wide(v, c.d);
    if (!gad_attention_is_tiled(q, k, v, c.d)) {
        gad_cuda_attention_plain(device, &c, spans, span_count);
    } else {
        gad_cuda_attention_few(device, &c, spans, span_count, wide);
        if (fills_large_blocks(device, &c, spans, span_count))
            attend_many<2>(device, &c, spans, span_count, wide);
        else
            attend_many<1>(device, &c, spans, span_count, wide);
    }
    gad_cuda_rewind(device, mark);
}
