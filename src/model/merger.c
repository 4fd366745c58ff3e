/* merger: groups of four patch rows to one language-model row: norm, linear, GELU (erf), linear; forward and backward. */
#include "model/merger.h"

gad_tensor gad_merger_forward(const gad_pass *pass, const gad_merger *merger, gad_tensor x, gad_merger_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    int64_t rows = x.rows / 4, merged = 4 * x.cols;
    gad_tensor out = op->take(device, rows, merger->fc2.weight->value.rows);
    size_t mark = op->mark(device);
    gad_tensor shaped = merger->norm_merged ? gad_tensor_view(x, rows, merged) : x;
    gad_tensor n = op->take(device, shaped.rows, shaped.cols);
    gad_tensor stats =
        saved ? op->take_exact(device, shaped.rows, gad_norm_stats_cols(&merger->norm, shaped.cols)) : gad_tensor_none();
    gad_norm_forward(pass, &merger->norm, n, stats, shaped);
    n = gad_tensor_view(n, rows, merged);
    gad_tensor h = op->take(device, rows, merged);
    gad_linear_forward(pass, &merger->fc1, h, n, false);
    gad_tensor g = saved ? op->take(device, rows, merged) : h;
    op->gelu(device, g, h, GAD_GELU_ERF);
    gad_linear_forward(pass, &merger->fc2, out, g, false);
    if (saved)
        *saved = (gad_merger_saved){.x = shaped, .stats = stats, .n = n, .h = h, .g = g};
    else
        op->rewind(device, mark);
    return out;
}

void gad_merger_backward(const gad_pass *pass, const gad_merger *merger, gad_tensor dx, gad_tensor d_out,
                         const gad_merger_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    gad_tensor dh = op->take(device, saved->h.rows, saved->h.cols), dn = op->take(device, saved->n.rows, saved->n.cols);
    gad_linear_backward(pass, &merger->fc2, dh, d_out, saved->g, false);
    op->gelu_back(device, dh, dh, saved->h, GAD_GELU_ERF);
    gad_linear_backward(pass, &merger->fc1, dn, dh, saved->n, false);
    gad_tensor dx_shaped = gad_tensor_view(dx, saved->x.rows, saved->x.cols);
    gad_norm_backward(pass, &merger->norm, dx_shaped, gad_tensor_view(dn, saved->x.rows, saved->x.cols), saved->x,
                      saved->stats, true);
    op->rewind(device, mark);
}
