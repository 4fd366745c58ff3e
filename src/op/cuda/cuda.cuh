/* cuda: what the files of the CUDA filling share: the device's state, its memory, launching, and the functions that fill
 * the table. Activations are bf16 or fp32, sums and functions fp32; a file holds one word of op/op.h, forward beside
 * backward. Needs nothing of the program that loads it. */
#ifndef GAD_OP_CUDA_CUDA_CUH
#define GAD_OP_CUDA_CUDA_CUH
#include "op/cuda/grid.cuh"
#include "op/cuda/runtime.cuh"
extern "C" {
#include "op/op.h"
}

enum { GAD_CUDA_CHUNKS = 64, GAD_CUDA_ALIGNMENT = 256, GAD_CUDA_TICKETS = 4096 };

/* Stack memory: chunks that never move. A position counts bytes over all chunks as if they lay in a row. */
typedef struct gad_cuda_chunk {
    char *data;
    size_t size_bytes, base;
} gad_cuda_chunk;

/* Pinned memory that carries numbers to the device and back: while one half travels the other is filled. */
typedef struct gad_cuda_ring {
    char *half[2];
    void *sent[2]; /* events: what half i held has left it */
    int now;
    size_t used;
} gad_cuda_ring;

/* Work that is gathered and then given to the device at once (graph.cu). */
typedef struct gad_cuda_graph {
    bool wanted, recording;
    int calls;
    void *kept;                  /* the graph of the last time */
    void *late[GAD_CUDA_CHUNKS]; /* memory that was given up while work that uses it was gathered */
    int lates;
} gad_cuda_graph;

typedef struct gad_cuda {
    int index;
    gad_runtime_card card;
    void *stream;
    bool early;        /* kernels may start while the one before them runs (sm_90) */
    unsigned *tickets; /* [GAD_CUDA_TICKETS] zeros: blocks that share a sum count themselves, and leave zero behind */
    gad_cuda_chunk chunk[GAD_CUDA_CHUNKS];
    int chunks, current;
    size_t position;
    gad_cuda_ring ring;
    gad_cuda_graph graph;
    struct gad_cuda_library *library; /* library.cuh: opened with the first product */
    struct gad_cuda_ranks *ranks;     /* ranks.cu: the devices that this one trains with */
} gad_cuda;

static inline gad_cuda *gad_cuda_of(const gad_device *device)
{
    return (gad_cuda *)device->state;
}
/* False once the device has failed: the op then does nothing. */
static inline bool gad_cuda_well(const gad_device *device)
{
    return device->error.code == GAD_OK;
}
/* Keep the first failure: an error number of the runtime, with what was being done. True when there is none. */
bool gad_cuda_keep(gad_device *device, int error, const char *what, size_t size_bytes);

/* ---- memory.cu ---- */

/* count * size_bytes of the device's stack at a multiple of 256, until the next rewind; NULL after a failure, which is kept
 * in device->error. */
void *gad_cuda_scratch(gad_device *device, int64_t count, size_t size_bytes);
size_t gad_cuda_mark(gad_device *device);
void gad_cuda_rewind(gad_device *device, size_t mark);
/* Host memory as device memory until the next rewind; the host memory may change once it returns. */
const void *gad_cuda_upload(gad_device *device, const void *host, size_t size_bytes);
/* So that what is sent next will not have to wait. */
void gad_cuda_make_room(gad_device *device);
/* For memory that the caller owns; the way back is waited for. */
void gad_cuda_send(gad_device *device, void *to, const void *host, size_t size_bytes);
void gad_cuda_receive(gad_device *device, void *host, const void *from, size_t size_bytes);

/* ---- launching: GAD_LAUNCH(device, kernel, grid, block, shared_bytes, arguments...). A kernel with more than one template
 * argument stands in brackets: GAD_LAUNCH(device, (rows_kernel<bf16, 8>), ...). Nothing happens once the device has failed,
 * or with an empty grid. A kernel is called <something>_kernel. ---- */
#define GAD_LAUNCH(device, kernel, grid, block, shared_bytes, ...)                                                         \
    gad_cuda_launch((device), #kernel, kernel, (grid), (block), (shared_bytes), __VA_ARGS__)

#ifdef GAD_CUDA_HOST
template <class... P, class... A>
static void gad_cuda_launch(gad_device *device, const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                            size_t shared_bytes, A... arguments)
{
    if (!gad_cuda_well(device) || !grid.x || !grid.y || !grid.z)
        return;
    auto body = [=] { kernel(static_cast<P>(arguments)...); };
    grid_host_run(
        name, grid, block, shared_bytes, [](void *user) { (*static_cast<decltype(body) *>(user))(); }, &body);
}
#else
template <class... P, class... A>
static void gad_cuda_launch(gad_device *device, const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                            size_t shared_bytes, A... arguments)
{
    if (!gad_cuda_well(device) || !grid.x || !grid.y || !grid.z)
        return;
    int error = 0;
    if (shared_bytes > 48 << 10)
        error = (int)cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel),
                                          cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared_bytes);
    if (!error) {
        cudaLaunchAttribute early = {};
        cudaLaunchConfig_t config = {};
        early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
        early.val.programmaticStreamSerializationAllowed = 1;
        config.gridDim = grid;
        config.blockDim = block;
        config.dynamicSmemBytes = shared_bytes;
        config.stream = (cudaStream_t)gad_cuda_of(device)->stream;
        config.attrs = &early;
        config.numAttrs = gad_cuda_of(device)->early;
        error = (int)cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...);
    }
    gad_cuda_keep(device, error, name, 0);
}
#endif

/* ---- numbers of a type that is known when the op is called ---- */

/* Runs the statement with T standing for the type: activations, and besides weights of 16 bits. */
#define GAD_CUDA_BY_ACTIVATION(dtype, T, ...)                                                                              \
    do {                                                                                                                   \
        if ((dtype) == GAD_BF16) {                                                                                         \
            typedef bf16 T;                                                                                                \
            __VA_ARGS__;                                                                                                   \
        } else {                                                                                                           \
            typedef float T;                                                                                               \
            __VA_ARGS__;                                                                                                   \
        }                                                                                                                  \
    } while (0)
#define GAD_CUDA_BY_FLOAT(dtype, T, ...)                                                                                   \
    do {                                                                                                                   \
        if ((dtype) == GAD_F16) {                                                                                          \
            typedef f16 T;                                                                                                 \
            __VA_ARGS__;                                                                                                   \
        } else {                                                                                                           \
            GAD_CUDA_BY_ACTIVATION(dtype, T, __VA_ARGS__);                                                                 \
        }                                                                                                                  \
    } while (0)

/* A [1,C] parameter of any float type; without data it counts as zeros. */
struct gad_cuda_vector {
    const void *data;
    gad_dtype dtype;
};
static inline gad_cuda_vector gad_cuda_vector_of(gad_tensor t)
{
    return gad_cuda_vector{t.data, t.dtype};
}
static __device__ __forceinline__ float gad_cuda_number(gad_cuda_vector v, int64_t i)
{
    if (!v.data)
        return 0;
    switch (v.dtype) {
    case GAD_BF16: return grid_float(static_cast<const bf16 *>(v.data)[i]);
    case GAD_F16: return grid_float(static_cast<const f16 *>(v.data)[i]);
    case GAD_F64: return (float)static_cast<const double *>(v.data)[i];
    default: return static_cast<const float *>(v.data)[i];
    }
}

/* Numbers i..i+N-1; N above 1 where accesses of 16 bytes reach them. */
template <int N> static __device__ __forceinline__ void gad_cuda_numbers(float (&to)[N], gad_cuda_vector v, int64_t i)
{
    if (N > 1 && v.data && v.dtype == GAD_BF16) {
        grid_read<N>(to, static_cast<const bf16 *>(v.data) + i);
    } else if (N > 1 && v.data && v.dtype == GAD_F32) {
        grid_read<N>(to, static_cast<const float *>(v.data) + i);
    } else {
#pragma unroll
        for (int j = 0; j < N; j++)
            to[j] = gad_cuda_number(v, i + j);
    }
}

static __device__ __forceinline__ float gad_cuda_sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* A tensor inside a kernel. */
template <class T> struct gad_cuda_view {
    T *data;
    int64_t stride;
    __device__ __forceinline__ T *at(int64_t row, int64_t col) const
    {
        return data + row * stride + col;
    }
};
template <class T> static inline gad_cuda_view<T> gad_cuda_view_of(gad_tensor t)
{
    return gad_cuda_view<T>{static_cast<T *>(t.data), t.stride};
}

static inline int64_t gad_cuda_parts(int64_t all, int64_t part)
{
    return (all + part - 1) / part;
}

/* ---- the words ---- */

void gad_cuda_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
void gad_cuda_linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add);
void gad_cuda_linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha);
void gad_cuda_linear_db(gad_device *device, gad_tensor db, gad_tensor dy);
void gad_cuda_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                           gad_tensor sin);
void gad_cuda_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                            gad_weight up, gad_tensor up_bias);
void gad_cuda_rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps);
void gad_cuda_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                           gad_tensor rstd, gad_tensor weight, bool add);
void gad_cuda_layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight,
                        gad_tensor bias, float eps);
void gad_cuda_layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                             gad_tensor x, gad_tensor stats, gad_tensor weight, bool add);
void gad_cuda_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b);
void gad_cuda_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b);
void gad_cuda_gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind);
void gad_cuda_gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind);
void gad_cuda_rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse);
void gad_cuda_attention(gad_device *device, gad_tensor o, gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v,
                        int heads, int kv_heads, float scale, const gad_attention_span *spans, int64_t span_count,
                        const int32_t *pages);
void gad_cuda_attention_back(gad_device *device, gad_tensor dq, gad_tensor dk, gad_tensor dv, gad_tensor d_o, gad_tensor o,
                             gad_tensor lse, gad_tensor q, gad_tensor k, gad_tensor v, int heads, int kv_heads, float scale,
                             const gad_attention_span *spans, int64_t span_count);
void gad_cuda_embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids);
void gad_cuda_embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids);
void gad_cuda_rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                   bool add);
void gad_cuda_rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight);
void gad_cuda_rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index,
                            const float *weight);
void gad_cuda_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window);
void gad_cuda_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand, gad_tensor expand_bias,
                               gad_weight depthwise, gad_tensor depthwise_bias, const gad_window *window);
void gad_cuda_axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta);
void gad_cuda_zero(gad_device *device, gad_tensor y);
void gad_cuda_logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                      float temperature);
void gad_cuda_logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z,
                           const int32_t *target, float temperature);
void gad_cuda_draw(gad_device *device, gad_drawn *to, gad_tensor z, const gad_draw *draw);
double gad_cuda_sum_squares(gad_device *device, const gad_tensor *x, int64_t count);
void gad_cuda_adamw(gad_device *device, const gad_adamw_part *part, int64_t count);

/* memory.cu, for the table alone */
gad_tensor gad_cuda_take(gad_device *device, int64_t rows, int64_t cols);
gad_tensor gad_cuda_take_exact(gad_device *device, int64_t rows, int64_t cols);
void gad_cuda_download(gad_device *device, float *host, gad_tensor x);
void gad_cuda_fill(gad_device *device, gad_tensor y, const float *host);
gad_tensor gad_cuda_allocate(gad_device *device, int64_t rows, int64_t cols);
gad_tensor gad_cuda_allocate_exact(gad_device *device, int64_t rows, int64_t cols);
void gad_cuda_release(gad_device *device, gad_tensor x);
gad_weight gad_cuda_place(gad_device *device, gad_weight host);
void gad_cuda_unplace(gad_device *device, gad_weight placed);
void gad_cuda_fetch(gad_device *device, gad_weight host, gad_weight placed);
void gad_cuda_finish(gad_device *device);
void gad_cuda_record(gad_device *device);
void gad_cuda_play(gad_device *device);
void gad_cuda_graph_free(gad_cuda *cuda);
bool gad_cuda_meet(gad_device *device, char id[GAD_MEETING_BYTES]);
bool gad_cuda_join(gad_device *device, const char id[GAD_MEETING_BYTES], int rank, int size);
void gad_cuda_sum_ranks(gad_device *device, gad_tensor x);
void gad_cuda_ranks_free(gad_cuda *cuda);
int gad_cuda_memory_open(gad_cuda *cuda);
void gad_cuda_memory_free(gad_cuda *cuda);

extern "C" __attribute__((visibility("default"))) gad_status gad_cuda_open(gad_device *device, int index, gad_error *err);
#endif
