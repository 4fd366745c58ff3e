/* weight: one number of a placed matrix of any type, for ops that read few of them. */
#ifndef GAD_OP_CUDA_WEIGHT_CUH
#define GAD_OP_CUDA_WEIGHT_CUH
#include "op/cuda/cuda.cuh"
#include "op/quant.h"

/* Number [row, col] of a quantised matrix: quant.h says how it lies. */
static __device__ __forceinline__ float gad_cuda_quantised_number(const gad_weight &w, int64_t row, int64_t col)
{
    const int64_t groups = (w.cols + GAD_QUANT_GROUP - 1) / GAD_QUANT_GROUP, group = col / GAD_QUANT_GROUP;
    const int64_t block = row / GAD_QUANT_ROWS, line = row % GAD_QUANT_ROWS;
    const uint8_t *data = static_cast<const uint8_t *>(w.data);
    if (w.dtype == GAD_Q8) {
        const int64_t padded = groups * GAD_QUANT_GROUP;
        const int q = (int)data[(block * padded + col / 4 * 4) * GAD_QUANT_ROWS + line * 4 + col % 4] - 128;
        return (float)q * grid_float(static_cast<const bf16 *>(w.scale)[(block * groups + group) * GAD_QUANT_ROWS + line]);
    }
    const int64_t halves = 2 * groups, half = col / GAD_QUANT_HALF, in = col % GAD_QUANT_HALF;
    const uint8_t pair = data[((block * halves + half) * 4 + in % 16 / 4) * GAD_QUANT_ROWS * 4 + line * 4 + in % 4];
    const uint8_t *head = static_cast<const uint8_t *>(w.scale) + block * (GAD_QUANT_ROWS * (8 + 4 * groups));
    const float *fp32 = reinterpret_cast<const float *>(head);
    const uint8_t *small = head + 8 * GAD_QUANT_ROWS + half * 2 * GAD_QUANT_ROWS;
    const int q = in < 16 ? pair & 15 : pair >> 4;
    return (float)q * (float)small[line] * fp32[line] - (float)small[GAD_QUANT_ROWS + line] * fp32[GAD_QUANT_ROWS + line];
}

static __device__ __forceinline__ float gad_cuda_weight_number(const gad_weight &w, int64_t row, int64_t col)
{
    if (w.dtype == GAD_Q8 || w.dtype == GAD_Q4)
        return gad_cuda_quantised_number(w, row, col);
    return gad_cuda_number(gad_cuda_vector{w.data, w.dtype}, row * w.cols + col);
}
#endif
