/* kernels_int8_avx512vnni: products of 8-bit integers for AVX-512 with VNNI. */
#if defined(__x86_64__)
#define SIMD_LANES 16
#define INT8_VNNI 1
#define KERNELS gad_kernels_int8_avx512
#include "op/cpu/kernel_int8.h"
#endif
