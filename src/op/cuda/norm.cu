/* norm: RMSNorm over groups of channels and LayerNorm, forward beside backward. A group is the work of a warp, of eight in
 * a block, or of a block when it is long. */
#include "op/cuda/columns.cuh"
#include "op/cuda/each.cuh"

enum { SHORT = 1024, THREADS = 256 };

/* The threads of a group stand in x, groups of a block in y. */
static dim3 block_of(int64_t n)
{
    return n <= SHORT ? dim3(GRID_WARP, THREADS / GRID_WARP) : dim3(THREADS);
}
static dim3 grid_of(int64_t groups, int64_t n)
{
    return dim3((unsigned)(n <= SHORT ? gad_cuda_parts(groups, THREADS / GRID_WARP) : groups));
}

/* What a launch works on: groups of n channels, `per_row` of them in a row. */
struct groups_of {
    int64_t count, per_row, n;
};

/* Of this thread: its group's row and first column; false when there is none left. */
static __device__ __forceinline__ bool find_group(const groups_of &g, int64_t *row, int64_t *col, int64_t *index)
{
    const int64_t group = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    *row = group / g.per_row;
    *index = group - *row * g.per_row;
    *col = *index * g.n;
    return group < g.count;
}

/* Whether the weight too can be read 16 bytes at a time. */
static bool is_wide(gad_tensor weight, bool tensors)
{
    return tensors && weight.cols % 8 == 0 && (!weight.data || (uintptr_t)weight.data % 16 == 0);
}

#define LAUNCH_WIDE(kernel, wide, groups, n, ...)                                                                          \
    do {                                                                                                                   \
        if (wide)                                                                                                          \
            GAD_LAUNCH(device, (kernel<T, 16 / sizeof(T)>), grid_of(groups, n), block_of(n), 0, __VA_ARGS__);              \
        else                                                                                                               \
            GAD_LAUNCH(device, (kernel<T, 1>), grid_of(groups, n), block_of(n), 0, __VA_ARGS__);                           \
    } while (0)

/* ---- RMSNorm ---- */

template <class T, int N>
static __global__ void rmsnorm_kernel(gad_cuda_view<T> y, gad_cuda_view<float> rstd, gad_cuda_view<T> x,
                                      gad_cuda_vector weight, groups_of g, float eps)
{
    if (weight.data && weight.dtype == GAD_F32 && threadIdx.x * N < g.n) /* in decoding nobody has read them for long */
        grid_fetch_ahead(static_cast<const float *>(weight.data) + threadIdx.x * N);
    grid_begin();
    __shared__ float each[GRID_WARP];
    int64_t row, col, index;
    float v[N], w[N], squares = 0;
    if (!find_group(g, &row, &col, &index))
        return;
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, col + c));
#pragma unroll
        for (int i = 0; i < N; i++)
            squares += v[i] * v[i];
    }
    const float r = 1.0f / sqrtf(grid_block_sum(squares, each) / (float)g.n + eps);
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, col + c));
        gad_cuda_numbers<N>(w, weight, c);
#pragma unroll
        for (int i = 0; i < N; i++)
            v[i] *= r * w[i];
        grid_write<N>(y.at(row, col + c), v);
    }
    if (rstd.data && threadIdx.x == 0)
        *rstd.at(row, index) = r;
}

void gad_cuda_rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    const groups_of g = {x.rows * (x.cols / weight.cols), x.cols / weight.cols, weight.cols};
    GAD_CUDA_BY_ACTIVATION(x.dtype, T,
                           LAUNCH_WIDE(rmsnorm_kernel, is_wide(weight, gad_cuda_is_wide(y, x)), g.count, g.n,
                                       gad_cuda_view_of<T>(y), gad_cuda_view_of<float>(rstd), gad_cuda_view_of<T>(x),
                                       gad_cuda_vector_of(weight), g, eps));
}

template <class T, int N>
static __global__ void rmsnorm_back_kernel(gad_cuda_view<T> dx, gad_cuda_view<T> dy, gad_cuda_view<T> x,
                                           gad_cuda_view<float> rstd, gad_cuda_vector weight, groups_of g, bool add)
{
    grid_begin();
    __shared__ float each[GRID_WARP];
    int64_t row, col, index;
    float v[N], w[N], d[N], old[N], mean = 0;
    if (!find_group(g, &row, &col, &index))
        return;
    const float r = *rstd.at(row, index);
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, col + c));
        grid_read<N>(d, dy.at(row, col + c));
        gad_cuda_numbers<N>(w, weight, c);
#pragma unroll
        for (int i = 0; i < N; i++)
            mean += d[i] * w[i] * v[i] * r;
    }
    mean = grid_block_sum(mean, each) / (float)g.n;
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, col + c));
        grid_read<N>(d, dy.at(row, col + c));
        gad_cuda_numbers<N>(w, weight, c);
        if (add)
            grid_read<N>(old, dx.at(row, col + c));
#pragma unroll
        for (int i = 0; i < N; i++)
            d[i] = r * (d[i] * w[i] - v[i] * r * mean) + (add ? old[i] : 0);
        grid_write<N>(dx.at(row, col + c), d);
    }
}

/* dweight[c] sums dy * x * rstd over rows and groups. */
template <class T> struct rmsnorm_slope {
    gad_cuda_view<T> dy, x;
    gad_cuda_view<float> rstd;
    int64_t n, per_row;
    __device__ __forceinline__ float operator()(int64_t group, int64_t c) const
    {
        const int64_t row = group / per_row, index = group - row * per_row, col = index * n + c;
        return grid_float(*dy.at(row, col)) * grid_float(*x.at(row, col)) * *rstd.at(row, index);
    }
};

void gad_cuda_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                           gad_tensor rstd, gad_tensor weight, bool add)
{
    const groups_of g = {x.rows * (x.cols / weight.cols), x.cols / weight.cols, weight.cols};
    GAD_CUDA_BY_ACTIVATION(x.dtype, T, {
        const rmsnorm_slope<T> slope = {gad_cuda_view_of<T>(dy), gad_cuda_view_of<T>(x), gad_cuda_view_of<float>(rstd), g.n,
                                        g.per_row};
        if (dweight.data) /* before dx, which may take the place of dy */
            gad_cuda_add_columns(device, dweight.data, slope, g.count, g.n);
        LAUNCH_WIDE(rmsnorm_back_kernel, is_wide(weight, gad_cuda_is_wide(dx, dy, x)), g.count, g.n,
                    gad_cuda_view_of<T>(dx), gad_cuda_view_of<T>(dy), gad_cuda_view_of<T>(x), gad_cuda_view_of<float>(rstd),
                    gad_cuda_vector_of(weight), g, add);
    });
}

/* ---- LayerNorm ---- */

template <class T, int N>
static __global__ void layernorm_kernel(gad_cuda_view<T> y, gad_cuda_view<float> stats, gad_cuda_view<T> x,
                                        gad_cuda_vector weight, gad_cuda_vector bias, groups_of g, float eps)
{
    grid_begin();
    __shared__ float each[GRID_WARP];
    int64_t row, col, index;
    float v[N], w[N], b[N], mean = 0, squares = 0;
    if (!find_group(g, &row, &col, &index))
        return;
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, c));
#pragma unroll
        for (int i = 0; i < N; i++)
            mean += v[i];
    }
    mean = grid_block_sum(mean, each) / (float)g.n;
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, c));
#pragma unroll
        for (int i = 0; i < N; i++)
            squares += (v[i] - mean) * (v[i] - mean);
    }
    const float r = 1.0f / sqrtf(grid_block_sum(squares, each) / (float)g.n + eps);
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, c));
        gad_cuda_numbers<N>(w, weight, c);
        gad_cuda_numbers<N>(b, bias, c);
#pragma unroll
        for (int i = 0; i < N; i++)
            v[i] = (v[i] - mean) * r * w[i] + b[i];
        grid_write<N>(y.at(row, c), v);
    }
    if (stats.data && threadIdx.x == 0) {
        *stats.at(row, 0) = mean;
        *stats.at(row, 1) = r;
    }
}

void gad_cuda_layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight,
                        gad_tensor bias, float eps)
{
    const groups_of g = {x.rows, 1, x.cols};
    const bool wide = is_wide(weight, gad_cuda_is_wide(y, x)) && (!bias.data || is_wide(bias, true));
    GAD_CUDA_BY_ACTIVATION(x.dtype, T,
                           LAUNCH_WIDE(layernorm_kernel, wide, g.count, g.n, gad_cuda_view_of<T>(y),
                                       gad_cuda_view_of<float>(stats), gad_cuda_view_of<T>(x), gad_cuda_vector_of(weight),
                                       gad_cuda_vector_of(bias), g, eps));
}

template <class T, int N>
static __global__ void layernorm_back_kernel(gad_cuda_view<T> dx, gad_cuda_view<T> dy, gad_cuda_view<T> x,
                                             gad_cuda_view<float> stats, gad_cuda_vector weight, groups_of g, bool add)
{
    grid_begin();
    __shared__ float each[GRID_WARP];
    int64_t row, col, index;
    float v[N], w[N], d[N], old[N], mean_u = 0, mean_ux = 0;
    if (!find_group(g, &row, &col, &index))
        return;
    const float mean = *stats.at(row, 0), r = *stats.at(row, 1);
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, c));
        grid_read<N>(d, dy.at(row, c));
        gad_cuda_numbers<N>(w, weight, c);
#pragma unroll
        for (int i = 0; i < N; i++) {
            mean_u += d[i] * w[i];
            mean_ux += d[i] * w[i] * (v[i] - mean) * r;
        }
    }
    mean_u = grid_block_sum(mean_u, each) / (float)g.n;
    mean_ux = grid_block_sum(mean_ux, each) / (float)g.n;
    for (int64_t c = threadIdx.x * N; c < g.n; c += blockDim.x * N) {
        grid_read<N>(v, x.at(row, c));
        grid_read<N>(d, dy.at(row, c));
        gad_cuda_numbers<N>(w, weight, c);
        if (add)
            grid_read<N>(old, dx.at(row, c));
#pragma unroll
        for (int i = 0; i < N; i++)
            d[i] = r * (d[i] * w[i] - mean_u - (v[i] - mean) * r * mean_ux) + (add ? old[i] : 0);
        grid_write<N>(dx.at(row, c), d);
    }
}

/* dweight[c] sums dy * (x - mean) * rstd, dbias[c] dy. */
template <class T> struct layernorm_slope {
    gad_cuda_view<T> dy, x;
    gad_cuda_view<float> stats;
    __device__ __forceinline__ float operator()(int64_t row, int64_t c) const
    {
        return grid_float(*dy.at(row, c)) * (grid_float(*x.at(row, c)) - *stats.at(row, 0)) * *stats.at(row, 1);
    }
};
template <class T> struct plain_slope {
    gad_cuda_view<T> dy;
    __device__ __forceinline__ float operator()(int64_t row, int64_t c) const
    {
        return grid_float(*dy.at(row, c));
    }
};

void gad_cuda_layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                             gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    const groups_of g = {x.rows, 1, x.cols};
    GAD_CUDA_BY_ACTIVATION(x.dtype, T, {
        const layernorm_slope<T> slope = {gad_cuda_view_of<T>(dy), gad_cuda_view_of<T>(x), gad_cuda_view_of<float>(stats)};
        const plain_slope<T> plain = {gad_cuda_view_of<T>(dy)};
        if (dweight.data)
            gad_cuda_add_columns(device, dweight.data, slope, x.rows, x.cols);
        if (dbias.data)
            gad_cuda_add_columns(device, dbias.data, plain, x.rows, x.cols);
        LAUNCH_WIDE(layernorm_back_kernel, is_wide(weight, gad_cuda_is_wide(dx, dy, x)), g.count, g.n,
                    gad_cuda_view_of<T>(dx), gad_cuda_view_of<T>(dy), gad_cuda_view_of<T>(x),
                    gad_cuda_view_of<float>(stats), gad_cuda_vector_of(weight), g, add);
    });
}
