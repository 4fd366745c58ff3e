/* resize_rows_avx2: the inner loop of resize for AVX2; see resize_rows.h */
#include "io/resize_rows.h"

#if defined(__AVX2__)
#include <immintrin.h>

/* 16 sums in two registers; `row` is their first byte of the first row. */
static inline __attribute__((always_inline)) void add_row(__m256i sum[2], const uint8_t *row, __m256i weight)
{
    __m256i low = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)row));
    __m256i high = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(row + 8)));
    sum[0] = _mm256_add_epi32(sum[0], _mm256_mullo_epi32(low, weight));
    sum[1] = _mm256_add_epi32(sum[1], _mm256_mullo_epi32(high, weight));
}

static inline __attribute__((always_inline)) void store_sums(uint8_t *out, const __m256i sum[2], __m128i shift)
{
    __m256i words = _mm256_packs_epi32(_mm256_sra_epi32(sum[0], shift), _mm256_sra_epi32(sum[1], shift));
    __m256i ordered = _mm256_permute4x64_epi64(words, 0xD8); /* packs works within halves */
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
    _mm_storeu_si128((__m128i *)out, bytes);
}

/* 16 * blocks outputs; `blocks` is a constant where this is inlined. */
static inline __attribute__((always_inline)) void combine_blocks(uint8_t *out, const uint8_t *rows, size_t stride,
                                                                 const int32_t *weights, int64_t count, int shift,
                                                                 const int blocks)
{
    __m256i sum[3][2];
    for (int b = 0; b < blocks; b++)
        sum[b][0] = sum[b][1] = _mm256_set1_epi32(1 << (shift - 1));
    for (int64_t k = 0; k < count; k++, rows += stride) {
        __m256i weight = _mm256_set1_epi32(weights[k]);
        for (int b = 0; b < blocks; b++)
            add_row(sum[b], rows + 16 * b, weight);
    }
    for (int b = 0; b < blocks; b++)
        store_sums(out + 16 * b, sum[b], _mm_cvtsi32_si128(shift));
}

void gad_resize_rows_combine_avx2(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                                  size_t n, int shift)
{
    size_t i = 0;
    for (; i + 48 <= n; i += 48)
        combine_blocks(out + i, rows + i, stride, weights, count, shift, 3);
    for (; i + 16 <= n; i += 16)
        combine_blocks(out + i, rows + i, stride, weights, count, shift, 1);
    gad_resize_rows_body(out + i, rows + i, stride, weights, count, n - i, shift);
}
#else
void gad_resize_rows_combine_avx2(uint8_t *out, const uint8_t *rows, size_t stride, const int32_t *weights, int64_t count,
                                  size_t n, int shift)
{
    gad_resize_rows_body(out, rows, stride, weights, count, n, shift);
}
#endif
