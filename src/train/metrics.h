/* metrics: named means of one training step. In: sums with weights, from any number of ranks. Out: one value a name.
 * Knows nothing of what the names mean. */
#ifndef GAD_TRAIN_METRICS_H
#define GAD_TRAIN_METRICS_H
#include "train/dist.h"

enum { GAD_METRICS_MOST = 64 };

typedef struct gad_metric {
    char name[48];
    double sum, weight; /* value = sum / weight; weight 0: no value in this step */
} gad_metric;

typedef struct gad_metrics {
    gad_metric item[GAD_METRICS_MOST];
    int count;
} gad_metrics;

/* Add to the metric `name`, which starts at zero. Ranks of one job add the same names in the same order (with weight 0 if
 * they have nothing to say). More than GAD_METRICS_MOST names are dropped. */
void gad_metrics_add(gad_metrics *metrics, const char *name, double sum, double weight);
/* NaN when it has no value. */
double gad_metrics_value(const gad_metrics *metrics, const char *name);
gad_status gad_metrics_reduce(gad_metrics *metrics, const gad_dist *dist, gad_error *err);
#endif
