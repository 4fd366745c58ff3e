/* simd: vectors of SIMD_LANES floats in one vocabulary for every instruction set. The file that includes this defines
 * SIMD_LANES (16: AVX-512, 8: AVX2 with FMA, 4: anything, or NEON with SIMD_NEON) and is compiled for that set. Written
 * with the compiler's vector types; intrinsics only where those have no good word (minimum, maximum, half floats, masks).
 */
#ifndef GAD_OP_CPU_SIMD_H
#define GAD_OP_CPU_SIMD_H
#include "op/tensor.h"

#include <stdint.h>
#include <string.h>
#ifndef SIMD_NEON
#define SIMD_NEON 0
#endif
#if SIMD_LANES > 4
#include <immintrin.h>
#elif SIMD_NEON
#include <arm_neon.h>
#endif

#define SIMD_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define SIMD_UNROLL /* checked with clang, built with gcc: unrolled, one file of kernels takes clang many minutes */
#else
#define SIMD_UNROLL _Pragma("GCC unroll 32")
#endif

typedef float vf __attribute__((vector_size(4 * SIMD_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * SIMD_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * SIMD_LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * SIMD_LANES)));

/* ---- memory; no alignment is needed anywhere ---- */

typedef float vf_any __attribute__((vector_size(4 * SIMD_LANES), aligned(1), may_alias));
typedef int8_t vb_any __attribute__((vector_size(SIMD_LANES), aligned(1), may_alias));
typedef uint16_t vh_any __attribute__((vector_size(2 * SIMD_LANES), aligned(1), may_alias));

SIMD_INLINE vf vf_load(const float *p)
{
    return *(const vf_any *)p;
}

SIMD_INLINE void vf_store(float *p, vf v)
{
    *(vf_any *)p = v;
}

/* The first n < SIMD_LANES numbers, 0 behind them. */
SIMD_INLINE vf vf_load_part(const float *p, int64_t n)
{
#if SIMD_LANES == 16
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
#endif
}

SIMD_INLINE void vf_store_part(float *p, vf v, int64_t n)
{
#if SIMD_LANES == 16
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    memcpy(p, &v, (size_t)n * sizeof(float));
#endif
}

SIMD_INLINE vf vf_set(float x)
{
    return x - (vf){0};
}

SIMD_INLINE vi vi_set(int32_t x)
{
    return x - (vi){0};
}

/* ---- weights of F32, BF16 and F16, and bytes of S8 without their scale, as floats ---- */

SIMD_INLINE int64_t weight_bytes(const gad_dtype dtype)
{
    return dtype == GAD_F32 ? 4 : dtype == GAD_S8 ? 1 : 2;
}

SIMD_INLINE vf bytes_to_floats(const char *p)
{
#if SIMD_LANES == 16
    return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif SIMD_LANES == 8
    return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#else
    return __builtin_convertvector(*(const vb_any *)p, vf);
#endif
}

SIMD_INLINE vu widen_half(vh h)
{
#if SIMD_LANES == 16
    return (vu)_mm512_cvtepu16_epi32((__m256i)h);
#elif SIMD_LANES == 8
    return (vu)_mm256_cvtepu16_epi32((__m128i)h);
#else
    return __builtin_convertvector(h, vu);
#endif
}

SIMD_INLINE vf half_to_floats(vh h)
{
#if SIMD_LANES == 16
    return (vf)_mm512_cvtph_ps((__m256i)h);
#elif SIMD_LANES == 8
    return (vf)_mm256_cvtph_ps((__m128i)h);
#elif SIMD_NEON
    return (vf)vcvt_f32_f16((float16x4_t)h);
#else
    /* the exponent moves from bias 15 to 127 by a multiplication, which also makes subnormals normal */
    vu bits = widen_half(h), magnitude = (bits & 0x7FFF) << 13;
    vf value = (vf)magnitude * 0x1p112f;
    vu special = (vu)((vi)magnitude >= 0x0F800000) & 0x7F800000; /* infinity and NaN keep their exponent */
    return (vf)((vu)value | special | (bits & 0x8000) << 16);
#endif
}

SIMD_INLINE vf weight_load(const char *p, gad_dtype dtype)
{
    switch (dtype) {
    case GAD_BF16: return (vf)(widen_half(*(const vh_any *)p) << 16);
    case GAD_F16: return half_to_floats(*(const vh_any *)p);
    case GAD_S8: return bytes_to_floats(p);
    default: return *(const vf_any *)p;
    }
}

/* The first n < SIMD_LANES numbers, 0 behind them. */
SIMD_INLINE vf weight_load_part(const char *p, int64_t n, gad_dtype dtype)
{
    char bytes[4 * SIMD_LANES] = {0};
    memcpy(bytes, p, (size_t)(n * weight_bytes(dtype)));
    return weight_load(bytes, dtype);
}

/* ---- comparison; NaN in the second argument stays ---- */

SIMD_INLINE vf vf_select(vi mask, vf yes, vf no)
{
    return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

SIMD_INLINE vf vf_max(vf a, vf b)
{
#if SIMD_LANES == 16
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif SIMD_LANES == 8
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif SIMD_NEON
    return (vf)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#else
    return vf_select((vi)(a > b), a, b);
#endif
}

SIMD_INLINE vf vf_min(vf a, vf b)
{
#if SIMD_LANES == 16
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif SIMD_LANES == 8
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif SIMD_NEON
    return (vf)vminq_f32((float32x4_t)a, (float32x4_t)b);
#else
    return vf_select((vi)(a < b), a, b);
#endif
}

SIMD_INLINE vf vf_abs(vf x)
{
    return (vf)((vi)x & 0x7FFFFFFF);
}

SIMD_INLINE vf vf_sqrt(vf x)
{
#if SIMD_LANES == 16
    return (vf)_mm512_sqrt_ps((__m512)x);
#elif SIMD_LANES == 8
    return (vf)_mm256_sqrt_ps((__m256)x);
#elif SIMD_NEON
    return (vf)vsqrtq_f32((float32x4_t)x);
#else
    vf y;
    for (int i = 0; i < SIMD_LANES; i++)
        y[i] = __builtin_sqrtf(x[i]);
    return y;
#endif
}

/* ---- across lanes: always in the same order ---- */

SIMD_INLINE vi vi_lane(void)
{
    vi lane;
    SIMD_UNROLL
    for (int j = 0; j < SIMD_LANES; j++)
        lane[j] = j;
    return lane;
}

/* Lane j becomes lane from[j] of v, or of a and then b. clang has no word for lanes that are computed. */
SIMD_INLINE vf vf_shuffle(vf v, vi from)
{
#ifdef __clang__
    vf moved;
    SIMD_UNROLL
    for (int j = 0; j < SIMD_LANES; j++)
        moved[j] = v[from[j]];
    return moved;
#else
    return __builtin_shuffle(v, from);
#endif
}

SIMD_INLINE vf vf_shuffle_two(vf a, vf b, vi from)
{
#ifdef __clang__
    vf moved;
    SIMD_UNROLL
    for (int j = 0; j < SIMD_LANES; j++)
        moved[j] = from[j] < SIMD_LANES ? a[from[j]] : b[from[j] - SIMD_LANES];
    return moved;
#else
    return __builtin_shuffle(a, b, from);
#endif
}

SIMD_INLINE float vf_sum(vf v)
{
    SIMD_UNROLL
    for (int half = SIMD_LANES / 2; half; half /= 2)
        v += vf_shuffle(v, vi_lane() ^ half);
    return v[0];
}

/* NaN may get lost; it shows again in what is computed with the result. */
SIMD_INLINE float vf_largest(vf v)
{
    SIMD_UNROLL
    for (int half = SIMD_LANES / 2; half; half /= 2)
        v = vf_max(v, vf_shuffle(v, vi_lane() ^ half));
    return v[0];
}

/* row[i][j] <-> row[j][i]: each step exchanges one bit of the row number with the same bit of the lane number. */
SIMD_INLINE void vf_transpose(vf row[SIMD_LANES])
{
    const vi lane = vi_lane();
    SIMD_UNROLL
    for (int step = 1; step < SIMD_LANES; step *= 2) {
        const vi upper = (vi)((lane & step) != 0);
        const vi low = (upper & (lane + SIMD_LANES - step)) | (~upper & lane);
        const vi high = (upper & (lane + SIMD_LANES)) | (~upper & (lane + step));
        SIMD_UNROLL
        for (int i = 0; i < SIMD_LANES; i++)
            if (!(i & step)) {
                vf a = row[i], b = row[i + step];
                row[i] = vf_shuffle_two(a, b, low);
                row[i + step] = vf_shuffle_two(a, b, high);
            }
    }
}
#endif
