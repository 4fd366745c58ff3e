/* quant: see quant.h */
#include "op/quant.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

static int64_t groups(int64_t cols)
{
    return (cols + GAD_Q8_GROUP - 1) / GAD_Q8_GROUP;
}

size_t gad_quant_data_bytes(int64_t rows, int64_t cols)
{
    return (size_t)rows * (size_t)cols;
}

size_t gad_quant_scale_bytes(int64_t rows, int64_t cols)
{
    return (size_t)rows * (size_t)groups(cols) * sizeof(float);
}

static void read_group(float *dst, const gad_weight *w, int64_t at, size_t n)
{
    const char *src = (const char *)w->data + at * (int64_t)gad_dtype_bytes(w->dtype);
    if (w->dtype == GAD_BF16)
        gad_half_array_from_bf16(dst, src, n);
    else if (w->dtype == GAD_F16)
        gad_half_array_from_f16(dst, src, n);
    else
        memcpy(dst, src, n * sizeof(float));
}

/* Rounds to nearest even. A group of zeros gets scale 0; a group with a number that is not finite gets scale NaN, so that
 * the damage shows in the output instead of becoming a plausible weight. Written so that the compiler can use vectors: the
 * bits of numbers without sign compare like the numbers. */
static float quantise_group(int8_t *data, const float *value, int64_t n)
{
    int32_t bits[GAD_Q8_GROUP], most = 0;
    memcpy(bits, value, (size_t)n * sizeof *bits);
    for (int64_t i = 0; i < n; i++) {
        const int32_t magnitude = bits[i] & 0x7FFFFFFF;
        most = magnitude > most ? magnitude : most;
    }
    if (most >= 0x7F800000) {
        memset(data, 1, (size_t)n);
        return NAN;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    const float scale = largest / 127.0f;
    if (scale == 0) {
        memset(data, 0, (size_t)n);
        return 0;
    }
    for (int64_t i = 0; i < n; i++) {
        const float shifted = value[i] / scale + 12582912.0f; /* 1.5 * 2^23: the integer lands in the last bits */
        int32_t q;
        memcpy(&q, &shifted, sizeof q);
        q -= 0x4B400000;
        q = q > 127 ? 127 : q; /* a subnormal scale may have been rounded down */
        data[i] = (int8_t)(q < -127 ? -127 : q);
    }
    return scale;
}

void gad_quant_q8(const gad_weight *w, int8_t *data, float *scale)
{
    const int64_t per_row = groups(w->cols), all = w->rows * per_row;
#pragma omp parallel for schedule(static) if (all > 256)
    for (int64_t g = 0; g < all; g++) {
        int64_t row = g / per_row, from = g % per_row * GAD_Q8_GROUP;
        int64_t n = from + GAD_Q8_GROUP < w->cols ? GAD_Q8_GROUP : w->cols - from;
        float value[GAD_Q8_GROUP];
        read_group(value, w, row * w->cols + from, (size_t)n);
        scale[g] = quantise_group(data + row * w->cols + from, value, n);
    }
}
