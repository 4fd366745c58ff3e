/* attention_back: P = exp(scale q k^T - lse), D = sum of dO O, dS = P (dO v^T - D): dq = scale dS k, dk += scale dS^T q,
 * dv += P^T dO. Two kernels make P again, so that every sum has one owner and one order: one over blocks of lanes gives dq,
 * one over tiles of keys dk and dv, of the transposed scores, whose fragments are again the left factors. */
#include "op/cuda/attention_tiles.cuh"
#include "op/cuda/each.cuh"

enum { THREADS = 128, WARPS = THREADS / 32, LANES = 16 * WARPS, NT = KEY_TILE / 8, FAR = 0x7FFFFFFF };

/* delta[row, head] = sum of dO O: a warp each */
static __global__ void __launch_bounds__(THREADS)
    sum_delta_kernel(float *delta, gad_tensor d_o, gad_tensor o, int heads, int d)
{
    grid_begin();
    const int64_t number = (int64_t)blockIdx.x * WARPS + (int)threadIdx.x / 32;
    const int64_t row = number / heads, from = number % heads * d;
    if (row >= o.rows)
        return;
    float sum = 0;
    for (int i = (int)threadIdx.x % 32; i < d; i += 32)
        sum += number_at(d_o, row, from + i) * number_at(o, row, from + i);
    sum = grid_warp_sum(sum);
    if (threadIdx.x % 32 == 0)
        delta[number] = sum;
}

/* Scores and dP of a fragment become P and dS. */
static __device__ inline void probability(float &score, float &dp, float lse2, float delta, float scale2, bool seen)
{
    const float p = seen ? exp2_fast(score * scale2 - lse2) : 0;
    dp = seen ? p * (dp - delta) : 0;
    score = p;
}

/* ---- dq ---- */

template <int DP>
static __device__ inline void load_keys(const gad_attention_back_call &c, const lane_work &w, bf16 *keys, int first,
                                        bool wide)
{
    bf16 *values = keys + tile_numbers<DP>(KEY_TILE);
    if (first < w.to) {
        tile_load<KEY_TILE, DP, THREADS>(keys, keys_of(c.k, NULL, w.span, c.d, w.g, first), w.to - first, c.d, wide);
        tile_load<KEY_TILE, DP, THREADS>(values, keys_of(c.v, NULL, w.span, c.d, w.g, first), w.to - first, c.d, wide);
    }
    grid_copy_close();
}

template <int DP>
static __device__ inline void write_dq(const gad_attention_back_call &c, const lane_work &w,
                                       const float (&dq)[1][DP / 8][4], int n0)
{
    const int pair = (int)threadIdx.x % 4 * 2;
    for (int h = 0; h < 2; h++) {
        const int lane = n0 + fragment_row(0, h), n = w.n0 + lane;
        if (lane >= w.lanes)
            continue;
        bf16 *to = (bf16 *)c.dq.data + (w.span.q0 + n / c.group) * c.dq.stride + (w.g * c.group + n % c.group) * c.d;
#pragma unroll
        for (int i = 0; i < DP / 8; i++)
            for (int e = 0; e < 2; e++)
                if (i * 8 + pair + e < c.d)
                    to[i * 8 + pair + e] = grid_round<bf16>(c.scale * dq[0][i][2 * h + e]);
    }
}

template <int DP>
static __global__ void __launch_bounds__(THREADS, 2)
    back_lanes_kernel(const __grid_constant__ gad_attention_back_call c, bool wide)
{
    grid_begin();
    const int tile = tile_numbers<DP>(KEY_TILE), warp = (int)threadIdx.x / 32;
    bf16 *const queries = (bf16 *)grid_shared(), *const d_outs = queries + tile, *const keys = d_outs + tile;
    const lane_work w = work_of(c.spans, c.group, c.kv_heads, (int)blockIdx.x);
    tile_load<LANES, DP, THREADS>(queries, lanes_of(c.q, w.span, c.group, c.d, w.g, w.n0), w.lanes, c.d, wide);
    tile_load<LANES, DP, THREADS>(d_outs, lanes_of(c.d_o, w.span, c.group, c.d, w.g, w.n0), w.lanes, c.d, wide);
    load_keys<DP>(c, w, keys, w.from, wide);
    int limit[2];
    float lse2[2], delta[2];
    for (int h = 0; h < 2; h++) {
        const int lane = warp * 16 + fragment_row(0, h), n = w.n0 + lane, head = w.g * c.group + n % c.group;
        const int64_t row = w.span.q0 + n / c.group;
        const bool there = lane < w.lanes;
        limit[h] = there ? span_seen(w.span, n / c.group) : 0;
        lse2[h] = there ? ((const float *)c.lse.data)[row * c.lse.stride + head] * LOG2E : 0;
        delta[h] = there ? c.delta[row * c.kv_heads * c.group + head] : 0;
    }
    const int least = w.lanes == LANES ? span_seen(w.span, w.n0 / c.group) : 0; /* keys that every lane sees */
    const bf16 *const query = queries + tile_numbers<DP>(16 * warp), *const d_out = query + tile;
    float dq[1][DP / 8][4] = {};
    for (int first = w.from, stage = 0; first < w.to; first += KEY_TILE, stage ^= 1) {
        grid_copy_wait<0>();
        __syncthreads();
        load_keys<DP>(c, w, keys + (stage ^ 1) * 2 * tile, first + KEY_TILE, wide);
        const bf16 *key = keys + stage * 2 * tile;
        float s[1][NT][4] = {}, dp[1][NT][4] = {};
        tile_dot<1, NT, DP>(s, query, key);
        tile_dot<1, NT, DP>(dp, d_out, key + tile);
        const bool masked = first + KEY_TILE > least;
#pragma unroll
        for (int n = 0; n < NT; n++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int j = first + n * 8 + (int)threadIdx.x % 4 * 2 + e % 2;
                probability(s[0][n][e], dp[0][n][e], lse2[e / 2], delta[e / 2], c.scale * LOG2E,
                            !masked || j < limit[e / 2]);
            }
        tile_mix<1, NT, DP>(dq, dp, key);
    }
    write_dq<DP>(c, w, dq, warp * 16);
}

/* ---- dk, dv ---- */

/* Lanes of one span against the keys [low, high) of the tile, which are part of its prefix or of its own range. */
typedef struct lane_run {
    gad_cuda_span span;
    int g, low, high, lanes;
    bool own;
} lane_run;

/* The first lane that sees the key row; FAR when none of the run does. */
static __device__ inline int first_lane(const lane_run &r, int key, int group)
{
    if (key < r.low || key >= r.high)
        return FAR;
    if (!r.own || !r.span.causal)
        return 0;
    const int row = key - r.span.k0 - r.span.own + r.span.rows;
    return row > 0 ? row * group : 0;
}

template <int DP>
static __device__ inline void load_lanes(const gad_attention_back_call &c, const lane_run &r, bf16 *queries, int n0,
                                         bool wide)
{
    if (n0 < r.lanes) {
        bf16 *d_outs = queries + tile_numbers<DP>(LANES);
        tile_load<LANES, DP, THREADS>(queries, lanes_of(c.q, r.span, c.group, c.d, r.g, n0), r.lanes - n0, c.d, wide);
        tile_load<LANES, DP, THREADS>(d_outs, lanes_of(c.d_o, r.span, c.group, c.d, r.g, n0), r.lanes - n0, c.d, wide);
    }
    grid_copy_close();
}

/* Thread i has lse (in powers of 2) of lane n0 + i, or, behind those, delta of lane n0 + i - LANES. Where there is no lane,
 * an infinite lse makes P zero. */
static __device__ inline float end_of(const gad_attention_back_call &c, const lane_run &r, int n0)
{
    const int n = n0 + (int)threadIdx.x % LANES, head = r.g * c.group + n % c.group;
    const int64_t row = r.span.q0 + n / c.group;
    if (n >= r.lanes)
        return (int)threadIdx.x < LANES ? INFINITY : 0;
    return (int)threadIdx.x < LANES ? ((const float *)c.lse.data)[row * c.lse.stride + head] * LOG2E
                                    : c.delta[row * c.kv_heads * c.group + head];
}

template <int DP> struct key_gradients {
    float dk[1][DP / 8][4], dv[1][DP / 8][4];
};

/* What the block's share of the run gives to the warp's 16 keys. `memory`: keys, values, then two stages of queries and
 * d_outs, then of ends. */
template <int DP>
static __device__ inline void meet_lanes(const gad_attention_back_call &c, lane_run r, int share, bf16 *memory,
                                         int tile_low, key_gradients<DP> &sum, bool wide)
{
    const int tile = tile_numbers<DP>(KEY_TILE), warp = (int)threadIdx.x / 32;
    bf16 *const lanes = memory + 2 * tile;
    float *const ends = (float *)(lanes + 4 * tile);
    const bf16 *const key = memory + tile_numbers<DP>(16 * warp), *const value = key + tile;
    const bool part = r.low > tile_low || r.high < tile_low + KEY_TILE;
    const int low = first_lane(r, r.low, c.group) / LANES, blocks = (r.lanes + LANES - 1) / LANES - low;
    const int each = (blocks + c.shares - 1) / c.shares, start = (low + share * each) * LANES;
    r.lanes = start + each * LANES < r.lanes ? start + each * LANES : r.lanes;
    const int full = part ? FAR : first_lane(r, r.high - 1, c.group); /* from here on lanes see all keys */
    int first[2];
    for (int h = 0; h < 2; h++)
        first[h] = first_lane(r, tile_low + warp * 16 + fragment_row(0, h), c.group);
    __syncthreads(); /* the last run may still be read */
    load_lanes<DP>(c, r, lanes, start, wide);
    ends[threadIdx.x] = end_of(c, r, start);
    for (int n0 = start, stage = 0; n0 < r.lanes; n0 += LANES, stage ^= 1) {
        grid_copy_wait<0>();
        __syncthreads();
        load_lanes<DP>(c, r, lanes + (stage ^ 1) * 2 * tile, n0 + LANES, wide);
        const float next = end_of(c, r, n0 + LANES), *const end = ends + stage * THREADS;
        const bf16 *query = lanes + stage * 2 * tile, *d_out = query + tile;
        float s[1][NT][4] = {}, dp[1][NT][4] = {};
        tile_dot<1, NT, DP>(s, key, query);
        tile_dot<1, NT, DP>(dp, value, d_out);
        const bool masked = n0 < full;
#pragma unroll
        for (int n = 0; n < NT; n++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int lane = n * 8 + (int)threadIdx.x % 4 * 2 + e % 2;
                probability(s[0][n][e], dp[0][n][e], end[lane], end[LANES + lane], c.scale * LOG2E,
                            !masked || n0 + lane >= first[e / 2]);
            }
        tile_mix<1, NT, DP>(sum.dv, s, d_out);
        tile_mix<1, NT, DP>(sum.dk, dp, query);
        ends[(stage ^ 1) * THREADS + (int)threadIdx.x] = next;
    }
}

/* This share's sums, to be added to the others'. */
template <int DP>
static __device__ inline void put_keys(const gad_attention_back_call &c, float *to, const float (&sum)[1][DP / 8][4],
                                       int row, int col)
{
    const int pair = (int)threadIdx.x % 4 * 2;
    for (int h = 0; h < 2; h++) {
        const int64_t key = row + fragment_row(0, h);
        if (key >= c.k.rows)
            continue;
#pragma unroll
        for (int i = 0; i < DP / 8; i++)
            for (int e = 0; e < 2; e++)
                if (i * 8 + pair + e < c.d)
                    to[key * c.kv_heads * c.d + col + i * 8 + pair + e] = sum[0][i][2 * h + e];
    }
}

template <int DP>
static __device__ inline void add_keys(gad_tensor to, const float (&sum)[1][DP / 8][4], float factor, int row, int col,
                                       int d)
{
    const int pair = (int)threadIdx.x % 4 * 2;
    for (int h = 0; h < 2; h++) {
        const int64_t key = row + fragment_row(0, h);
        if (key >= to.rows)
            continue;
        bf16 *at = (bf16 *)to.data + key * to.stride + col;
#pragma unroll
        for (int i = 0; i < DP / 8; i++)
            for (int e = 0; e < 2; e++) {
                const int channel = i * 8 + pair + e;
                if (channel < d)
                    at[channel] = grid_round<bf16>(grid_float(at[channel]) + factor * sum[0][i][2 * h + e]);
            }
    }
}

template <int DP>
static __global__ void __launch_bounds__(THREADS, 2)
    back_keys_kernel(const __grid_constant__ gad_attention_back_call c, bool wide)
{
    grid_begin();
    const int tile = tile_numbers<DP>(KEY_TILE), warp = (int)threadIdx.x / 32;
    const int g = (int)blockIdx.x % c.kv_heads, low = (int)blockIdx.x / c.kv_heads * KEY_TILE, high = low + KEY_TILE;
    const int share = (int)blockIdx.y;
    bf16 *const memory = (bf16 *)grid_shared();
    const gad_cuda_span all = {0, 0, low, KEY_TILE, 0, 0, 0, 0, 0, 0};
    const int rows = c.k.rows - low < KEY_TILE ? (int)c.k.rows - low : KEY_TILE;
    tile_load<KEY_TILE, DP, THREADS>(memory, keys_of(c.k, NULL, all, c.d, g, 0), rows, c.d, wide);
    tile_load<KEY_TILE, DP, THREADS>(memory + tile, keys_of(c.v, NULL, all, c.d, g, 0), rows, c.d, wide);
    key_gradients<DP> sum = {};
    for (int i = 0; i < c.spans.count; i++)
        for (int own = 0; own < 2; own++) {
            lane_run r = {spans_at(c.spans, i), g, 0, 0, 0, own != 0};
            const int from = own ? r.span.k0 : r.span.p0, to = from + (own ? r.span.own : r.span.prefix);
            r.low = from > low ? from : low;
            r.high = to < high ? to : high;
            r.lanes = r.span.rows * c.group;
            if (r.low < r.high)
                meet_lanes<DP>(c, r, share, memory, low, sum, wide);
        }
    if (c.shares > 1) {
        const int64_t numbers = c.k.rows * c.kv_heads * c.d;
        put_keys<DP>(c, c.partial + 2 * share * numbers, sum.dk, low + warp * 16, g * c.d);
        put_keys<DP>(c, c.partial + (2 * share + 1) * numbers, sum.dv, low + warp * 16, g * c.d);
        return;
    }
    add_keys<DP>(c.dk, sum.dk, c.scale, low + warp * 16, g * c.d, c.d);
    add_keys<DP>(c.dv, sum.dv, 1, low + warp * 16, g * c.d, c.d);
}

/* Rows of dk, then of dv: += the sum over the shares, in their order. */
struct add_shares_of {
    gad_cuda_view<bf16> dk, dv;
    const float *partial;
    int64_t keys, cols;
    int shares;
    float scale;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const bool second = row >= keys;
        bf16 *to = second ? dv.at(row - keys, col) : dk.at(row, col);
        float sum[N] = {}, v[N];
        for (int i = 0; i < shares; i++) {
            grid_read<N>(v, partial + (2 * i * keys + row) * cols + col);
#pragma unroll
            for (int j = 0; j < N; j++)
                sum[j] += v[j];
        }
        grid_read<N>(v, to);
#pragma unroll
        for (int j = 0; j < N; j++)
            v[j] += (second ? 1 : scale) * sum[j];
        grid_write<N>(to, v);
    }
};

static void add_shares(gad_device *device, const gad_attention_back_call *c)
{
    const int64_t cols = (int64_t)c->kv_heads * c->d;
    const add_shares_of op = {
        gad_cuda_view_of<bf16>(c->dk), gad_cuda_view_of<bf16>(c->dv), c->partial, c->k.rows, cols, c->shares, c->scale};
    if (c->shares > 1)
        gad_cuda_each<bf16>(device, op, 2 * c->k.rows, cols, gad_cuda_is_wide(c->dk, c->dv) && cols % 8 == 0);
}

/* Into how many shares the lanes that meet a tile of keys are cut: few key heads alone leave multiprocessors without work,
 * and early keys of a causal span meet more lanes than late ones. */
static int shares_of(const gad_device *device, const gad_attention_back_call *c, int64_t tiles,
                     const gad_attention_span *spans, int64_t count)
{
    enum { MOST = 8, ROUNDS = 4 }; /* blocks for each multiprocessor, of which two run at once */
    int64_t most = 1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t blocks = gad_cuda_parts((spans[i].q1 - spans[i].q0) * c->group, LANES);
        most = blocks > most ? blocks : most;
    }
    const int64_t wanted = gad_cuda_parts(ROUNDS * gad_cuda_of(device)->card.multiprocessors, tiles);
    const int64_t shares = wanted < most ? wanted : most;
    return (int)(shares < MOST ? shares : (int64_t)MOST);
}

static void back_tiles(gad_device *device, gad_attention_back_call *c, const gad_attention_span *spans, int64_t count,
                       bool wide)
{
    const gad_attention_cut cut = {0, INT64_MAX, LANES, 0, 0};
    if (!gad_cuda_attention_cut(device, &c->spans, spans, count, c->group, c->kv_heads, cut))
        return;
    const unsigned blocks = (unsigned)(c->spans.items * c->kv_heads);
    const unsigned tiles = (unsigned)(gad_cuda_parts(c->k.rows, KEY_TILE) * c->kv_heads);
    c->shares = shares_of(device, c, tiles, spans, count);
    c->partial = NULL;
    if (c->shares > 1)
        c->partial = (float *)gad_cuda_scratch(device, 2 * c->shares * c->k.rows * c->kv_heads * c->d, sizeof *c->partial);
    GAD_ATTENTION_BY_WIDTH(c->d, DP, {
        const size_t bytes = tile_numbers<DP>(6 * KEY_TILE) * sizeof(bf16);
        GAD_LAUNCH(device, back_lanes_kernel<DP>, blocks, THREADS, bytes, *c, wide);
        GAD_LAUNCH(device, back_keys_kernel<DP>, dim3(tiles, (unsigned)c->shares), THREADS,
                   bytes + 2 * THREADS * sizeof(float), *c, wide);
    });
    add_shares(device, c);
}

void gad_cuda_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                             gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                             const gad_attention_span *spans, int64_t span_count)
{
    const size_t mark = gad_cuda_mark(device);
    float *delta = (float *)gad_cuda_scratch(device, q.rows * heads, sizeof *delta);
    gad_attention_back_call c;
    c.dq = dq;
    c.dk = dk;
    c.dv = dv;
    c.d_o = d_o;
    c.lse = lse;
    c.q = q;
    c.k = k;
    c.v = v;
    c.delta = delta;
    c.d = (int)(q.cols / heads);
    c.group = heads / kv_heads;
    c.kv_heads = kv_heads;
    c.scale = scale;
    const bool wide = gad_attention_is_wide(q, c.d) && gad_attention_is_wide(k, c.d) && gad_attention_is_wide(v, c.d) &&
                      gad_attention_is_wide(d_o, c.d);
    GAD_LAUNCH(device, sum_delta_kernel, (unsigned)gad_cuda_parts(q.rows * heads, WARPS), THREADS, 0, delta, d_o, o, heads,
               c.d);
    if (gad_attention_is_tiled(q, k, v, c.d) && d_o.dtype == GAD_BF16 && dq.dtype == GAD_BF16 && dk.dtype == GAD_BF16 &&
        dv.dtype == GAD_BF16)
        back_tiles(device, &c, spans, span_count, wide);
    else
        gad_cuda_attention_back_plain(device, &c, spans, span_count);
    gad_cuda_rewind(device, mark);
}
