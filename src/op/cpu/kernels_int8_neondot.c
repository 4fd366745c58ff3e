/* kernels_int8_neondot: products of 8-bit integers for 64-bit ARM with dot products (FEAT_DotProd). */
#if defined(__aarch64__)
#define SIMD_LANES 4
#define SIMD_NEON 1
#define INT8_DOT 1
#define KERNELS gad_kernels_int8_neondot
#include "op/cpu/kernel_int8.h"
#endif
