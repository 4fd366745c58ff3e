/* kernel_conv: the inner loops of the inverted bottleneck: a tile of its expansion, and one output row of its depthwise
 * convolution. Included once per instruction set, after kernel_fp32.h. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

/* ReLU6; NaN stays. */
SIMD_INLINE vf clip(vf x)
{
    return vf_min(vf_set(6), vf_max((vf){0}, x));
}

static void expand(float *const *to, int64_t k, const float *a, const float *b, const float *bias)
{
    vf tile[MR][2];
    multiply_tile(k, a, b, NR, tile, 1);
    const vf shift[2] = {vf_load(bias), vf_load(bias + SIMD_LANES)};
    for (int r = 0; r < MR; r++) {
        vf_store(to[r], clip(tile[r][0] + shift[0]));
        vf_store(to[r] + SIMD_LANES, clip(tile[r][1] + shift[1]));
    }
}

/* `count` neighbouring outputs at once, so that a weight is loaded once for all of them. */
SIMD_INLINE void depthwise_run(float *y, int64_t y_stride, const float *x, int64_t x_row, int64_t kernel,
                               const int64_t stride, const float *w, const float *bias, const int count, int64_t n)
{
    vf sum[8][2];
    SIMD_UNROLL
    for (int o = 0; o < count; o++) {
        sum[o][0] = vf_load(bias);
        sum[o][1] = vf_load(bias + SIMD_LANES);
    }
    for (int64_t ky = 0; ky < kernel; ky++, x += x_row)
        for (int64_t kx = 0; kx < kernel; kx++, w += NR) {
            const vf w0 = vf_load(w), w1 = vf_load(w + SIMD_LANES);
            const float *from = x + kx * NR;
            SIMD_UNROLL
            for (int o = 0; o < count; o++) {
                sum[o][0] += w0 * vf_load(from + o * stride * NR);
                sum[o][1] += w1 * vf_load(from + o * stride * NR + SIMD_LANES);
            }
        }
    SIMD_UNROLL
    for (int o = 0; o < count; o++, y += y_stride)
        for (int64_t j = 0; j < 2; j++) {
            const int64_t left = n - j * SIMD_LANES;
            if (left >= SIMD_LANES)
                vf_store(y + j * SIMD_LANES, clip(sum[o][j]));
            else if (left > 0)
                vf_store_part(y + j * SIMD_LANES, clip(sum[o][j]), left);
        }
}

SIMD_INLINE void depthwise_row(float *y, int64_t y_stride, const float *x, int64_t x_row, int64_t kernel,
                               const int64_t stride, const float *w, const float *bias, int64_t count, int64_t n)
{
    enum { WIDE = SIMD_LANES == 16 ? 8 : 4 }; /* 2 * WIDE sums stay in registers */
    int64_t o = 0;
    for (; o + WIDE <= count; o += WIDE)
        depthwise_run(y + o * y_stride, y_stride, x + o * stride * NR, x_row, kernel, stride, w, bias, WIDE, n);
    for (; o + 2 <= count; o += 2)
        depthwise_run(y + o * y_stride, y_stride, x + o * stride * NR, x_row, kernel, stride, w, bias, 2, n);
    for (; o < count; o++)
        depthwise_run(y + o * y_stride, y_stride, x + o * stride * NR, x_row, kernel, stride, w, bias, 1, n);
}

static void depthwise(float *y, int64_t y_stride, const float *x, int64_t x_row, int64_t kernel, int64_t stride,
                      const float *w, const float *bias, int64_t count, int64_t n)
{
    if (stride == 1)
        depthwise_row(y, y_stride, x, x_row, kernel, 1, w, bias, count, n);
    else if (stride == 2)
        depthwise_row(y, y_stride, x, x_row, kernel, 2, w, bias, count, n);
    else
        depthwise_row(y, y_stride, x, x_row, kernel, stride, w, bias, count, n);
}
