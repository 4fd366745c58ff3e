/* kernels_level: one instruction set's table of kernels, KERNELS, from the bodies in kernel_*.h. */
#include "op/cpu/kernel_fp32.h" /* before conv: multiply_tile */

#include "op/cpu/kernel_attention.h"
#include "op/cpu/kernel_conv.h"
#include "op/cpu/kernel_few.h"
#include "op/cpu/kernel_limits.h"
#include "op/cpu/kernel_rowwise.h"
#include "op/cpu/kernels.h"

const gad_kernels KERNELS = {
    .fp32 = {MR, NR, 1, pack_rows, pack_columns, multiply},
    .few = few,
    .unpack_rows = unpack_rows,
    .softmax_tile = softmax_tile,
    .scale_lanes = scale_lanes,
    .probability_tile = probability_tile,
    .mix = mix,
    .expand = expand,
    .depthwise = depthwise,
    .rmsnorm = rmsnorm,
    .rmsnorm_back = rmsnorm_back,
    .layernorm = layernorm,
    .layernorm_back = layernorm_back,
    .swiglu = swiglu,
    .swiglu_back = swiglu_back,
    .gelu = gelu,
    .gelu_back = gelu_back,
    .rope = rope,
    .axpby = axpby,
    .largest = largest,
    .exp_row = exp_row,
    .sum_squares = sum_squares,
    .adamw = adamw,
    .read_all = read_all,
    .multiply_add = multiply_add,
};
