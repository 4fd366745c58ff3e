/* linear: y = alpha x w^T + bias, and its gradients. Few rows of x: the weights are read once, straight from where they
 * lie (decoding). More rows: the matrix product of gemm.h. Quantised weights: rows of x are rounded to 8 bits, and the
 * weights are read as they lie whatever the number of rows. */
#include "op/cpu/cpu.h"
#include "op/cpu/gemm.h"
#include "op/quant.h"

#include <string.h>

enum {
    MAX_FEW = 8,           /* rows of x that go straight from the weights; more would be faster so (docs/speed.md) */
    STRIP = 16,            /* outputs that a thread does before the next row group: their weights stay in the cache */
    PIECE_BYTES = 1 << 20, /* of weights that a thread takes at a time; at the ends prefetching goes astray */
    INT8_STRETCH = 192     /* rows of x that a thread takes at a time; a multiple of every tile */
};

/* ---- few rows ---- */

/* Outputs o0..o0+n-1 of all rows. */
static void few_strip(const gad_kernels *kernels, gad_tensor y, gad_tensor x, const gad_weight *w, const float *bias,
                      float alpha, bool add, int64_t o0, int64_t n)
{
    const int64_t w_bytes = w->cols * (int64_t)gad_dtype_bytes(w->dtype);
    float out[GAD_FEW_ROWS][STRIP];
    for (int64_t t = 0; t < x.rows; t += GAD_FEW_ROWS) {
        const int rows = (int)(x.rows - t < GAD_FEW_ROWS ? x.rows - t : GAD_FEW_ROWS);
        kernels->few(out[0], STRIP, gad_cpu_row(x, t), x.stride, rows, (const char *)w->data + o0 * w_bytes, w_bytes,
                     w->dtype, n, w->cols);
        for (int r = 0; r < rows; r++) {
            float *to = gad_cpu_row(y, t + r) + o0;
            for (int64_t o = 0; o < n; o++)
                to[o] = alpha * out[r][o] + (bias ? bias[o0 + o] : 0) + (add ? to[o] : 0);
        }
    }
}

static void linear_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, const float *bias, float alpha,
                       bool add)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const int64_t strips = (w.rows + STRIP - 1) / STRIP;
    const int64_t large = PIECE_BYTES / (STRIP * w.cols * (int64_t)gad_dtype_bytes(w.dtype)) + 1;
    const int64_t fair = strips / (4 * device->threads) + 1, piece = large < fair ? large : fair;
#pragma omp parallel for schedule(dynamic, piece) num_threads(gad_cpu_threads(device, w.rows *w.cols))
    for (int64_t s = 0; s < strips; s++) {
        const int64_t n = w.rows - s * STRIP < STRIP ? w.rows - s * STRIP : STRIP;
        few_strip(kernels, y, x, &w, bias, alpha, add, s * STRIP, n);
    }
}

/* alpha * x rounded to bf16, as fp32 numbers: for the kernel of few rows, which then gives what the other would. */
static gad_tensor rounded_to_bf16(gad_device *device, gad_tensor x, float alpha)
{
    gad_tensor to = {.data = gad_cpu_scratch(device, (size_t)(x.rows * x.cols), sizeof(float)),
                     .dtype = GAD_F32,
                     .rows = x.rows,
                     .cols = x.cols,
                     .stride = x.cols};
    for (int64_t t = 0; to.data && t < x.rows; t++) {
        float *restrict rounded = gad_cpu_row(to, t);
        const float *from = gad_cpu_row(x, t);
        for (int64_t c = 0; c < x.cols; c++) { /* without branches, so that the compiler can use vectors */
            const float scaled = alpha * from[c];
            uint32_t bits;
            memcpy(&bits, &scaled, sizeof bits);
            const uint32_t even = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000, quiet = bits | 0x00400000;
            bits = (bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : even;
            memcpy(&rounded[c], &bits, sizeof bits);
        }
    }
    return to;
}

/* ---- quantised weights ---- */

/* Panel p of x against `blocks` blocks from `block` on. */
static void int8_tile(const gad_kernels_int8 *kernels, gad_tensor y, const gad_int8_rows *x, const gad_weight *w,
                      const float *bias, bool add, int64_t p, int64_t block, int blocks)
{
    enum { WIDTH = GAD_MOST_INT8_BLOCKS * GAD_QUANT_ROWS };
    float out[GAD_MOST_INT8_ROWS][WIDTH];
    const int64_t o0 = block * GAD_QUANT_ROWS, left = w->rows - o0, all = (int64_t)blocks * GAD_QUANT_ROWS;
    const int64_t n = left < all ? left : all, end = (p + 1) * x->panel < x->rows ? (p + 1) * x->panel : x->rows;
    kernels->multiply(out[0], WIDTH, x, p, w, block, blocks);
    for (int64_t t = p * x->panel; t < end; t++) {
        float *to = gad_cpu_row(y, t) + o0;
        const float *from = out[t - p * x->panel];
        for (int64_t o = 0; o < n; o++)
            to[o] = from[o] + (bias ? bias[o0 + o] : 0) + (add ? to[o] : 0);
    }
}

static gad_int8_rows int8_rows_of(gad_device *device, gad_tensor x, float alpha)
{
    const gad_kernels_int8 *kernels = gad_cpu_int8(device);
    const int64_t groups = gad_quant_groups(x.cols), panels = (x.rows + kernels->rows - 1) / kernels->rows;
    const size_t all = (size_t)(x.rows * groups);
    const gad_int8_rows rows = {.rows = x.rows,
                                .panel = kernels->rows,
                                .groups = groups,
                                .number = gad_cpu_scratch(device, all, GAD_QUANT_GROUP),
                                .scale = gad_cpu_scratch(device, all, sizeof(float)),
                                .sum = gad_cpu_scratch(device, all, sizeof(int32_t)),
                                .half_sum = gad_cpu_scratch(device, 2 * all, sizeof(float))};
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t p = 0; p < panels; p++)
            kernels->round_panel(&rows, p, gad_cpu_row(x, p * rows.panel), x.stride, x.cols, alpha);
    }
    return rows;
}

/* A thread takes a pair of blocks, whose weights stay in its cache, for a stretch of panels at a time. */
static void linear_int8(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, const float *bias, float alpha,
                        bool add)
{
    const gad_kernels_int8 *kernels = gad_cpu_int8(device);
    const gad_int8_rows rows = int8_rows_of(device, x, alpha);
    if (!gad_cpu_well(device))
        return;
    const int64_t blocks = gad_quant_blocks(w.rows), strips = (blocks + kernels->blocks - 1) / kernels->blocks;
    const int64_t panels = (x.rows + rows.panel - 1) / rows.panel, stretch = INT8_STRETCH / rows.panel;
    const int64_t stretches = (panels + stretch - 1) / stretch, tasks = strips * stretches;
    const int64_t large = PIECE_BYTES / (kernels->blocks * gad_quant_block_bytes(w.dtype, w.cols)) + 1;
    const int64_t fair = tasks / (4 * device->threads) + 1, piece = large < fair ? large : fair;
#pragma omp parallel for schedule(dynamic, piece) num_threads(gad_cpu_threads(device, x.rows *w.rows *w.cols))
    for (int64_t task = 0; task < tasks; task++) {
        const int64_t block = task / stretches * kernels->blocks, from = task % stretches * stretch;
        const int here = (int)(blocks - block < kernels->blocks ? blocks - block : kernels->blocks);
        for (int64_t p = from; p < from + stretch && p < panels; p++)
            int8_tile(kernels, y, &rows, &w, bias, add, p, block, here);
    }
}

/* ---- the ops ---- */

static void linear_many(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, const float *bias, float alpha,
                        bool add)
{
    const gad_gemm g = {.m = x.rows,
                        .n = w.rows,
                        .k = w.cols,
                        .a = x.data,
                        .a_stride = x.stride,
                        .b = w.data,
                        .b_stride = w.cols,
                        .b_dtype = w.dtype,
                        .c = y.data,
                        .c_stride = y.stride,
                        .alpha = alpha,
                        .add = add,
                        .bias = bias};
    gad_gemm_run(device, &g);
}

void gad_cpu_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const float *shift = gad_cpu_vector(device, bias);
    /* F32 and F16 weights are rounded to bf16 while they are packed: few rows of them take that way too */
    const bool bf16 = device->products == GAD_BF16, few = x.rows <= MAX_FEW && (!bf16 || w.dtype == GAD_BF16);
    if (gad_quant_is(w.dtype)) {
        linear_int8(device, y, x, w, shift, alpha, add);
    } else if (few && bf16) {
        const gad_tensor rounded = rounded_to_bf16(device, x, alpha);
        if (gad_cpu_well(device))
            linear_few(device, y, rounded, w, shift, 1, add);
    } else if (few && gad_cpu_well(device)) {
        linear_few(device, y, x, w, shift, alpha, add);
    } else {
        linear_many(device, y, x, w, shift, alpha, add);
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    const gad_gemm g = {.m = dy.rows,
                        .n = w.cols,
                        .k = w.rows,
                        .a = dy.data,
                        .a_stride = dy.stride,
                        .b = w.data,
                        .b_stride = w.cols,
                        .b_turned = true,
                        .b_dtype = w.dtype,
                        .quantised = gad_quant_is(w.dtype) ? &w : NULL,
                        .c = dx.data,
                        .c_stride = dx.stride,
                        .alpha = alpha,
                        .add = add};
    gad_gemm_run(device, &g);
}

void gad_cpu_linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha)
{
    const gad_gemm g = {.m = dy.cols,
                        .n = x.cols,
                        .k = x.rows,
                        .a = dy.data,
                        .a_stride = dy.stride,
                        .a_turned = true,
                        .b = x.data,
                        .b_stride = x.stride,
                        .b_turned = true,
                        .b_dtype = GAD_F32,
                        .c = dw.data,
                        .c_stride = dw.stride,
                        .alpha = alpha,
                        .add = true};
    gad_gemm_run(device, &g);
}

/* Threads share the outputs; each output is summed in row order. */
void gad_cpu_linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const int64_t block = 128, blocks = (dy.cols + block - 1) / block;
    float *sum = db.data;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, dy.rows *dy.cols))
    for (int64_t from = 0; from < blocks * block; from += block) {
        const int64_t n = dy.cols - from < block ? dy.cols - from : block;
        for (int64_t t = 0; t < dy.rows; t++)
            kernels->axpby(sum + from, 1, gad_cpu_row(dy, t) + from, 1, n);
    }
}
