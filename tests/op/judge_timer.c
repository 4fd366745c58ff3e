/* judge_timer: times the calls of a case, on the processor one by one, on another device many at a time, since there a call
 * only asks for the work. What comes out is set beside what the machine can do at most. */
#include "base/clock.h"
#include "op/judge.h"
#include "op/limits_device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SAMPLES = 1000, BATCH = 40 }; /* calls that a device is asked for before it is waited for */

struct judge_timer {
    const char *title, *what;
    double flops, bytes, started_s, call_s;
    double processor_s, min_processor_s; /* of all threads: what a busy machine disturbs least */
    double seconds[MAX_SAMPLES];
    int samples, batch, in_batch;
    bool warm;
    gad_limits limits;
};

static void start_sample(judge_timer *timer)
{
    timer->in_batch = 0;
    timer->processor_s = (double)clock() / CLOCKS_PER_SEC;
    timer->call_s = gad_clock_seconds();
}

bool judge_begin(judge_stage *stage, const char *what, double flops, double bytes)
{
    judge_timer *timer = stage->timer;
    if (!timer)
        return true;
    timer->what = what;
    timer->flops = flops;
    timer->bytes = bytes;
    timer->samples = 0;
    timer->batch = stage->device->memory_bytes ? BATCH : 1;
    timer->warm = !stage->device->memory_bytes; /* a device's first calls load and choose */
    timer->min_processor_s = INFINITY;
    gad_device_check(stage->device, NULL);
    start_sample(timer);
    timer->started_s = timer->call_s;
    return true;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_timing(const judge_timer *timer)
{
    const double best_s = timer->seconds[0], gflop_s = timer->flops / best_s * 1e-9, gb_s = timer->bytes / best_s * 1e-9;
    printf("%-60s %-15s %9.4f ms (median %9.4f, processor %9.3f) %9.1f GFLOP/s %3.0f %% %7.1f GB/s %3.0f %%\n",
           timer->title, timer->what, best_s * 1e3, timer->seconds[timer->samples / 2] * 1e3, timer->min_processor_s * 1e3,
           gflop_s, 100 * gflop_s / timer->limits.fma_gflop_s, gb_s, 100 * gb_s / timer->limits.read_gb_s);
    fflush(stdout);
}

/* At least three samples, and half a second on the processor, 20 ms on a device. Percentages are of the best sample; the
 * median shows how disturbed the run was. */
bool judge_again(judge_stage *stage)
{
    judge_timer *timer = stage->timer;
    if (!timer)
        return false;
    if (++timer->in_batch < timer->batch && timer->warm)
        return true;
    gad_device_check(stage->device, NULL);
    const double now = gad_clock_seconds(), enough_s = timer->batch > 1 ? 0.02 : 0.5;
    if (!timer->warm) {
        timer->warm = true;
        timer->started_s = now;
        start_sample(timer);
        return true;
    }
    timer->seconds[timer->samples++] = (now - timer->call_s) / timer->batch;
    timer->min_processor_s =
        fmin(timer->min_processor_s, ((double)clock() / CLOCKS_PER_SEC - timer->processor_s) / timer->batch);
    if (timer->samples < 3 || (now - timer->started_s < enough_s && timer->samples < MAX_SAMPLES)) {
        start_sample(timer);
        return true;
    }
    qsort(timer->seconds, (size_t)timer->samples, sizeof(double), ascending);
    print_timing(timer);
    return false;
}

double judge_bytes(const judge_stage *stage, double numbers)
{
    return numbers * (double)gad_dtype_bytes(stage->device->dtype);
}

gad_status judge_perf(const judge_case *c, gad_device *device, gad_error *err)
{
    static gad_limits kept; /* a device is all ours: once is enough */
    char name[256];
    judge_timer timer = {.title = judge_name(c, name), .limits = kept};
    gad_status status = GAD_OK;
    if (!device->memory_bytes || kept.read_gb_s == 0) {
        status = (device->memory_bytes ? gad_limits_device_measure : gad_limits_measure)(&timer.limits, device, err);
        kept = timer.limits;
        printf("limits now: memory %.1f GB/s, products %.1f GFLOP/s\n", timer.limits.read_gb_s, timer.limits.fma_gflop_s);
    }
    if (status == GAD_OK)
        judge_run_timed(c, device, &timer);
    return status ? status : gad_device_check(device, err);
}
