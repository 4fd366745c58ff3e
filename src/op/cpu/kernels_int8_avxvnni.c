/* kernels_int8_avxvnni: products of 8-bit integers for AVX2 with AVX-VNNI. */
#if defined(__x86_64__)
#define SIMD_LANES 8
#define INT8_VNNI 1
#define KERNELS gad_kernels_int8_avxvnni
#include "op/cpu/kernel_int8.h"
#endif
