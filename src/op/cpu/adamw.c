/* adamw: the optimizer's update and the sum of squares that gradient clipping needs. */
#include "op/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 4096 };

/* Partial sums over fixed blocks, added in order: the same double for any number of threads. */
static double sum_of(gad_device *device, gad_tensor x)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    const int64_t per_row = (x.cols + BLOCK - 1) / BLOCK, blocks = x.rows * per_row;
    double *partial = gad_cpu_scratch(device, (size_t)blocks, sizeof(double));
    double total = 0;
    if (partial) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t at = b % per_row * BLOCK, count = at + BLOCK < x.cols ? BLOCK : x.cols - at;
            partial[b] = kernels->sum_squares(gad_cpu_row(x, b / per_row) + at, count);
        }
        for (int64_t b = 0; b < blocks; b++)
            total += partial[b];
    }
    gad_cpu_rewind(device, mark);
    return total;
}

double gad_cpu_sum_squares(gad_device *device, const gad_tensor *x, int64_t count)
{
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        total += sum_of(device, x[i]);
    return total;
}

static void update(gad_device *device, const gad_adamw_part *part)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const gad_adamw *settings = &part->settings;
    const float correct1 = (float)(1.0 / (1.0 - pow((double)settings->beta1, (double)settings->step)));
    const float correct2 = (float)(1.0 / (1.0 - pow((double)settings->beta2, (double)settings->step)));
    const int64_t n = part->n, blocks = (n + BLOCK - 1) / BLOCK;
    float *w = part->w, *g = part->g, *m = part->m, *v = part->v;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, n))
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t at = b * BLOCK, count = at + BLOCK < n ? BLOCK : n - at;
        kernels->adamw(w + at, g + at, m + at, v + at, count, settings, correct1, correct2);
        memset(g + at, 0, (size_t)count * sizeof *g);
    }
}

void gad_cpu_adamw(gad_device *device, const gad_adamw_part *part, int64_t count)
{
    for (int64_t i = 0; i < count && gad_cpu_well(device); i++)
        update(device, &part[i]);
}
