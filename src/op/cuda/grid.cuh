/* grid: the language in which the kernels are written. Under nvcc it is CUDA; with GAD_CUDA_HOST a C++ compiler builds the
 * same kernels for the processor (grid_host.cuh), where the judge runs them without a GPU. Here: what both have in common,
 * numbers of every width as fp32, matrix products of a warp, asynchronous copies, and reductions. Knows no op. */
#ifndef GAD_OP_CUDA_GRID_CUH
#define GAD_OP_CUDA_GRID_CUH
#include <stddef.h>
#include <stdint.h>
#ifdef GAD_CUDA_HOST
#include "op/cuda/grid_host.cuh"
#else
#include "op/cuda/grid_device.cuh"
#endif

enum { GRID_WARP = 32 };

/* ---- numbers: bf16, f16 and float, read as fp32 and rounded to the nearest once when they are written ---- */

static __device__ __forceinline__ float grid_float(float x)
{
    return x;
}
/* grid_float(bf16) and grid_float(f16), grid_round<bf16>(x) and grid_round<f16>(x) are the compiler's: see there. */
template <> __device__ __forceinline__ float grid_round<float>(float x)
{
    return x;
}

/* N numbers that are read or written at once; N * sizeof(T) is 2, 4, 8 or 16 bytes, at a multiple of that. */
template <class T, int N> struct alignas(N * sizeof(T)) grid_pack {
    T at[N];
};

/* The pack at `from`, and a pack to `to`, in one access. */
template <class T, int N> static __device__ __forceinline__ grid_pack<T, N> grid_load(const T *from)
{
    return *reinterpret_cast<const grid_pack<T, N> *>(from);
}
template <class T, int N> static __device__ __forceinline__ void grid_store(T *to, const grid_pack<T, N> &pack)
{
    *reinterpret_cast<grid_pack<T, N> *>(to) = pack;
}

/* N neighbours as fp32, and back, in as few accesses of up to 16 bytes as there can be. */
template <int N, class T> static __device__ __forceinline__ void grid_read(float (&to)[N], const T *from)
{
    constexpr int most = 16 / (int)sizeof(T), pack = N < most ? N : most;
#pragma unroll
    for (int i = 0; i < N; i += pack) {
        const grid_pack<T, pack> got = grid_load<T, pack>(from + i);
#pragma unroll
        for (int j = 0; j < pack; j++)
            to[i + j] = grid_float(got.at[j]);
    }
}
template <int N, class T> static __device__ __forceinline__ void grid_write(T *to, const float (&from)[N])
{
    constexpr int most = 16 / (int)sizeof(T), pack = N < most ? N : most;
#pragma unroll
    for (int i = 0; i < N; i += pack) {
        grid_pack<T, pack> give;
#pragma unroll
        for (int j = 0; j < pack; j++)
            give.at[j] = grid_round<T>(from[i + j]);
        grid_store<T, pack>(to + i, give);
    }
}

/* ---- sums and maxima. All lanes of a warp, or all threads of a block of whole warps, must call them together. ---- */

static __device__ __forceinline__ float grid_warp_sum(float x)
{
    for (int step = GRID_WARP / 2; step; step /= 2)
        x += __shfl_xor_sync(0xFFFFFFFFu, x, step);
    return x;
}
/* NaN wins, unlike in fmaxf. */
static __device__ __forceinline__ float grid_larger(float a, float b)
{
    return a > b || a != a ? a : b;
}
static __device__ __forceinline__ float grid_warp_largest(float x)
{
    for (int step = GRID_WARP / 2; step; step /= 2)
        x = grid_larger(x, __shfl_xor_sync(0xFFFFFFFFu, x, step));
    return x;
}
/* `each` is shared memory for one number a warp. The result reaches every thread; `each` may be used again at once. */
static __device__ __forceinline__ float grid_block_sum(float x, float *each)
{
    const int warps = (int)blockDim.x / GRID_WARP, warp = (int)threadIdx.x / GRID_WARP;
    x = grid_warp_sum(x);
    if (warps == 1)
        return x;
    if (threadIdx.x % GRID_WARP == 0)
        each[warp] = x;
    __syncthreads();
    x = 0;
    for (int i = 0; i < warps; i++)
        x += each[i];
    __syncthreads();
    return x;
}
static __device__ __forceinline__ float grid_block_largest(float x, float *each)
{
    const int warps = (int)blockDim.x / GRID_WARP, warp = (int)threadIdx.x / GRID_WARP;
    x = grid_warp_largest(x);
    if (warps == 1)
        return x;
    if (threadIdx.x % GRID_WARP == 0)
        each[warp] = x;
    __syncthreads();
    x = each[0];
    for (int i = 1; i < warps; i++)
        x = grid_larger(x, each[i]);
    __syncthreads();
    return x;
}
#endif
