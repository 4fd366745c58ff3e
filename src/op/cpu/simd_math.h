/* simd_math: exp and the normal distribution for a vector of floats, to about 2 units in the last place over the whole
 * range; NaN and infinities as in the C library. Polynomials are Chebyshev fits (of exp's remainder on [-ln2/2, ln2/2], and
 * of the tail below), good to 1e-8, so rounding is what remains. */
#ifndef GAD_OP_CPU_SIMD_MATH_H
#define GAD_OP_CPU_SIMD_MATH_H
#include "op/cpu/simd.h"

/* x = n ln2 + r, |r| <= ln2/2, exp(x) = 2^n (1 + r + r^2 q(r)). ln2 in two parts, the first of few bits so that n times it
 * is exact. Below -104 the result is 0, above 89 infinity. */
SIMD_INLINE vf vf_exp(vf x)
{
    x = vf_max(vf_set(-104.0f), x);
    x = vf_min(vf_set(89.0f), x);
    const vf shifted = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the integer lands in the last bits */
    const vf n = shifted - 12582912.0f;
    vf r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    vf q = vf_set(1.392692661e-3f);
    q = q * r + 8.363773874e-3f;
    q = q * r + 4.166655011e-2f;
    q = q * r + 1.666657338e-1f;
    q = q * r + 0.5f;
    vf e = r * r * q + r;
    e = e + 1.0f;
#if SIMD_LANES == 16
    return (vf)_mm512_scalef_ps((__m512)e, (__m512)n);
#else
    /* 2^n in two factors, since n may be -150 or 128 */
    const vi power = (vi)shifted - 0x4B400000, half = power >> 1;
    return e * (vf)((half + 127) << 23) * (vf)((power - half + 127) << 23);
#endif
}

/* P(X <= x) of the standard normal distribution; *bell = exp(-x^2/2). The tail is bell * t * p(t), t = 1/(1 + 0.3|x|): a
 * polynomial for Mills' ratio on [0, 14.5], beyond which bell is 0. */
SIMD_INLINE vf vf_normal(vf x, vf *bell)
{
    const vf t = 1.0f / (1.0f + 0.3f * vf_abs(x));
    vf p = vf_set(-0.02095602424f);
    p = p * t + 0.114257453f;
    p = p * t - 0.2325244073f;
    p = p * t + 0.1975505846f;
    p = p * t - 0.08421348152f;
    p = p * t + 0.09871138235f;
    p = p * t + 0.07751790108f;
    p = p * t + 0.1104184111f;
    p = p * t + 0.1195504315f;
    p = p * t + 0.1196877477f;
    *bell = vf_exp(-0.5f * x * x);
    const vf tail = *bell * t * p;
    return vf_select((vi)(x < 0.0f), tail, 1.0f - tail);
}
#endif
