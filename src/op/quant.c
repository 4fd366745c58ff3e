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

/* Rounds to nearest even, as nearbyintf does by default. A group of zeros gets scale 0; a group with a number that is not
 * finite gets scale NaN, so that the damage shows in the output instead of becoming a plausible weight. */
static float quantise_group(int8_t *data, const float *value, int64_t n)
{
    float largest = 0;
    bool finite = true;
    for (int64_t i = 0; i < n; i++) {
        finite = finite && isfinite(value[i]);
        largest = fmaxf(largest, fabsf(value[i]));
    }
    if (!finite) {
        memset(data, 1, (size_t)n);
        return NAN;
    }
    float scale = largest / 127.0f;
    for (int64_t i = 0; i < n; i++) {
        float q = scale > 0 ? nearbyintf(value[i] / scale) : 0;
        data[i] = (int8_t)fmaxf(-127.0f, fminf(127.0f, q)); /* a subnormal scale may round q past 127 */
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
