/* gelu: exact and tanh form, and their gradients. */
#include "op/cpu/cpu.h"

void gad_cpu_gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * y.rows * y.cols))
    for (int64_t t = 0; t < y.rows; t++)
        kernels->gelu(gad_cpu_row(y, t), gad_cpu_row(x, t), y.cols, kind);
}

void gad_cpu_gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * dx.rows * dx.cols))
    for (int64_t t = 0; t < dx.rows; t++)
        kernels->gelu_back(gad_cpu_row(dx, t), gad_cpu_row(dy, t), gad_cpu_row(x, t), dx.cols, kind);
}
