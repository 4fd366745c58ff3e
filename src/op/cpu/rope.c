/* rope: rotary positions, halves layout: channel i of a head turns with channel i + D/2. */
#include "op/cpu/cpu.h"

void gad_cpu_rope(gad_device *device, gad_tensor y, gad_tensor x, gad_tensor cos, gad_tensor sin, int heads, bool inverse)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const int64_t half = x.cols / heads / 2;
    const float sign = inverse ? -1.0f : 1.0f;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
    for (int64_t t = 0; t < x.rows; t++) {
        for (int h = 0; h < heads; h++)
            kernels->rope(gad_cpu_row(y, t) + h * 2 * half, gad_cpu_row(x, t) + h * 2 * half, gad_cpu_row(cos, t),
                          gad_cpu_row(sin, t), half, sign);
    }
}
