/* gelu: exact and tanh form, and their gradients. */
#include "op/cuda/each.cuh"

static __device__ __forceinline__ float inner_tanh(float v)
{
    return tanhf(0.79788456080286535588f * (v + 0.044715f * v * v * v)); /* sqrt(2/pi) */
}

static __device__ __forceinline__ float half_erf(float v)
{
    return erff(v * 0.70710678118654752440f); /* 1/sqrt(2) */
}

template <class T> struct gelu_of {
    gad_cuda_view<T> y, x;
    gad_gelu_kind kind;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float v[N];
        grid_read<N>(v, x.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++)
            v[i] *= 0.5f * (1 + (kind == GAD_GELU_ERF ? half_erf(v[i]) : inner_tanh(v[i])));
        grid_write<N>(y.at(row, col), v);
    }
};

void gad_cuda_gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        const gelu_of<T> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<T>(x), kind};
        gad_cuda_each<T>(device, op, y.rows, y.cols, gad_cuda_is_wide(y, x));
    });
}

static __device__ __forceinline__ float slope_of(float v, gad_gelu_kind kind)
{
    if (kind == GAD_GELU_ERF)
        return 0.5f * (1 + half_erf(v)) + v * expf(-0.5f * v * v) * 0.39894228040143267794f; /* 1/sqrt(2 pi) */
    const float th = inner_tanh(v);
    return 0.5f * (1 + th) + 0.5f * v * (1 - th * th) * 0.79788456080286535588f * (1 + 3 * 0.044715f * v * v);
}

template <class T> struct gelu_back_of {
    gad_cuda_view<T> dx, dy, x;
    gad_gelu_kind kind;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float v[N], d[N];
        grid_read<N>(v, x.at(row, col));
        grid_read<N>(d, dy.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++)
            d[i] *= slope_of(v[i], kind);
        grid_write<N>(dx.at(row, col), d);
    }
};

void gad_cuda_gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    GAD_CUDA_BY_ACTIVATION(dx.dtype, T, {
        const gelu_back_of<T> op = {gad_cuda_view_of<T>(dx), gad_cuda_view_of<T>(dy), gad_cuda_view_of<T>(x), kind};
        gad_cuda_each<T>(device, op, dx.rows, dx.cols, gad_cuda_is_wide(dx, dy, x));
    });
}
