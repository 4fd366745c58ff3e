/* rope: rotary positions, halves layout: channel i of a head turns with channel i + D/2. */
#include "op/cuda/each.cuh"

/* A number stands for a pair of channels; `col` counts the pairs of all heads. */
template <class T> struct rope_of {
    gad_cuda_view<T> y, x;
    gad_cuda_view<float> cos, sin;
    uint32_t half;
    float sign;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const uint32_t head = (uint32_t)col / half, i = (uint32_t)col - head * half;
        const int64_t first = 2 * (int64_t)head * half + i;
        float a[N], b[N], c[N], s[N];
        grid_read<N>(a, x.at(row, first));
        grid_read<N>(b, x.at(row, first + half));
        grid_read<N>(c, cos.at(row, i));
        grid_read<N>(s, sin.at(row, i));
#pragma unroll
        for (int j = 0; j < N; j++) {
            const float left = a[j], right = b[j], turn = sign * s[j];
            a[j] = left * c[j] - right * turn;
            b[j] = right * c[j] + left * turn;
        }
        grid_write<N>(y.at(row, first), a);
        grid_write<N>(y.at(row, first + half), b);
    }
};

void gad_cuda_rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse)
{
    const int64_t pairs = x.cols / heads / 2;
    const bool wide = pairs % 8 == 0 && gad_cuda_is_wide(y, x, cos, sin);
    GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
        const rope_of<T> op = {gad_cuda_view_of<T>(y),       gad_cuda_view_of<T>(x), gad_cuda_view_of<float>(cos),
                               gad_cuda_view_of<float>(sin), (uint32_t)pairs,        inverse ? -1.0f : 1.0f};
        gad_cuda_each<T>(device, op, x.rows, heads * pairs, wide);
    });
}
