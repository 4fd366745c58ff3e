/* kernel_attention: what attention does between its matrix products. A tile of scores is [keys][NR]: a lane is a query row
 * of one head, so that softmax runs down the keys, all lanes at once. Included once per instruction set. */
#include "op/cpu/kernel_tile.h"
#include "op/cpu/simd_math.h"

/* row[r][l] = factor[r] * panel[l*width + r], l < k, r < rows <= width: the way back from pack_rows. */
static void unpack_rows(float *const *row, int rows, const float *panel, int width, int64_t k, const float *factor)
{
    for (int from = 0; from < rows; from += SIMD_LANES) {
        const vf scale = vf_load(factor + from);
        for (int64_t l = 0; l < k; l += SIMD_LANES) {
            const int64_t count = k - l < SIMD_LANES ? k - l : SIMD_LANES;
            vf block[SIMD_LANES];
            SIMD_UNROLL
            for (int i = 0; i < SIMD_LANES; i++)
                block[i] = i < count ? scale * vf_load(panel + (l + i) * width + from) : (vf){0};
            vf_transpose(block);
            for (int r = 0; r < SIMD_LANES && from + r < rows; r++) {
                if (count == SIMD_LANES)
                    vf_store(row[from + r] + l, block[r]);
                else
                    vf_store_part(row[from + r] + l, block[r], count);
            }
        }
    }
}

/* Lanes that see key n of a tile: n < visible[lane]. */
SIMD_INLINE vf hide(vf v, vi visible, int64_t n, float hidden)
{
    return vf_select((vi)(visible > (int32_t)n), v, vf_set(hidden));
}

SIMD_INLINE vi lanes_at(const int32_t *visible, int j)
{
    vi v;
    memcpy(&v, visible + j * SIMD_LANES, sizeof v);
    return v;
}

/* One vector of lanes: scores become exp(score - largest so far); the sums so far shrink by what the largest grew. */
SIMD_INLINE void softmax_lanes(float *s, int64_t keys, const int32_t *visible, float *most, float *sum, float *shrink,
                               int j)
{
    const vi seen = visible ? lanes_at(visible, j) : vi_set(INT32_MAX);
    const vf before = vf_load(most + j * SIMD_LANES);
    vf now = before;
    s += j * SIMD_LANES;
    for (int64_t n = 0; n < keys; n++) {
        vf score = vf_load(s + n * NR);
        if (visible) {
            score = hide(score, seen, n, -__builtin_inff());
            vf_store(s + n * NR, score);
        }
        now = vf_max(score, now);
    }
    const vf base = vf_select((vi)(now == -__builtin_inff()), (vf){0}, now); /* no key seen yet: all stays 0 */
    vf total = {0};
    for (int64_t n = 0; n < keys; n++) {
        const vf p = vf_exp(vf_load(s + n * NR) - base);
        vf_store(s + n * NR, p);
        total += p;
    }
    const vf factor = vf_exp(before - base);
    vf_store(most + j * SIMD_LANES, now);
    vf_store(sum + j * SIMD_LANES, vf_load(sum + j * SIMD_LANES) * factor + total);
    vf_store(shrink + j * SIMD_LANES, factor);
}

static void softmax_tile(float *s, int64_t keys, const int32_t *visible, float *most, float *sum, float *shrink)
{
    softmax_lanes(s, keys, visible, most, sum, shrink, 0);
    softmax_lanes(s, keys, visible, most, sum, shrink, 1);
}

/* x[l][NR] *= factor[NR] */
static void scale_lanes(float *x, int64_t k, const float *factor)
{
    const vf f0 = vf_load(factor), f1 = vf_load(factor + SIMD_LANES);
    for (int64_t l = 0; l < k; l++, x += NR) {
        vf_store(x, vf_load(x) * f0);
        vf_store(x + SIMD_LANES, vf_load(x + SIMD_LANES) * f1);
    }
}

/* p = exp(p - lse), 0 where hidden; ds = p (ds - delta) */
static void probability_tile(float *p, float *ds, int64_t keys, const int32_t *visible, const float *lse,
                             const float *delta)
{
    for (int j = 0; j < 2; j++) {
        const vi seen = visible ? lanes_at(visible, j) : vi_set(INT32_MAX);
        const vf shift = vf_load(lse + j * SIMD_LANES), mean = vf_load(delta + j * SIMD_LANES);
        for (int64_t n = 0; n < keys; n++) {
            float *at = p + n * NR + j * SIMD_LANES, *d = ds + n * NR + j * SIMD_LANES;
            vf e = vf_exp(vf_load(at) - shift);
            if (visible)
                e = hide(e, seen, n, 0);
            vf_store(at, e);
            vf_store(d, visible ? hide(e * (vf_load(d) - mean), seen, n, 0) : e * (vf_load(d) - mean));
        }
    }
}

/* out[t][c] (+)= sum over keys of p[t][key] * v[key][c], T rows, a block of W vectors of channels. */
SIMD_INLINE void mix_block(float *out, int64_t out_stride, const float *p, int64_t p_stride, const char *v, int64_t v_bytes,
                           int64_t keys, int64_t count, bool add, const int T, const int W, const gad_dtype dtype)
{
    const int64_t number = weight_bytes(dtype);
    vf sum[GAD_FEW_ROWS][2];
    SIMD_UNROLL
    for (int t = 0; t < T; t++) {
        sum[t][0] = sum[t][1] = (vf){0};
        SIMD_UNROLL
        for (int w = 0; add && w < W; w++)
            sum[t][w] = count >= W * SIMD_LANES ? vf_load(out + t * out_stride + w * SIMD_LANES)
                                                : vf_load_part(out + t * out_stride, count);
    }
    for (int64_t n = 0; n < keys; n++) {
        const char *from = v + n * v_bytes;
        vf value[2];
        SIMD_UNROLL
        for (int w = 0; w < W; w++)
            value[w] = count >= W * SIMD_LANES ? weight_load(from + w * SIMD_LANES * number, dtype)
                                               : weight_load_part(from, count, dtype);
        SIMD_UNROLL
        for (int t = 0; t < T; t++)
            SIMD_UNROLL
        for (int w = 0; w < W; w++)
            sum[t][w] += p[t * p_stride + n] * value[w];
    }
    SIMD_UNROLL
    for (int t = 0; t < T; t++)
        SIMD_UNROLL
    for (int w = 0; w < W; w++) {
        if (count >= W * SIMD_LANES)
            vf_store(out + t * out_stride + w * SIMD_LANES, sum[t][w]);
        else
            vf_store_part(out + t * out_stride, sum[t][w], count);
    }
}

SIMD_INLINE void mix_rows(float *out, int64_t out_stride, const float *p, int64_t p_stride, const char *v, int64_t v_bytes,
                          int64_t keys, int64_t d, bool add, const int T, const gad_dtype dtype)
{
    const int64_t number = weight_bytes(dtype);
    int64_t c = 0;
    for (; c + NR <= d; c += NR)
        mix_block(out + c, out_stride, p, p_stride, v + c * number, v_bytes, keys, NR, add, T, 2, dtype);
    for (; c < d; c += SIMD_LANES)
        mix_block(out + c, out_stride, p, p_stride, v + c * number, v_bytes, keys, d - c, add, T, 1, dtype);
}

SIMD_INLINE void mix_of(float *out, int64_t out_stride, const float *p, int64_t p_stride, int rows, const char *v,
                        int64_t v_bytes, int64_t keys, int64_t d, bool add, const gad_dtype dtype)
{
    switch (rows) {
    case 1: mix_rows(out, out_stride, p, p_stride, v, v_bytes, keys, d, add, 1, dtype); break;
    case 2: mix_rows(out, out_stride, p, p_stride, v, v_bytes, keys, d, add, 2, dtype); break;
    case 3: mix_rows(out, out_stride, p, p_stride, v, v_bytes, keys, d, add, 3, dtype); break;
    default: mix_rows(out, out_stride, p, p_stride, v, v_bytes, keys, d, add, 4, dtype); break;
    }
}

static void mix(float *out, int64_t out_stride, const float *p, int64_t p_stride, int rows, const char *v, int64_t v_bytes,
                gad_dtype dtype, int64_t keys, int64_t d, bool add)
{
    if (dtype == GAD_F16)
        mix_of(out, out_stride, p, p_stride, rows, v, v_bytes, keys, d, add, GAD_F16);
    else if (dtype == GAD_S8)
        mix_of(out, out_stride, p, p_stride, rows, v, v_bytes, keys, d, add, GAD_S8);
    else
        mix_of(out, out_stride, p, p_stride, rows, v, v_bytes, keys, d, add, GAD_F32);
}
