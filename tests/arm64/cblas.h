/* cblas: the yardstick of timings is not there on a foreign machine; nothing is timed on it. */
#ifndef GAD_TESTS_ARM64_CBLAS_H
#define GAD_TESTS_ARM64_CBLAS_H
#include <stdlib.h>
typedef int blasint;
enum { CblasRowMajor, CblasNoTrans, CblasTrans };
static inline void cblas_sgemm(int order, int transpose_a, int transpose_b, blasint m, blasint n, blasint k, float alpha,
                               const void *a, blasint a_stride, const void *b, blasint b_stride, float beta, void *c,
                               blasint c_stride)
{
    (void)order, (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)alpha, (void)a, (void)a_stride;
    (void)b, (void)b_stride, (void)beta, (void)c, (void)c_stride;
    abort();
}
#endif
