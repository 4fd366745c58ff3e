/* kernel_int8: rows of activations in 8 bits against weights in 8 or 4 bits (quant.h). Included once per instruction set:
 * with VNNI (INT8_VNNI), AVX2 alone, NEON's dot products (INT8_DOT; INT8_MIXED where one factor may be unsigned), or none.
 * A lane is an output; 4 columns meet in a lane at once, of x they are one word that all lanes share. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"
#include "op/quant.h"

#ifndef INT8_VNNI
#define INT8_VNNI 0
#endif
#ifndef INT8_DOT
#define INT8_DOT 0
#endif
#ifndef INT8_MIXED
#define INT8_MIXED 0
#endif

/* A tile has ROWS rows of x by BLOCKS blocks of outputs, in PARTS vectors each: its integers stay in registers. */
enum {
    ROWS = SIMD_LANES == 16  ? 6
           : SIMD_LANES == 8 ? 4
           : INT8_DOT        ? 4
                             : 2,
    BLOCKS = SIMD_LANES == 16 ? 2 : 1,
    PARTS = GAD_QUANT_ROWS / SIMD_LANES,
    VECTORS = BLOCKS * PARTS,
    WORDS = GAD_QUANT_GROUP / 4, /* of a group */
    LINE = GAD_QUANT_ROWS * 4,   /* bytes of a block's rows for one word of x */
    AHEAD = 4096,                /* bytes that are fetched ahead into the second-level cache */
    FEW = 2                      /* rows of x up to which reading the weights is the limit */
};

typedef vi vi_any __attribute__((aligned(1), may_alias));

SIMD_INLINE vi vi_load(const void *p)
{
    return *(const vi_any *)p;
}

SIMD_INLINE int32_t word_load(const int8_t *p)
{
    int32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* ---- sum += w . x in every lane, w of 0 to 255, x of -127 to 127 ---- */

#if INT8_VNNI && SIMD_LANES == 16

SIMD_INLINE vi add_bytes(vi sum, vi w, int32_t x)
{
    return (vi)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, _mm512_set1_epi32(x));
}

#elif INT8_VNNI

SIMD_INLINE vi add_bytes(vi sum, vi w, int32_t x)
{
    return (vi)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)w, _mm256_set1_epi32(x));
}

#elif INT8_MIXED

SIMD_INLINE vi add_bytes(vi sum, vi w, int32_t x)
{
    return (vi)vusdotq_s32((int32x4_t)sum, (uint8x16_t)w, (int8x16_t)vi_set(x));
}

#elif INT8_DOT

/* w of -128 to 127 */
SIMD_INLINE vi add_bytes(vi sum, vi w, int32_t x)
{
    return (vi)vdotq_s32((int32x4_t)sum, (int8x16_t)w, (int8x16_t)vi_set(x));
}

#elif SIMD_LANES == 4

SIMD_INLINE vi add_bytes(vi sum, vi w, int32_t x)
{
    SIMD_UNROLL
    for (int i = 0; i < 4; i++) {
        const vi byte = (vi)((vu)w >> (8 * i) & 0xFF);
        sum += byte * ((int8_t)(x >> (8 * i)) - (vi){0});
    }
    return sum;
}

#endif

/* A group's sum of 128 + q starts at what the 128 are too much. */
#if INT8_VNNI || SIMD_LANES == 4

typedef vi q8_factor;

#if INT8_DOT && !INT8_MIXED

SIMD_INLINE q8_factor q8_load(const void *p)
{
    return (vi)((vu)vi_load(p) ^ 0x80808080u); /* 128 + q as the signed byte q */
}

SIMD_INLINE vi q8_start(int32_t sum)
{
    (void)sum;
    return (vi){0};
}

#else

SIMD_INLINE q8_factor q8_load(const void *p)
{
    return vi_load(p);
}

SIMD_INLINE vi q8_start(int32_t sum)
{
    return vi_set(-128 * sum);
}

#endif

SIMD_INLINE vi q8_add(vi sum, q8_factor w, int32_t x)
{
    return add_bytes(sum, w, x);
}

SIMD_INLINE vi q4_add(vi sum, vi w, int32_t x)
{
    return add_bytes(sum, w, x);
}

SIMD_INLINE vi q4_end(vi sum)
{
    return sum;
}

#else

/* AVX2 multiplies bytes without sign by bytes with one and adds pairs in 16 bits: |q| by x with the sign of q, at most
 * 2 * 127 * 127, saturates nowhere. Of 4 bits, sums of a whole half group fit: 8 * 2 * 15 * 127. */
typedef struct q8_factor {
    __m256i magnitude, sign;
} q8_factor;

SIMD_INLINE q8_factor q8_load(const void *p)
{
    const __m256i q = _mm256_xor_si256((__m256i)vi_load(p), _mm256_set1_epi8(-128));
    return (q8_factor){_mm256_abs_epi8(q), q};
}

SIMD_INLINE vi q8_start(int32_t sum)
{
    (void)sum;
    return (vi){0};
}

SIMD_INLINE vi q8_add(vi sum, q8_factor w, int32_t x)
{
    const __m256i pairs = _mm256_maddubs_epi16(w.magnitude, _mm256_sign_epi8(_mm256_set1_epi32(x), w.sign));
    return sum + (vi)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

SIMD_INLINE vi q4_add(vi sum, vi w, int32_t x)
{
    return (vi)_mm256_add_epi16((__m256i)sum, _mm256_maddubs_epi16((__m256i)w, _mm256_set1_epi32(x)));
}

SIMD_INLINE vi q4_end(vi sum)
{
    return (vi)_mm256_madd_epi16((__m256i)sum, _mm256_set1_epi16(1));
}

#endif

/* ---- tiles ---- */

/* Where a tile finds its rows (of `all` that lie beside each other) and its weights. */
typedef struct tile_place {
    int64_t groups, all;
    const int8_t *number;
    const float *scale, *half_sum;
    const int32_t *sum;
    const uint8_t *data;
    const char *w_scale;
    int64_t data_bytes, w_scale_bytes; /* of a block */
} tile_place;

SIMD_INLINE vf bytes_as_floats(const uint8_t *p)
{
#if SIMD_LANES == 16
    return __builtin_convertvector((vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i_u *)p)), vf);
#elif SIMD_LANES == 8
    return __builtin_convertvector((vi)_mm256_cvtepu8_epi32(_mm_loadu_si64(p)), vf);
#else
    return (vf){p[0], p[1], p[2], p[3]};
#endif
}

/* Vector v of a tile's weights at a line of the block's data, fetched ahead when few rows share it. */
SIMD_INLINE const uint8_t *tile_line(const tile_place *t, int64_t line, int v, const int M)
{
    const uint8_t *at = t->data + line * LINE + v / PARTS * t->data_bytes + v % PARTS * 4 * SIMD_LANES;
    if (M <= FEW && v % PARTS == 0)
        __builtin_prefetch(at + AHEAD, 0, 2);
    return at;
}

/* M rows by V vectors of Q8: one group. */
SIMD_INLINE void q8_group(vf tile[ROWS][VECTORS], const tile_place *t, int64_t g, const int M, const int V)
{
    vi sum[ROWS][VECTORS];
    SIMD_UNROLL
    for (int r = 0; r < M; r++)
        SIMD_UNROLL
    for (int v = 0; v < V; v++)
        sum[r][v] = q8_start(t->sum[g * t->all + r]);
    for (int64_t n = g * WORDS; n < (g + 1) * WORDS; n++) {
        q8_factor w[VECTORS];
        SIMD_UNROLL
        for (int v = 0; v < V; v++)
            w[v] = q8_load(tile_line(t, n, v, M));
        SIMD_UNROLL
        for (int r = 0; r < M; r++)
            SIMD_UNROLL
        for (int v = 0; v < V; v++)
            sum[r][v] = q8_add(sum[r][v], w[v], word_load(t->number + (n * t->all + r) * 4));
    }
    SIMD_UNROLL
    for (int v = 0; v < V; v++) {
        const int64_t at = g * GAD_QUANT_ROWS + v % PARTS * SIMD_LANES;
        const vf scale = weight_load(t->w_scale + v / PARTS * t->w_scale_bytes + at * 2, GAD_BF16);
        SIMD_UNROLL
        for (int r = 0; r < M; r++)
            tile[r][v] += __builtin_convertvector(sum[r][v], vf) * (scale * t->scale[g * t->all + r]);
    }
}

/* M rows by V vectors of Q4: one half group. */
SIMD_INLINE void q4_half(vf tile[ROWS][VECTORS], const tile_place *t, int64_t half, const int M, const int V)
{
    vi sum[ROWS][VECTORS];
    SIMD_UNROLL
    for (int r = 0; r < M; r++)
        SIMD_UNROLL
    for (int v = 0; v < V; v++)
        sum[r][v] = (vi){0};
    for (int64_t n = 0; n < WORDS / 4; n++) {
        const int8_t *low = t->number + (half * WORDS / 2 + n) * t->all * 4, *high = low + WORDS / 4 * t->all * 4;
        vi both[VECTORS];
        SIMD_UNROLL
        for (int v = 0; v < V; v++)
            both[v] = vi_load(tile_line(t, half * WORDS / 4 + n, v, M));
        SIMD_UNROLL
        for (int v = 0; v < V; v++) {
            const vi w = both[v] & 0x0F0F0F0F;
            SIMD_UNROLL
            for (int r = 0; r < M; r++)
                sum[r][v] = q4_add(sum[r][v], w, word_load(low + r * 4));
        }
        SIMD_UNROLL
        for (int v = 0; v < V; v++) {
            const vi w = both[v] >> 4 & 0x0F0F0F0F;
            SIMD_UNROLL
            for (int r = 0; r < M; r++)
                sum[r][v] = q4_add(sum[r][v], w, word_load(high + r * 4));
        }
    }
    SIMD_UNROLL
    for (int v = 0; v < V; v++) {
        const float *unit = (const float *)(const void *)(t->w_scale + v / PARTS * t->w_scale_bytes);
        const int lane = v % PARTS * SIMD_LANES;
        const uint8_t *byte = (const uint8_t *)(unit + 2 * GAD_QUANT_ROWS) + half * 2 * GAD_QUANT_ROWS + lane;
        const vf step = bytes_as_floats(byte) * vf_load(unit + lane);
        const vf least = bytes_as_floats(byte + GAD_QUANT_ROWS) * vf_load(unit + GAD_QUANT_ROWS + lane);
        SIMD_UNROLL
        for (int r = 0; r < M; r++) {
            tile[r][v] += __builtin_convertvector(q4_end(sum[r][v]), vf) * (step * t->scale[half / 2 * t->all + r]);
            tile[r][v] -= least * t->half_sum[half * t->all + r];
        }
    }
}

SIMD_INLINE void int8_tile(float *out, int64_t out_stride, tile_place t, gad_dtype dtype, const int M, const int V)
{
    vf tile[ROWS][VECTORS];
    SIMD_UNROLL
    for (int r = 0; r < M; r++)
        SIMD_UNROLL
    for (int v = 0; v < V; v++)
        tile[r][v] = (vf){0};
    if (dtype == GAD_Q8)
        for (int64_t g = 0; g < t.groups; g++)
            q8_group(tile, &t, g, M, V);
    else
        for (int64_t half = 0; half < 2 * t.groups; half++)
            q4_half(tile, &t, half, M, V);
    SIMD_UNROLL
    for (int r = 0; r < M; r++)
        SIMD_UNROLL
    for (int v = 0; v < V; v++)
        vf_store(out + r * out_stride + v * SIMD_LANES, tile[r][v]);
}

SIMD_INLINE void next_rows(tile_place *t, float **out, int64_t out_stride, int rows)
{
    t->number += rows * 4;
    t->scale += rows;
    t->sum += rows;
    t->half_sum += rows;
    *out += rows * out_stride;
}

SIMD_INLINE void int8_rows(float *out, int64_t out_stride, tile_place t, gad_dtype dtype, const int V)
{
    int64_t left = t.all;
    for (; ROWS > 4 && left >= ROWS; left -= ROWS, next_rows(&t, &out, out_stride, ROWS))
        int8_tile(out, out_stride, t, dtype, ROWS, V);
    for (; ROWS >= 4 && left >= 4; left -= 4, next_rows(&t, &out, out_stride, 4))
        int8_tile(out, out_stride, t, dtype, 4, V);
    for (; left >= 2; left -= 2, next_rows(&t, &out, out_stride, 2))
        int8_tile(out, out_stride, t, dtype, 2, V);
    if (left)
        int8_tile(out, out_stride, t, dtype, 1, V);
}

SIMD_INLINE int64_t panel_rows(const gad_int8_rows *x, int64_t p)
{
    return x->rows - p * x->panel < x->panel ? x->rows - p * x->panel : x->panel;
}

static void multiply(float *out, int64_t out_stride, const gad_int8_rows *x, int64_t p, const gad_weight *w, int64_t block,
                     int blocks)
{
    const int64_t before = p * x->panel * x->groups;
    tile_place t = {.groups = x->groups,
                    .all = panel_rows(x, p),
                    .number = x->number + before * GAD_QUANT_GROUP,
                    .scale = x->scale + before,
                    .half_sum = x->half_sum + 2 * before,
                    .sum = x->sum + before,
                    .data_bytes = gad_quant_block_bytes(w->dtype, w->cols),
                    .w_scale_bytes = gad_quant_block_scale_bytes(w->dtype, w->cols)};
    t.data = (const uint8_t *)w->data + block * t.data_bytes;
    t.w_scale = (const char *)w->scale + block * t.w_scale_bytes;
    if (blocks == BLOCKS)
        int8_rows(out, out_stride, t, w->dtype, VECTORS);
    else
        int8_rows(out, out_stride, t, w->dtype, PARTS);
}

/* ---- activations: gad_quant_round, vectors at a time ---- */

#if SIMD_LANES == 4 && !SIMD_NEON

static float round_group(int8_t *q, int32_t half[2], const float *x, float alpha)
{
    float value[GAD_QUANT_GROUP];
    for (int i = 0; i < GAD_QUANT_GROUP; i++)
        value[i] = alpha * x[i];
    const float scale = gad_quant_round(q, value, GAD_QUANT_GROUP);
    half[0] = half[1] = 0;
    for (int i = 0; i < GAD_QUANT_GROUP; i++)
        half[i / GAD_QUANT_HALF] += q[i];
    return scale;
}

#else

SIMD_INLINE vi nearest(vf x)
{
#if SIMD_LANES == 16
    return (vi)_mm512_cvtps_epi32((__m512)x);
#elif SIMD_NEON
    return (vi)vcvtnq_s32_f32((float32x4_t)x);
#else
    return (vi)_mm256_cvtps_epi32((__m256)x);
#endif
}

SIMD_INLINE vi larger_of(vi a, vi b)
{
    const vi larger = (vi)(a > b);
    return (a & larger) | (b & ~larger);
}

/* A group of alpha * x; `half` gets the sums of its halves. Bits of numbers without their sign compare like the numbers,
 * and NaN and infinity are the largest. */
SIMD_INLINE float round_group(int8_t *q, int32_t half[2], const float *x, float alpha)
{
    enum { STEPS = GAD_QUANT_GROUP / SIMD_LANES };
    typedef int8_t vb __attribute__((vector_size(SIMD_LANES), aligned(1), may_alias));
    vf value[STEPS];
    vi most = {0}, sum[2] = {{0}, {0}};
    SIMD_UNROLL
    for (int i = 0; i < STEPS; i++) {
        value[i] = alpha * vf_load(x + i * SIMD_LANES);
        most = larger_of((vi)vf_abs(value[i]), most);
    }
    SIMD_UNROLL
    for (int step = SIMD_LANES / 2; step; step /= 2)
        most = larger_of(most, (vi)vf_shuffle((vf)most, vi_lane() ^ step));
    const float largest = ((vf)most)[0];
    const bool finite = most[0] < 0x7F800000, usable = finite && largest >= 0x1p-100f;
    const float inverse = usable ? 127.0f / largest : 0;
    const vi kept = vi_set(usable ? -1 : 0);
    SIMD_UNROLL
    for (int i = 0; i < STEPS; i++) {
        const vi rounded = nearest(value[i] * inverse) & kept;
        sum[i / (STEPS / 2)] += rounded;
        *(vb *)(q + i * SIMD_LANES) = __builtin_convertvector(rounded, vb);
    }
    for (int i = 0; i < 2; i++) /* small integers: exact as floats */
        half[i] = (int32_t)vf_sum(__builtin_convertvector(sum[i], vf));
    return usable ? largest / 127.0f : finite ? 0 : __builtin_nanf("");
}

#endif

static void round_panel(const gad_int8_rows *rows, int64_t p, const float *x, int64_t stride, int64_t n, float alpha)
{
    const int64_t before = p * rows->panel * rows->groups, all = panel_rows(rows, p);
    for (int64_t r = 0; r < all; r++)
        for (int64_t g = 0; g < rows->groups; g++) {
            const int64_t from = g * GAD_QUANT_GROUP, left = n - from, at = before + g * all + r;
            int8_t q[GAD_QUANT_GROUP], *to = rows->number + (before + g * all) * GAD_QUANT_GROUP + r * 4;
            float rest[GAD_QUANT_GROUP] = {0};
            int32_t half[2];
            const float *group = x + r * stride + from;
            if (left < GAD_QUANT_GROUP)
                group = memcpy(rest, group, (size_t)left * sizeof *rest);
            const float scale = rows->scale[at] = round_group(q, half, group, alpha);
            rows->sum[at] = half[0] + half[1];
            rows->half_sum[2 * before + 2 * g * all + r] = scale * (float)half[0];
            rows->half_sum[2 * before + (2 * g + 1) * all + r] = scale * (float)half[1];
            for (int i = 0; i < WORDS; i++)
                memcpy(to + i * all * 4, q + i * 4, 4);
        }
}

const gad_kernels_int8 KERNELS = {.rows = ROWS, .blocks = BLOCKS, .round_panel = round_panel, .multiply = multiply};
