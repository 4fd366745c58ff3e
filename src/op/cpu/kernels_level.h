/* kernels_level: one instruction set's table of kernels, KERNELS, from the bodies in kernel_*.h. */
#include "op/cpu/kernel_few.h"
#include "op/cpu/kernel_gemm.h"
#include "op/cpu/kernel_limits.h"
#include "op/cpu/kernels.h"

const gad_kernels KERNELS = {
    .level = KERNELS_LEVEL,
    .mr = MR,
    .nr = NR,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .multiply = multiply,
    .few = few,
    .read_all = read_all,
    .multiply_add = multiply_add,
};
