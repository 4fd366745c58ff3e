/* kernels_bf16_neonbf16: products of bf16 pairs for 64-bit ARM (FEAT_BF16). */
#if defined(__aarch64__)
#define SIMD_LANES 4
#define SIMD_NEON 1
#include "op/cpu/kernel_bf16.h"

const gad_kernels_product gad_kernels_bf16_neon = {
    .mr = MR, .nr = NR, .word_numbers = 2, .pack_rows = pack_rows, .pack_columns = pack_columns, .multiply = multiply};
#endif
