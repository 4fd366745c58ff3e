/* kernel_gemm: packing and the register tile of the matrix product. Included once per instruction set. The tile keeps
 * MR x 2 vectors of C in registers: 24 of 32 with AVX-512, 12 of 16 with AVX2, 8 of 16 without. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

enum { MR = SIMD_LANES == 16 ? 12 : SIMD_LANES == 8 ? 6 : 4, NR = 2 * SIMD_LANES };

/* Where l is not the last of the panel, whole vectors are written: the surplus lanes are overwritten by the next l. */
SIMD_INLINE void put_lanes(float *to, vf v, int lanes, bool last)
{
    if (lanes == SIMD_LANES || !last)
        vf_store(to, v);
    else
        vf_store_part(to, v, lanes);
}

SIMD_INLINE void pack_row_block(float *panel, int width, int lanes, const char *const *row, const float *const *scale,
                                int rows, int64_t k, float alpha, const gad_dtype dtype)
{
    const int64_t number = dtype == GAD_Q8 ? 1 : dtype == GAD_F32 ? 4 : 2;
    for (int64_t l = 0; l < k; l += SIMD_LANES) {
        const int64_t count = k - l < SIMD_LANES ? k - l : SIMD_LANES;
        vf block[SIMD_LANES];
        SIMD_UNROLL
        for (int r = 0; r < SIMD_LANES; r++) {
            if (r >= rows)
                block[r] = (vf){0};
            else if (count == SIMD_LANES)
                block[r] = weight_load(row[r] + l * number, dtype);
            else
                block[r] = weight_load_part(row[r] + l * number, count, dtype);
            block[r] *= dtype == GAD_Q8 && r < rows ? alpha * scale[r][l / GAD_Q8_GROUP] : alpha;
        }
        vf_transpose(block);
        if (count == SIMD_LANES) {
            SIMD_UNROLL
            for (int i = 0; i < SIMD_LANES; i++)
                put_lanes(panel + (l + i) * width, block[i], lanes, i == SIMD_LANES - 1 && l + SIMD_LANES == k);
        } else {
            for (int64_t i = 0; i < count; i++)
                put_lanes(panel + (l + i) * width, block[i], lanes, i == count - 1);
        }
    }
}

static void pack_rows(float *panel, int width, const char *const *row, const float *const *scale, int rows, int64_t k,
                      gad_dtype dtype, float alpha)
{
    for (int from = 0; from < width; from += SIMD_LANES) {
        const int lanes = width - from < SIMD_LANES ? width - from : SIMD_LANES;
        const int left = rows - from < 0 ? 0 : rows - from < lanes ? rows - from : lanes;
        const char *const *r = row + from;
        const float *const *s = scale ? scale + from : NULL;
        switch (dtype) {
        case GAD_BF16: pack_row_block(panel + from, width, lanes, r, s, left, k, alpha, GAD_BF16); break;
        case GAD_F16: pack_row_block(panel + from, width, lanes, r, s, left, k, alpha, GAD_F16); break;
        case GAD_Q8: pack_row_block(panel + from, width, lanes, r, s, left, k, alpha, GAD_Q8); break;
        default: pack_row_block(panel + from, width, lanes, r, s, left, k, alpha, GAD_F32); break;
        }
    }
}

enum { AHEAD_ROWS = 12 };

SIMD_INLINE void pack_column_block(float *panel, int width, int lanes, const char *src, int64_t row_bytes, int count,
                                   bool whole, int64_t k, const float *scale, int64_t scale_stride, float alpha,
                                   const gad_dtype dtype)
{
    for (int64_t l = 0; l < k; l++) {
        const char *from = src + l * row_bytes;
        __builtin_prefetch(from + AHEAD_ROWS * row_bytes); /* every row is another page: nobody else fetches it in time */
        vf v = whole ? weight_load(from, dtype) : weight_load_part(from, count, dtype);
        v *= dtype == GAD_Q8 ? alpha * scale[l * scale_stride] : alpha;
        put_lanes(panel + l * width, v, lanes, l == k - 1);
    }
}

static void pack_columns(float *panel, int width, const char *src, int64_t row_bytes, int count, int64_t readable,
                         int64_t k, gad_dtype dtype, const float *scale, int64_t scale_stride, float alpha)
{
    for (int from = 0; from < width; from += SIMD_LANES) {
        const int lanes = width - from < SIMD_LANES ? width - from : SIMD_LANES;
        const int left = count - from < 0 ? 0 : count - from < lanes ? count - from : lanes;
        const bool whole = left == lanes && readable - from >= SIMD_LANES;
        const char *at = src + from * (int64_t)gad_dtype_bytes(dtype);
        if (left <= 0)
            at = src;
        switch (dtype) {
        case GAD_BF16:
            pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, NULL, 0, alpha, GAD_BF16);
            break;
        case GAD_F16:
            pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, NULL, 0, alpha, GAD_F16);
            break;
        case GAD_Q8:
            pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, scale, scale_stride, alpha,
                              GAD_Q8);
            break;
        default:
            pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, NULL, 0, alpha, GAD_F32);
            break;
        }
    }
}

/* c = what the registers hold, plus bias, plus c when `add`. */
SIMD_INLINE void put_tile(vf tile[MR][2], float *c, int64_t c_stride, int m, int n, const float *bias, bool add)
{
    if (n == NR) {
        const vf shift[2] = {bias ? vf_load(bias) : (vf){0}, bias ? vf_load(bias + SIMD_LANES) : (vf){0}};
        for (int r = 0; r < m; r++, c += c_stride)
            for (int j = 0; j < 2; j++) {
                vf sum = tile[r][j] + shift[j];
                vf_store(c + j * SIMD_LANES, add ? sum + vf_load(c + j * SIMD_LANES) : sum);
            }
        return;
    }
    for (int r = 0; r < m; r++, c += c_stride) {
        float row[NR];
        vf_store(row, tile[r][0]);
        vf_store(row + SIMD_LANES, tile[r][1]);
        for (int j = 0; j < n; j++)
            c[j] = row[j] + (bias ? bias[j] : 0) + (add ? c[j] : 0);
    }
}

SIMD_INLINE void multiply_tile(int64_t k, const float *a, const float *b, int64_t b_stride, vf out[MR][2], const int wide)
{
    vf tile[MR][2];
    SIMD_UNROLL
    for (int r = 0; r < MR; r++)
        tile[r][0] = tile[r][1] = (vf){0};
    for (int64_t l = 0; l < k; l++, a += MR, b += b_stride) {
        const vf b0 = vf_load(b), b1 = wide ? vf_load(b + SIMD_LANES) : b0;
        SIMD_UNROLL
        for (int r = 0; r < MR; r++) {
            tile[r][0] += a[r] * b0;
            if (wide)
                tile[r][1] += a[r] * b1;
        }
    }
    SIMD_UNROLL
    for (int r = 0; r < MR; r++) {
        out[r][0] = tile[r][0];
        out[r][1] = tile[r][1];
    }
}

static void multiply(int64_t k, const float *a, const float *b, int64_t b_stride, float *c, int64_t c_stride, int m, int n,
                     const float *bias, bool add)
{
    vf tile[MR][2];
    for (int r = 0; r < m; r++) { /* c may lie in memory: fetch it while the sums are made */
        __builtin_prefetch(c + r * c_stride, 1);
        __builtin_prefetch(c + r * c_stride + n - 1, 1);
    }
    if (n > SIMD_LANES)
        multiply_tile(k, a, b, b_stride, tile, 1);
    else
        multiply_tile(k, a, b, b_stride, tile, 0);
    put_tile(tile, c, c_stride, m, n, bias, add);
}
