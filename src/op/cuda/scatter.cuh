/* scatter: sums of rows into rows that repeat, in row order whatever runs first. Atomic additions would be faster and give
 * other bits each time. */
#ifndef GAD_OP_CUDA_SCATTER_CUH
#define GAD_OP_CUDA_SCATTER_CUH
#include "op/cuda/cuda.cuh"

/* dtable[index[i]] += weight[i] * dy[i / per], i < n; negative indices give nothing, a NULL weight counts as ones. dtable
 * is F32. */
void gad_cuda_scatter(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *index, const float *weight,
                      int64_t n, int per);
#endif
