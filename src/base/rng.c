/* rng: see rng.h */
#include "base/rng.h"

#include <math.h>

static void philox_block(const gad_rng *rng, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)rng->counter, c1 = (uint32_t)(rng->counter >> 32);
    uint32_t c2 = (uint32_t)rng->stream, c3 = (uint32_t)(rng->stream >> 32);
    uint32_t k0 = (uint32_t)rng->key, k1 = (uint32_t)(rng->key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

gad_rng gad_rng_make(uint64_t seed, uint64_t stream)
{
    return (gad_rng){.key = seed, .stream = stream};
}

uint32_t gad_rng_u32(gad_rng *rng)
{
    if (!rng->left) {
        philox_block(rng, rng->buffer);
        rng->counter++;
        rng->left = 4;
    }
    return rng->buffer[4 - rng->left--];
}

uint64_t gad_rng_u64(gad_rng *rng)
{
    uint64_t high = gad_rng_u32(rng);
    return high << 32 | gad_rng_u32(rng);
}

double gad_rng_uniform(gad_rng *rng)
{
    return (double)(gad_rng_u64(rng) >> 11) * 0x1p-53;
}

double gad_rng_range(gad_rng *rng, double low, double high)
{
    return low + (high - low) * gad_rng_uniform(rng);
}

uint32_t gad_rng_below(gad_rng *rng, uint32_t n)
{
    uint32_t limit = (uint32_t)(-n) % n; /* 2^32 mod n: values below it would be drawn once too often */
    for (;;) {
        uint64_t product = (uint64_t)gad_rng_u32(rng) * n;
        if ((uint32_t)product >= limit)
            return (uint32_t)(product >> 32);
    }
}

double gad_rng_normal(gad_rng *rng)
{
    double u = 1.0 - gad_rng_uniform(rng), v = gad_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}

void gad_rng_shuffle(gad_rng *rng, int64_t *index, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(gad_rng_uniform(rng) * (double)(i + 1));
        int64_t t = index[i];
        index[i] = index[j];
        index[j] = t;
    }
}
