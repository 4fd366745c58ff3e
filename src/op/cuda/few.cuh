/* few: products of a matrix with one to eight rows, as in decoding: the weights are read once, straight from where they
 * lie, and nothing else matters. Knows nothing of linear layers' gradients. */
#ifndef GAD_OP_CUDA_FEW_CUH
#define GAD_OP_CUDA_FEW_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_FEW = 8 };

/* y = alpha * x w^T + bias (+ y when `add`), x.rows <= GAD_CUDA_FEW; w is not quantised. */
void gad_cuda_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add);
#endif
