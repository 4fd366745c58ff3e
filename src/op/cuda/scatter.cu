/* scatter: see scatter.cuh */
#include "op/cuda/scatter.cuh"

enum { THREADS = 128 };

/* The block of entry i does nothing unless it is the first with its index; then it adds up all that have it. */
template <class T>
static __global__ void scatter_kernel(gad_cuda_view<float> to, gad_cuda_view<T> from, const int32_t *index,
                                      const float *weight, int64_t n, int per, int64_t cols)
{
    grid_begin();
    __shared__ int repeated;
    const int64_t i = blockIdx.x, col = (int64_t)blockIdx.y * THREADS + threadIdx.x;
    const int32_t mine = index[i];
    if (threadIdx.x == 0)
        repeated = 0;
    __syncthreads();
    for (int64_t j = threadIdx.x; j < i; j += THREADS)
        if (index[j] == mine)
            repeated = 1;
    __syncthreads();
    if (mine < 0 || repeated || col >= cols)
        return;
    float sum = *to.at(mine, col);
    for (int64_t j = i; j < n; j++)
        if (index[j] == mine)
            sum += (weight ? weight[j] : 1.0f) * grid_float(*from.at(j / per, col));
    *to.at(mine, col) = sum;
}

void gad_cuda_scatter(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight,
                      int64_t n, int per)
{
    const dim3 grid((unsigned)n, (unsigned)gad_cuda_parts(dy.cols, THREADS));
    GAD_CUDA_BY_ACTIVATION(dy.dtype, T,
                           GAD_LAUNCH(device, scatter_kernel<T>, grid, THREADS, 0, gad_cuda_view_of<float>(dtable),
                                      gad_cuda_view_of<T>(dy), index, weight, n, per, dy.cols));
}
