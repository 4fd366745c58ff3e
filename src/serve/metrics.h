/* metrics: what the server counts, as Prometheus text (exposition format 0.0.4). In: finished requests and parts. Out:
 * text. May be used by several threads. */
#ifndef GAD_SERVE_METRICS_H
#define GAD_SERVE_METRICS_H
#include "base/string.h"

#include <pthread.h>
#include <stdint.h>

/* States of a part, in the order of gad_metrics_outcome_name. */
typedef enum gad_metrics_outcome {
    GAD_METRICS_NORMAL,
    GAD_METRICS_ANOMALOUS,
    GAD_METRICS_UNFAMILIAR,
    GAD_METRICS_UNREADABLE,
    GAD_METRICS_FAILED
} gad_metrics_outcome;
enum { GAD_METRICS_OUTCOMES = 5, GAD_METRICS_BUCKETS = 12 };
const char *gad_metrics_outcome_name(gad_metrics_outcome outcome);

typedef struct gad_metrics {
    pthread_mutex_t lock;
    uint64_t parts[GAD_METRICS_OUTCOMES], requests[6]; /* by hundreds of the status, 0 unused */
    uint64_t bucket[GAD_METRICS_BUCKETS + 1];          /* of latency, not cumulative; the last: longer than all bounds */
    double latency_sum_s;
    double started_s; /* gad_clock_seconds */
} gad_metrics;

void gad_metrics_start(gad_metrics *metrics);
void gad_metrics_stop(gad_metrics *metrics);
void gad_metrics_count_request(gad_metrics *metrics, int status);
/* latency_s: from the complete request to the verdict, waiting included. */
void gad_metrics_count_part(gad_metrics *metrics, gad_metrics_outcome outcome, double latency_s);

/* What is true at this moment. */
typedef struct gad_metrics_now {
    int64_t queued, queue_bound, connections;
} gad_metrics_now;
void gad_metrics_write(gad_metrics *metrics, const gad_metrics_now *now, gad_string *text);
#endif
