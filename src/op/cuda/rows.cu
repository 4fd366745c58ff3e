/* rows: moving rows by index, mixing four table rows (interpolated positions), y = alpha x + beta y, and zeros. */
#include "op/cuda/each.cuh"
#include "op/cuda/scatter.cuh"

template <class To, class From> struct rows_of {
    gad_cuda_view<To> y;
    gad_cuda_view<From> x;
    const int32_t *to, *from;
    bool add;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        To *target = y.at(to ? to[row] : row, col);
        float v[N], old[N];
        grid_read<N>(v, x.at(from ? from[row] : row, col));
        if (add) {
            grid_read<N>(old, target);
#pragma unroll
            for (int i = 0; i < N; i++)
                v[i] += old[i];
        }
        grid_write<N>(target, v);
    }
};

void gad_cuda_rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                   bool add)
{
    const bool wide = gad_cuda_is_wide(y, x) && x.dtype == y.dtype;
    GAD_CUDA_BY_ACTIVATION(
        y.dtype, To, GAD_CUDA_BY_ACTIVATION(x.dtype, From, {
            const rows_of<To, From> op = {gad_cuda_view_of<To>(y), gad_cuda_view_of<From>(x), to, from, add};
            gad_cuda_each<From>(device, op, n, y.cols, wide);
        }));
}

template <class T, class W> struct rows_mix_of {
    gad_cuda_view<T> y;
    gad_cuda_view<W> table;
    const int32_t *index;
    const float *weight;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float sum[N], v[N];
        grid_read<N>(sum, y.at(row, col));
        for (int64_t j = 4 * row; j < 4 * row + 4; j++) {
            grid_read<N>(v, table.at(index[j], col));
#pragma unroll
            for (int i = 0; i < N; i++)
                sum[i] += weight[j] * v[i];
        }
        grid_write<N>(y.at(row, col), sum);
    }
};

void gad_cuda_rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight)
{
    const gad_tensor t = {const_cast<void *>(table.data), table.dtype, table.rows, table.cols, table.cols};
    const bool wide = gad_cuda_is_wide(y, t) && y.cols % 8 == 0;
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, GAD_CUDA_BY_FLOAT(table.dtype, W, {
                               const rows_mix_of<T, W> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<W>(t), index, weight};
                               gad_cuda_each<T>(device, op, y.rows, y.cols, wide);
                           }));
}

void gad_cuda_rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight)
{
    gad_cuda_scatter(device, dtable, dy, index, weight, 4 * dy.rows, 4);
}

template <class To, class From> struct axpby_of {
    gad_cuda_view<To> y;
    gad_cuda_view<From> x;
    float alpha, beta;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float v[N], old[N];
        grid_read<N>(v, x.at(row, col));
        if (beta != 0)
            grid_read<N>(old, y.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++)
            v[i] = alpha * v[i] + (beta != 0 ? beta * old[i] : 0);
        grid_write<N>(y.at(row, col), v);
    }
};

void gad_cuda_axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    const bool wide = gad_cuda_is_wide(y, x) && x.dtype == y.dtype;
    GAD_CUDA_BY_ACTIVATION(
        y.dtype, To, GAD_CUDA_BY_ACTIVATION(x.dtype, From, {
            const axpby_of<To, From> op = {gad_cuda_view_of<To>(y), gad_cuda_view_of<From>(x), alpha, beta};
            gad_cuda_each<From>(device, op, y.rows, y.cols, wide);
        }));
}

void gad_cuda_zero(gad_device *device, gad_tensor y)
{
    const size_t number = y.dtype == GAD_F32 ? 4 : 2;
    if (gad_cuda_well(device) && y.rows && y.cols)
        gad_cuda_keep(device,
                      gad_runtime_set_rows(y.data, (size_t)y.stride * number, 0, (size_t)y.cols * number, (size_t)y.rows,
                                           gad_cuda_of(device)->stream),
                      "zero", 0);
}
