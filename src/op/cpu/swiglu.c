/* swiglu: y = silu(a) * b and its gradients. */
#include "op/cpu/cpu.h"

void gad_cpu_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * y.rows * y.cols))
    for (int64_t t = 0; t < y.rows; t++)
        kernels->swiglu(gad_cpu_row(y, t), gad_cpu_row(a, t), gad_cpu_row(b, t), y.cols);
}

void gad_cpu_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * dy.rows * dy.cols))
    for (int64_t t = 0; t < dy.rows; t++)
        kernels->swiglu_back(gad_cpu_row(da, t), gad_cpu_row(db, t), gad_cpu_row(dy, t), gad_cpu_row(a, t),
                             gad_cpu_row(b, t), dy.cols);
}
