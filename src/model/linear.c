/* linear: see linear.h */
#include "model/linear.h"

#include <stdarg.h>
#include <stdio.h>

void gad_pass_tap(const gad_pass *pass, gad_tensor value, const char *format, ...)
{
    if (!pass->tap)
        return;
    char name[96];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    pass->tap(pass->tap_user, name, pass->device, value);
}

bool gad_linear_adapts(const gad_pass *pass, const gad_linear *layer)
{
    return pass->adapters && layer->lora;
}

static void add_adapter(const gad_pass *pass, const gad_linear *layer, gad_tensor y, gad_tensor x)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_lora *lora = layer->lora;
    if (!gad_linear_adapts(pass, layer))
        return;
    size_t mark = op->mark(device);
    gad_tensor u = op->take(device, x.rows, lora->a->value.rows);
    op->linear(device, u, x, gad_param_weight(lora->a), gad_tensor_none(), 1, false);
    op->linear(device, y, u, gad_param_weight(lora->b), gad_param_vector(lora->bias), lora->scale, true);
    op->rewind(device, mark);
}

void gad_linear_forward(const gad_pass *pass, const gad_linear *layer, gad_tensor y, gad_tensor x, bool add)
{
    gad_device *device = pass->device;
    device->ops->linear(device, y, x, gad_param_weight(layer->weight), gad_param_vector(layer->bias), 1, add);
    add_adapter(pass, layer, y, x);
}

void gad_linear_forward_all(const gad_pass *pass, const gad_linear_target *target, int count, gad_tensor x, gad_tensor cos,
                            gad_tensor sin)
{
    gad_device *device = pass->device;
    gad_linear_part part[GAD_LINEAR_PARTS] = {0};
    for (int i = 0; i < count; i++) {
        const gad_linear *layer = target[i].layer;
        const int heads = gad_linear_adapts(pass, layer) ? 0 : target[i].heads; /* what an adapter adds is turned too */
        part[i] = (gad_linear_part){
            .y = target[i].y, .w = gad_param_weight(layer->weight), .bias = gad_param_vector(layer->bias), .heads = heads};
    }
    device->ops->linear_parts(device, part, count, x, cos, sin);
    for (int i = 0; i < count; i++) {
        add_adapter(pass, target[i].layer, target[i].y, x);
        if (target[i].heads != part[i].heads)
            device->ops->rope(device, target[i].y, target[i].y, cos, sin, target[i].heads, false);
    }
}

/* Q = s dY B; dB += s dY^T U with U = X A^T; dA += Q^T X; dX += Q A (docs/spec/training.md section 14). */
static void lora_backward(const gad_pass *pass, const gad_lora *lora, gad_tensor dx, gad_tensor dy, gad_tensor x)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    int64_t r = lora->a->value.rows;
    gad_tensor q = op->take(device, x.rows, r);
    op->linear_dx(device, q, dy, gad_param_weight(lora->b), lora->scale, false);
    if (lora->b->trainable) {
        gad_tensor u = op->take(device, x.rows, r);
        op->linear(device, u, x, gad_param_weight(lora->a), gad_tensor_none(), 1, false);
        op->linear_dw(device, lora->b->gradient, dy, u, lora->scale);
    }
    if (lora->a->trainable)
        op->linear_dw(device, lora->a->gradient, q, x, 1);
    if (dx.data)
        op->linear_dx(device, dx, q, gad_param_weight(lora->a), 1, true);
    op->rewind(device, mark);
}

void gad_linear_backward(const gad_pass *pass, const gad_linear *layer, gad_tensor dx, gad_tensor dy, gad_tensor x,
                         bool add)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    if (layer->weight->trainable)
        op->linear_dw(device, layer->weight->gradient, dy, x, 1);
    if (layer->bias && layer->bias->trainable)
        op->linear_db(device, layer->bias->gradient, dy);
    if (dx.data)
        op->linear_dx(device, dx, dy, gad_param_weight(layer->weight), 1, add);
    if (gad_linear_adapts(pass, layer))
        lora_backward(pass, layer->lora, dx, dy, x);
}

int64_t gad_norm_stats_cols(const gad_norm *norm, int64_t cols)
{
    return norm->bias ? 2 : cols / norm->weight->value.cols;
}

void gad_norm_forward(const gad_pass *pass, const gad_norm *norm, gad_tensor y, gad_tensor stats, gad_tensor x)
{
    gad_device *device = pass->device;
    if (norm->bias)
        device->ops->layernorm(device, y, stats, x, gad_param_vector(norm->weight), gad_param_vector(norm->bias),
                               norm->eps);
    else
        device->ops->rmsnorm(device, y, stats, x, gad_param_vector(norm->weight), norm->eps);
}

void gad_norm_backward(const gad_pass *pass, const gad_norm *norm, gad_tensor dx, gad_tensor dy, gad_tensor x,
                       gad_tensor stats, bool add)
{
    gad_device *device = pass->device;
    gad_tensor weight = gad_param_vector(norm->weight);
    if (norm->bias)
        device->ops->layernorm_back(device, dx, norm->weight->gradient, norm->bias->gradient, dy, x, stats, weight, add);
    else
        device->ops->rmsnorm_back(device, dx, norm->weight->gradient, dy, x, stats, weight, add);
}
