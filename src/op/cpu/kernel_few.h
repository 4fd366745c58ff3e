/* kernel_few: a few rows of x against many rows of weights, read once: decoding is bound by that reading. Included once
 * per instruction set. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

/* The rows of the tile after this one are fetched into the second-level cache (hint 2), at least this many bytes ahead: the
 * processor's own prefetching stops at the end of every row, and loads alone cannot keep enough lines under way. */
enum { MIN_AHEAD = 16384 };
enum { FEW_COLUMNS = 64 }; /* of one step */

/* sum[t][r] += x[t] . w[r] over the columns of a step from l on. */
SIMD_INLINE void few_step(vf sum[GAD_FEW_ROWS][4], const float *x, int64_t x_stride, const char *w, int64_t w_bytes,
                          int64_t l, const int T, const int R, const gad_dtype dtype)
{
    const int64_t number = weight_bytes(dtype);
    const int64_t ahead = R * w_bytes < MIN_AHEAD ? 2 * R * w_bytes : R * w_bytes;
    SIMD_UNROLL
    for (int j = 0; j < FEW_COLUMNS; j += SIMD_LANES) {
        vf weight[4];
        SIMD_UNROLL
        for (int r = 0; r < R; r++) {
            const char *at = w + r * w_bytes + (l + j) * number;
            if (j * number % 64 == 0)
                __builtin_prefetch(at + ahead, 0, 2);
            weight[r] = weight_load(at, dtype);
        }
        SIMD_UNROLL
        for (int t = 0; t < T; t++) {
            const vf row = vf_load(x + t * x_stride + l + j);
            SIMD_UNROLL
            for (int r = 0; r < R; r++)
                sum[t][r] += row * weight[r];
        }
    }
}

/* The same over the columns from l on that fill no step: one vector of them, or the last `left`. */
SIMD_INLINE void few_rest(vf sum[GAD_FEW_ROWS][4], const float *x, int64_t x_stride, const char *w, int64_t w_bytes,
                          int64_t l, int64_t left, const int T, const int R, const gad_dtype dtype)
{
    const int64_t number = weight_bytes(dtype);
    vf row[GAD_FEW_ROWS];
    SIMD_UNROLL
    for (int t = 0; t < T; t++)
        row[t] = left >= SIMD_LANES ? vf_load(x + t * x_stride + l) : vf_load_part(x + t * x_stride + l, left);
    SIMD_UNROLL
    for (int r = 0; r < R; r++) {
        const char *at = w + r * w_bytes + l * number;
        const vf weight = left >= SIMD_LANES ? weight_load(at, dtype) : weight_load_part(at, left, dtype);
        SIMD_UNROLL
        for (int t = 0; t < T; t++)
            sum[t][r] += row[t] * weight;
    }
}

/* Lanes without the bit `half` get a's sum of both halves, the others b's: the additions of vf_sum, for two at a time. */
SIMD_INLINE vf fold(vf a, vf b, const int half)
{
    const vi lane = vi_lane(), upper = (vi)((lane & half) != 0), other = (lane ^ half) + (upper & SIMD_LANES);
    return vf_select(upper, b, a) + vf_shuffle_two(a, b, other);
}

/* vf_sum of up to SIMD_LANES vectors at once, bit for bit: `count` (a power of two) vectors are folded pairwise until one
 * is left, where lane n * SIMD_LANES / count belongs to vector n. */
SIMD_INLINE vf sum_all(vf *v, const int count)
{
    int left = count;
    SIMD_UNROLL
    for (int half = SIMD_LANES / 2; half; half /= 2) {
        if (left > 1) {
            left /= 2;
            SIMD_UNROLL
            for (int n = 0; n < SIMD_LANES / 2; n++)
                if (n < left)
                    v[n] = fold(v[n], v[n + left], half);
        } else {
            v[0] += vf_shuffle(v[0], vi_lane() ^ half);
        }
    }
    return v[0];
}

/* out[t][r] = sum over the lanes of sum[t][r]. */
SIMD_INLINE void few_sums(float *out, int64_t out_stride, vf sum[GAD_FEW_ROWS][4], const int T, const int R)
{
    const int rows = T * R > SIMD_LANES ? SIMD_LANES / R : T; /* of x, whose sums fit into one vector */
    const int count = rows * R <= 1 ? 1 : rows * R <= 2 ? 2 : rows * R <= 4 ? 4 : rows * R <= 8 ? 8 : 16;
    SIMD_UNROLL
    for (int t = 0; t < T; t += rows) {
        vf v[SIMD_LANES > 4 ? SIMD_LANES : 4];
        float got[SIMD_LANES];
        SIMD_UNROLL
        for (int n = 0; n < count; n++)
            v[n] = n < rows * R && t + n / R < T ? sum[t + n / R][n % R] : (vf){0};
        vf_store(got, sum_all(v, count));
        SIMD_UNROLL
        for (int n = 0; n < rows * R; n++)
            if (t + n / R < T)
                out[(t + n / R) * out_stride + n % R] = got[n * (SIMD_LANES / count)];
    }
}

/* T rows of x by R rows of w at once. Each sum is in one order whatever the number of rows before or behind. */
SIMD_INLINE void few_tile(float *out, int64_t out_stride, const float *x, int64_t x_stride, const char *w, int64_t w_bytes,
                          int64_t k, const int T, const int R, const gad_dtype dtype)
{
    vf sum[GAD_FEW_ROWS][4];
    SIMD_UNROLL
    for (int t = 0; t < T; t++)
        SIMD_UNROLL
    for (int r = 0; r < R; r++)
        sum[t][r] = (vf){0};
    int64_t l = 0;
    for (; l + FEW_COLUMNS <= k; l += FEW_COLUMNS)
        few_step(sum, x, x_stride, w, w_bytes, l, T, R, dtype);
    for (; l < k; l += SIMD_LANES)
        few_rest(sum, x, x_stride, w, w_bytes, l, k - l, T, R, dtype);
    few_sums(out, out_stride, sum, T, R);
}

SIMD_INLINE void few_outputs(float *out, int64_t out_stride, const float *x, int64_t x_stride, const char *w,
                             int64_t w_bytes, int64_t outputs, int64_t k, const int T, const gad_dtype dtype)
{
    const int R = SIMD_LANES == 16 || T == 1 ? 4 : 2;
    int64_t o = 0;
    for (; o + R <= outputs; o += R)
        few_tile(out + o, out_stride, x, x_stride, w + o * w_bytes, w_bytes, k, T, R, dtype);
    for (; o < outputs; o++)
        few_tile(out + o, out_stride, x, x_stride, w + o * w_bytes, w_bytes, k, T, 1, dtype);
}

#define FEW_OF(name, dtype)                                                                                                \
    static void name(float *out, int64_t out_stride, const float *x, int64_t x_stride, int rows, const char *w,            \
                     int64_t w_bytes, int64_t outputs, int64_t k)                                                          \
    {                                                                                                                      \
        switch (rows) {                                                                                                    \
        case 1: few_outputs(out, out_stride, x, x_stride, w, w_bytes, outputs, k, 1, dtype); break;                        \
        case 2: few_outputs(out, out_stride, x, x_stride, w, w_bytes, outputs, k, 2, dtype); break;                        \
        case 3: few_outputs(out, out_stride, x, x_stride, w, w_bytes, outputs, k, 3, dtype); break;                        \
        default: few_outputs(out, out_stride, x, x_stride, w, w_bytes, outputs, k, 4, dtype); break;                       \
        }                                                                                                                  \
    }
FEW_OF(few_f32, GAD_F32)
FEW_OF(few_bf16, GAD_BF16)
FEW_OF(few_f16, GAD_F16)
FEW_OF(few_s8, GAD_S8)
#undef FEW_OF

static void few(float *out, int64_t out_stride, const float *x, int64_t x_stride, int rows, const char *w, int64_t w_bytes,
                gad_dtype dtype, int64_t outputs, int64_t k)
{
    switch (dtype) {
    case GAD_BF16: few_bf16(out, out_stride, x, x_stride, rows, w, w_bytes, outputs, k); break;
    case GAD_F16: few_f16(out, out_stride, x, x_stride, rows, w, w_bytes, outputs, k); break;
    case GAD_S8: few_s8(out, out_stride, x, x_stride, rows, w, w_bytes, outputs, k); break;
    default: few_f32(out, out_stride, x, x_stride, rows, w, w_bytes, outputs, k); break;
    }
}
