/* norm: RMSNorm over groups of channels and LayerNorm, forward beside backward. */
#include "op/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* Parameter gradients are summed over fixed blocks of rows, then over the blocks in order: the result does not depend on
 * the number of threads. */
enum { BLOCK_ROWS = 64 };

static int64_t row_blocks(int64_t rows)
{
    return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

/* to[n] += sum over blocks of partial[block, n] */
static void add_partials(float *to, const float *partial, int64_t blocks, int64_t stride, int64_t n)
{
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t c = 0; c < n; c++)
            to[c] += partial[b * stride + c];
}

static void rmsnorm_group(float *y, float *rstd, const float *x, const float *weight, int64_t n, float eps)
{
    double sum = 0;
    for (int64_t c = 0; c < n; c++)
        sum += (double)x[c] * (double)x[c];
    float r = 1.0f / sqrtf((float)(sum / (double)n) + eps);
    for (int64_t c = 0; c < n; c++)
        y[c] = x[c] * r * weight[c];
    if (rstd)
        *rstd = r;
}

void gad_cpu_rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight);
    const int64_t n = weight.cols, groups = x.cols / n;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t t = 0; t < x.rows; t++)
            for (int64_t g = 0; g < groups; g++)
                rmsnorm_group(gad_cpu_row(y, t) + g * n, rstd.data ? gad_cpu_row(rstd, t) + g : NULL,
                              gad_cpu_row(x, t) + g * n, w, n, eps);
    }
    gad_cpu_rewind(device, mark);
}

/* xh = x r, u = dy w: dx = r (u - xh mean(u xh)), dw = sum dy xh */
static void rmsnorm_back_group(float *dx, float *dweight, const float *dy, const float *x, float r, const float *weight,
                               int64_t n, bool add)
{
    double sum = 0;
    for (int64_t c = 0; c < n; c++)
        sum += (double)(dy[c] * weight[c]) * (double)(x[c] * r);
    float mean = (float)(sum / (double)n);
    for (int64_t c = 0; c < n; c++) {
        float xh = x[c] * r, d = dy[c];
        float value = r * (d * weight[c] - xh * mean);
        if (dweight)
            dweight[c] += d * xh;
        dx[c] = add ? dx[c] + value : value;
    }
}

void gad_cpu_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                          gad_tensor rstd, gad_tensor weight, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight);
    const int64_t n = weight.cols, groups = x.cols / n, blocks = row_blocks(x.rows);
    float *partial = dweight.data ? gad_cpu_scratch(device, (size_t)(blocks * n), sizeof(float)) : NULL;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t b = 0; b < blocks; b++) {
            float *sums = partial ? partial + b * n : NULL;
            if (sums)
                memset(sums, 0, (size_t)n * sizeof(float));
            for (int64_t t = b * BLOCK_ROWS; t < x.rows && t < (b + 1) * BLOCK_ROWS; t++)
                for (int64_t g = 0; g < groups; g++)
                    rmsnorm_back_group(gad_cpu_row(dx, t) + g * n, sums, gad_cpu_row(dy, t) + g * n,
                                       gad_cpu_row(x, t) + g * n, gad_cpu_row(rstd, t)[g], w, n, add);
        }
        if (partial)
            add_partials(dweight.data, partial, blocks, n, n);
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_layernorm(gad_device *device, gad_tensor y, gad_tensor stats, gad_tensor x, gad_tensor weight, gad_tensor bias,
                       float eps)
{
    size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight), *shift = gad_cpu_vector(device, bias);
    const int64_t n = x.cols;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t t = 0; t < x.rows; t++) {
            const float *from = gad_cpu_row(x, t);
            float *to = gad_cpu_row(y, t);
            double sum = 0, square = 0;
            for (int64_t c = 0; c < n; c++)
                sum += (double)from[c];
            float mean = (float)(sum / (double)n);
            for (int64_t c = 0; c < n; c++)
                square += (double)(from[c] - mean) * (double)(from[c] - mean);
            float r = 1.0f / sqrtf((float)(square / (double)n) + eps);
            for (int64_t c = 0; c < n; c++)
                to[c] = (from[c] - mean) * r * w[c] + (shift ? shift[c] : 0);
            if (stats.data) {
                gad_cpu_row(stats, t)[0] = mean;
                gad_cpu_row(stats, t)[1] = r;
            }
        }
    }
    gad_cpu_rewind(device, mark);
}

/* xh = (x - mean) r, u = dy w: dx = r (u - mean(u) - xh mean(u xh)), dw = sum dy xh, db = sum dy */
static void layernorm_back_row(float *dx, float *dweight, float *dbias, const float *dy, const float *x, const float *stats,
                               const float *weight, int64_t n, bool add)
{
    const float mean = stats[0], r = stats[1];
    double sum_u = 0, sum_ux = 0;
    for (int64_t c = 0; c < n; c++) {
        double u = (double)(dy[c] * weight[c]);
        sum_u += u;
        sum_ux += u * (double)((x[c] - mean) * r);
    }
    const float mean_u = (float)(sum_u / (double)n), mean_ux = (float)(sum_ux / (double)n);
    for (int64_t c = 0; c < n; c++) {
        float xh = (x[c] - mean) * r, d = dy[c];
        float value = r * (d * weight[c] - mean_u - xh * mean_ux);
        if (dweight)
            dweight[c] += d * xh;
        if (dbias)
            dbias[c] += d;
        dx[c] = add ? dx[c] + value : value;
    }
}

void gad_cpu_layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                            gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight);
    const int64_t n = x.cols, blocks = row_blocks(x.rows);
    float *partial = gad_cpu_scratch(device, (size_t)(blocks * 2 * n), sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t b = 0; b < blocks; b++) {
            float *sums = partial + b * 2 * n;
            memset(sums, 0, (size_t)(2 * n) * sizeof(float));
            for (int64_t t = b * BLOCK_ROWS; t < x.rows && t < (b + 1) * BLOCK_ROWS; t++)
                layernorm_back_row(gad_cpu_row(dx, t), dweight.data ? sums : NULL, dbias.data ? sums + n : NULL,
                                   gad_cpu_row(dy, t), gad_cpu_row(x, t), gad_cpu_row(stats, t), w, n, add);
        }
        if (dweight.data)
            add_partials(dweight.data, partial, blocks, 2 * n, n);
        if (dbias.data)
            add_partials(dbias.data, partial + n, blocks, 2 * n, n);
    }
    gad_cpu_rewind(device, mark);
}
