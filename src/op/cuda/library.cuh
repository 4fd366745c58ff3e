/* library: matrix products by cuBLASLt, which is loaded when the first one is asked for; and by an own
 * kernel (product.cu) for what it has nothing for, and where kernels run on the processor.
 * Knows nothing of linear layers. */
#ifndef GAD_OP_CUDA_LIBRARY_CUH
#define GAD_OP_CUDA_LIBRARY_CUH
#include "op/cuda/cuda.cuh"

/* c[m, n] = alpha * op(a)[m, k] op(b)[k, n] + bias[n] (+ c when `add`), row-major, strides in numbers; op turns what is
 * stored [k, m] or [n, k]. a and b are both `factors`, BF16 or F32, c is `result`; a bias (may be NULL) is of that type
 * too. Sums are fp32, without TF32. */
typedef struct gad_cuda_product {
    int64_t m, n, k;
    gad_dtype factors, result;
    const void *a, *b;
    void *c;
    const void *bias;
    int64_t a_stride, b_stride, c_stride;
    bool a_turned, b_turned, add;
    float alpha;
} gad_cuda_product;

void gad_cuda_multiply(gad_device *device, const gad_cuda_product *p);
void gad_cuda_multiply_plainly(gad_device *device, const gad_cuda_product *p);
void gad_cuda_library_free(gad_cuda *cuda);
#endif
