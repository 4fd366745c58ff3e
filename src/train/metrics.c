/* metrics: see metrics.h */
#include "train/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static gad_metric *find(gad_metrics *metrics, const char *name)
{
    for (int i = 0; i < metrics->count; i++)
        if (!strcmp(metrics->item[i].name, name))
            return &metrics->item[i];
    return NULL;
}

void gad_metrics_add(gad_metrics *metrics, const char *name, double sum, double weight)
{
    gad_metric *metric = find(metrics, name);
    if (!metric) {
        if (metrics->count == GAD_METRICS_MOST)
            return;
        metric = &metrics->item[metrics->count++];
        *metric = (gad_metric){0};
        snprintf(metric->name, sizeof metric->name, "%s", name);
    }
    metric->sum += sum;
    metric->weight += weight;
}

double gad_metrics_value(const gad_metrics *metrics, const char *name)
{
    const gad_metric *metric = find((gad_metrics *)(uintptr_t)metrics, name);
    return metric && metric->weight != 0 ? metric->sum / metric->weight : (double)NAN;
}

gad_status gad_metrics_reduce(gad_metrics *metrics, const gad_dist *dist, gad_error *err)
{
    double numbers[2 * GAD_METRICS_MOST] = {0};
    if (dist->size == 1)
        return GAD_OK;
    for (int i = 0; i < metrics->count; i++) {
        numbers[2 * i] = metrics->item[i].sum;
        numbers[2 * i + 1] = metrics->item[i].weight;
    }
    gad_status status = gad_dist_sum(dist, numbers, GAD_F64, 2 * GAD_METRICS_MOST, err);
    for (int i = 0; i < metrics->count && !status; i++) {
        metrics->item[i].sum = numbers[2 * i];
        metrics->item[i].weight = numbers[2 * i + 1];
    }
    return status;
}
