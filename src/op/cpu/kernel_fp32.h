/* kernel_fp32: products of fp32 words. Included once per instruction set. */
#include "op/cpu/kernel_tile.h"

SIMD_INLINE void pack_row_block(float *panel, int width, int lanes, const char *const *row, int rows, int64_t k,
                                float alpha, const gad_dtype dtype)
{
    const int64_t number = dtype == GAD_F32 ? 4 : 2;
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
            block[r] *= alpha;
        }
        vf_transpose(block);
        put_block(panel + l * width, width, lanes, block, count, l + SIMD_LANES == k);
    }
}

SIMD_INLINE void pack_column_block(float *panel, int width, int lanes, const char *src, int64_t row_bytes, int count,
                                   bool whole, int64_t k, float alpha, const gad_dtype dtype)
{
    for (int64_t l = 0; l < k; l++) {
        const char *from = src + l * row_bytes;
        __builtin_prefetch(from + AHEAD_ROWS * row_bytes);
        const vf v = whole ? weight_load(from, dtype) : weight_load_part(from, count, dtype);
        put_lanes(panel + l * width, alpha * v, lanes, l == k - 1);
    }
}

SIMD_INLINE vf add_products(vf sum, float a, vf b)
{
    return sum + a * b;
}

#include "op/cpu/kernel_product.h"
