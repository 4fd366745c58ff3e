/* swiglu: y = silu(a) * b and its gradients. */
#include "op/cpu/cpu.h"

#include <math.h>

void gad_cpu_swiglu(gad_device *device, gad_tensor y, gad_tensor a, gad_tensor b)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * y.rows * y.cols))
    for (int64_t t = 0; t < y.rows; t++) {
        float *out = gad_cpu_row(y, t);
        const float *left = gad_cpu_row(a, t), *right = gad_cpu_row(b, t);
        for (int64_t c = 0; c < y.cols; c++)
            out[c] = left[c] / (1.0f + expf(-left[c])) * right[c];
    }
}

/* s = sigmoid(a): da = dy b s (1 + a (1 - s)), db = dy a s */
void gad_cpu_swiglu_back(gad_device *device, gad_tensor da, gad_tensor db, gad_tensor dy, gad_tensor a, gad_tensor b)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * dy.rows * dy.cols))
    for (int64_t t = 0; t < dy.rows; t++) {
        float *to_a = gad_cpu_row(da, t), *to_b = gad_cpu_row(db, t);
        const float *d = gad_cpu_row(dy, t), *left = gad_cpu_row(a, t), *right = gad_cpu_row(b, t);
        for (int64_t c = 0; c < dy.cols; c++) {
            float x = left[c], g = d[c], r = right[c], s = 1.0f / (1.0f + expf(-x));
            to_a[c] = g * r * s * (1.0f + x * (1.0f - s));
            to_b[c] = g * x * s;
        }
    }
}
