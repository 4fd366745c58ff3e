/* gelu: exact and tanh form, and their gradients. */
#include "op/cpu/cpu.h"

#include <math.h>

static const float k0 = 0.7978845608028654f; /* sqrt(2/pi) */
static const float k1 = 0.044715f;

static float value(float x, gad_gelu_kind kind)
{
    if (kind == GAD_GELU_ERF)
        return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    return 0.5f * x * (1.0f + tanhf(k0 * (x + k1 * x * x * x)));
}

static float slope(float x, gad_gelu_kind kind)
{
    if (kind == GAD_GELU_ERF)
        return 0.5f * (1.0f + erff(x * 0.70710678118654752f)) + x * expf(-0.5f * x * x) * 0.3989422804014327f;
    float th = tanhf(k0 * (x + k1 * x * x * x));
    return 0.5f * (1.0f + th) + 0.5f * x * (1.0f - th * th) * k0 * (1.0f + 3.0f * k1 * x * x);
}

void gad_cpu_gelu(gad_device *device, gad_tensor y, gad_tensor x, gad_gelu_kind kind)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * y.rows * y.cols))
    for (int64_t t = 0; t < y.rows; t++)
        for (int64_t c = 0; c < y.cols; c++)
            gad_cpu_row(y, t)[c] = value(gad_cpu_row(x, t)[c], kind);
}

void gad_cpu_gelu_back(gad_device *device, gad_tensor dx, gad_tensor dy, gad_tensor x, gad_gelu_kind kind)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * dx.rows * dx.cols))
    for (int64_t t = 0; t < dx.rows; t++)
        for (int64_t c = 0; c < dx.cols; c++)
            gad_cpu_row(dx, t)[c] = gad_cpu_row(dy, t)[c] * slope(gad_cpu_row(x, t)[c], kind);
}
