/* adamw: the optimizer's update and the sum of squares that gradient clipping needs. */
#include "op/cpu/cpu.h"

#include <math.h>

/* Partial sums over fixed blocks of rows, added in order: the same double for any number of threads. */
double gad_cpu_sum_squares(gad_device *device, gad_tensor x)
{
    size_t mark = gad_cpu_mark(device);
    double *partial = gad_cpu_scratch(device, (size_t)x.rows, sizeof(double));
    double total = 0;
    if (partial) {
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, x.rows *x.cols))
        for (int64_t t = 0; t < x.rows; t++) {
            const float *row = gad_cpu_row(x, t);
            double sum = 0;
            for (int64_t c = 0; c < x.cols; c++)
                sum += (double)row[c] * (double)row[c];
            partial[t] = sum;
        }
        for (int64_t t = 0; t < x.rows; t++)
            total += partial[t];
    }
    gad_cpu_rewind(device, mark);
    return total;
}

void gad_cpu_adamw(gad_device *device, void *w, const void *g, void *m, void *v, int64_t n, const gad_adamw *settings)
{
    if (!gad_cpu_well(device))
        return;
    const gad_adamw s = *settings;
    float *weight = w, *first = m, *second = v;
    const float *gradient = g;
    const float correct1 = (float)(1.0 / (1.0 - pow((double)s.beta1, (double)s.step)));
    const float correct2 = (float)(1.0 / (1.0 - pow((double)s.beta2, (double)s.step)));
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, n))
    for (int64_t i = 0; i < n; i++) {
        float d = gradient[i] * s.gradient_scale;
        first[i] = s.beta1 * first[i] + (1.0f - s.beta1) * d;
        second[i] = s.beta2 * second[i] + (1.0f - s.beta2) * d * d;
        float step = first[i] * correct1 / (sqrtf(second[i] * correct2) + s.epsilon);
        weight[i] -= s.learning_rate * (step + s.weight_decay * weight[i]);
    }
}
