/* limits_device: see limits_device.h */
#include "op/limits_device.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

enum { RUNS = 8, MAX_SIDE = 8192, COLS = 4096, NOISE_ROWS = 32 };

/* Numbers between -1 and 1, the same every NOISE_ROWS rows: zeros need less power, and so are faster than any real work. */
static void fill_noise(gad_device *device, gad_tensor t)
{
    const int64_t rows = t.rows < NOISE_ROWS ? t.rows : NOISE_ROWS;
    float *noise = gad_memory_alloc((size_t)(rows * t.cols), sizeof *noise);
    if (!noise) {
        gad_error_fill_memory(&device->error, "measure the device", (size_t)(rows * t.cols) * sizeof *noise);
        return;
    }
    gad_rng rng = gad_rng_make(1, 1);
    for (int64_t i = 0; i < rows * t.cols; i++)
        noise[i] = (float)gad_rng_u32(&rng) * 0x1p-31f - 1;
    device->ops->fill(device, gad_tensor_rows(t, 0, rows), noise);
    for (int64_t row = rows; row < t.rows; row += rows) {
        const int64_t count = t.rows - row < rows ? t.rows - row : rows;
        device->ops->axpby(device, gad_tensor_rows(t, row, count), 1, gad_tensor_rows(t, 0, count), 0);
    }
    gad_memory_free(noise);
}

static double copy_seconds(gad_device *device, gad_tensor to, gad_tensor from)
{
    gad_device_check(device, NULL);
    const double started = gad_clock_seconds();
    device->ops->axpby(device, to, 1, from, 0);
    gad_device_check(device, NULL);
    return gad_clock_seconds() - started;
}

static double product_seconds(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w)
{
    gad_device_check(device, NULL);
    const double started = gad_clock_seconds();
    device->ops->linear(device, y, x, w, gad_tensor_none(), 1, false);
    gad_device_check(device, NULL);
    return gad_clock_seconds() - started;
}

gad_status gad_limits_device_measure(gad_limits *limits, gad_device *device, gad_error *err)
{
    const gad_ops *op = device->ops;
    const size_t wide = gad_dtype_bytes(device->dtype), memory = device->memory_bytes / 16;
    const size_t bytes = memory < (size_t)1 << 30 ? memory : (size_t)1 << 30;
    int64_t side = MAX_SIDE;
    while (side > 64 && (size_t)(3 * side * side) * wide > bytes)
        side /= 2;
    const int64_t rows = (int64_t)(bytes / 2 / wide / COLS) + 1;
    const size_t mark = op->mark(device);
    gad_tensor from = op->take(device, rows, COLS), to = op->take(device, rows, COLS);
    fill_noise(device, from);
    double copy_s = copy_seconds(device, to, from); /* the first is slower */
    for (int run = 0; run < RUNS; run++) {
        const double again_s = copy_seconds(device, to, from);
        copy_s = again_s < copy_s ? again_s : copy_s;
    }
    op->rewind(device, mark);
    gad_tensor x = op->take(device, side, side), y = op->take(device, side, side), w = op->take(device, side, side);
    const gad_weight weight = {.data = w.data, .dtype = w.dtype, .rows = side, .cols = side};
    fill_noise(device, x);
    fill_noise(device, w);
    double product_s = product_seconds(device, y, x, weight);
    for (int run = 0; run < RUNS; run++) {
        const double again_s = product_seconds(device, y, x, weight);
        product_s = again_s < product_s ? again_s : product_s;
    }
    op->rewind(device, mark);
    *limits = (gad_limits){.read_gb_s = 2e-9 * (double)(rows * COLS) * (double)wide / copy_s,
                           .fma_gflop_s = 2e-9 * (double)side * (double)side * (double)side / product_s};
    return gad_device_check(device, err);
}
