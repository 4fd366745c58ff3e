/* swiglu: y = silu(a) * b and its gradients. */
#include "op/cuda/each.cuh"

static __device__ __forceinline__ float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

template <class T> struct swiglu_of {
    gad_cuda_view<T> y, a, b;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const grid_pack<T, N> left = grid_load<T, N>(a.at(row, col)), right = grid_load<T, N>(b.at(row, col));
        grid_pack<T, N> out;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float x = grid_float(left.at[i]);
            out.at[i] = grid_round<T>(x * sigmoid(x) * grid_float(right.at[i]));
        }
        grid_store<T, N>(y.at(row, col), out);
    }
};

void gad_cuda_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    const bool wide = gad_cuda_is_wide(y) && gad_cuda_is_wide(a) && gad_cuda_is_wide(b);
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        const swiglu_of<T> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<T>(a), gad_cuda_view_of<T>(b)};
        gad_cuda_each<T>(device, op, y.rows, y.cols, wide);
    });
}

template <class T> struct swiglu_back_of {
    gad_cuda_view<T> da, db, dy, a, b;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const grid_pack<T, N> left = grid_load<T, N>(a.at(row, col)), right = grid_load<T, N>(b.at(row, col));
        const grid_pack<T, N> slope = grid_load<T, N>(dy.at(row, col));
        grid_pack<T, N> out_a, out_b;
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float x = grid_float(left.at[i]), d = grid_float(slope.at[i]), s = sigmoid(x);
            out_a.at[i] = grid_round<T>(d * grid_float(right.at[i]) * s * (1 + x * (1 - s)));
            out_b.at[i] = grid_round<T>(d * x * s);
        }
        grid_store<T, N>(da.at(row, col), out_a);
        grid_store<T, N>(db.at(row, col), out_b);
    }
};

void gad_cuda_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    const bool wide =
        gad_cuda_is_wide(da) && gad_cuda_is_wide(db) && gad_cuda_is_wide(dy) && gad_cuda_is_wide(a) && gad_cuda_is_wide(b);
    GAD_CUDA_BY_ACTIVATION(dy.dtype, T, {
        const swiglu_back_of<T> op = {gad_cuda_view_of<T>(da), gad_cuda_view_of<T>(db), gad_cuda_view_of<T>(dy),
                                      gad_cuda_view_of<T>(a), gad_cuda_view_of<T>(b)};
        gad_cuda_each<T>(device, op, dy.rows, dy.cols, wide);
    });
}
