/* adamw: the optimizer's update and the sum of squares that gradient clipping needs. */
#include "op/cuda/each.cuh"

#include <math.h>

enum { THREADS = 256, BLOCKS = 512, RECEIVED = 8192 };

/* ---- sum of squares: fixed shares for every thread, added in a fixed order ---- */

template <class T> static __global__ void squares_kernel(double *part, gad_cuda_view<T> x, int64_t rows, int64_t cols)
{
    grid_begin();
    __shared__ double each[THREADS];
    const int64_t all = rows * cols, step = (int64_t)gridDim.x * THREADS;
    double sum = 0;
    for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < all; i += step) {
        const float v = grid_float(*x.at(i / cols, i % cols));
        sum += (double)v * (double)v;
    }
    each[threadIdx.x] = sum;
    for (int half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < half)
            each[threadIdx.x] += each[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        part[blockIdx.x] = each[0];
}

/* Blocks for a tensor: small ones, of which an optimizer has hundreds, need few. */
static int blocks_of(gad_tensor x)
{
    const int64_t blocks = x.rows * x.cols / (8 * THREADS) + 1;
    return blocks < BLOCKS ? (int)blocks : BLOCKS;
}

double gad_cuda_sum_squares(gad_device *device, const gad_tensor *x, int64_t count)
{
    const size_t mark = gad_cuda_mark(device);
    int64_t parts = 0;
    for (int64_t i = 0; i < count; i++)
        parts += blocks_of(x[i]);
    double *part = (double *)gad_cuda_scratch(device, parts, sizeof(double)), total = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        const int blocks = blocks_of(x[i]);
        GAD_CUDA_BY_ACTIVATION(x[i].dtype, T,
                               GAD_LAUNCH(device, squares_kernel<T>, blocks, THREADS, 0, part + at,
                                          gad_cuda_view_of<T>(x[i]), x[i].rows, x[i].cols));
        at += blocks;
    }
    for (int64_t from = 0; from < parts; from += RECEIVED) {
        double host[RECEIVED] = {0};
        const int64_t n = min(parts - from, (int64_t)RECEIVED);
        gad_cuda_receive(device, host, part + from, (size_t)n * sizeof *host);
        for (int64_t i = 0; i < n; i++)
            total += host[i];
    }
    gad_cuda_rewind(device, mark);
    return gad_cuda_well(device) ? total : 0;
}

/* ---- AdamW ---- */

struct adamw_of {
    float *w, *m, *v;
    const float *g;
    gad_adamw s;
    float correct1, correct2;
    template <int N> __device__ __forceinline__ void at(int64_t, int64_t col) const
    {
        float weight[N], mean[N], square[N], d[N];
        grid_read<N>(weight, w + col);
        grid_read<N>(mean, m + col);
        grid_read<N>(square, v + col);
        grid_read<N>(d, g + col);
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float scaled = d[i] * s.gradient_scale;
            mean[i] = s.beta1 * mean[i] + (1 - s.beta1) * scaled;
            square[i] = s.beta2 * square[i] + (1 - s.beta2) * scaled * scaled;
            const float away = mean[i] * correct1 / (sqrtf(square[i] * correct2) + s.epsilon);
            weight[i] -= s.learning_rate * (away + s.weight_decay * weight[i]);
        }
        grid_write<N>(w + col, weight);
        grid_write<N>(m + col, mean);
        grid_write<N>(v + col, square);
    }
};

void gad_cuda_adamw(gad_device *device, void *w, const void *g, void *m, void *v, int64_t n, const gad_adamw *settings)
{
    const double step = (double)settings->step;
    const adamw_of op = {(float *)w,
                         (float *)m,
                         (float *)v,
                         (const float *)g,
                         *settings,
                         (float)(1.0 / (1.0 - pow((double)settings->beta1, step))),
                         (float)(1.0 / (1.0 - pow((double)settings->beta2, step)))};
    const uintptr_t all = (uintptr_t)w | (uintptr_t)g | (uintptr_t)m | (uintptr_t)v;
    gad_cuda_each<float>(device, op, 1, n, all % 16 == 0 && n % 4 == 0);
}
