/* few: see few.cuh. Two ways: bf16 by the matrix units, and everything else number by number. */
#include "op/cuda/few.cuh"

enum {
    WARPS = 8, /* of a block; they share the columns of w */
    RUN = GAD_CUDA_FEW_RUN,
    TILE = 2 * RUN,
    STEP = 32,  /* columns that a warp takes at a time */
    FLIGHT = 4, /* steps whose loads are on the way at once: 8 of 16 bytes a lane */
    OUTPUTS = TILE * GAD_CUDA_FEW,
    PIECE = WARPS * STEP, /* columns that a block takes at a time */
    MOST_PIECES = 8       /* blocks that share the columns of a tile */
};

/* ---- bf16. A sum does not care for the order of its terms, so a lane reads 16 neighbouring bytes of rows g and g + 8 of w
 * and of row g of x (lane = 4 g + j), columns k + 8 j to k + 8 j + 7, and gives the matrix unit the first four of them as
 * columns 2 j, 2 j + 1, 2 j + 8, 2 j + 9 of one product, the others as those of a second: no number passes through shared
 * memory on its way, and rows of x that there are not cost nothing. ---- */

struct few_step {
    uint4 low, high, x;
};

static __device__ __forceinline__ uint4 pack_at(const bf16 *from, bool there)
{
    return there ? *reinterpret_cast<const uint4 *>(from) : uint4{0, 0, 0, 0};
}

static __device__ __forceinline__ void multiply_step(float d[4], const few_step &s)
{
    const uint32_t a[4] = {s.low.x, s.high.x, s.low.y, s.high.y}, b[2] = {s.x.x, s.x.y};
    const uint32_t a2[4] = {s.low.z, s.high.z, s.low.w, s.high.w}, b2[2] = {s.x.z, s.x.w};
    grid_mma_bf16(d, a, b);
    grid_mma_bf16(d, a2, b2);
}

/* Columns `piece` * blockIdx.y and the next `piece` of w are this block's. */
struct few_share {
    int64_t piece;
    float *part;       /* [gridDim.y][gridDim.x][OUTPUTS]: sums of the blocks of a tile */
    unsigned *tickets; /* [gridDim.x], zeros */
};

/* The sum of all blocks of the tile, in their order, for the last one of them; the others get false. */
static __device__ __forceinline__ bool gather_parts(const few_share &share, float *sum)
{
    __shared__ bool last;
    const int64_t tiles = gridDim.x, at = blockIdx.x * (int64_t)OUTPUTS + threadIdx.x;
    if (threadIdx.x < OUTPUTS)
        share.part[blockIdx.y * tiles * OUTPUTS + at] = *sum;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0)
        last = atomicAdd(&share.tickets[blockIdx.x], 1u) == gridDim.y - 1;
    __syncthreads();
    if (!last)
        return false;
    __threadfence();
    *sum = 0;
    for (unsigned i = 0; threadIdx.x < OUTPUTS && i < gridDim.y; i++)
        *sum += *static_cast<const volatile float *>(&share.part[i * tiles * OUTPUTS + at]);
    if (threadIdx.x == 0)
        share.tickets[blockIdx.x] = 0;
    return true;
}

template <class Job>
static __global__ void __launch_bounds__(WARPS *GRID_WARP)
    few_kernel(const __grid_constant__ Job job, gad_cuda_view<bf16> x, int rows, int64_t cols, few_share share)
{
    __shared__ float sums[WARPS][OUTPUTS];
    const int warp = (int)threadIdx.x / GRID_WARP, lane = (int)threadIdx.x % GRID_WARP, g = lane / 4, j = lane % 4;
    const few_run first = job.run(blockIdx.x, 0), second = job.run(blockIdx.x, 1);
    const int64_t from = blockIdx.y * share.piece, end = from + share.piece < cols ? from + share.piece : cols;
    const bool low = first.row + g < first.rows, high = second.row + g < second.rows, mine = g < rows;
    const bf16 *w_low = static_cast<const bf16 *>(first.data) + (first.row + g) * cols;
    const bf16 *w_high = static_cast<const bf16 *>(second.data) + (second.row + g) * cols, *x_row = x.at(mine ? g : 0, 0);
    for (int i = 0; i < FLIGHT && j % 2 == 0; i++) {
        const int64_t at = from + i * PIECE + warp * STEP + 8 * j;
        if (low && at < end)
            grid_fetch_ahead(w_low + at);
        if (high && at < end)
            grid_fetch_ahead(w_high + at);
    }
    grid_begin();
    float d[4] = {0, 0, 0, 0};
    for (int64_t k = from + warp * STEP; k < end; k += PIECE * FLIGHT) {
        few_step step[FLIGHT];
#pragma unroll
        for (int i = 0; i < FLIGHT; i++) {
            const int64_t at = k + (int64_t)i * PIECE + 8 * j;
            const bool there = at < end;
            step[i].low = pack_at(w_low + at, low && there);
            step[i].high = pack_at(w_high + at, high && there);
            step[i].x = pack_at(x_row + at, mine && there);
        }
        __syncwarp(); /* all loads go out before a product waits for the first: left alone, the compiler mixes them */
#pragma unroll
        for (int i = 0; i < FLIGHT; i++)
            multiply_step(d, step[i]);
    }
    for (int i = 0; i < 4; i++) /* line g (and g + 8) of the tile, row 2 j (and 2 j + 1) of x */
        sums[warp][(2 * j + i % 2) * TILE + g + RUN * (i / 2)] = d[i];
    __syncthreads();
    const int row = (int)threadIdx.x / TILE, line = (int)threadIdx.x % TILE;
    float sum = 0;
    for (int i = 0; threadIdx.x < OUTPUTS && i < WARPS; i++)
        sum += sums[i][threadIdx.x];
    if (gridDim.y > 1 && !gather_parts(share, &sum))
        return;
    if (threadIdx.x < OUTPUTS)
        job.put(blockIdx.x, line, row, row < rows, sum);
}

/* Into how many pieces the columns are cut where there are few outputs: four blocks a multiprocessor keep enough loads on
 * the way. In a loop over one matrix adding the parts costs more than it gives (3584 x 3584: 0.015 instead of 0.008 ms on
 * an H200), in decoding, where each matrix comes from far, it gives 7 % of the whole. */
static int64_t pieces_of(const gad_device *device, int64_t tiles, int64_t cols)
{
    const int64_t wanted = gad_cuda_parts(4 * gad_cuda_of(device)->card.multiprocessors, tiles), whole = cols / PIECE;
    const int64_t most = whole < MOST_PIECES ? whole : (int64_t)MOST_PIECES;
    return tiles > GAD_CUDA_TICKETS || most < 2 || wanted < 2 ? 1 : wanted < most ? wanted : most;
}

template <class Job> static void few_bf16(gad_device *device, const Job &job, int64_t tiles, gad_tensor x, int64_t cols)
{
    const size_t mark = gad_cuda_mark(device);
    const int64_t pieces = pieces_of(device, tiles, cols);
    few_share share = {gad_cuda_parts(gad_cuda_parts(cols, pieces), PIECE) * PIECE, NULL, gad_cuda_of(device)->tickets};
    const int64_t used = gad_cuda_parts(cols, share.piece);
    if (used > 1)
        share.part = (float *)gad_cuda_scratch(device, used * tiles * OUTPUTS, sizeof(float));
    GAD_LAUNCH(device, few_kernel<Job>, dim3((unsigned)tiles, (unsigned)used), WARPS * GRID_WARP, 0, job,
               gad_cuda_view_of<bf16>(x), (int)x.rows, cols, share);
    gad_cuda_rewind(device, mark);
}

void gad_cuda_few_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                        gad_tensor sin)
{
    int64_t tiles = 0;
    const few_parts<bf16, RUN> job = few_parts_of<RUN>(part, count, cos, sin, &tiles);
    few_bf16(device, job, tiles, x, x.cols);
}

void gad_cuda_few_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                         gad_weight up, gad_tensor up_bias)
{
    const few_gated<bf16, RUN> job = {gad_cuda_view_of<bf16>(y), gate, up, gad_cuda_vector_of(gate_bias),
                                      gad_cuda_vector_of(up_bias)};
    few_bf16(device, job, gad_cuda_parts(gate.rows, RUN), x, x.cols);
}

/* ---- other types, such as an adapter's fp32 factors: a warp has a row of w, or where there are few rows a block ---- */

template <class Y, class X, class W>
static __global__ void few_plain_kernel(finish_of<Y> finish, const W *w, gad_cuda_view<X> x, int rows, int64_t outputs,
                                        int64_t cols)
{
    grid_begin();
    __shared__ float each[WARPS];
    const int64_t o = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    float sum[GAD_CUDA_FEW] = {0};
    if (o >= outputs)
        return;
#pragma unroll 4
    for (int64_t k = threadIdx.x; k < cols; k += blockDim.x) {
        const float factor = grid_float(w[o * cols + k]);
#pragma unroll
        for (int t = 0; t < GAD_CUDA_FEW; t++)
            if (t < rows)
                sum[t] += factor * grid_float(*x.at(t, k));
    }
#pragma unroll
    for (int t = 0; t < GAD_CUDA_FEW; t++) {
        if (t >= rows)
            break;
        const float all = grid_block_sum(sum[t], each);
        if (threadIdx.x == 0)
            finish.put(t, o, all);
    }
}

bool gad_cuda_few_is_bf16(gad_tensor x, gad_weight w)
{
    const uintptr_t addresses = (uintptr_t)x.data | (uintptr_t)w.data;
    const bool wide = w.cols % 8 == 0 && x.stride % 8 == 0 && addresses % 16 == 0;
    return x.dtype == GAD_BF16 && w.dtype == GAD_BF16 && wide;
}

void gad_cuda_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    const bool few_outputs = w.rows < 4 * gad_cuda_of(device)->card.multiprocessors && w.cols >= WARPS * GRID_WARP;
    const dim3 block(few_outputs ? WARPS * GRID_WARP : GRID_WARP, few_outputs ? 1 : WARPS);
    if (gad_cuda_few_is_bf16(x, w))
        GAD_CUDA_BY_ACTIVATION(y.dtype, Y, {
            const few_one<Y, RUN> job = {finish_with<Y>(y, bias, alpha, add), w};
            few_bf16(device, job, gad_cuda_parts(w.rows, TILE), x, w.cols);
        });
    else
        GAD_CUDA_BY_ACTIVATION(
            y.dtype, Y,
            GAD_CUDA_BY_ACTIVATION(
                x.dtype, X,
                GAD_CUDA_BY_FLOAT(w.dtype, W,
                                  GAD_LAUNCH(device, (few_plain_kernel<Y, X, W>), (unsigned)gad_cuda_parts(w.rows, block.y),
                                             block, 0, finish_with<Y>(y, bias, alpha, add), (const W *)w.data,
                                             gad_cuda_view_of<X>(x), (int)x.rows, w.rows, w.cols))));
}
