/* mask_loss: see mask_loss.h */
#include "train/mask_loss.h"

#include <math.h>

/* -(1-p)^2 log p for p = sigmoid(z), and its derivative in z, both without overflow. */
static double focal(double z, double *derivative)
{
    double log_p = z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z)), p = exp(log_p), miss = 1 - p;
    *derivative = miss * miss * (2 * p * log_p - miss);
    return -miss * miss * log_p;
}

double gad_mask_loss(int64_t n, const float *logit, const float *mask, double weight, float *g)
{
    double size = 0, covered = 0, shared = 0, loss = 0;
    for (int64_t i = 0; i < n; i++) {
        double p = 1 / (1 + exp(-(double)logit[i]));
        size += (double)mask[i];
        covered += p;
        shared += p * (double)mask[i];
    }
    double divisor = size + (double)n / 16, top = 2 * shared + 1, bottom = covered + size + 1;
    for (int64_t i = 0; i < n; i++) {
        double z = (double)logit[i], m = (double)mask[i], p = 1 / (1 + exp(-z)), up, down;
        loss += (m * focal(z, &up) + (1 - m) * focal(-z, &down)) / divisor;
        double d = (m * up - (1 - m) * down) / divisor;
        if (size > 0)
            d += (top - 2 * m * bottom) / (bottom * bottom) * p * (1 - p);
        g[i] += (float)(weight * d);
    }
    return loss + (size > 0 ? 1 - top / bottom : 0);
}
