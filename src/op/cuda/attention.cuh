/* attention: what the kernels of attention share. For one key head, the rows of a span times the query heads that use the
 * key head are its lanes: lane n is row n / group, head n % group of the group. The keys of a span count in a row, first
 * its prefix, then its own range, so that a lane sees the keys 0 .. seen-1, whatever the span. */
#ifndef GAD_OP_CUDA_ATTENTION_CUH
#define GAD_OP_CUDA_ATTENTION_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_ATTENTION_NEAR = 64 }; /* spans that travel with a launch; more are sent before */

typedef struct gad_cuda_span {
    int q0, rows, p0, prefix, k0, own, causal;
    int block, item, chunks; /* blocks of lanes and work items before this span; pieces that its keys are cut into */
} gad_cuda_span;

typedef struct gad_cuda_spans {
    int count, blocks, items; /* blocks of lanes, and work items: a block of lanes with a piece of its keys */
    int lanes, chunk;         /* lanes of a block, keys of a piece */
    const gad_cuda_span *far; /* NULL: the spans are `near` */
    gad_cuda_span near[GAD_ATTENTION_NEAR];
} gad_cuda_spans;

/* What a kernel of the forward pass gets. */
typedef struct gad_attention_call {
    gad_tensor o, lse, q, k, v;
    int d, group, kv_heads;
    float scale; /* > 0 */
    const int32_t *pages;
    float *partial; /* of spans in pieces: [item, kv_head, lane][d + 2] = sum of p v, largest score, sum of p */
    gad_cuda_spans spans;
} gad_attention_call;

/* And of the backward pass. */
typedef struct gad_attention_back_call {
    gad_tensor dq, dk, dv, d_o, lse, q, k, v;
    const float *delta; /* [T, heads]: the sum of dO O */
    float *partial;     /* of keys that several blocks share the lanes of: [share][dk, dv][key, kv_head, channel] */
    int shares;
    int d, group, kv_heads;
    float scale;
    gad_cuda_spans spans;
} gad_attention_back_call;

/* Which spans, by their lanes, and how they are cut: into pieces of at least min_chunk keys, a multiple of 64, where that
 * brings the blocks of the launch nearer to `wanted`. */
typedef struct gad_attention_cut {
    int64_t above, up_to; /* lanes of a span */
    int lanes, min_chunk;
    int64_t wanted;
} gad_attention_cut;

/* What is done: false when there is no such span or after a failure. Takes stack memory. */
bool gad_cuda_attention_cut(gad_device *device, gad_cuda_spans *to, const gad_attention_span *spans, int64_t count,
                            int group, int kv_heads, gad_attention_cut cut);
/* Stack memory for the pieces of a call whose spans are cut, and afterwards the pieces of every lane put together. */
void gad_cuda_attention_open_pieces(gad_device *device, gad_attention_call *c);
void gad_cuda_attention_merge(gad_device *device, const gad_attention_call *c);
/* attention_few.cu: spans of up to GAD_ATTENTION_FEW lanes, bf16, d <= 128 */
enum { GAD_ATTENTION_FEW = 16 };
void gad_cuda_attention_few(gad_device *device, gad_attention_call *c, const gad_attention_span *spans, int64_t count,
                            bool wide);
/* attention_plain.cu, attention_back_plain.cu: any dtype and head size */
void gad_cuda_attention_plain(gad_device *device, gad_attention_call *c, const gad_attention_span *spans, int64_t count);
void gad_cuda_attention_back_plain(gad_device *device, gad_attention_back_call *c, const gad_attention_span *spans,
                                   int64_t count);

/* Runs the statement with DP standing for a width of tiles that holds d channels. */
#define GAD_ATTENTION_BY_WIDTH(d, DP, ...)                                                                                 \
    do {                                                                                                                   \
        if ((d) <= 32) {                                                                                                   \
            enum { DP = 32 };                                                                                              \
            __VA_ARGS__;                                                                                                   \
        } else if ((d) <= 64) {                                                                                            \
            enum { DP = 64 };                                                                                              \
            __VA_ARGS__;                                                                                                   \
        } else if ((d) <= 80) {                                                                                            \
            enum { DP = 80 };                                                                                              \
            __VA_ARGS__;                                                                                                   \
        } else {                                                                                                           \
            enum { DP = 128 };                                                                                             \
            __VA_ARGS__;                                                                                                   \
        }                                                                                                                  \
    } while (0)

/* Whether tiles of bf16 serve the call; rows that are not aligned are copied number by number. */
static inline bool gad_attention_is_tiled(gad_tensor q, gad_tensor k, gad_tensor v, int d)
{
    return q.dtype == GAD_BF16 && k.dtype == GAD_BF16 && v.dtype == GAD_BF16 && d <= 128;
}
static inline bool gad_attention_is_wide(gad_tensor x, int d)
{
    return (uintptr_t)x.data % 16 == 0 && x.stride % 8 == 0 && d % 8 == 0;
}

/* Number [row, col] of F32, BF16 or F16, for kernels that serve all three. */
static __device__ inline float number_at(const gad_tensor &t, int64_t row, int64_t col)
{
    const int64_t i = row * t.stride + col;
    return t.dtype == GAD_F32    ? ((const float *)t.data)[i]
           : t.dtype == GAD_BF16 ? grid_float(((const bf16 *)t.data)[i])
                                 : grid_float(((const f16 *)t.data)[i]);
}

static __device__ inline void number_put(const gad_tensor &t, int64_t row, int64_t col, float x)
{
    const int64_t i = row * t.stride + col;
    if (t.dtype == GAD_F32)
        ((float *)t.data)[i] = x;
    else if (t.dtype == GAD_BF16)
        ((bf16 *)t.data)[i] = grid_round<bf16>(x);
    else
        ((f16 *)t.data)[i] = grid_round<f16>(x);
}

static __device__ inline gad_cuda_span spans_at(const gad_cuda_spans &s, int i)
{
    return s.far ? s.far[i] : s.near[i];
}

/* The last span with spans[i].item <= item, or .block. */
static __device__ inline int spans_find(const gad_cuda_spans &s, int number, bool by_block)
{
    int low = 0, high = s.count;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        const gad_cuda_span *at = s.far ? s.far + middle : s.near + middle;
        if ((by_block ? at->block : at->item) <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Keys that row i of the span sees. */
static __device__ inline int span_seen(const gad_cuda_span &s, int i)
{
    const int own = s.causal ? s.own - s.rows + i + 1 : s.own;
    return s.prefix + (own > 0 ? own : 0);
}

/* Where key row `row` of the spans lies. */
static __device__ __forceinline__ int64_t page_row(const int32_t *pages, int row)
{
    return pages ? pages[row / GAD_PAGE_ROWS] * (int64_t)GAD_PAGE_ROWS + row % GAD_PAGE_ROWS : row;
}

/* Key row j of the span. */
static __device__ inline int64_t key_row(const gad_cuda_span &s, const int32_t *pages, int j)
{
    return page_row(pages, j < s.prefix ? s.p0 + j : s.k0 + j - s.prefix);
}

/* A block of lanes of one span and key head with a piece [from, to) of the keys. */
typedef struct lane_work {
    gad_cuda_span span;
    int g, n0, lanes, from, to, item;
} lane_work;

/* Items go from the last to the first, whose lanes see most keys, heads of an item side by side. */
static __device__ inline lane_work work_of(const gad_cuda_spans &s, int group, int kv_heads, int number)
{
    lane_work w;
    w.g = number % kv_heads;
    w.item = s.items - 1 - number / kv_heads;
    w.span = spans_at(s, spans_find(s, w.item, false));
    const int local = w.item - w.span.item, all = w.span.rows * group;
    w.n0 = local / w.span.chunks * s.lanes;
    w.lanes = all - w.n0 < s.lanes ? all - w.n0 : s.lanes;
    const int seen = span_seen(w.span, (w.n0 + w.lanes - 1) / group);
    w.from = local % w.span.chunks * s.chunk;
    w.to = seen - w.from < s.chunk ? seen : w.from + s.chunk;
    return w;
}

/* Where rows of tiles lie: lanes n0, n0+1, ... of a span, */
typedef struct lane_rows {
    const bf16 *data;
    int64_t stride;
    int q0, n0, group, d, head;
    uint32_t part; /* 2^31 / group, rounded up: dividing by it is exact below 2^31 / group lanes, and cheap */
    __device__ const bf16 *at(int r) const
    {
        const int n = n0 + r, row = (int)((uint64_t)n * part >> 31);
        return data + (q0 + row) * stride + (head + n - row * group) * d;
    }
} lane_rows;

static __device__ inline lane_rows lanes_of(gad_tensor x, const gad_cuda_span &s, int group, int d, int g, int n0)
{
    const uint32_t part = (0x80000000u + (uint32_t)group - 1) / (uint32_t)group;
    return lane_rows{(const bf16 *)x.data, x.stride, s.q0, n0, group, d, g * group, part};
}

/* or keys first, first+1, ... of a span. */
typedef struct key_rows {
    const bf16 *data;
    int64_t stride;
    const int32_t *pages;
    int p0, prefix, k0, first;
    __device__ const bf16 *at(int r) const
    {
        const int j = first + r;
        return data + page_row(pages, j < prefix ? p0 + j : k0 + j - prefix) * stride;
    }
} key_rows;

static __device__ inline key_rows keys_of(gad_tensor x, const int32_t *pages, const gad_cuda_span &s, int d, int g,
                                          int first)
{
    return key_rows{(const bf16 *)x.data + g * d, x.stride, pages, s.p0, s.prefix, s.k0, first};
}
#endif
