/* linear_parts: linear layers that read the same rows, with what follows each; on the CPU one after the other. */
#include "op/cpu/cpu.h"

void gad_cpu_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                          gad_tensor sin)
{
    for (int i = 0; i < count; i++) {
        gad_cpu_linear(device, part[i].y, x, part[i].w, part[i].bias, 1, false);
        if (part[i].heads)
            gad_cpu_rope(device, part[i].y, part[i].y, cos, sin, part[i].heads, false);
    }
}

void gad_cpu_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                           gad_weight up, gad_tensor up_bias)
{
    const size_t mark = gad_cpu_mark(device);
    const size_t count = (size_t)(x.rows * gate.rows);
    const gad_tensor a = gad_tensor_make(gad_cpu_scratch(device, count, sizeof(float)), GAD_F32, x.rows, gate.rows);
    gad_cpu_linear(device, a, x, gate, gate_bias, 1, false);
    gad_cpu_linear(device, y, x, up, up_bias, 1, false);
    gad_cpu_swiglu(device, y, a, y);
    gad_cpu_rewind(device, mark);
}
