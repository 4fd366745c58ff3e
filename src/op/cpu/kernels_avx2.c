/* kernels_avx2: the kernels for AVX2, FMA and F16C. */
#if defined(__x86_64__)
#define SIMD_LANES 8
#define KERNELS gad_kernels_avx2
#include "op/cpu/kernels_level.h"
#endif
