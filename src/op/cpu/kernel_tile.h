/* kernel_tile: the size of the register tile of the matrix product and how it is written, for panels of any kind of number.
 * Included once per instruction set. The tile keeps MR x 2 vectors of C in registers: 24 of 32 with AVX-512 and NEON, 12 of
 * 16 with AVX2, 8 of 16 without. */
#ifndef GAD_OP_CPU_KERNEL_TILE_H
#define GAD_OP_CPU_KERNEL_TILE_H
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

enum { MR = SIMD_LANES == 16 || SIMD_NEON ? 12 : SIMD_LANES == 8 ? 6 : 4, NR = 2 * SIMD_LANES };

/* Rows of another page each: nobody else fetches them in time. */
enum { AHEAD_ROWS = 12 };

/* Where l is not the last of the panel, whole vectors are written: the surplus lanes are overwritten by the next l. */
SIMD_INLINE void put_lanes(float *to, vf v, int lanes, bool last)
{
    if (lanes == SIMD_LANES || !last)
        vf_store(to, v);
    else
        vf_store_part(to, v, lanes);
}

/* `count` words l.. of a panel out of their transpose; `end`: the panel ends with them. */
SIMD_INLINE void put_block(float *panel, int width, int lanes, vf block[SIMD_LANES], int64_t count, bool end)
{
    if (count == SIMD_LANES) {
        SIMD_UNROLL
        for (int i = 0; i < SIMD_LANES; i++)
            put_lanes(panel + i * width, block[i], lanes, i == SIMD_LANES - 1 && end);
    } else {
        for (int64_t i = 0; i < count; i++)
            put_lanes(panel + i * width, block[i], lanes, i == count - 1);
    }
}

/* c may lie in memory: fetch it while the sums are made. */
SIMD_INLINE void fetch_tile(const float *c, int64_t c_stride, int m, int n)
{
    for (int r = 0; r < m; r++) {
        __builtin_prefetch(c + r * c_stride, 1);
        __builtin_prefetch(c + r * c_stride + n - 1, 1);
    }
}

/* c = what the registers hold, plus bias, plus c when `add`. */
SIMD_INLINE void put_tile(vf tile[MR][2], float *c, int64_t c_stride, int m, int n, const float *bias, bool add)
{
    if (n == NR) {
        const vf shift[2] = {bias ? vf_load(bias) : (vf){0}, bias ? vf_load(bias + SIMD_LANES) : (vf){0}};
        for (int r = 0; r < m; r++, c += c_stride)
            for (int j = 0; j < 2; j++) {
                vf sum = tile[r][j] + shift[j];
                vf_store(c + j * SIMD_LANES, add ? sum + vf_load(c + j * SIMD_LANES) : sum);
            }
        return;
    }
    for (int r = 0; r < m; r++, c += c_stride) {
        float row[NR];
        vf_store(row, tile[r][0]);
        vf_store(row + SIMD_LANES, tile[r][1]);
        for (int j = 0; j < n; j++)
            c[j] = row[j] + (bias ? bias[j] : 0) + (add ? c[j] : 0);
    }
}
#endif
