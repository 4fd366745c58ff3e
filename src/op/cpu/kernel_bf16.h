/* kernel_bf16: packing and multiplying panels of bf16 pairs with AVX512_BF16 or NEON's: twice the products of fp32 in an
 * instruction, sums in fp32. A factor is alpha times the number, rounded to fp32 and then to bf16. */
#include "op/cpu/kernel_tile.h"

#if SIMD_NEON

/* 2 * SIMD_LANES numbers rounded to bf16; a pair of neighbours is a word. */
SIMD_INLINE vf round_pairs(vf low, vf high)
{
    return (vf)vcvtq_high_bf16_f32(vcvtq_low_bf16_f32((float32x4_t)low), (float32x4_t)high);
}

/* Number j of `first` and number j of `second`, rounded, as word j. */
SIMD_INLINE vf round_beside(vf first, vf second)
{
    const uint16x8_t all = (uint16x8_t)round_pairs(first, second);
    return (vf)vzip1q_u16(all, vextq_u16(all, all, SIMD_LANES));
}

SIMD_INLINE vf add_products(vf sum, float a, vf b)
{
    return (vf)vbfdotq_f32((float32x4_t)sum, (bfloat16x8_t)vf_set(a), (bfloat16x8_t)b);
}

#else

SIMD_INLINE vf round_pairs(vf low, vf high)
{
    return (vf)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

SIMD_INLINE vf round_beside(vf first, vf second)
{
    static const uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                       8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return (vf)_mm512_permutexvar_epi16(_mm512_loadu_si512(order), (__m512i)round_pairs(first, second));
}

SIMD_INLINE vf add_products(vf sum, float a, vf b)
{
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_ps(a), (__m512bh)b);
}

#endif

/* The first `count` <= 2 * SIMD_LANES numbers as words, 0 behind them. */
SIMD_INLINE vf words_load(const char *p, int64_t count, float alpha, const gad_dtype dtype)
{
    const int64_t number = dtype == GAD_F32 ? 4 : 2, high = count - SIMD_LANES;
    if (count == 2 * SIMD_LANES && dtype == GAD_BF16 && alpha == 1)
        return vf_load((const float *)(const void *)p);
    const vf first = high >= 0 ? weight_load(p, dtype) : weight_load_part(p, count, dtype);
    const char *rest = p + SIMD_LANES * number;
    const vf second = high == SIMD_LANES ? weight_load(rest, dtype)
                      : high > 0         ? weight_load_part(rest, high, dtype)
                                         : (vf){0};
    return round_pairs(alpha * first, alpha * second);
}

SIMD_INLINE void pack_row_block(float *panel, int width, int lanes, const char *const *row, int rows, int64_t k,
                                float alpha, const gad_dtype dtype)
{
    const int64_t number = dtype == GAD_F32 ? 4 : 2;
    for (int64_t l = 0; l < k; l += 2 * SIMD_LANES) {
        const int64_t count = k - l < 2 * SIMD_LANES ? k - l : 2 * SIMD_LANES;
        vf block[SIMD_LANES];
        for (int r = 0; r < SIMD_LANES; r++)
            block[r] = r < rows ? words_load(row[r] + l * number, count, alpha, dtype) : (vf){0};
        vf_transpose(block);
        put_block(panel + l / 2 * width, width, lanes, block, (count + 1) / 2, l + 2 * SIMD_LANES == k);
    }
}

/* Words of rows l and l + 1, the latter 0 when it is past the end. */
SIMD_INLINE void pack_column_block(float *panel, int width, int lanes, const char *src, int64_t row_bytes, int count,
                                   bool whole, int64_t k, float alpha, const gad_dtype dtype)
{
    for (int64_t l = 0; l < k; l += 2) {
        const char *at = src + l * row_bytes;
        __builtin_prefetch(at + AHEAD_ROWS * row_bytes);
        __builtin_prefetch(at + (AHEAD_ROWS + 1) * row_bytes);
        const vf first = whole ? weight_load(at, dtype) : weight_load_part(at, count, dtype);
        const vf second = l + 1 == k ? (vf){0}
                          : whole    ? weight_load(at + row_bytes, dtype)
                                     : weight_load_part(at + row_bytes, count, dtype);
        put_lanes(panel + l / 2 * width, round_beside(alpha * first, alpha * second), lanes, l + 2 >= k);
    }
}

#include "op/cpu/kernel_product.h"
