/* half: conversion between fp32 and the two 16-bit formats, one number or many. Rounds to nearest even. */
#ifndef GAD_BASE_HALF_H
#define GAD_BASE_HALF_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float gad_half_from_bf16(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}

static inline uint16_t gad_half_to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40u); /* NaN stays NaN */
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

float gad_half_from_f16(uint16_t h);
uint16_t gad_half_to_f16(float f);

/* Arrays of n numbers; src may be unaligned. */
void gad_half_array_from_bf16(float *dst, const void *src, size_t n);
void gad_half_array_from_f16(float *dst, const void *src, size_t n);
#endif
