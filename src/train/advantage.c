/* advantage: see advantage.h */
#include "train/advantage.h"

#include <math.h>

double gad_advantage_group(const double *reward, int count, bool scale, double *advantage)
{
    double sum = 0, squares = 0;
    int known = 0;
    for (int i = 0; i < count; i++) {
        advantage[i] = 0;
        if (isnan(reward[i]))
            continue;
        sum += reward[i];
        known++;
    }
    if (known < 2)
        return 0;
    double mean = sum / known;
    for (int i = 0; i < count; i++)
        squares += isnan(reward[i]) ? 0 : (reward[i] - mean) * (reward[i] - mean);
    double deviation = sqrt(squares / (known - 1));
    if (deviation < 1e-9)
        return 0;
    for (int i = 0; i < count; i++)
        if (!isnan(reward[i]))
            advantage[i] = (reward[i] - mean) / (scale ? deviation + 1e-4 : 1);
    return deviation;
}

static double bounded(double x)
{
    return fmax(-20, fmin(20, x));
}

double gad_advantage_token(const gad_advantage_loss *loss, double a, double l, double old, double reference,
                           double *derivative, bool *clipped)
{
    double w = exp(bounded(l - old)), low = 1 - loss->clip_low, high = 1 + loss->clip_high;
    double kept = fmax(low, fmin(high, w)), gain = fmin(w * a, kept * a);
    bool active = !((a > 0 && w > high) || (a < 0 && w < low));
    *clipped = w < low || w > high;
    if (loss->dual > 0 && a < 0 && gain < loss->dual * a) { /* Ye et al., arXiv 1912.09729 */
        gain = loss->dual * a;
        active = false;
    }
    double d = bounded(reference - l), grown = exp(d);
    *derivative = (active ? -w * a : 0) + (loss->kl != 0 ? loss->kl * (1 - grown) : 0);
    return -gain + (loss->kl != 0 ? loss->kl * (grown - d - 1) : 0);
}

double gad_advantage_weight(gad_aggregation mode, double length, double answers, double total, double most)
{
    switch (mode) {
    case GAD_AGGREGATE_GROUP_TOKEN: return total > 0 ? 1 / total : 0;
    case GAD_AGGREGATE_BATCH_TOKEN: return 1;
    case GAD_AGGREGATE_SEQ_MEAN: return length > 0 ? 1 / (length * answers) : 0;
    case GAD_AGGREGATE_SEQ_SUM: return 1 / answers;
    case GAD_AGGREGATE_CONSTANT: return 1 / (answers * most);
    }
    return 0;
}

double gad_advantage_divisor(gad_aggregation mode, double total)
{
    return mode == GAD_AGGREGATE_BATCH_TOKEN ? total : 1;
}
