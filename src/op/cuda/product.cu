/* product: matrix products by an own kernel, tile by tile in fp32: for the shapes that cuBLASLt has nothing for (odd
 * strides of few columns), and for kernels on the processor. Slow, and right. */
#include "op/cuda/library.cuh"

enum { TILE = 16 };

/* Element [row, col] of op(matrix) [rows, cols]; 0 outside. */
template <class F>
static __device__ __forceinline__ float factor_at(gad_cuda_view<const F> matrix, bool turned, int64_t row, int64_t col,
                                                  int64_t rows, int64_t cols)
{
    if (row >= rows || col >= cols)
        return 0;
    return grid_float(turned ? *matrix.at(col, row) : *matrix.at(row, col));
}

template <class F, class R> static __global__ void product_kernel(gad_cuda_product p)
{
    grid_begin();
    __shared__ float a[TILE][TILE + 1], b[TILE][TILE + 1];
    const int x = (int)threadIdx.x, y = (int)threadIdx.y;
    const int64_t row = (int64_t)blockIdx.y * TILE + y, col = (int64_t)blockIdx.x * TILE + x;
    const gad_cuda_view<const F> left = {static_cast<const F *>(p.a), p.a_stride};
    const gad_cuda_view<const F> right = {static_cast<const F *>(p.b), p.b_stride};
    float sum = 0;
    for (int64_t k = 0; k < p.k; k += TILE) {
        a[y][x] = factor_at(left, p.a_turned, row, k + x, p.m, p.k);
        b[y][x] = factor_at(right, p.b_turned, k + y, col, p.k, p.n);
        __syncthreads();
#pragma unroll
        for (int i = 0; i < TILE; i++)
            sum += a[y][i] * b[i][x];
        __syncthreads();
    }
    if (row >= p.m || col >= p.n)
        return;
    R *to = static_cast<R *>(p.c) + row * p.c_stride + col;
    const float bias = p.bias ? grid_float(static_cast<const R *>(p.bias)[col]) : 0;
    *to = grid_round<R>(p.alpha * sum + bias + (p.add ? grid_float(*to) : 0));
}

void gad_cuda_multiply_plainly(gad_device *device, const gad_cuda_product *p)
{
    const dim3 grid((unsigned)gad_cuda_parts(p->n, TILE), (unsigned)gad_cuda_parts(p->m, TILE));
    GAD_CUDA_BY_ACTIVATION(
        p->factors, F,
        GAD_CUDA_BY_ACTIVATION(p->result, R, GAD_LAUNCH(device, (product_kernel<F, R>), grid, dim3(TILE, TILE), 0, *p)));
}

#ifdef GAD_CUDA_HOST
void gad_cuda_multiply(gad_device *device, const gad_cuda_product *p)
{
    gad_cuda_multiply_plainly(device, p);
}

void gad_cuda_library_free(gad_cuda *)
{
}
#endif
