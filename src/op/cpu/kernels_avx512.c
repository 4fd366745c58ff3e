/* kernels_avx512: the kernels for AVX-512 (F, BW, VL, DQ). */
#if defined(__x86_64__)
#define SIMD_LANES 16
#define KERNELS gad_kernels_avx512
#include "op/cpu/kernels_level.h"
#endif
