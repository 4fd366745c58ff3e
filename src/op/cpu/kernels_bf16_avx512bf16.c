/* kernels_bf16_avx512bf16: products of bf16 pairs for AVX-512 with AVX512_BF16. */
#if defined(__x86_64__)
#define SIMD_LANES 16
#include "op/cpu/kernel_bf16.h"

const gad_kernels_product gad_kernels_bf16_avx512 = {
    .mr = MR, .nr = NR, .word_numbers = 2, .pack_rows = pack_rows, .pack_columns = pack_columns, .multiply = multiply};
#endif
