/* embed: table rows by token id, and the gradient back into the table. */
#include "op/cuda/each.cuh"
#include "op/cuda/scatter.cuh"
#include "op/cuda/weight.cuh"

template <class T, class W> struct embed_of {
    gad_cuda_view<T> y;
    gad_cuda_view<W> table;
    const int32_t *ids;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        float v[N];
        if (ids[row] < 0)
            return;
        grid_read<N>(v, table.at(ids[row], col));
        grid_write<N>(y.at(row, col), v);
    }
};

template <class T> struct embed_quantised_of {
    gad_cuda_view<T> y;
    gad_weight table;
    const int32_t *ids;
    template <int N> __device__ __forceinline__ void at(int64_t row, int64_t col) const
    {
        if (ids[row] >= 0)
            *y.at(row, col) = grid_round<T>(gad_cuda_weight_number(table, ids[row], col));
    }
};

void gad_cuda_embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids)
{
    const gad_tensor t = {const_cast<void *>(table.data), table.dtype, table.rows, table.cols, table.cols};
    if (gad_quant_is(table.dtype))
        GAD_CUDA_BY_ACTIVATION(y.dtype, T, {
            const embed_quantised_of<T> op = {gad_cuda_view_of<T>(y), table, ids};
            gad_cuda_each<T>(device, op, y.rows, y.cols, false);
        });
    else
        GAD_CUDA_BY_ACTIVATION(y.dtype, T, GAD_CUDA_BY_FLOAT(table.dtype, W, {
                                   const embed_of<T, W> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<W>(t), ids};
                                   gad_cuda_each<T>(device, op, y.rows, y.cols, gad_cuda_is_wide(y, t) && y.cols % 8 == 0);
                               }));
}

void gad_cuda_embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    gad_cuda_scatter(device, dtable, dy, ids, NULL, dy.rows, 1);
}
