/* kernel_product: packs panels of a width and multiplies tiles, for the kind of word of the file that includes it, which
 * defines pack_row_block, pack_column_block and add_products. */
#include "op/cpu/kernel_tile.h"

static void pack_rows(float *panel, int width, const char *const *row, int rows, int64_t k, gad_dtype dtype, float alpha)
{
    for (int from = 0; from < width; from += SIMD_LANES) {
        const int lanes = width - from < SIMD_LANES ? width - from : SIMD_LANES;
        const int left = rows - from < 0 ? 0 : rows - from < lanes ? rows - from : lanes;
        const char *const *r = row + from;
        switch (dtype) {
        case GAD_BF16: pack_row_block(panel + from, width, lanes, r, left, k, alpha, GAD_BF16); break;
        case GAD_F16: pack_row_block(panel + from, width, lanes, r, left, k, alpha, GAD_F16); break;
        default: pack_row_block(panel + from, width, lanes, r, left, k, alpha, GAD_F32); break;
        }
    }
}

static void pack_columns(float *panel, int width, const char *src, int64_t row_bytes, int count, int64_t readable,
                         int64_t k, gad_dtype dtype, float alpha)
{
    for (int from = 0; from < width; from += SIMD_LANES) {
        const int lanes = width - from < SIMD_LANES ? width - from : SIMD_LANES;
        const int left = count - from < 0 ? 0 : count - from < lanes ? count - from : lanes;
        const bool whole = left == lanes && readable - from >= SIMD_LANES;
        const char *at = left > 0 ? src + from * (int64_t)gad_dtype_bytes(dtype) : src;
        switch (dtype) {
        case GAD_BF16: pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, alpha, GAD_BF16); break;
        case GAD_F16: pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, alpha, GAD_F16); break;
        default: pack_column_block(panel + from, width, lanes, at, row_bytes, left, whole, k, alpha, GAD_F32); break;
        }
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
            tile[r][0] = add_products(tile[r][0], a[r], b0);
            if (wide)
                tile[r][1] = add_products(tile[r][1], a[r], b1);
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
    fetch_tile(c, c_stride, m, n);
    if (n > SIMD_LANES)
        multiply_tile(k, a, b, b_stride, tile, 1);
    else
        multiply_tile(k, a, b, b_stride, tile, 0);
    put_tile(tile, c, c_stride, m, n, bias, add);
}
