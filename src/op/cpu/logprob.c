/* logprob: log-probability of a target token under softmax(z / temperature), entropy, and the gradient to z. */
#include "op/cpu/cpu.h"

#include <math.h>
#include <string.h>

void gad_cpu_logprob(gad_device *device, gad_tensor logp, gad_tensor entropy, gad_tensor z, const int32_t *target,
                     float temperature)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * z.rows * z.cols))
    for (int64_t t = 0; t < z.rows; t++) {
        const float *row = gad_cpu_row(z, t), most = kernels->largest(row, z.cols);
        double moment;
        const double sum = kernels->exp_row(NULL, row, z.cols, most, 1.0f / temperature, 1, entropy.data ? &moment : NULL);
        *gad_cpu_row(logp, t) = (float)((double)(row[target[t]] - most) / (double)temperature - log(sum));
        if (entropy.data) /* -sum p log p = log sum - sum p (z - most) / temperature */
            *gad_cpu_row(entropy, t) = (float)(log(sum) - moment / sum);
    }
}

/* dz holds p times -slope; what the entropy's gradient adds: -rate p (log p + entropy). */
static void add_entropy(float *dz, const float *z, int64_t n, float most, float inverse, double log_sum, double entropy,
                        double rate)
{
    for (int64_t v = 0; v < n; v++) {
        const double log_p = (double)((z[v] - most) * inverse) - log_sum, p = exp(log_p);
        if (p > 0)
            dz[v] -= (float)(rate * p * (log_p + entropy));
    }
}

void gad_cpu_logprob_back(gad_device *device, gad_tensor dz, gad_tensor g, gad_tensor h, gad_tensor z,
                          const int32_t *target, float temperature)
{
    if (!gad_cpu_well(device))
        return;
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const size_t mark = gad_cpu_mark(device);
    float *copies = h.data ? gad_cpu_scratch(device, (size_t)(z.rows * z.cols), sizeof(float)) : NULL; /* dz may be z */
    const bool entropic = copies != NULL;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, 4 * z.rows * z.cols))
    for (int64_t t = 0; t < z.rows; t++) {
        const float *row = gad_cpu_row(z, t), most = kernels->largest(row, z.cols), inverse = 1.0f / temperature;
        const float slope = *gad_cpu_row(g, t) * inverse;
        double moment = 0;
        const double sum = kernels->exp_row(NULL, row, z.cols, most, inverse, 1, entropic ? &moment : NULL);
        if (entropic)
            row = memcpy(copies + t * z.cols, row, (size_t)z.cols * sizeof(float));
        kernels->exp_row(gad_cpu_row(dz, t), row, z.cols, most, inverse, (float)(-(double)slope / sum), NULL);
        gad_cpu_row(dz, t)[target[t]] += slope;
        if (entropic)
            add_entropy(gad_cpu_row(dz, t), row, z.cols, most, inverse, log(sum), log(sum) - moment / sum,
                        (double)(*gad_cpu_row(h, t) * inverse));
    }
    gad_cpu_rewind(device, mark);
}
