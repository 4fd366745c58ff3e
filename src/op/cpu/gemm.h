/* gemm: the matrix product behind linear layers with many rows: c[m,n] = alpha a b + bias (+ c). A is fp32, B is fp32
 * or weights of any dtype; both are converted to what the device multiplies (gad_device.products) while they are packed.
 * Threads and blocking are here, the tile is a kernel. */
#ifndef GAD_OP_CPU_GEMM_H
#define GAD_OP_CPU_GEMM_H
#include "op/cpu/cpu.h"

typedef struct gad_gemm {
    int64_t m, n, k;
    const float *a; /* a[i*a_stride + l], or a[l*a_stride + i] when a_turned */
    int64_t a_stride;
    bool a_turned;
    const void *b; /* b[j*b_stride + l] (a weight's rows are outputs), or b[l*b_stride + j] when b_turned */
    int64_t b_stride;
    bool b_turned;
    gad_dtype b_dtype;
    const gad_weight *quantised; /* when not NULL: B is this quantised weight, turned, and widened row by row */
    float *c;
    int64_t c_stride;
    float alpha;
    bool add;
    const float *bias; /* [n] or NULL */
} gad_gemm;

void gad_gemm_run(gad_device *device, const gad_gemm *g);
#endif
