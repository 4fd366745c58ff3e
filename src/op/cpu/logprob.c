/* logprob: log-probability of a target token under softmax(z / temperature), entropy, and the gradient to z. */
#include "op/cpu/cpu.h"

#include <math.h>

typedef struct softmax_stats {
    float largest; /* of z */
    double sum;    /* of exp((z - largest) / temperature) */
    double moment; /* of the same times (z - largest) / temperature */
} softmax_stats;

static softmax_stats row_stats(const float *z, int64_t n, float inverse)
{
    softmax_stats s = {z[0], 0, 0};
    for (int64_t v = 1; v < n; v++)
        s.largest = z[v] > s.largest || isnan(z[v]) ? z[v] : s.largest;
    for (int64_t v = 0; v < n; v++) {
        float x = (z[v] - s.largest) * inverse, e = expf(x);
        s.sum += (double)e;
        s.moment += (double)(e > 0 ? e * x : e);
    }
    return s;
}

void gad_cpu_logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                     float temperature)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * z.rows * z.cols))
    for (int64_t t = 0; t < z.rows; t++) {
        const float *row = gad_cpu_row(z, t);
        softmax_stats s = row_stats(row, z.cols, 1.0f / temperature);
        double log_sum = log(s.sum);
        *gad_cpu_row(logp, t) = (float)((double)(row[target[t]] - s.largest) / (double)temperature - log_sum);
        if (entropy.data) /* -sum p log p = log sum - sum p x */
            *gad_cpu_row(entropy, t) = (float)(log_sum - s.moment / s.sum);
    }
}

void gad_cpu_logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor z, const int32_t *target,
                          float temperature)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * z.rows * z.cols))
    for (int64_t t = 0; t < z.rows; t++) {
        const float *row = gad_cpu_row(z, t);
        float *to = gad_cpu_row(dz, t);
        softmax_stats s = row_stats(row, z.cols, 1.0f / temperature);
        float slope = *gad_cpu_row(g, t) / temperature, unit = (float)((double)slope / s.sum);
        for (int64_t v = 0; v < z.cols; v++)
            to[v] = -unit * expf((row[v] - s.largest) / temperature);
        to[target[t]] += slope;
    }
}
