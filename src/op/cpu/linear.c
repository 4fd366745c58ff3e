/* linear: y = alpha x w^T + bias, and its gradients. Few rows of x: the weights are read once, straight from where they
 * lie (decoding). More rows: the matrix product of gemm.h. */
#include "op/cpu/cpu.h"
#include "op/cpu/gemm.h"

enum {
    MAX_FEW = 8,          /* rows of x up to which packing the weights costs more than it saves */
    STRIP = 16,           /* outputs that a thread does before the next row group: their weights stay in the cache */
    PIECE_BYTES = 1 << 20 /* of weights that a thread takes at a time; at the ends prefetching goes astray */
};

/* Outputs o0..o0+n-1 of all rows. */
static void few_strip(const gad_kernels *kernels, gad_tensor y, gad_tensor x, const gad_weight *w, const float *bias,
                      float alpha, bool add, int64_t o0, int64_t n)
{
    const int64_t w_bytes = w->cols * (int64_t)gad_dtype_bytes(w->dtype);
    const int64_t groups = (w->cols + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP;
    float out[GAD_FEW_ROWS][STRIP];
    for (int64_t t = 0; t < x.rows; t += GAD_FEW_ROWS) {
        const int rows = (int)(x.rows - t < GAD_FEW_ROWS ? x.rows - t : GAD_FEW_ROWS);
        kernels->few(out[0], STRIP, gad_cpu_row(x, t), x.stride, rows, (const char *)w->data + o0 * w_bytes, w_bytes,
                     w->scale ? w->scale + o0 * groups : NULL, groups, w->dtype, n, w->cols);
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

void gad_cpu_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const float *shift = gad_cpu_vector(device, bias);
    if (gad_cpu_well(device)) {
        if (x.rows <= MAX_FEW) {
            linear_few(device, y, x, w, shift, alpha, add);
        } else {
            const gad_gemm g = {.m = x.rows,
                                .n = w.rows,
                                .k = w.cols,
                                .a = x.data,
                                .a_stride = x.stride,
                                .b = w.data,
                                .b_stride = w.cols,
                                .b_dtype = w.dtype,
                                .b_scale = w.scale,
                                .c = y.data,
                                .c_stride = y.stride,
                                .alpha = alpha,
                                .add = add,
                                .bias = shift};
            gad_gemm_run(device, &g);
        }
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
                        .b_scale = w.scale,
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
    const int64_t block = 64, blocks = (dy.cols + block - 1) / block;
    float *sum = db.data;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, dy.rows *dy.cols))
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t end = (b + 1) * block < dy.cols ? (b + 1) * block : dy.cols;
        for (int64_t t = 0; t < dy.rows; t++)
            for (int64_t o = b * block; o < end; o++)
                sum[o] += gad_cpu_row(dy, t)[o];
    }
}
