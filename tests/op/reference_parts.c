/* reference_parts: the words of op/op.h that stand for several others, by the others; see reference.h. */
#include "op/reference.h"

void gad_reference_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                                gad_tensor sin)
{
    for (int i = 0; i < count; i++) {
        device->ops->linear(device, part[i].y, x, part[i].w, part[i].bias, 1, false);
        if (part[i].heads)
            device->ops->rope(device, part[i].y, part[i].y, cos, sin, part[i].heads, false);
    }
}

void gad_reference_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                                 gad_weight up, gad_tensor up_bias)
{
    const size_t mark = device->ops->mark(device);
    const gad_tensor a = device->ops->take(device, x.rows, gate.rows);
    device->ops->linear(device, a, x, gate, gate_bias, 1, false);
    device->ops->linear(device, y, x, up, up_bias, 1, false);
    device->ops->swiglu(device, y, a, y);
    device->ops->rewind(device, mark);
}
