/* kernel_few: a few rows of x against many rows of weights, read once: decoding is bound by that reading. Included once
 * per instruction set. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

/* T rows of x by R rows of w at once; with one row of x two steps of k, so that enough sums are under way to hide the
 * latency of the multiply-add. Each sum is in one order whatever the number of rows before or behind. */
SIMD_INLINE void few_tile(float *out, int64_t out_stride, const float *x, int64_t x_stride, const char *w, int64_t w_bytes,
                          const float *scale, int64_t scale_stride, int64_t k, const int T, const int R,
                          const gad_dtype dtype)
{
    const int64_t number = dtype == GAD_Q8 ? 1 : dtype == GAD_F32 ? 4 : 2;
    vf sum[GAD_FEW_ROWS][4];
    SIMD_UNROLL
    for (int t = 0; t < T; t++)
        SIMD_UNROLL
    for (int r = 0; r < R; r++)
        sum[t][r] = (vf){0};
    int64_t l = 0;
    for (; l + SIMD_LANES <= k; l += SIMD_LANES) {
        vf weight[4];
        SIMD_UNROLL
        for (int r = 0; r < R; r++) {
            weight[r] = weight_load(w + r * w_bytes + l * number, dtype);
            if (dtype == GAD_Q8)
                weight[r] *= scale[r * scale_stride + l / GAD_Q8_GROUP];
        }
        SIMD_UNROLL
        for (int t = 0; t < T; t++) {
            const vf row = vf_load(x + t * x_stride + l);
            SIMD_UNROLL
            for (int r = 0; r < R; r++)
                sum[t][r] += row * weight[r];
        }
    }
    if (l < k) {
        SIMD_UNROLL
        for (int r = 0; r < R; r++) {
            vf weight = weight_load_part(w + r * w_bytes + l * number, k - l, dtype);
            if (dtype == GAD_Q8)
                weight *= scale[r * scale_stride + l / GAD_Q8_GROUP];
            SIMD_UNROLL
            for (int t = 0; t < T; t++)
                sum[t][r] += vf_load_part(x + t * x_stride + l, k - l) * weight;
        }
    }
    SIMD_UNROLL
    for (int t = 0; t < T; t++)
        SIMD_UNROLL
    for (int r = 0; r < R; r++)
        out[t * out_stride + r] = vf_sum(sum[t][r]);
}

SIMD_INLINE void few_outputs(float *out, int64_t out_stride, const float *x, int64_t x_stride, const char *w,
                             int64_t w_bytes, const float *scale, int64_t scale_stride, int64_t outputs, int64_t k,
                             const int T, const gad_dtype dtype)
{
    const int R = SIMD_LANES == 16 || T == 1 ? 4 : 2;
    int64_t o = 0;
    for (; o + R <= outputs; o += R)
        few_tile(out + o, out_stride, x, x_stride, w + o * w_bytes, w_bytes, scale ? scale + o * scale_stride : NULL,
                 scale_stride, k, T, R, dtype);
    for (; o < outputs; o++)
        few_tile(out + o, out_stride, x, x_stride, w + o * w_bytes, w_bytes, scale ? scale + o * scale_stride : NULL,
                 scale_stride, k, T, 1, dtype);
}

#define FEW_OF(name, dtype)                                                                                                \
    static void name(float *out, int64_t out_stride, const float *x, int64_t x_stride, int rows, const char *w,            \
                     int64_t w_bytes, const float *scale, int64_t scale_stride, int64_t outputs, int64_t k)                \
    {                                                                                                                      \
        switch (rows) {                                                                                                    \
        case 1: few_outputs(out, out_stride, x, x_stride, w, w_bytes, scale, scale_stride, outputs, k, 1, dtype); break;   \
        case 2: few_outputs(out, out_stride, x, x_stride, w, w_bytes, scale, scale_stride, outputs, k, 2, dtype); break;   \
        case 3: few_outputs(out, out_stride, x, x_stride, w, w_bytes, scale, scale_stride, outputs, k, 3, dtype); break;   \
        default: few_outputs(out, out_stride, x, x_stride, w, w_bytes, scale, scale_stride, outputs, k, 4, dtype); break;  \
        }                                                                                                                  \
    }
FEW_OF(few_f32, GAD_F32)
FEW_OF(few_bf16, GAD_BF16)
FEW_OF(few_f16, GAD_F16)
FEW_OF(few_q8, GAD_Q8)
#undef FEW_OF

static void few(float *out, int64_t out_stride, const float *x, int64_t x_stride, int rows, const char *w, int64_t w_bytes,
                const float *scale, int64_t scale_stride, gad_dtype dtype, int64_t outputs, int64_t k)
{
    switch (dtype) {
    case GAD_BF16: few_bf16(out, out_stride, x, x_stride, rows, w, w_bytes, scale, scale_stride, outputs, k); break;
    case GAD_F16: few_f16(out, out_stride, x, x_stride, rows, w, w_bytes, scale, scale_stride, outputs, k); break;
    case GAD_Q8: few_q8(out, out_stride, x, x_stride, rows, w, w_bytes, scale, scale_stride, outputs, k); break;
    default: few_f32(out, out_stride, x, x_stride, rows, w, w_bytes, scale, scale_stride, outputs, k); break;
    }
}
