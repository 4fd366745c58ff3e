/* limits: see limits.h */
#include "op/cpu/limits.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "op/cpu/cpu.h"

#include <omp.h>
#include <string.h>

enum { RUNS = 8, READ_BYTES = 512 << 20, FMA_ROUNDS = 4000000 };

static double read_seconds(const gad_kernels *kernels, const char *memory, int threads, size_t ahead, double *sink)
{
    const size_t share = READ_BYTES / (size_t)threads / 4096 * 4096;
    double sum = 0;
    const double started = gad_clock_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += (double)kernels->read_all(memory + share * (size_t)omp_get_thread_num(), share, ahead);
    const double seconds = gad_clock_seconds() - started;
    *sink += sum;
    return seconds * READ_BYTES / (double)(share * (size_t)threads);
}

static double fma_seconds(const gad_kernels *kernels, int threads, double *flops, double *sink)
{
    double sum = 0, count = 0;
    const double started = gad_clock_seconds();
#pragma omp parallel num_threads(threads) reduction(+ : sum, count)
    {
        float result;
        count += kernels->multiply_add(FMA_ROUNDS, &result);
        sum += (double)result;
    }
    const double seconds = gad_clock_seconds() - started;
    *flops = count;
    *sink += sum;
    return seconds;
}

gad_status gad_limits_measure(gad_limits *limits, gad_device *device, gad_error *err)
{
    const gad_kernels *kernels = gad_cpu_kernels(device);
    const int threads = device->threads;
    char *memory = gad_memory_alloc_aligned(READ_BYTES, 1);
    if (!memory)
        return gad_error_memory(err, "measure the machine's limits", READ_BYTES);
    memset(memory, 1, READ_BYTES);
    volatile double kept; /* or the compiler would see that nobody wants the sums */
    double sink = 0;
    *limits = (gad_limits){0, 0};
    for (int run = 0; run < RUNS; run++) {
        const size_t ahead = run % 2 ? 4096 : 0; /* which is faster depends on the processor */
        double flops = 0, read_s = read_seconds(kernels, memory, threads, ahead, &sink);
        double fma_s = fma_seconds(kernels, threads, &flops, &sink);
        limits->read_gb_s = READ_BYTES / read_s * 1e-9 > limits->read_gb_s ? READ_BYTES / read_s * 1e-9 : limits->read_gb_s;
        limits->fma_gflop_s = flops / fma_s * 1e-9 > limits->fma_gflop_s ? flops / fma_s * 1e-9 : limits->fma_gflop_s;
    }
    kept = sink;
    (void)kept;
    gad_memory_free_aligned(memory);
    return GAD_OK;
}
