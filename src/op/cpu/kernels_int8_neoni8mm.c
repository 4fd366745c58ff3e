/* kernels_int8_neoni8mm: products of unsigned and signed 8-bit integers for 64-bit ARM (FEAT_I8MM). */
#if defined(__aarch64__)
#define SIMD_LANES 4
#define SIMD_NEON 1
#define INT8_DOT 1
#define INT8_MIXED 1
#define KERNELS gad_kernels_int8_neoni8mm
#include "op/cpu/kernel_int8.h"
#endif
