/* quantised: products with matrices in 8 and 4 bits (quant.h), whose activations are rounded to 8 bits group by group. */
#ifndef GAD_OP_CUDA_QUANTISED_CUH
#define GAD_OP_CUDA_QUANTISED_CUH
#include "op/cuda/cuda.cuh"

enum { GAD_CUDA_QUANTISED_FEW = 32 }; /* rows up to which the packed weights are read as they lie */

/* y = alpha * x w^T + bias (+ y when `add`), x.rows <= GAD_CUDA_QUANTISED_FEW */
void gad_cuda_quantised_few(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha,
                            bool add);
/* The same of gad_linear_parts and gad_linear_swiglu, results bf16, matrices of one type. Halves of turned heads are
 * multiples of GAD_QUANT_ROWS. */
void gad_cuda_quantised_parts(gad_device *device, const gad_linear_part *part, int count, gad_tensor x, gad_tensor cos,
                              gad_tensor sin);
void gad_cuda_quantised_swiglu(gad_device *device, gad_tensor y, gad_tensor x, gad_weight gate, gad_tensor gate_bias,
                               gad_weight up, gad_tensor up_bias);
/* On the stack: the matrix as numbers of `dtype`, and alpha * x as it is when rounded to 8 bits, of x's type. */
gad_tensor gad_cuda_quantised_matrix(gad_device *device, gad_weight w, gad_dtype dtype);
gad_tensor gad_cuda_quantised_rows(gad_device *device, gad_tensor x, float alpha);
#endif
