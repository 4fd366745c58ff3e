/* metrics: see metrics.h */
#include "serve/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static const double bounds_s[GAD_METRICS_BUCKETS] = {0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};

const char *gad_metrics_outcome_name(gad_metrics_outcome outcome)
{
    static const char *const names[GAD_METRICS_OUTCOMES] = {"normal", "anomalous", "unfamiliar", "unreadable", "failed"};
    return names[outcome];
}

void gad_metrics_start(gad_metrics *metrics)
{
    *metrics = (gad_metrics){.started_s = gad_clock_seconds()};
    pthread_mutex_init(&metrics->lock, NULL);
}

void gad_metrics_stop(gad_metrics *metrics)
{
    pthread_mutex_destroy(&metrics->lock);
}

void gad_metrics_count_request(gad_metrics *metrics, int status)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->requests[status >= 100 && status < 600 ? status / 100 : 5]++;
    pthread_mutex_unlock(&metrics->lock);
}

void gad_metrics_count_part(gad_metrics *metrics, gad_metrics_outcome outcome, double latency_s)
{
    int i = 0;
    while (i < GAD_METRICS_BUCKETS && latency_s > bounds_s[i])
        i++;
    pthread_mutex_lock(&metrics->lock);
    metrics->parts[outcome]++;
    metrics->bucket[i]++;
    metrics->latency_sum_s += latency_s;
    pthread_mutex_unlock(&metrics->lock);
}

/* Resident memory of the process in bytes (proc(5), statm); 0 when it is not told. */
static double resident_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "r");
    long long pages = 0, resident = 0;
    if (!statm)
        return 0;
    if (fscanf(statm, "%lld %lld", &pages, &resident) != 2)
        resident = 0;
    fclose(statm);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void head(gad_string *text, const char *name, const char *type, const char *help)
{
    gad_string_addf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(gad_string *text, const char *name, const char *help, double value)
{
    head(text, name, "gauge", help);
    gad_string_addf(text, "%s %.17g\n", name, value);
}

static void write_latency(const gad_metrics *m, gad_string *text)
{
    uint64_t sum = 0;
    head(text, "gad_part_latency_seconds", "histogram", "From the complete request to the verdict.");
    for (int i = 0; i < GAD_METRICS_BUCKETS; i++) {
        sum += m->bucket[i];
        gad_string_addf(text, "gad_part_latency_seconds_bucket{le=\"%g\"} %llu\n", bounds_s[i], (unsigned long long)sum);
    }
    sum += m->bucket[GAD_METRICS_BUCKETS];
    gad_string_addf(text, "gad_part_latency_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)sum);
    gad_string_addf(text, "gad_part_latency_seconds_sum %.9g\ngad_part_latency_seconds_count %llu\n", m->latency_sum_s,
                    (unsigned long long)sum);
}

void gad_metrics_write(gad_metrics *metrics, const gad_metrics_now *now, gad_string *text)
{
    pthread_mutex_lock(&metrics->lock);
    head(text, "gad_parts_total", "counter", "Inspected parts by verdict.");
    for (int i = 0; i < GAD_METRICS_OUTCOMES; i++)
        gad_string_addf(text, "gad_parts_total{verdict=\"%s\"} %llu\n", gad_metrics_outcome_name((gad_metrics_outcome)i),
                        (unsigned long long)metrics->parts[i]);
    head(text, "gad_http_requests_total", "counter", "Answered requests by the hundreds of their status.");
    for (int i = 2; i < 6; i++)
        gad_string_addf(text, "gad_http_requests_total{status=\"%dxx\"} %llu\n", i,
                        (unsigned long long)metrics->requests[i]);
    write_latency(metrics, text);
    pthread_mutex_unlock(&metrics->lock);
    gauge(text, "gad_queue_length", "Requests that wait for the engine.", (double)now->queued);
    gauge(text, "gad_queue_bound", "Requests that may wait.", (double)now->queue_bound);
    gauge(text, "gad_connections", "Open connections.", (double)now->connections);
    gauge(text, "gad_resident_memory_bytes", "Resident memory of the process.", resident_bytes());
    gauge(text, "gad_uptime_seconds", "Time since the start.", gad_clock_seconds() - metrics->started_s);
}
