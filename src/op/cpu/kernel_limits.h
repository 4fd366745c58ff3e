/* kernel_limits: the loops that show what the machine can do at most. Included once per instruction set. */
#include "op/cpu/kernels.h"
#include "op/cpu/simd.h"

/* Reads size_bytes, a multiple of 1024, with as little else as possible; fetches `ahead` bytes ahead. */
static float read_all(const char *memory, size_t size_bytes, size_t ahead)
{
    vi sum[8] = {0};
    for (size_t i = 0; i < size_bytes; i += 32 * SIMD_LANES) {
        SIMD_UNROLL
        for (size_t j = 0; j < 8; j++) {
            const char *at = memory + i + j * 4 * SIMD_LANES;
            if (ahead && j * 4 * SIMD_LANES % 64 == 0)
                __builtin_prefetch(at + ahead, 0, 2);
            sum[j] ^= (vi)vf_load((const float *)(const void *)at);
        }
    }
    vi all = {0};
    for (int j = 0; j < 8; j++)
        all ^= sum[j];
    return (float)all[0];
}

/* Independent multiply-adds in registers, as many at once as hide the latency; how many operations. */
static double multiply_add(int64_t rounds, float *result)
{
    enum { CHAINS = 12 };
    vf chain[CHAINS], factor = vf_set(0.999f), term = vf_set(0.5f);
    SIMD_UNROLL
    for (int i = 0; i < CHAINS; i++)
        chain[i] = vf_set((float)i);
    for (int64_t n = 0; n < rounds; n++) {
        SIMD_UNROLL
        for (int i = 0; i < CHAINS; i++)
            chain[i] = chain[i] * factor + term;
    }
    vf sum = {0};
    for (int i = 0; i < CHAINS; i++)
        sum += chain[i];
    *result = vf_sum(sum);
    return 2.0 * (double)rounds * CHAINS * SIMD_LANES;
}
