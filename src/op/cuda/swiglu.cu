/* swiglu: y = silu(a) * b and its gradients. */
#include "op/cuda/each.cuh"

template <class T> struct swiglu_of {
    gad_cuda_view<T> y, a, b;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float x[N], r[N];
        grid_read<N>(x, a.at(row, col));
        grid_read<N>(r, b.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++)
            x[i] *= gad_cuda_sigmoid(x[i]) * r[i];
        grid_write<N>(y.at(row, col), x);
    }
};

void gad_cuda_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        const swiglu_of<T> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<T>(a), gad_cuda_view_of<T>(b)};
        gad_cuda_each<T>(device, op, y.rows, y.cols, gad_cuda_is_wide(y, a, b));
    });
}

template <class T> struct swiglu_back_of {
    gad_cuda_view<T> da, db, dy, a, b;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float x[N], r[N], d[N];
        grid_read<N>(x, a.at(row, col));
        grid_read<N>(r, b.at(row, col));
        grid_read<N>(d, dy.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float s = gad_cuda_sigmoid(x[i]), slope = r[i] * s * (1 + x[i] * (1 - s));
            r[i] = d[i] * x[i] * s;
            x[i] = d[i] * slope;
        }
        grid_write<N>(da.at(row, col), x);
        grid_write<N>(db.at(row, col), r);
    }
};

void gad_cuda_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    GAD_CUDA_BY_ACTIVATION(dy.dtype, T, {
        const swiglu_back_of<T> op = {gad_cuda_view_of<T>(da), gad_cuda_view_of<T>(db), gad_cuda_view_of<T>(dy),
                                      gad_cuda_view_of<T>(a), gad_cuda_view_of<T>(b)};
        gad_cuda_each<T>(device, op, dy.rows, dy.cols, gad_cuda_is_wide(da, db, dy, a, b));
    });
}
