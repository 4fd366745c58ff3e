/* tile: bf16 tiles in shared memory and the two products that attention is made of, by mma.sync m16n8k16 with fp32 sums.
 * A tile has rows of DP channels (a multiple of 16, zeros from d on) that lie DP + 8 numbers apart: the eight rows that
 * ldmatrix reads at once then meet all banks once. Fragments are named as in the PTX manual. */
#ifndef GAD_OP_CUDA_TILE_CUH
#define GAD_OP_CUDA_TILE_CUH
#include "op/cuda/cuda.cuh"

static const float LOG2E = 1.44269504088896340736f;

/* 2^x; results below 2^-126 are 0. */
static __device__ __forceinline__ float exp2_fast(float x)
{
#ifdef GAD_CUDA_HOST
    return exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

/* Two numbers rounded to bf16, `low` in the low half. */
static __device__ __forceinline__ uint32_t tile_pair(float low, float high)
{
#ifdef GAD_CUDA_HOST
    return grid_round<bf16>(low).bits | (uint32_t)grid_round<bf16>(high).bits << 16;
#else
    uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#endif
}

/* Numbers of a tile of so many rows. */
template <int DP> static __host__ __device__ constexpr int tile_numbers(int rows)
{
    return rows * (DP + 8);
}

/* Number by number, for rows that begin anywhere. */
template <int ROWS, int DP, int THREADS, class Rows>
static __device__ __noinline__ void tile_load_narrow(bf16 *tile, Rows from, int rows, int d)
{
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < ROWS * DP; i += THREADS) {
        const int r = i / DP, c = i % DP;
        tile[r * (DP + 8) + c] = r < rows && c < d ? from.at(r)[c] : grid_round<bf16>(0);
    }
}

/* Starts to copy `rows` rows of d numbers into a tile of ROWS rows, zeros behind them. `wide`: rows begin at multiples of
 * 16 bytes and d is a multiple of 8. */
template <int ROWS, int DP, int THREADS, class Rows>
static __device__ inline void tile_load(bf16 *tile, const Rows &from, int rows, int d, bool wide)
{
    const int pieces = DP / 8, all = ROWS * pieces;
    if (!wide) {
        tile_load_narrow<ROWS, DP, THREADS>(tile, from, rows, d);
        return;
    }
#pragma unroll 2
    for (int n = 0; n < (all + THREADS - 1) / THREADS; n++) {
        const int i = n * THREADS + (int)threadIdx.x, r = i / pieces, c = i % pieces * 8;
        const bool there = r < rows && c < d;
        if (all % THREADS == 0 || i < all)
            grid_copy_16(tile + r * (DP + 8) + c, there ? from.at(r) + c : from.data, there);
    }
}

/* c[m][n] += A B^T: 16 MT rows of A from `a` on, 8 NT rows of B from `b` on, both tiles. NT is even. */
template <int MT, int NT, int DP>
static __device__ inline void tile_dot(float (&c)[MT][NT][4], const bf16 *a, const bf16 *b)
{
    const int lane = (int)threadIdx.x % 32, stride = (DP + 8);
    a += lane % 16 * stride + lane / 16 * 8;
    b += (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < DP; k += 16) {
        uint32_t left[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
            grid_matrix_x4(left[m], a + m * 16 * stride + k);
#pragma unroll
        for (int n = 0; n < NT; n += 2) {
            uint32_t right[4];
            grid_matrix_x4(right, b + n * 8 * stride + k);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                grid_mma_bf16(c[m][n], left[m], right);
                grid_mma_bf16(c[m][n + 1], left[m], right + 2);
            }
        }
    }
}

/* c[m][channels] += P B: P [16 MT, 8 NT] as tile_dot leaves it, rounded to bf16; B the first 8 NT rows of a tile. */
template <int MT, int NT, int DP>
static __device__ inline void tile_mix(float (&c)[MT][DP / 8][4], const float (&p)[MT][NT][4], const bf16 *b)
{
    const int lane = (int)threadIdx.x % 32, stride = (DP + 8);
    b += lane % 16 * stride + lane / 16 * 8;
#pragma unroll
    for (int k = 0; k < NT; k += 2) {
        uint32_t left[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++) {
            left[m][0] = tile_pair(p[m][k][0], p[m][k][1]);
            left[m][1] = tile_pair(p[m][k][2], p[m][k][3]);
            left[m][2] = tile_pair(p[m][k + 1][0], p[m][k + 1][1]);
            left[m][3] = tile_pair(p[m][k + 1][2], p[m][k + 1][3]);
        }
#pragma unroll
        for (int n = 0; n < DP / 8; n += 2) {
            uint32_t right[4];
            grid_matrix_turned_x4(right, b + k * 8 * stride + n * 8);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                grid_mma_bf16(c[m][n], left[m], right);
                grid_mma_bf16(c[m][n + 1], left[m], right + 2);
            }
        }
    }
}

/* Over the four threads that share a row of a fragment. */
static __device__ inline float quad_sum(float x)
{
    x += __shfl_xor_sync(0xffffffffu, x, 1);
    return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

static __device__ inline float quad_max(float x)
{
    x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
    return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
#endif
