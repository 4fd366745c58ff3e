/* resample: see resample.h. Keys, "Cubic convolution interpolation" (1981). */
#include "features/resample.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

/* Shares of the `side` inputs in output i of `steps`; indices beyond the ends count as the ends. */
static void plain_shares(float *share, int64_t side, int64_t i, int64_t steps)
{
    const double centre = (double)side / (double)steps * ((double)i + 0.5) - 0.5;
    const double first = floor(centre) - 1;
    for (int64_t j = 0; j < 4; j++) {
        const double at = first + (double)j;
        const int64_t inside = at < 0 ? 0 : at > (double)(side - 1) ? side - 1 : (int64_t)at;
        share[inside] += (float)cubic(centre - at, -0.75);
    }
}

/* The same with a filter that widens where the grid shrinks; shares beyond the ends go to those inside. */
static void antialiased_shares(float *share, int64_t side, int64_t i, int64_t steps)
{
    const double scale = (double)side / (double)steps, wide = scale > 1 ? scale : 1;
    const double centre = scale * ((double)i + 0.5);
    double sum = 0;
    for (int64_t j = 0; j < side; j++)
        sum += cubic(((double)j + 0.5 - centre) / wide, -0.5);
    for (int64_t j = 0; j < side; j++)
        share[j] = (float)(cubic(((double)j + 0.5 - centre) / wide, -0.5) / sum);
}

gad_status gad_resample_grid(const float *grid, int64_t side, int64_t width, float *out, int64_t rows, int64_t cols,
                             bool antialias, gad_error *err)
{
    float *share = gad_memory_alloc((size_t)side, sizeof *share);
    float *line = gad_memory_alloc((size_t)(side * width), sizeof *line); /* one output row, not yet cut into columns */
    if (!share || !line) {
        gad_memory_free(share);
        gad_memory_free(line);
        return gad_error_memory(err, "interpolate positions", (size_t)(side * width) * sizeof *line);
    }
    void (*const shares)(float *, int64_t, int64_t, int64_t) = antialias ? antialiased_shares : plain_shares;
    for (int64_t y = 0; y < rows; y++) {
        memset(share, 0, (size_t)side * sizeof *share);
        memset(line, 0, (size_t)(side * width) * sizeof *line);
        shares(share, side, y, rows);
        for (int64_t j = 0; j < side; j++)
            for (int64_t n = 0; share[j] != 0 && n < side * width; n++)
                line[n] += share[j] * grid[j * side * width + n];
        for (int64_t x = 0; x < cols; x++) {
            float *to = out + (y * cols + x) * width;
            memset(share, 0, (size_t)side * sizeof *share);
            memset(to, 0, (size_t)width * sizeof *to);
            shares(share, side, x, cols);
            for (int64_t j = 0; j < side; j++)
                for (int64_t c = 0; share[j] != 0 && c < width; c++)
                    to[c] += share[j] * line[j * width + c];
        }
    }
    gad_memory_free(share);
    gad_memory_free(line);
    return GAD_OK;
}
