/* noise: see noise.h */
#include "synth/noise.h"

#include <math.h>

float gad_noise_fbm(float x, float y, int octaves, uint32_t seed)
{
    float sum = 0, weight = 0.5f, total = 0;
    for (int i = 0; i < octaves; i++) {
        sum += weight * gad_noise_value(x, y, seed + (uint32_t)i * 0x9e37u);
        total += weight;
        weight *= 0.5f;
        x = x * 2.0f + 17.3f; /* the shift keeps lattice points of the octaves apart */
        y = y * 2.0f - 9.1f;
    }
    return sum / total;
}

gad_noise_cell gad_noise_worley(float x, float y, uint32_t seed)
{
    int ix = gad_noise_floor(x), iy = gad_noise_floor(y);
    gad_noise_cell cell = {1e9f, 1e9f, 0};
    for (int j = iy - 1; j <= iy + 1; j++)
        for (int i = ix - 1; i <= ix + 1; i++) {
            uint32_t h = gad_noise_hash(i, j, seed);
            float dx = (float)i + (float)(h & 0xffffu) * 0x1p-16f - x;
            float dy = (float)j + (float)(h >> 16) * 0x1p-16f - y;
            float d = dx * dx + dy * dy;
            if (d < cell.f1) {
                cell.f2 = cell.f1;
                cell.f1 = d;
                cell.id = h;
            } else if (d < cell.f2) {
                cell.f2 = d;
            }
        }
    cell.f1 = sqrtf(cell.f1);
    cell.f2 = sqrtf(cell.f2);
    return cell;
}
