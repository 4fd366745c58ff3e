/* kernels_int8_portable: products of 8-bit integers for any processor. */
#define SIMD_LANES 4
#define KERNELS gad_kernels_int8_portable
#include "op/cpu/kernel_int8.h"
