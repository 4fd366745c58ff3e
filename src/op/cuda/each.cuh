/* each: one launch for ops that work number by number: a functor is called for every number, or for N neighbours at once
 * where all addresses allow accesses of 16 bytes. Knows no op. */
#ifndef GAD_OP_CUDA_EACH_CUH
#define GAD_OP_CUDA_EACH_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_EACH_THREADS = 256 };

/* `op.at<N>(row, col)` does numbers col..col+N-1 of a row. */
template <int N, class F> static __global__ void each_kernel(F op, int64_t rows, uint32_t packs)
{
    grid_begin();
    const int64_t all = rows * packs, step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < all; i += step) {
        if (all <= UINT32_MAX) { /* where it can be, the division is of 32 bits: much cheaper */
            const uint32_t row = (uint32_t)i / packs;
            op.template at<N>(row, (int64_t)((uint32_t)i - row * packs) * N);
        } else {
            op.template at<N>(i / packs, i % packs * N);
        }
    }
}

/* Whether accesses of 16 bytes reach all numbers of the tensors; those without data do not matter. */
static inline bool gad_cuda_is_wide(gad_tensor t)
{
    const int64_t numbers = t.dtype == GAD_F32 ? 4 : 8;
    return (uintptr_t)t.data % 16 == 0 && t.stride % numbers == 0 && t.cols % numbers == 0;
}
template <class... More> static inline bool gad_cuda_is_wide(gad_tensor t, More... more)
{
    return gad_cuda_is_wide(t) && gad_cuda_is_wide(more...);
}

/* T: the narrowest type of the tensors that `wide` speaks of. */
template <class T, class F> static void gad_cuda_each(gad_device *device, F op, int64_t rows, int64_t cols, bool wide)
{
    enum { N = 16 / sizeof(T) };
    const int64_t packs = wide ? cols / N : cols, blocks = gad_cuda_parts(rows * packs, GAD_CUDA_EACH_THREADS);
    const unsigned grid = (unsigned)(blocks < 1 << 20 ? blocks : 1 << 20);
    if (wide)
        GAD_LAUNCH(device, (each_kernel<N, F>), grid, GAD_CUDA_EACH_THREADS, 0, op, rows, (uint32_t)packs);
    else
        GAD_LAUNCH(device, (each_kernel<1, F>), grid, GAD_CUDA_EACH_THREADS, 0, op, rows, (uint32_t)packs);
}

/* to = from, of another type */
template <class To, class From> struct gad_cuda_convert_of {
    gad_cuda_view<To> to;
    gad_cuda_view<From> from;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float v[N];
        grid_read<N>(v, from.at(row, col));
        grid_write<N>(to.at(row, col), v);
    }
};
#endif
