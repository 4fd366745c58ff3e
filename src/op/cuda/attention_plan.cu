/* attention_plan: spans as work for the multiprocessors, and the pieces that keys were cut into put together again. */
#include "op/cuda/attention.cuh"

#include <math.h>

enum { THREADS = 128, MOST_PIECES = 512 };

static bool is_wanted(const gad_attention_span *s, int group, const gad_attention_cut *cut)
{
    const int64_t lanes = (s->q1 - s->q0) * group;
    return lanes > cut->above && lanes <= cut->up_to;
}

static int64_t length(int64_t from, int64_t to)
{
    return to > from ? to - from : 0;
}

/* Keys of a piece; pieces longer than all keys: nothing is cut. */
static int chunk_of(int64_t items, int64_t most_keys, const gad_attention_cut *cut)
{
    enum { WHOLE = 1 << 30, STEP = 64 };
    if (items >= cut->wanted)
        return WHOLE;
    const int64_t wanted = gad_cuda_parts(cut->wanted, items), most = MOST_PIECES;
    const int64_t keys = gad_cuda_parts(most_keys, wanted < most ? wanted : most);
    const int64_t chunk = gad_cuda_parts(keys, STEP) * STEP;
    return (int)(chunk > cut->min_chunk ? chunk : cut->min_chunk);
}

static gad_cuda_span cut_span(const gad_attention_span *s, gad_cuda_spans *to, int group)
{
    const int64_t prefix = length(s->p0, s->p1), own = length(s->k0, s->k1), rows = s->q1 - s->q0;
    const int64_t blocks = gad_cuda_parts(rows * group, to->lanes), chunks = gad_cuda_parts(prefix + own, to->chunk);
    const gad_cuda_span span = {(int)s->q0, (int)rows, (int)s->p0, (int)prefix, (int)s->k0,
                                (int)own,   s->causal, to->blocks, to->items,   (int)(chunks ? chunks : 1)};
    to->blocks += (int)blocks;
    to->items += (int)blocks * span.chunks;
    return span;
}

bool gad_cuda_attention_cut(gad_device *device, gad_cuda_spans *to, const gad_attention_span *spans, int64_t count,
                            int group, int kv_heads, gad_attention_cut cut)
{
    int64_t wanted = 0, blocks = 0, most_keys = 0;
    for (int64_t i = 0; i < count; i++) {
        const gad_attention_span *s = &spans[i];
        const int64_t keys = length(s->p0, s->p1) + length(s->k0, s->k1);
        if (!is_wanted(s, group, &cut))
            continue;
        wanted++;
        blocks += gad_cuda_parts((s->q1 - s->q0) * group, cut.lanes);
        most_keys = keys > most_keys ? keys : most_keys;
    }
    to->count = to->blocks = to->items = 0;
    to->lanes = cut.lanes;
    to->far = NULL;
    if (!wanted)
        return false;
    to->chunk = chunk_of(blocks * kv_heads, most_keys, &cut);
    gad_cuda_span *far = NULL;
    if (wanted > GAD_ATTENTION_NEAR)
        to->far = far = (gad_cuda_span *)gad_cuda_scratch(device, wanted, sizeof *far);
    for (int64_t i = 0; i < count; i++) {
        if (!is_wanted(&spans[i], group, &cut))
            continue;
        to->near[to->count++ % GAD_ATTENTION_NEAR] = cut_span(&spans[i], to, group);
        const int held = (to->count - 1) % GAD_ATTENTION_NEAR + 1;
        if (far && (held == GAD_ATTENTION_NEAR || to->count == wanted))
            gad_cuda_send(device, far + to->count - held, to->near, (size_t)held * sizeof *far);
    }
    return gad_cuda_well(device);
}

void gad_cuda_attention_open_pieces(gad_device *device, gad_attention_call *c)
{
    const int64_t lanes = (int64_t)c->spans.items * c->kv_heads * c->spans.lanes;
    c->partial = NULL;
    if (c->spans.items > c->spans.blocks)
        c->partial = (float *)gad_cuda_scratch(device, lanes * (c->d + 2), sizeof *c->partial);
}

/* A block to a lane: threads are pieces, then channels, which add the pieces in the order of their keys. */
static __global__ void __launch_bounds__(THREADS) merge_pieces_kernel(const __grid_constant__ gad_attention_call c)
{
    grid_begin();
    const int g = (int)blockIdx.x % c.kv_heads, block = (int)blockIdx.x / c.kv_heads, lane = (int)blockIdx.y;
    const gad_cuda_span span = spans_at(c.spans, spans_find(c.spans, block, true));
    const int n = (block - span.block) * c.spans.lanes + lane;
    if (n >= span.rows * c.group || span.chunks == 1)
        return;
    const int64_t width = c.d + 2, step = (int64_t)c.kv_heads * c.spans.lanes * width;
    const int64_t item = span.item + (int64_t)(block - span.block) * span.chunks;
    const float *part = c.partial + ((item * c.kv_heads + g) * c.spans.lanes + lane) * width;
    const int64_t row = span.q0 + n / c.group;
    const int head = g * c.group + n % c.group;
    __shared__ float each[THREADS / GRID_WARP], factor[MOST_PIECES];
    float most = -INFINITY, sum = 0;
    for (int i = (int)threadIdx.x; i < span.chunks; i += THREADS)
        most = fmaxf(most, part[i * step + c.d]);
    most = grid_block_largest(most, each);
    for (int i = (int)threadIdx.x; i < span.chunks; i += THREADS) {
        const float *end = part + i * step + c.d;
        factor[i] = end[1] == 0 ? 0 : expf(end[0] - most);
        sum += factor[i] * end[1];
    }
    sum = grid_block_sum(sum, each); /* its barriers share the factors, too */
    for (int channel = (int)threadIdx.x; channel < c.d; channel += THREADS) {
        float value = 0;
#pragma unroll 8
        for (int i = 0; i < span.chunks; i++)
            value += factor[i] * part[i * step + channel];
        number_put(c.o, row, head * c.d + channel, sum == 0 ? 0 : value / sum);
    }
    if (threadIdx.x == 0 && c.lse.data)
        number_put(c.lse, row, head, most + logf(sum));
}

void gad_cuda_attention_merge(gad_device *device, const gad_attention_call *c)
{
    const dim3 grid((unsigned)(c->spans.blocks * c->kv_heads), (unsigned)c->spans.lanes);
    if (c->partial)
        GAD_LAUNCH(device, merge_pieces_kernel, grid, THREADS, 0, *c);
}
