/* quantised: see quantised.cuh. Up to 32 rows of x: a warp multiplies 32 rows of the matrix, two blocks as they lie, with
 * its share of the groups by mma.m16n8k32 of bytes, exact in 32 bits; one step of 16 bytes a thread has four rows of one
 * word of columns, so that its words are rows g and g + 8 of two products. More rows: the matrix is unpacked. */
#include "op/cuda/few.cuh"
#include "op/cuda/quantised.cuh"
#include "op/quant.h"

enum {
    WARPS = 8, /* of a block; they share the groups */
    THREADS = WARPS * GRID_WARP,
    RUN = GAD_QUANT_ROWS, /* rows of one side of a tile: a block of the matrix */
    STRIP = 2 * RUN,
    GROUP = GAD_QUANT_GROUP,
    HALF = GAD_QUANT_HALF
};

/* ---- rows of x in 8 bits ---- */

/* Rows padded to `rows` with zeros. number: [row][group][64], the words of a group in the order 4 t + j -> 4 j + t in which
 * a thread needs them; scale [group][row]; sum [group][half][row] of the integers. */
struct rounded_rows {
    int8_t *number;
    float *scale;
    int *sum;
    int rows;
    int64_t groups;
};

/* The numbers 2 l and 2 l + 1 of group `group` of a row as integers in q, and their scale (gad_quant_round). */
template <class T>
static __device__ inline float round_pair(gad_cuda_view<T> x, int64_t row, int64_t cols, int64_t group, float alpha,
                                          int q[2])
{
    float value[2];
    for (int i = 0; i < 2; i++) {
        const int64_t col = group * GROUP + threadIdx.x % GRID_WARP * 2 + i;
        value[i] = col < cols ? alpha * grid_float(*x.at(row, col)) : 0;
    }
    const float most = grid_warp_largest(grid_larger(fabsf(value[0]), fabsf(value[1])));
    const bool finite = most <= 3.40282347e38f, usable = finite && most >= 0x1p-100f;
    const float inverse = usable ? 127.0f / most : 0;
    for (int i = 0; i < 2; i++)
        q[i] = usable ? (int)rintf(value[i] * inverse) : 0;
    return usable ? most / 127.0f : finite ? 0 : NAN;
}

/* A warp rounds a group of a row. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    round_rows_kernel(rounded_rows to, gad_cuda_view<T> x, int64_t rows, int64_t cols, float alpha)
{
    grid_begin();
    const int64_t number = (int64_t)blockIdx.x * WARPS + threadIdx.x / GRID_WARP;
    const int64_t row = number / to.groups, group = number % to.groups;
    const int lane = (int)threadIdx.x % GRID_WARP, word = lane / 2;
    if (row >= to.rows)
        return;
    int q[2] = {0, 0};
    const float scale = row < rows ? round_pair(x, row, cols, group, alpha, q) : 0;
    int8_t *at = to.number + (row * to.groups + group) * GROUP + (word % 4 * 4 + word / 4) * 4 + lane % 2 * 2;
    at[0] = (int8_t)q[0];
    at[1] = (int8_t)q[1];
    int sum = q[0] + q[1]; /* of a half: 16 lanes */
    for (int step = 8; step; step /= 2)
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    if (lane % 16 == 0)
        to.sum[(group * 2 + lane / 16) * to.rows + row] = sum;
    if (lane == 0)
        to.scale[group * to.rows + row] = scale;
}

static rounded_rows round_rows(gad_device *device, gad_tensor x, float alpha, int rows)
{
    const int64_t groups = gad_cuda_parts(x.cols, GROUP);
    const rounded_rows to = {(int8_t *)gad_cuda_scratch(device, rows * groups, GROUP),
                             (float *)gad_cuda_scratch(device, rows * groups, sizeof(float)),
                             (int *)gad_cuda_scratch(device, 2 * rows * groups, sizeof(int)), rows, groups};
    GAD_CUDA_BY_ACTIVATION(x.dtype, T,
                           GAD_LAUNCH(device, round_rows_kernel<T>, (unsigned)gad_cuda_parts(rows * groups, WARPS), THREADS,
                                      0, to, gad_cuda_view_of<T>(x), x.rows, x.cols, alpha));
    return to;
}

/* ---- few rows ---- */

/* Where a thread, lane 4 g + j of its warp, finds its rows: 4 (g % 4) to 4 (g % 4) + 3 of side g / 4 of the tile. */
struct thread_rows {
    const uint8_t *data, *scale;
    int64_t block;
    int line, j;
    bool there;
};

static __device__ inline uint4 bytes_at(const uint8_t *from, bool there)
{
    return there ? *reinterpret_cast<const uint4 *>(from) : uint4{0, 0, 0, 0};
}

/* What a thread has of one group: the words, and its rows' scales (of Q4 the bytes s and m of both halves). */
struct q8_group {
    enum { WORDS = 4, FLIGHT = 2, SUMS = 1 };
    uint4 word[WORDS];
    uint2 scale;
    __device__ void load(const thread_rows &t, int64_t groups, int64_t group, bool there)
    {
        const int64_t at = t.block * groups + group;
        const uint8_t *data = t.data + at * GAD_QUANT_ROWS * GROUP + t.j * 64 + t.line * 4;
#pragma unroll
        for (int i = 0; i < WORDS; i++)
            word[i] = bytes_at(data + i * 256, there);
        const bf16 *scales = (const bf16 *)t.scale + at * GAD_QUANT_ROWS + t.line;
        scale = there ? *reinterpret_cast<const uint2 *>(scales) : uint2{0, 0};
    }
    /* total[m][e] += scale of row 2 m + e / 2 times the sum of q x of column e % 2 */
    __device__ void add(float (&total)[SUMS][2][4], uint4 x, const float x_scale[2], const int sum[2][2]) const
    {
        const float row[4] = {__uint_as_float(scale.x << 16), __uint_as_float(scale.x & 0xFFFF0000u),
                              __uint_as_float(scale.y << 16), __uint_as_float(scale.y & 0xFFFF0000u)};
        const uint32_t first[2] = {x.x, x.y}, second[2] = {x.z, x.w};
#pragma unroll
        for (int m = 0; m < 2; m++) {
            int d[4];
#pragma unroll
            for (int e = 0; e < 4; e++) /* the bytes are 128 + q */
                d[e] = -128 * (sum[0][e % 2] + sum[1][e % 2]);
            const uint32_t a[4] = {m ? word[0].z : word[0].x, m ? word[0].w : word[0].y, m ? word[1].z : word[1].x,
                                   m ? word[1].w : word[1].y};
            const uint32_t b[4] = {m ? word[2].z : word[2].x, m ? word[2].w : word[2].y, m ? word[3].z : word[3].x,
                                   m ? word[3].w : word[3].y};
            grid_mma_bytes(d, a, first);
            grid_mma_bytes(d, b, second);
#pragma unroll
            for (int e = 0; e < 4; e++)
                total[0][m][e] += (float)d[e] * (row[2 * m + e / 2] * x_scale[e % 2]);
        }
    }
    static __device__ float finish(const thread_rows &, int64_t, const float (&total)[SUMS][2][4], int m, int e)
    {
        return total[0][m][e];
    }
};

struct q4_group {
    enum { WORDS = 2, FLIGHT = 4, SUMS = 2 };
    uint4 word[WORDS];
    uint32_t step[2], least[2];
    static __device__ const uint8_t *head(const thread_rows &t, int64_t groups)
    {
        return t.scale + t.block * (GAD_QUANT_ROWS * (8 + 4 * groups));
    }
    __device__ void load(const thread_rows &t, int64_t groups, int64_t group, bool there)
    {
        const uint8_t *data = t.data + (t.block * groups + group) * GAD_QUANT_ROWS * HALF;
        const uint8_t *scales = head(t, groups) + 8 * GAD_QUANT_ROWS + group * 4 * GAD_QUANT_ROWS + t.line;
#pragma unroll
        for (int i = 0; i < WORDS; i++) {
            word[i] = bytes_at(data + i * 256 + t.j * 64 + t.line * 4, there);
            step[i] = there ? *reinterpret_cast<const uint32_t *>(scales + i * 2 * GAD_QUANT_ROWS) : 0;
            least[i] = there ? *reinterpret_cast<const uint32_t *>(scales + (i * 2 + 1) * GAD_QUANT_ROWS) : 0;
        }
    }
    /* total[0] += x_scale * sum of s q x, total[1] += x_scale * sum of m x: integers until then. */
    __device__ void add(float (&total)[SUMS][2][4], uint4 x, const float x_scale[2], const int sum[2][2]) const
    {
        const uint32_t low = 0x0F0F0F0Fu;
#pragma unroll
        for (int m = 0; m < 2; m++) {
            int steps[4] = {0, 0, 0, 0}, leasts[4] = {0, 0, 0, 0};
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const uint32_t top = m ? word[half].z : word[half].x, bottom = m ? word[half].w : word[half].y;
                const uint32_t a[4] = {top & low, bottom & low, top >> 4 & low, bottom >> 4 & low};
                const uint32_t b[2] = {half ? x.z : x.x, half ? x.w : x.y};
                int d[4] = {0, 0, 0, 0};
                grid_mma_bytes(d, a, b);
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    const int shift = 8 * (2 * m + e / 2);
                    steps[e] += d[e] * (int)(step[half] >> shift & 255);
                    leasts[e] += sum[half][e % 2] * (int)(least[half] >> shift & 255);
                }
            }
#pragma unroll
            for (int e = 0; e < 4; e++) {
                total[0][m][e] += x_scale[e % 2] * (float)steps[e];
                total[1][m][e] += x_scale[e % 2] * (float)leasts[e];
            }
        }
    }
    static __device__ float finish(const thread_rows &t, int64_t groups, const float (&total)[SUMS][2][4], int m, int e)
    {
        const float *unit = (const float *)head(t, groups) + t.line + 2 * m + e / 2;
        return total[0][m][e] * unit[0] - total[1][m][e] * unit[GAD_QUANT_ROWS];
    }
};

/* What a thread needs of 8 rows of x for a group: the words 4 t + j of row g, and of rows 2 j and 2 j + 1 the scale and,
 * for both halves, the sum. Rows that were rounded before: */
struct given_rows {
    rounded_rows x;
    int64_t groups;
    __device__ void fetch(int64_t group, int n, int g, int j, uint4 *number, float scale[2], int sum[2][2]) const
    {
        const int row = n * 8 + 2 * j;
        const int8_t *from = x.number + ((n * 8 + g) * groups + group) * GROUP + j * 16;
        *number = bytes_at((const uint8_t *)from, true);
        for (int e = 0; e < 2; e++) {
            scale[e] = x.scale[group * x.rows + row + e];
            for (int half = 0; half < 2; half++)
                sum[half][e] = x.sum[(group * 2 + half) * x.rows + row + e];
        }
    }
};

/* and one row, which every warp rounds where it needs it, while its weights are on the way. */
template <class T> struct own_row {
    gad_cuda_view<T> x;
    int64_t groups, cols;
    float alpha;
    __device__ void fetch(int64_t group, int, int g, int j, uint4 *number, float scale[2], int sum[2][2]) const
    {
        const unsigned all = 0xFFFFFFFFu;
        const int lane = (int)threadIdx.x % GRID_WARP;
        int q[2];
        const float one = round_pair(x, 0, cols, group, alpha, q);
        int half = q[0] + q[1];
        for (int step = 8; step; step /= 2)
            half += __shfl_xor_sync(all, half, step);
        const int other = __shfl_xor_sync(all, half, 16);
        const uint32_t pair = (uint32_t)(q[0] & 255) | (uint32_t)(q[1] & 255) << 8, next = __shfl_xor_sync(all, pair, 1);
        const uint32_t word = lane % 2 ? next | pair << 16 : pair | next << 16; /* number lane / 2 */
        uint32_t mine[4];
        for (int t = 0; t < 4; t++)
            mine[t] = __shfl_sync(all, word, 8 * t + 2 * j);
        *number = g ? uint4{0, 0, 0, 0} : uint4{mine[0], mine[1], mine[2], mine[3]};
        scale[0] = j ? 0 : one;
        sum[0][0] = j ? 0 : lane < 16 ? half : other;
        sum[1][0] = j ? 0 : lane < 16 ? other : half;
        scale[1] = 0;
        sum[0][1] = sum[1][1] = 0;
    }
};

/* 8 NT rows of x. Groups are loaded FLIGHT at a time, so that enough bytes are on the way; more rows leave registers for
 * two. */
template <class G, class X, int NT, class Job>
static __global__ void __launch_bounds__(THREADS) quantised_few_kernel(const __grid_constant__ Job job, X x, int rows)
{
    grid_begin();
    enum { FLIGHT = NT == 1 ? (int)G::FLIGHT : 2 };
    __shared__ float sums[WARPS][NT * 8 * STRIP];
    const int warp = (int)threadIdx.x / GRID_WARP, lane = (int)threadIdx.x % GRID_WARP, g = lane / 4;
    const few_run run = job.run(blockIdx.x, g / 4);
    const thread_rows t = {static_cast<const uint8_t *>(run.data),
                           static_cast<const uint8_t *>(run.scale),
                           run.row / RUN,
                           g % 4 * 4,
                           lane % 4,
                           run.row < run.rows};
    float total[NT][G::SUMS][2][4] = {};
    for (int64_t first = warp; first < x.groups; first += WARPS * FLIGHT) {
        G group[FLIGHT];
#pragma unroll
        for (int i = 0; i < FLIGHT; i++)
            group[i].load(t, x.groups, first + i * WARPS, t.there && first + i * WARPS < x.groups);
#pragma unroll
        for (int i = 0; i < FLIGHT; i++) {
            const int64_t at = first + i * WARPS;
            if (at >= x.groups)
                break;
#pragma unroll
            for (int n = 0; n < NT; n++) {
                uint4 number;
                float scale[2];
                int sum[2][2];
                x.fetch(at, n, g, t.j, &number, scale, sum);
                group[i].add(total[n], number, scale, sum);
            }
        }
    }
#pragma unroll
    for (int n = 0; n < NT; n++)
#pragma unroll
        for (int i = 0; i < 8; i++)
            sums[warp][(n * 8 + 2 * t.j + i % 2) * STRIP + g / 4 * GAD_QUANT_ROWS + t.line + i / 2] =
                t.there ? G::finish(t, x.groups, total[n], i / 4, i % 4) : 0;
    __syncthreads();
    for (int i = (int)threadIdx.x; i < NT * 8 * STRIP; i += THREADS) {
        float sum = 0;
        for (int j = 0; j < WARPS; j++)
            sum += sums[j][i];
        job.put(blockIdx.x, i % STRIP, i / STRIP, i / STRIP < rows, sum);
    }
}

template <int NT, class Job, class X>
static void few(gad_device *device, const Job &job, int64_t tiles, gad_dtype dtype, X x, int64_t rows)
{
    if (dtype == GAD_Q8)
        GAD_LAUNCH(device, (quantised_few_kernel<q8_group, X, NT, Job>), (unsigned)tiles, THREADS, 0, job, x, (int)rows);
    else
        GAD_LAUNCH(device, (quantised_few_kernel<q4_group, X, NT, Job>), (unsigned)tiles, THREADS, 0, job, x, (int)rows);
}

/* The job with alpha * x, rows of T, and matrices of `dtype`. */
template <class T, class Job>
static void few_rows(gad_device *device, const Job &job, int64_t tiles, gad_dtype dtype, gad_tensor x, float alpha)
{
    const int64_t groups = gad_cuda_parts(x.cols, GROUP);
    if (x.rows == 1) {
        few<1>(device, job, tiles, dtype, own_row<T>{gad_cuda_view_of<T>(x), groups, x.cols, alpha}, 1);
        return;
    }
    const size_t mark = gad_cuda_mark(device);
    const given_rows rows = {round_rows(device, x, alpha, x.rows <= 8 ? 8 : x.rows <= 16 ? 16 : 32), groups};
    if (x.rows <= 8)
        few<1>(device, job, tiles, dtype, rows, x.rows);
    else if (x.rows <= 16)
        few<2>(device, job, tiles, dtype, rows, x.rows);
    else
        few<4>(device, job, tiles, dtype, rows, x.rows);
    gad_cuda_rewind(device, mark);
}

void gad_cuda_quantised_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha,
                            bool add)
{
    GAD_CUDA_BY_ACTIVATION(y.dtype, Y, GAD_CUDA_BY_ACTIVATION(x.dtype, T, {
                               const few_one<Y, RUN> job = {finish_with<Y>(y, bias, 1, add), w};
                               few_rows<T>(device, job, gad_cuda_parts(w.rows, STRIP), w.dtype, x, alpha);
                           }));
}

void gad_cuda_quantised_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                              gad_tensor sin)
{
    int64_t tiles = 0;
    const few_parts<bf16, RUN> job = few_parts_of<RUN>(part, count, cos, sin, &tiles);
    few_rows<bf16>(device, job, tiles, part->w.dtype, x, 1);
}

void gad_cuda_quantised_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                               gad_weight up, gad_tensor up_bias)
{
    const few_gated<bf16, RUN> job = {gad_cuda_view_of<bf16>(y), gate, up, gad_cuda_vector_of(gate_bias),
                                      gad_cuda_vector_of(up_bias)};
    few_rows<bf16>(device, job, gad_cuda_parts(gate.rows, RUN), gate.dtype, x, 1);
}

/* ---- more rows ---- */

/* A thread unpacks half a group of a row: 32 columns. Consecutive threads have consecutive rows of a block. */
template <class T>
static __global__ void __launch_bounds__(THREADS) unpack_kernel(T *to, gad_weight w, int64_t halves, bool wide)
{
    grid_begin();
    const int64_t number = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int line = (int)(number % GAD_QUANT_ROWS);
    const int64_t half = number / GAD_QUANT_ROWS % halves, block = number / GAD_QUANT_ROWS / halves;
    const int64_t row = block * GAD_QUANT_ROWS + line, col = half * HALF, at = block * halves + half;
    if (row >= w.rows || col >= w.cols)
        return;
    float value[HALF];
    if (w.dtype == GAD_Q8) {
        const uint32_t *word = (const uint32_t *)w.data + at * GAD_QUANT_ROWS * HALF / 4 + line;
        const float scale = grid_float(((const bf16 *)w.scale)[at / 2 * GAD_QUANT_ROWS + line]);
#pragma unroll
        for (int i = 0; i < HALF; i++)
            value[i] = (float)((int)(word[i / 4 * GAD_QUANT_ROWS] >> 8 * (i % 4) & 255) - 128) * scale;
    } else {
        const uint32_t *word = (const uint32_t *)w.data + at * GAD_QUANT_ROWS * HALF / 8 + line;
        const uint8_t *head = (const uint8_t *)w.scale + block * (GAD_QUANT_ROWS * (8 + 2 * halves));
        const uint8_t *bytes = head + 8 * GAD_QUANT_ROWS + half * 2 * GAD_QUANT_ROWS + line;
        const float *unit = (const float *)head + line;
        const float step = (float)bytes[0] * unit[0], least = (float)bytes[GAD_QUANT_ROWS] * unit[GAD_QUANT_ROWS];
#pragma unroll
        for (int i = 0; i < HALF / 2; i++) {
            const uint32_t pair = word[i / 4 * GAD_QUANT_ROWS] >> 8 * (i % 4) & 255;
            value[i] = (float)(pair & 15) * step - least;
            value[i + HALF / 2] = (float)(pair >> 4) * step - least;
        }
    }
    T *out = to + row * w.cols + col;
    if (wide && col + HALF <= w.cols) {
        grid_write<HALF>(out, value);
    } else {
#pragma unroll
        for (int i = 0; i < HALF; i++)
            if (col + i < w.cols)
                out[i] = grid_round<T>(value[i]);
    }
}

gad_tensor gad_cuda_quantised_matrix(gad_device *device, gad_weight w, gad_dtype dtype)
{
    const int64_t halves = 2 * gad_cuda_parts(w.cols, GROUP), blocks = gad_cuda_parts(w.rows, GAD_QUANT_ROWS);
    const unsigned grid = (unsigned)gad_cuda_parts(blocks * halves * GAD_QUANT_ROWS, THREADS);
    const gad_tensor to = {gad_cuda_scratch(device, w.rows * w.cols, dtype == GAD_F32 ? 4 : 2), dtype, w.rows, w.cols,
                           w.cols};
    GAD_CUDA_BY_ACTIVATION(dtype, T,
                           GAD_LAUNCH(device, unpack_kernel<T>, grid, THREADS, 0, (T *)to.data, w, halves,
                                      w.cols % (16 / (int64_t)sizeof(T)) == 0));
    return to;
}

/* A warp has a group of a row. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    rounded_rows_kernel(gad_cuda_view<T> to, gad_cuda_view<T> x, int64_t rows, int64_t cols, int64_t groups, float alpha)
{
    grid_begin();
    const int64_t number = (int64_t)blockIdx.x * WARPS + threadIdx.x / GRID_WARP, row = number / groups;
    int q[2];
    if (row >= rows)
        return;
    const float scale = round_pair(x, row, cols, number % groups, alpha, q);
    for (int i = 0; i < 2; i++) {
        const int64_t col = number % groups * GROUP + threadIdx.x % GRID_WARP * 2 + i;
        if (col < cols)
            *to.at(row, col) = grid_round<T>(scale * (float)q[i]);
    }
}

gad_tensor gad_cuda_quantised_rows(gad_device *device, gad_tensor x, float alpha)
{
    const int64_t groups = gad_cuda_parts(x.cols, GROUP);
    const gad_tensor to = gad_cuda_take(device, x.rows, x.cols);
    GAD_CUDA_BY_ACTIVATION(x.dtype, T,
                           GAD_LAUNCH(device, rounded_rows_kernel<T>, (unsigned)gad_cuda_parts(x.rows * groups, WARPS),
                                      THREADS, 0, gad_cuda_view_of<T>(to), gad_cuda_view_of<T>(x), x.rows, x.cols, groups,
                                      alpha));
    return to;
}
