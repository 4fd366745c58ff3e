/* rows: moving rows by index, mixing four table rows (interpolated positions), and y = alpha x + beta y. */
#include "base/half.h"
#include "op/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* d numbers as signed bytes q and the scale behind them: x is about q * scale, the largest magnitude being 127 * scale.
 * What is not finite makes the scale so. */
static void round_head(int8_t *q, const float *x, int64_t d)
{
    float most = 0, wrong = 0;
    for (int64_t c = 0; c < d; c++) {
        const float size = fabsf(x[c]);
        most = size > most ? size : most;
        wrong += 0 * x[c]; /* NaN as soon as one is not finite */
    }
    const float scale = most / 127 + wrong, inverse = most > 0x1p-100f ? 127 / most : 0;
    for (int64_t c = 0; c < d; c++)
        q[c] = (int8_t)lrintf(wrong == 0 ? x[c] * inverse : 0);
    memcpy(q + d, &scale, sizeof scale);
}

void gad_cpu_put_row(gad_tensor y, int64_t to, gad_tensor x, int64_t from)
{
    uint16_t *half = (uint16_t *)y.data + to * y.stride;
    const int64_t heads = (y.stride - y.cols) / GAD_S8_SCALE_BYTES, d = heads ? y.cols / heads : 0;
    if (x.dtype == y.dtype)
        memcpy((char *)(uintptr_t)gad_cpu_number(y, to, 0), gad_cpu_number(x, from, 0),
               (size_t)(y.dtype == GAD_S8 ? y.stride : y.cols) * gad_dtype_bytes(y.dtype));
    else if (y.dtype == GAD_S8)
        for (int64_t g = 0; g < heads; g++)
            round_head((int8_t *)(uintptr_t)gad_cpu_head(y, to, g, d), gad_cpu_row(x, from) + g * d, d);
    else
        for (int64_t c = 0; c < y.cols; c++)
            half[c] = gad_half_to_f16(gad_cpu_row(x, from)[c]);
}

void gad_cpu_rows(gad_device *device, gad_tensor y, const int32_t *to, gad_tensor x, const int32_t *from, int64_t n,
                  bool add)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, n *y.cols))
    for (int64_t i = 0; i < n; i++) {
        const int64_t target = to ? to[i] : i, source = from ? from[i] : i;
        if (!add)
            gad_cpu_put_row(y, target, x, source);
        else
            for (int64_t c = 0; c < y.cols; c++)
                gad_cpu_row(y, target)[c] += gad_cpu_row(x, source)[c];
    }
}

void gad_cpu_rows_mix(gad_device *device, gad_tensor y, gad_weight table, const int32_t *index, const float *weight)
{
    size_t mark = gad_cpu_mark(device);
    float *row = gad_cpu_scratch(device, (size_t)y.cols, sizeof(float));
    for (int64_t t = 0; row && t < y.rows; t++) {
        float *to = gad_cpu_row(y, t);
        for (int64_t j = 4 * t; j < 4 * t + 4; j++) {
            gad_cpu_weight_row(row, &table, index[j], 0, y.cols);
            for (int64_t c = 0; c < y.cols; c++)
                to[c] += weight[j] * row[c];
        }
    }
    gad_cpu_rewind(device, mark);
}

/* Threads share the channels, so that each table row is summed in row order. */
void gad_cpu_rows_mix_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight)
{
    if (!gad_cpu_well(device))
        return;
    const int64_t block = 64, blocks = (dy.cols + block - 1) / block;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * dy.rows * dy.cols))
    for (int64_t b = 0; b < blocks; b++) {
        int64_t end = (b + 1) * block < dy.cols ? (b + 1) * block : dy.cols;
        for (int64_t j = 0; j < 4 * dy.rows; j++) {
            float *to = gad_cpu_row(dtable, index[j]);
            const float *from = gad_cpu_row(dy, j / 4);
            for (int64_t c = b * block; c < end; c++)
                to[c] += weight[j] * from[c];
        }
    }
}

void gad_cpu_axpby(gad_device *device, gad_tensor y, float alpha, gad_tensor x, float beta)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, y.rows *y.cols))
    for (int64_t t = 0; t < y.rows; t++)
        if (y.dtype == GAD_F32)
            kernels->axpby(gad_cpu_row(y, t), alpha, gad_cpu_row(x, t), beta, y.cols);
        else /* kept numbers: alpha is 1 and beta 0 */
            gad_cpu_put_row(y, t, x, t);
}

void gad_cpu_zero(gad_device *device, gad_tensor y)
{
    if (!gad_cpu_well(device))
        return;
    for (int64_t t = 0; t < y.rows; t++)
        memset(gad_cpu_row(y, t), 0, (size_t)y.cols * sizeof(float));
}
