/* norm: RMSNorm over groups of channels and LayerNorm, forward beside backward. */
#include "op/cpu/cpu.h"

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

void gad_cpu_rmsnorm(gad_device *device, gad_tensor y, gad_tensor rstd, gad_tensor x, gad_tensor weight, float eps)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight);
    const int64_t n = weight.cols, groups = x.cols / n;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t t = 0; t < x.rows; t++)
            for (int64_t g = 0; g < groups; g++) {
                float r = kernels->rmsnorm(gad_cpu_row(y, t) + g * n, gad_cpu_row(x, t) + g * n, w, n, eps);
                if (rstd.data)
                    gad_cpu_row(rstd, t)[g] = r;
            }
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_rmsnorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dy, gad_tensor x,
                          gad_tensor rstd, gad_tensor weight, bool add)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
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
                    kernels->rmsnorm_back(gad_cpu_row(dx, t) + g * n, sums, gad_cpu_row(dy, t) + g * n,
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
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight), *shift = gad_cpu_vector(device, bias);
    const int64_t n = x.cols;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t t = 0; t < x.rows; t++)
            kernels->layernorm(gad_cpu_row(y, t), stats.data ? gad_cpu_row(stats, t) : NULL, gad_cpu_row(x, t), w, shift, n,
                               eps);
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_layernorm_back(gad_device *device, gad_tensor dx, gad_tensor dweight, gad_tensor dbias, gad_tensor dy,
                            gad_tensor x, gad_tensor stats, gad_tensor weight, bool add)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const float *w = gad_cpu_vector(device, weight);
    const int64_t n = x.cols, blocks = row_blocks(x.rows);
    float *partial = gad_cpu_scratch(device, (size_t)(blocks * 2 * n), sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t b = 0; b < blocks; b++) {
            float *sums = partial + b * 2 * n;
            memset(sums, 0, (size_t)(2 * n) * sizeof(float));
            for (int64_t t = b * BLOCK_ROWS; t < x.rows && t < (b + 1) * BLOCK_ROWS; t++)
                kernels->layernorm_back(gad_cpu_row(dx, t), dweight.data ? sums : NULL, dbias.data ? sums + n : NULL,
                                        gad_cpu_row(dy, t), gad_cpu_row(x, t), gad_cpu_row(stats, t), w, n, add);
        }
        if (dweight.data)
            add_partials(dweight.data, partial, blocks, 2 * n, n);
        if (dbias.data)
            add_partials(dbias.data, partial + n, blocks, 2 * n, n);
    }
    gad_cpu_rewind(device, mark);
}
