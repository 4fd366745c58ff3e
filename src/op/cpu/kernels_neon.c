/* kernels_neon: the kernels for 64-bit ARM, whose base level has NEON with fused multiply-add. */
#if defined(__aarch64__)
#define SIMD_LANES 4
#define SIMD_NEON 1
#define KERNELS gad_kernels_neon
#include "op/cpu/kernels_level.h"
#endif
