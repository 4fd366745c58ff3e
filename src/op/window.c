/* window: see window.h */
#include "op/window.h"

static int64_t padding(int64_t side, int64_t steps, int64_t kernel, int64_t stride)
{
    const int64_t reach = (steps - 1) * stride + kernel;
    return reach > side ? (reach - side) / 2 : 0;
}

gad_window gad_window_same(int64_t rows, int64_t cols, int64_t kernel, int64_t stride)
{
    gad_window w = {.rows = rows, .cols = cols, .kernel = kernel, .stride = stride};
    w.out_rows = (rows + stride - 1) / stride;
    w.out_cols = (cols + stride - 1) / stride;
    w.top = padding(rows, w.out_rows, kernel, stride);
    w.left = padding(cols, w.out_cols, kernel, stride);
    return w;
}
