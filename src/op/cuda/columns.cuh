/* columns: to[c] += sum over rows of something, the gradients of vectors of parameters. Sums over fixed blocks of rows,
 * then over the blocks in order, so that the result depends on the shape alone; atomic additions would save the second
 * launch. */
#ifndef GAD_OP_CUDA_COLUMNS_CUH
#define GAD_OP_CUDA_COLUMNS_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_COLUMN_THREADS = 128, GAD_CUDA_COLUMN_BLOCKS = 64 };

template <class F>
static __global__ void column_parts_kernel(float *part, F number, int64_t rows, int64_t rows_of_block, int64_t cols)
{
    grid_begin();
    const int64_t col = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, from = (int64_t)blockIdx.y * rows_of_block;
    const int64_t end = from + rows_of_block < rows ? from + rows_of_block : rows;
    float sum = 0;
    if (col >= cols)
        return;
    for (int64_t row = from; row < end; row++)
        sum += number(row, col);
    part[(int64_t)blockIdx.y * cols + col] = sum;
}

static __global__ void column_sums_kernel(float *to, const float *part, int blocks, int64_t cols)
{
    grid_begin();
    const int64_t col = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (col >= cols)
        return;
    float sum = to[col];
    for (int block = 0; block < blocks; block++)
        sum += part[block * cols + col];
    to[col] = sum;
}

/* `number(row, col)` is what is summed; it may be called for any row and column once. */
template <class F> static void gad_cuda_add_columns(gad_device *device, void *to, F number, int64_t rows, int64_t cols)
{
    const size_t mark = gad_cuda_mark(device);
    const int64_t fair = gad_cuda_parts(rows, GAD_CUDA_COLUMN_BLOCKS), rows_of_block = fair < 16 ? 16 : fair;
    const unsigned blocks = (unsigned)gad_cuda_parts(rows, rows_of_block);
    const unsigned strips = (unsigned)gad_cuda_parts(cols, GAD_CUDA_COLUMN_THREADS);
    float *part = (float *)gad_cuda_scratch(device, blocks * cols, sizeof(float));
    GAD_LAUNCH(device, column_parts_kernel<F>, dim3(strips, blocks), GAD_CUDA_COLUMN_THREADS, 0, part, number, rows,
               rows_of_block, cols);
    GAD_LAUNCH(device, column_sums_kernel, strips, GAD_CUDA_COLUMN_THREADS, 0, (float *)to, part, (int)blocks, cols);
    gad_cuda_rewind(device, mark);
}
#endif
