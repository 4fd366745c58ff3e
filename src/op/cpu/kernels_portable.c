/* kernels_portable: the kernels for any processor, four lanes at a time. */
#define SIMD_LANES 4
#define KERNELS gad_kernels_portable
#include "op/cpu/kernels_level.h"
