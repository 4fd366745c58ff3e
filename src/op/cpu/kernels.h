/* kernels: the innermost loops, once for each instruction set. Their bodies are the kernel_*.h files, compiled by
 * kernels_portable.c, kernels_avx2.c, kernels_avx512.c and kernels_neon.c; cpu.c chooses a table when the device is opened.
 * A kernel works on plain arrays in one thread: threads, shapes and scratch memory are the op files' business. */
#ifndef GAD_OP_CPU_KERNELS_H
#define GAD_OP_CPU_KERNELS_H
#include "op/op.h"

enum {
    GAD_MOST_MR = 12, /* largest tile of the matrix kernel: rows */
    GAD_MOST_NR = 32, /* and columns */
    GAD_FEW_ROWS = 4, /* rows of x that the few-rows kernel takes at once */
    GAD_MOST_LANES = 16,
    GAD_MOST_INT8_ROWS = 6,
    GAD_MOST_INT8_BLOCKS = 2
};

/* Matrix product in tiles (Goto & van de Geijn, ACM TOMS 34(3), 2008). A panel is made of words of 4 bytes: one fp32
 * number, or two bf16 numbers with neighbouring k. A lies in panels [words of k][mr], B in panels [words of k][nr], both
 * with zeros where the matrix ends. */
typedef struct gad_kernels_product {
    int mr, nr;       /* tile of `multiply` */
    int word_numbers; /* 1 or 2 */
    /* panel[l*width + r] = alpha * row[r][l], l < k numbers, r < rows <= width (mr or nr). */
    void (*pack_rows)(float *panel, int width, const char *const *row, int rows, int64_t k, gad_dtype dtype, float alpha);
    /* panel[l*width + j] = alpha * src[l][j], l < k numbers, j < count <= width; `row_bytes` from l to l+1. At least
     * `readable` numbers may be read of each row. */
    void (*pack_columns)(float *panel, int width, const char *src, int64_t row_bytes, int count, int64_t readable,
                         int64_t k, gad_dtype dtype, float alpha);
    /* c[m,n] = a b + bias (+ c when `add`) over k words with a [k][mr] packed, b [k] rows of nr words `b_stride` apart;
     * m <= mr, n <= nr; bias may be NULL. */
    void (*multiply)(int64_t k, const float *a, const float *b, int64_t b_stride, float *c, int64_t c_stride, int m, int n,
                     const float *bias, bool add);
} gad_kernels_product;

typedef struct gad_kernels {
    gad_kernels_product fp32;

    /* ---- few rows: out[t*out_stride + o] = x[t] . w[o], t < rows <= GAD_FEW_ROWS, o < outputs. Reads w once; `w_bytes`
     * from one o to the next. F32, BF16 or F16, or S8, whose scales are not looked at. ---- */
    void (*few)(float *out, int64_t out_stride, const float *x, int64_t x_stride, int rows, const char *w, int64_t w_bytes,
                gad_dtype dtype, int64_t outputs, int64_t k);

    /* ---- attention: tiles of scores are [keys][nr]; a lane is a query row of one head. `visible[lane]` keys of the tile
     * are seen by a lane, all when NULL. ---- */

    /* row[r][l] = factor[r] * panel[l*width + r], l < k, r < rows <= width; factor has nr numbers. */
    void (*unpack_rows)(float *const *row, int rows, const float *panel, int width, int64_t k, const float *factor);
    /* s = exp(s - most), where most[nr] is the largest score so far; sum[nr] so far; shrink[nr] is what earlier results
     * are to be multiplied with. */
    void (*softmax_tile)(float *s, int64_t keys, const int32_t *visible, float *most, float *sum, float *shrink);
    void (*scale_lanes)(float *x, int64_t k, const float *factor); /* x[k][nr] *= factor[nr] */
    /* p = exp(p - lse), ds = p (ds - delta) */
    void (*probability_tile)(float *p, float *ds, int64_t keys, const int32_t *visible, const float *lse,
                             const float *delta);
    /* out[t] = sum over keys of p[t][key] * v[key] (+ out[t] when `add`), t < rows <= GAD_FEW_ROWS, d channels; v of F32,
     * F16 or S8 (without its scales), `v_bytes` from one key to the next. */
    void (*mix)(float *out, int64_t out_stride, const float *p, int64_t p_stride, int rows, const char *v, int64_t v_bytes,
                gad_dtype dtype, int64_t keys, int64_t d, bool add);

    /* ---- convolution: groups of nr channels, the last one filled up with zeros ---- */

    /* to[r][j] = clip(bias[j] + sum over l of a[l*mr + r] * b[l*nr + j]), r < mr, j < nr; clip limits to 0..6. */
    void (*expand)(float *const *to, int64_t k, const float *a, const float *b, const float *bias);
    /* y[o*y_stride + j] = clip(bias[j] + sum of w[(ky*kernel + kx)*nr + j] * x[ky*x_row + (o*stride + kx)*nr + j]), o <
     * count, j < n <= nr. */
    void (*depthwise)(float *y, int64_t y_stride, const float *x, int64_t x_row, int64_t kernel, int64_t stride,
                      const float *w, const float *bias, int64_t count, int64_t n);

    /* ---- rows: n numbers each; the formulas of op/op.h ---- */

    float (*rmsnorm)(float *y, const float *x, const float *weight, int64_t n, float eps); /* gives rstd */
    void (*rmsnorm_back)(float *dx, float *dweight, const float *dy, const float *x, float r, const float *weight,
                         int64_t n, bool add);
    void (*layernorm)(float *y, float *stats, const float *x, const float *weight, const float *bias, int64_t n, float eps);
    void (*layernorm_back)(float *dx, float *dweight, float *dbias, const float *dy, const float *x, const float *stats,
                           const float *weight, int64_t n, bool add);
    void (*swiglu)(float *y, const float *a, const float *b, int64_t n);
    void (*swiglu_back)(float *da, float *db, const float *dy, const float *a, const float *b, int64_t n);
    void (*gelu)(float *y, const float *x, int64_t n, gad_gelu_kind kind);
    void (*gelu_back)(float *dx, const float *dy, const float *x, int64_t n, gad_gelu_kind kind);
    void (*rope)(float *y, const float *x, const float *cosine, const float *sine, int64_t half, float sign);
    void (*axpby)(float *y, float alpha, const float *x, float beta, int64_t n);
    float (*largest)(const float *x, int64_t n);
    /* e = exp((x - shift) * inverse); y = factor * e (y may be NULL, or x); gives the sum of e, and in *moment (may be
     * NULL) of e * (x - shift) * inverse. */
    double (*exp_row)(float *y, const float *x, int64_t n, float shift, float inverse, float factor, double *moment);
    double (*sum_squares)(const float *x, int64_t n);
    /* correct1, correct2 = 1 / (1 - beta^step) */
    void (*adamw)(float *w, const float *g, float *m, float *v, int64_t n, const gad_adamw *settings, float correct1,
                  float correct2);

    /* ---- what the machine can do at most (limits.h) ---- */
    float (*read_all)(const char *memory, size_t size_bytes, size_t ahead);
    double (*multiply_add)(int64_t rounds, float *result);
} gad_kernels;

/* Rows of x in 8 bits (quant.h gad_quant_round), columns padded with zeros to whole groups of GAD_QUANT_GROUP, in panels of
 * `panel` rows, the last one of what is left. Within a panel of r rows, r numbers lie beside each other: */
typedef struct gad_int8_rows {
    int64_t rows, panel, groups;
    int8_t *number;  /* [groups][GAD_QUANT_GROUP / 4][r][4] */
    float *scale;    /* [groups][r] */
    int32_t *sum;    /* [groups][r]: of a group's numbers */
    float *half_sum; /* [2 * groups][r]: scale times the sum of a half group's numbers */
} gad_int8_rows;

/* Products of such rows with quantised weights: sums of a group in integers, sums over groups in fp32. */
typedef struct gad_kernels_int8 {
    int rows, blocks; /* largest tile of `multiply` */
    /* Panel p from rows of n numbers `stride` apart, each multiplied with alpha first. */
    void (*round_panel)(const gad_int8_rows *rows, int64_t p, const float *x, int64_t stride, int64_t n, float alpha);
    /* out[r*out_stride + o] = row r of panel p times w[o], for the outputs o, counted from 0, of weight blocks
     * block..block+blocks-1. The sum is in one order whatever the number of rows. */
    void (*multiply)(float *out, int64_t out_stride, const gad_int8_rows *x, int64_t p, const gad_weight *w, int64_t block,
                     int blocks);
} gad_kernels_int8;

/* A processor's instruction sets, best first in `gad_cpu_levels`. */
typedef struct gad_kernels_level {
    const char *name;
    const gad_kernels *kernels;
    const gad_kernels_product *bf16; /* NULL: no such instructions */
    const gad_kernels_int8 *int8;
} gad_kernels_level;

extern const gad_kernels gad_kernels_portable, gad_kernels_avx2, gad_kernels_avx512, gad_kernels_neon;
extern const gad_kernels_product gad_kernels_bf16_avx512, gad_kernels_bf16_neon;
extern const gad_kernels_int8 gad_kernels_int8_portable, gad_kernels_int8_avx2, gad_kernels_int8_avxvnni,
    gad_kernels_int8_avx512, gad_kernels_int8_neondot, gad_kernels_int8_neoni8mm;
#endif
