/* noise: repeatable random fields over the plane, from integer hashes. In: a point and a seed. Out: a number in [0,1).
 * No state, no tables: equal input, equal output on every machine. */
#ifndef GAD_SYNTH_NOISE_H
#define GAD_SYNTH_NOISE_H
#include <stdint.h>

static inline int gad_noise_floor(float x)
{
    int i = (int)x;
    return i - (x < (float)i);
}

static inline uint32_t gad_noise_hash(int x, int y, uint32_t seed)
{
    uint32_t h = (uint32_t)x * 0x8da6b343u ^ (uint32_t)y * 0xd8163841u ^ seed * 0xcb1ab31fu;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

/* Uniform in [0,1) for a lattice point. */
static inline float gad_noise_lattice(int x, int y, uint32_t seed)
{
    return (float)(gad_noise_hash(x, y, seed) >> 8) * 0x1p-24f;
}

/* Smooth noise with one feature per unit. */
static inline float gad_noise_value(float x, float y, uint32_t seed)
{
    int ix = gad_noise_floor(x), iy = gad_noise_floor(y);
    float fx = x - (float)ix, fy = y - (float)iy;
    fx = fx * fx * (3.0f - 2.0f * fx);
    fy = fy * fy * (3.0f - 2.0f * fy);
    float a = gad_noise_lattice(ix, iy, seed), b = gad_noise_lattice(ix + 1, iy, seed);
    float c = gad_noise_lattice(ix, iy + 1, seed), d = gad_noise_lattice(ix + 1, iy + 1, seed);
    float top = a + (b - a) * fx, bottom = c + (d - c) * fx;
    return top + (bottom - top) * fy;
}

/* Sum of octaves, each of twice the frequency and half the height; mean 0.5. */
float gad_noise_fbm(float x, float y, int octaves, uint32_t seed);

/* Cellular noise with one random point per unit cell: distances to the nearest and second nearest point, and a hash of
 * the nearest cell. */
typedef struct gad_noise_cell {
    float f1, f2;
    uint32_t id;
} gad_noise_cell;
gad_noise_cell gad_noise_worley(float x, float y, uint32_t seed);
#endif
