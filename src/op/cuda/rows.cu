/* rows: moving rows by index, mixing four table rows (interpolated positions), y = alpha x + beta y, and zeros. */
#include "op/cuda/each.cuh"

template <class To, class From> struct axpby_of {
    gad_cuda_view<To> y;
    gad_cuda_view<From> x;
    float alpha, beta;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        const grid_pack<From, N> from = grid_load<From, N>(x.at(row, col));
        grid_pack<To, N> to;
        if (beta != 0)
            to = grid_load<To, N>(y.at(row, col));
#pragma unroll
        for (int i = 0; i < N; i++) {
            const float added = beta != 0 ? beta * grid_float(to.at[i]) : 0;
            to.at[i] = grid_round<To>(alpha * grid_float(from.at[i]) + added);
        }
        grid_store<To, N>(y.at(row, col), to);
    }
};

void gad_cuda_axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    const bool wide = gad_cuda_is_wide(y) && gad_cuda_is_wide(x) && x.dtype == y.dtype;
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
