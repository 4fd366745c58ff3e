/* reference_conv: the convolutions of op/op.h in fp64; see reference.h. */
#include "op/reference.h"

static double *at(gad_tensor t, int64_t row, int64_t col)
{
    return (double *)t.data + row * t.stride + col;
}

/* NaN stays NaN. */
static double clip(double x)
{
    return x < 0 ? 0 : x > 6 ? 6 : x;
}

/* The grid's row of pixel (ky, kx) of window o; -1 outside. */
static int64_t pixel(const gad_window *w, int64_t o, int64_t ky, int64_t kx)
{
    const int64_t y = o / w->out_cols * w->stride - w->top + ky, x = o % w->out_cols * w->stride - w->left + kx;
    return y < 0 || y >= w->rows || x < 0 || x >= w->cols ? -1 : y * w->cols + x;
}

void gad_reference_unfold(gad_device *device, gad_tensor y, gad_tensor x, const gad_window *window)
{
    (void)device;
    for (int64_t o = 0; o < y.rows; o++)
        for (int64_t i = 0; i < window->kernel * window->kernel; i++) {
            const int64_t p = pixel(window, o, i / window->kernel, i % window->kernel);
            for (int64_t c = 0; c < x.cols; c++)
                *at(y, o, i * x.cols + c) = p < 0 ? 0 : *at(x, p, c);
        }
}

void gad_reference_expand_depthwise(gad_device *device, gad_tensor y, gad_tensor x, gad_weight expand,
                                    gad_tensor expand_bias, gad_weight depthwise, gad_tensor depthwise_bias,
                                    const gad_window *window)
{
    const gad_weight first = {expand_bias.data, expand_bias.dtype, 1, expand_bias.cols, NULL};
    const gad_weight second = {depthwise_bias.data, depthwise_bias.dtype, 1, depthwise_bias.cols, NULL};
    const size_t mark = device->ops->mark(device);
    gad_tensor e = device->ops->take(device, x.rows, expand.rows);
    if (!e.data)
        return;
    for (int64_t t = 0; t < x.rows; t++)
        for (int64_t c = 0; c < expand.rows; c++) {
            double sum = gad_reference_number(&first, 0, c);
            for (int64_t i = 0; i < x.cols; i++)
                sum += *at(x, t, i) * gad_reference_number(&expand, c, i);
            *at(e, t, c) = clip(sum);
        }
    for (int64_t o = 0; o < y.rows; o++)
        for (int64_t c = 0; c < y.cols; c++) {
            double sum = gad_reference_number(&second, 0, c);
            for (int64_t i = 0; i < depthwise.rows; i++) {
                const int64_t p = pixel(window, o, i / window->kernel, i % window->kernel);
                sum += gad_reference_number(&depthwise, i, c) * (p < 0 ? 0 : *at(e, p, c));
            }
            *at(y, o, c) = clip(sum);
        }
    device->ops->rewind(device, mark);
}
