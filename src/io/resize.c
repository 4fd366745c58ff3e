/* resize: see resize.h. Both axes use the same inner loop over bytes that lie side by side: for columns these are the
 * pixels of a row; for rows, sixteen rows are transposed so that equal positions of them lie side by side. */
#include "io/resize.h"

#include "base/error.h"
#include "base/memory.h"
#include "io/resize_rows.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Below PARALLEL_BYTES read and written, waking threads costs more than they save. */
enum { BLOCK_ROWS = 16, PIL_SHIFT = 22, PARALLEL_BYTES = 1 << 20 };

/* What output position i of one axis is made of: weight[i * taps + k] times input position first[i] + k, k < count[i]. */
typedef struct axis {
    int64_t size, taps;
    int64_t *first, *count;
    int32_t *weight;
    int shift; /* weights are scaled by 2^shift */
} axis;

static void axis_free(axis *a)
{
    gad_memory_free(a->first);
    gad_memory_free(a->count);
    gad_memory_free(a->weight);
    *a = (axis){0};
}

/* Keys' cubic with a = -0.5, in Pillow's order of evaluation. */
static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * -0.5;
    return 0;
}

/* Windows and weights in doubles (Pillow, Resample.c, precompute_coeffs). Returns the largest weight. */
static double axis_windows(axis *a, int64_t in, double *weight)
{
    double scale = (double)in / (double)a->size, stretch = scale < 1 ? 1 : scale, support = 2 * stretch, largest = 0;
    for (int64_t i = 0; i < a->size; i++) {
        double centre = ((double)i + 0.5) * scale, sum = 0, *w = weight + i * a->taps;
        int64_t low = (int64_t)(centre - support + 0.5), high = (int64_t)(centre + support + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in ? in : high;
        a->first[i] = low;
        a->count[i] = high - low;
        for (int64_t k = 0; k < high - low; k++) {
            w[k] = cubic(((double)(k + low) - centre + 0.5) * (1.0 / stretch));
            sum += w[k];
        }
        for (int64_t k = 0; k < high - low; k++) {
            w[k] /= sum;
            largest = w[k] > largest ? w[k] : largest;
        }
    }
    return largest;
}

/* torchvision's weights are 16 bits: as many binary places as the largest weight leaves room for (ATen,
 * UpSampleKernelAVXAntialias.h). */
static int torchvision_shift(double largest)
{
    int shift = 0;
    while (shift < PIL_SHIFT && (int)(0.5 + largest * (1 << (shift + 1))) < 1 << 15)
        shift++;
    return shift;
}

static gad_status axis_make(int64_t in, int64_t out, gad_resize_kernel kernel, axis *a, gad_error *err)
{
    double scale = (double)in / (double)out;
    *a = (axis){.size = out, .taps = 2 * (int64_t)ceil(2 * (scale < 1 ? 1 : scale)) + 1};
    size_t n = (size_t)(a->size * a->taps);
    double *weight = gad_memory_zero(n, sizeof *weight);
    a->weight = gad_memory_alloc(n, sizeof *a->weight);
    a->first = gad_memory_alloc((size_t)out, sizeof *a->first);
    a->count = gad_memory_alloc((size_t)out, sizeof *a->count);
    gad_status status = GAD_OK;
    if (!weight || !a->weight || !a->first || !a->count) {
        axis_free(a);
        status = gad_error_memory(err, "resize image", n * sizeof *weight);
        goto done;
    }
    double largest = axis_windows(a, in, weight);
    a->shift = kernel == GAD_RESIZE_PIL ? PIL_SHIFT : torchvision_shift(largest);
    for (size_t i = 0; i < n; i++) {
        double scaled = weight[i] * (1 << a->shift);
        a->weight[i] = (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
done:
    gad_memory_free(weight);
    return status;
}

/* columns[j * 16 + r] = row r, byte j; rows beyond the last repeat it. */
static void transpose_in(const uint8_t *rows, size_t stride, int count, uint8_t *columns)
{
    const uint8_t *row[BLOCK_ROWS];
    for (int r = 0; r < BLOCK_ROWS; r++)
        row[r] = rows + stride * (size_t)(r < count ? r : count - 1);
    for (size_t j = 0; j < stride; j++)
        for (int r = 0; r < BLOCK_ROWS; r++)
            columns[j * BLOCK_ROWS + (size_t)r] = row[r][j];
}

static void transpose_out(const uint8_t *columns, uint8_t *rows, size_t stride, int count)
{
    for (int r = 0; r < count; r++)
        for (size_t j = 0; j < stride; j++)
            rows[stride * (size_t)r + j] = columns[j * BLOCK_ROWS + (size_t)r];
}

/* Changes the width: out has the image's height. */
static gad_status pass_over_rows(const gad_image *image, const axis *a, gad_image *out, gad_error *err)
{
    size_t lanes = (size_t)image->channels * BLOCK_ROWS, stride = gad_image_stride(image),
           out_stride = gad_image_stride(out);
    size_t room = (stride + out_stride) * BLOCK_ROWS;
    uint8_t *scratch = gad_memory_alloc((size_t)omp_get_max_threads(), room);
    if (!scratch)
        return gad_error_memory(err, "resize image", room);
    gad_resize_rows_fn combine = gad_resize_rows_choose();
#pragma omp parallel for schedule(static) if (room * (size_t)image->height > PARALLEL_BYTES * BLOCK_ROWS)
    for (int64_t y = 0; y < image->height; y += BLOCK_ROWS) {
        uint8_t *columns = scratch + (size_t)omp_get_thread_num() * room, *made = columns + stride * BLOCK_ROWS;
        int rows = (int)(image->height - y < BLOCK_ROWS ? image->height - y : BLOCK_ROWS);
        transpose_in(gad_image_row(image, y), stride, rows, columns);
        for (int64_t x = 0; x < a->size; x++)
            combine(made + (size_t)x * lanes, columns + (size_t)a->first[x] * lanes, lanes, a->weight + x * a->taps,
                    a->count[x], lanes, a->shift);
        transpose_out(made, gad_image_row(out, y), out_stride, rows);
    }
    gad_memory_free(scratch);
    return GAD_OK;
}

/* Changes the height: out has the image's width. */
static void pass_over_columns(const gad_image *image, const axis *a, gad_image *out)
{
    gad_resize_rows_fn combine = gad_resize_rows_choose();
    size_t stride = gad_image_stride(image);
#pragma omp parallel for schedule(static) if (stride * (size_t)(image->height + a->size) > PARALLEL_BYTES)
    for (int64_t y = 0; y < a->size; y++)
        combine(gad_image_row(out, y), gad_image_row(image, a->first[y]), stride, a->weight + y * a->taps, a->count[y],
                stride, a->shift);
}

gad_status gad_resize_bicubic(const gad_image *image, int64_t width, int64_t height, gad_resize_kernel kernel,
                              gad_image *out, gad_error *err)
{
    axis horizontal = {0}, vertical = {0};
    gad_image wide = {0}, made = {0};
    const gad_image *source = image;
    gad_status status = gad_image_new(width, height, image->channels, &made, err);
    if (status)
        return status;
    if (width != image->width) {
        gad_image *to = height == image->height ? &made : &wide;
        status = axis_make(image->width, width, kernel, &horizontal, err);
        if (!status && to == &wide)
            status = gad_image_new(width, image->height, image->channels, &wide, err);
        if (!status)
            status = pass_over_rows(image, &horizontal, to, err);
        if (status)
            goto done;
        source = to;
    }
    if (height != image->height) {
        status = axis_make(image->height, height, kernel, &vertical, err);
        if (status)
            goto done;
        pass_over_columns(source, &vertical, &made);
    } else if (source == image) {
        memcpy(made.pixels, image->pixels, gad_image_stride(image) * (size_t)height);
    }
    *out = made;
    made = (gad_image){0};
done:
    axis_free(&horizontal);
    axis_free(&vertical);
    gad_image_free(&wide);
    gad_image_free(&made);
    return status;
}

gad_status gad_resize_nearest(const gad_image *image, int64_t width, int64_t height, gad_image *out, gad_error *err)
{
    gad_image made;
    gad_status status = gad_image_new(width, height, image->channels, &made, err);
    if (status)
        return status;
    size_t channels = (size_t)image->channels;
#pragma omp parallel for schedule(static)
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *row = gad_image_row(image, (2 * y + 1) * image->height / (2 * height));
        uint8_t *to = gad_image_row(&made, y);
        for (int64_t x = 0; x < width; x++)
            memcpy(to + (size_t)x * channels, row + (size_t)((2 * x + 1) * image->width / (2 * width)) * channels,
                   channels);
    }
    *out = made;
    return GAD_OK;
}

gad_status gad_resize_fit(const gad_image *image, int64_t width, int64_t height, gad_image *out, gad_error *err)
{
    double shrink = fmin(1, fmin((double)width / (double)image->width, (double)height / (double)image->height));
    int64_t fit_width = (int64_t)(0.5 + shrink * (double)image->width);
    int64_t fit_height = (int64_t)(0.5 + shrink * (double)image->height);
    return gad_resize_bicubic(image, fit_width < 1 ? 1 : fit_width, fit_height < 1 ? 1 : fit_height, GAD_RESIZE_PIL, out,
                              err);
}
