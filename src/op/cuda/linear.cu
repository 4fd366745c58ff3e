/* linear: y = alpha x w^T + bias, and its gradients. Few rows of x: few.cuh. More: cuBLASLt, factors of the type that the
 * activations have; weights of another type are converted first, quantised ones unpacked. */
#include "op/cuda/columns.cuh"
#include "op/cuda/each.cuh"
#include "op/cuda/few.cuh"
#include "op/cuda/library.cuh"
#include "op/cuda/quantised.cuh"
#include "op/quant.h"

/* x as numbers of `dtype`: x itself, or a copy on the stack. */
static gad_tensor as_dtype(gad_device *device, gad_tensor x, gad_dtype dtype)
{
    if (x.dtype == dtype || !x.data)
        return x;
    const size_t number = dtype == GAD_F32 ? 4 : 2;
    const gad_tensor copy = {gad_cuda_scratch(device, x.rows * x.cols, number), dtype, x.rows, x.cols, x.cols};
    const bool wide = gad_cuda_is_wide(x, copy) && x.cols % 8 == 0;
    GAD_CUDA_BY_ACTIVATION(
        dtype, To, GAD_CUDA_BY_FLOAT(x.dtype, From, {
            const gad_cuda_convert_of<To, From> op = {gad_cuda_view_of<To>(copy), gad_cuda_view_of<From>(x)};
            gad_cuda_each<bf16>(device, op, x.rows, x.cols, wide);
        }));
    return copy;
}

/* The matrix as numbers of `dtype`. */
static gad_tensor matrix_of(gad_device *device, gad_weight w, gad_dtype dtype)
{
    if (gad_quant_is(w.dtype))
        return gad_cuda_quantised_matrix(device, w, dtype);
    return as_dtype(device, gad_tensor{const_cast<void *>(w.data), w.dtype, w.rows, w.cols, w.cols}, dtype);
}

template <class T> struct bias_of {
    T *to;
    gad_cuda_vector bias;
    template <int N> __device__ __forceinline__ void at(int64_t, int64_t col) const
    {
        float v[N];
        gad_cuda_numbers<N>(v, bias, col);
        grid_write<N>(to + col, v);
    }
};

/* A bias, or NULL, as numbers of `dtype`. */
static const void *bias_as(gad_device *device, gad_tensor bias, gad_dtype dtype)
{
    if (!bias.data || bias.dtype == dtype)
        return bias.data;
    void *copy = gad_cuda_scratch(device, bias.cols, sizeof(float));
    GAD_CUDA_BY_ACTIVATION(dtype, T, {
        const bias_of<T> op = {(T *)copy, gad_cuda_vector_of(bias)};
        gad_cuda_each<T>(device, op, 1, bias.cols, false);
    });
    return copy;
}

/* c = alpha a b (+ c when `add`), a and b turned around or not, as the library wants it; no bias. */
static gad_cuda_product product_of(gad_tensor c, gad_tensor a, bool a_turned, gad_tensor b, bool b_turned, float alpha,
                                   bool add)
{
    gad_cuda_product p = {};
    p.m = c.rows;
    p.n = c.cols;
    p.k = a_turned ? a.rows : a.cols;
    p.factors = a.dtype;
    p.result = c.dtype;
    p.a = a.data;
    p.a_stride = a.stride;
    p.a_turned = a_turned;
    p.b = b.data;
    p.b_stride = b.stride;
    p.b_turned = b_turned;
    p.c = c.data;
    p.c_stride = c.stride;
    p.alpha = alpha;
    p.add = add;
    return p;
}

void gad_cuda_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    const bool quantised = gad_quant_is(w.dtype);
    if (quantised && x.rows <= GAD_CUDA_QUANTISED_FEW) {
        gad_cuda_quantised_few(device, y, x, w, bias, alpha, add);
        return;
    }
    if (!quantised && x.rows <= GAD_CUDA_FEW) {
        gad_cuda_few(device, y, x, w, bias, alpha, add);
        return;
    }
    const size_t mark = gad_cuda_mark(device);
    if (quantised) {
        x = gad_cuda_quantised_rows(device, x, alpha);
        alpha = 1;
    }
    gad_cuda_product p = product_of(y, x, false, matrix_of(device, w, x.dtype), true, alpha, add);
    p.bias = bias_as(device, bias, y.dtype);
    gad_cuda_multiply(device, &p);
    gad_cuda_rewind(device, mark);
}

void gad_cuda_linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    const size_t mark = gad_cuda_mark(device);
    const gad_cuda_product p = product_of(dx, dy, false, matrix_of(device, w, dy.dtype), false, alpha, add);
    gad_cuda_multiply(device, &p);
    gad_cuda_rewind(device, mark);
}

void gad_cuda_linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha)
{
    const size_t mark = gad_cuda_mark(device);
    const gad_cuda_product p = product_of(dw, dy, true, as_dtype(device, x, dy.dtype), false, alpha, true);
    gad_cuda_multiply(device, &p);
    gad_cuda_rewind(device, mark);
}

template <class T> struct slope_of {
    gad_cuda_view<T> dy;
    __device__ __forceinline__ float operator()(int64_t row, int64_t col) const
    {
        return grid_float(*dy.at(row, col));
    }
};

void gad_cuda_linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    GAD_CUDA_BY_ACTIVATION(dy.dtype, T, {
        const slope_of<T> slope = {gad_cuda_view_of<T>(dy)};
        gad_cuda_add_columns(device, db.data, slope, dy.rows, dy.cols);
    });
}
