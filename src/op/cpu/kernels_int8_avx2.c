/* kernels_int8_avx2: products of 8-bit integers for AVX2. */
#if defined(__x86_64__)
#define SIMD_LANES 8
#define INT8_VNNI 0
#define KERNELS gad_kernels_int8_avx2
#include "op/cpu/kernel_int8.h"
#endif
