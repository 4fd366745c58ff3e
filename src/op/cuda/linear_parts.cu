/* linear_parts: linear layers that read the same rows, with what follows each of them: in one launch where rows are few and
 * all numbers are of 16 bits or quantised, else one after the other. */
#include "op/cuda/few.cuh"
#include "op/cuda/quantised.cuh"
#include "op/quant.h"

/* Whether heads of that many channels can be turned where the sums are: runs of `run` channels divide their halves. */
static bool turns(gad_weight w, int heads, int run)
{
    return !heads || w.rows / heads % (2 * run) == 0;
}

static bool parts_are_bf16(const gad_linear_part *part, int count, gad_tensor x)
{
    bool good = x.rows <= GAD_CUDA_FEW;
    for (int i = 0; i < count; i++)
        good = good && part[i].y.dtype == GAD_BF16 && gad_cuda_few_is_bf16(x, part[i].w) &&
               turns(part[i].w, part[i].heads, GAD_CUDA_FEW_RUN);
    return good;
}

static bool parts_are_quantised(const gad_linear_part *part, int count, gad_tensor x)
{
    bool good = x.rows <= GAD_CUDA_QUANTISED_FEW && x.dtype == GAD_BF16 && gad_quant_is(part->w.dtype);
    for (int i = 0; i < count; i++)
        good = good && part[i].y.dtype == GAD_BF16 && part[i].w.dtype == part->w.dtype &&
               turns(part[i].w, part[i].heads, GAD_QUANT_ROWS);
    return good;
}

void gad_cuda_linear_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                           gad_tensor sin)
{
    if (parts_are_bf16(part, count, x)) {
        gad_cuda_few_parts(device, part, count, x, cos, sin);
        return;
    }
    if (parts_are_quantised(part, count, x)) {
        gad_cuda_quantised_parts(device, part, count, x, cos, sin);
        return;
    }
    for (int i = 0; i < count; i++) {
        gad_cuda_linear(device, part[i].y, x, part[i].w, part[i].bias, 1, false);
        if (part[i].heads)
            gad_cuda_rope(device, part[i].y, part[i].y, cos, sin, part[i].heads, false);
    }
}

void gad_cuda_linear_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                            gad_weight up, gad_tensor up_bias)
{
    const gad_linear_part both[] = {{y, gate, gate_bias, 0}, {y, up, up_bias, 0}};
    if (parts_are_bf16(both, 2, x)) {
        gad_cuda_few_swiglu(device, y, x, gate, gate_bias, up, up_bias);
        return;
    }
    if (parts_are_quantised(both, 2, x)) {
        gad_cuda_quantised_swiglu(device, y, x, gate, gate_bias, up, up_bias);
        return;
    }
    const size_t mark = gad_cuda_mark(device);
    const gad_tensor a = gad_cuda_take(device, x.rows, gate.rows);
    gad_cuda_linear(device, a, x, gate, gate_bias, 1, false);
    gad_cuda_linear(device, y, x, up, up_bias, 1, false);
    gad_cuda_swiglu(device, y, a, y);
    gad_cuda_rewind(device, mark);
}
