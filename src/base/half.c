/* half: see half.h */
#include "base/half.h"

float gad_half_from_f16(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 1023u;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7F800000u | mantissa << 13;
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else if (!mantissa) {
        bits = sign;
    } else { /* subnormal: shift the leading one into place */
        exponent = 113;
        while (!(mantissa & 1024u)) {
            mantissa <<= 1;
            exponent--;
        }
        bits = sign | exponent << 23 | (mantissa & 1023u) << 13;
    }
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

uint16_t gad_half_to_f16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7C00u);
    if (magnitude < 0x38800000u) { /* below 2^-14: subnormal, in units of 2^-24 */
        float unit;
        memcpy(&unit, &magnitude, 4);
        unit += 0.5f; /* the sum's last bit is 2^-24, so the addition rounds to nearest even */
        uint32_t sum;
        memcpy(&sum, &unit, 4);
        return (uint16_t)(sign | (sum - 0x3F000000u));
    }
    uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

void gad_half_array_from_bf16(float *dst, const void *src, size_t n)
{
    const unsigned char *bytes = src;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, bytes + 2 * i, 2);
        dst[i] = gad_half_from_bf16(h);
    }
}

void gad_half_array_from_f16(float *dst, const void *src, size_t n)
{
    const unsigned char *bytes = src;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, bytes + 2 * i, 2);
        dst[i] = gad_half_from_f16(h);
    }
}
