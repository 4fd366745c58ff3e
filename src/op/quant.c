/* quant: see quant.h */
#include "op/quant.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

enum { Q8_OFFSET = 128, Q4_MOST = 15, Q4_ROUNDS = 3 };

size_t gad_quant_data_bytes(gad_dtype dtype, int64_t rows, int64_t cols)
{
    return (size_t)(gad_quant_blocks(rows) * gad_quant_block_bytes(dtype, cols));
}

size_t gad_quant_scale_bytes(gad_dtype dtype, int64_t rows, int64_t cols)
{
    return (size_t)(gad_quant_blocks(rows) * gad_quant_block_scale_bytes(dtype, cols));
}

/* Columns from..from+n-1 of row `row`, 0 behind them up to a whole group. */
static void read_group(float value[GAD_QUANT_GROUP], const gad_weight *w, int64_t row, int64_t from)
{
    const int64_t left = w->cols - from, n = left < GAD_QUANT_GROUP ? left : GAD_QUANT_GROUP;
    const char *src = (const char *)w->data + (row * w->cols + from) * (int64_t)gad_dtype_bytes(w->dtype);
    if (w->dtype == GAD_BF16)
        gad_half_array_from_bf16(value, src, (size_t)n);
    else if (w->dtype == GAD_F16)
        gad_half_array_from_f16(value, src, (size_t)n);
    else
        memcpy(value, src, (size_t)n * sizeof(float));
    memset(value + n, 0, (size_t)(GAD_QUANT_GROUP - n) * sizeof(float));
}

/* The largest magnitude; infinity or NaN when a number is not finite. Without their sign, bits of numbers compare like the
 * numbers, which lets the compiler use vectors. */
static float largest_magnitude(const float *value, int64_t n)
{
    int32_t bits[GAD_QUANT_GROUP], most = 0;
    memcpy(bits, value, (size_t)n * sizeof *bits);
    for (int64_t i = 0; i < n; i++) {
        const int32_t magnitude = bits[i] & 0x7FFFFFFF;
        most = magnitude > most ? magnitude : most;
    }
    float largest;
    memcpy(&largest, &most, sizeof largest);
    return largest;
}

/* The nearest integer, ties to even, of a magnitude below 2^22: 1.5 * 2^23 brings it into the last bits. This file is
 * compiled without contraction, so that the sum is not one rounding with what x is computed from. */
static inline int32_t nearest(float x)
{
    const float shifted = x + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4B400000;
}

float gad_quant_round(int8_t *q, const float *x, int64_t n)
{
    const float most = largest_magnitude(x, n);
    const bool usable = isfinite(most) && most >= 0x1p-100f;
    const float inverse = usable ? 127.0f / most : 0;
    for (int64_t i = 0; i < n; i++)
        q[i] = usable ? (int8_t)nearest(x[i] * inverse) : 0;
    return usable ? most / 127.0f : isfinite(most) ? 0 : NAN;
}

/* ---- 8 bits ---- */

/* The scale is the next bf16 number from max|w| / 127 up: no number lies past 127 of it. 0 for a group of zeros. */
static uint16_t q8_group(uint8_t *data, const float *value)
{
    const float most = largest_magnitude(value, GAD_QUANT_GROUP), exact = most / 127.0f;
    uint32_t bits;
    memcpy(&bits, &exact, sizeof bits);
    const uint16_t rounded = isfinite(most) ? (uint16_t)((bits + 0xFFFF) >> 16) : 0x7FC0;
    const float scale = gad_half_from_bf16(rounded);
    for (int i = 0; i < GAD_QUANT_GROUP; i++) {
        const int32_t q = scale > 0 ? nearest(value[i] / scale) : 0;
        data[i / 4 * 4 * GAD_QUANT_ROWS + i % 4] = (uint8_t)(q + Q8_OFFSET);
    }
    return rounded;
}

static void make_q8_block(const gad_weight *w, int64_t block, uint8_t *data, uint16_t *scale)
{
    float value[GAD_QUANT_GROUP];
    for (int64_t g = 0; g < gad_quant_groups(w->cols); g++)
        for (int64_t r = 0; r < GAD_QUANT_ROWS; r++) {
            const int64_t row = block * GAD_QUANT_ROWS + r;
            if (row < w->rows)
                read_group(value, w, row, g * GAD_QUANT_GROUP);
            else
                memset(value, 0, sizeof value);
            scale[g * GAD_QUANT_ROWS + r] = q8_group(data + g * GAD_QUANT_ROWS * GAD_QUANT_GROUP + r * 4, value);
        }
}

/* ---- 4 bits ---- */

/* A half group as q * step - least; least >= 0, so that 0 lies in the range. */
typedef struct q4_fit {
    float step, least;
} q4_fit;

static q4_fit range_q4(const float *x)
{
    float low = 0, high = 0;
    for (int i = 0; i < GAD_QUANT_HALF; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    return (q4_fit){(high - low) / Q4_MOST, -low};
}

static inline int32_t q4_number(float x, float least, float inverse)
{
    float q = (x + least) * inverse;
    q = q > 0 ? q : 0;
    return nearest(q < Q4_MOST ? q : Q4_MOST);
}

/* Sums over a half group of q, q^2, x and q x, in lanes that the compiler makes vectors of. */
static void sum_q4(const float *x, q4_fit fit, float sum[4])
{
    enum { LANES = 8 };
    float lane[4][LANES] = {{0}};
    const float inverse = fit.step > 0 ? 1 / fit.step : 0;
    for (int i = 0; i < GAD_QUANT_HALF; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const float q = (float)q4_number(x[i + j], fit.least, inverse);
            lane[0][j] += q;
            lane[1][j] += q * q;
            lane[2][j] += x[i + j];
            lane[3][j] += q * x[i + j];
        }
    for (int s = 0; s < 4; s++) {
        sum[s] = 0;
        for (int j = 0; j < LANES; j++)
            sum[s] += lane[s][j];
    }
}

/* Numbers for the fit, then the least squares fit for the numbers, and again (Lloyd's algorithm). */
static q4_fit refine_q4(const float *x, q4_fit fit)
{
    const float n = GAD_QUANT_HALF;
    for (int round = 0; round < Q4_ROUNDS; round++) {
        float sum[4];
        sum_q4(x, fit, sum);
        const float q1 = sum[0], q2 = sum[1], x1 = sum[2], qx = sum[3], spread = n * q2 - q1 * q1;
        q4_fit next = {spread > 0 ? (n * qx - q1 * x1) / spread : 0, 0};
        next.least = (next.step * q1 - x1) / n;
        if (next.least < 0)
            next = (q4_fit){q2 > 0 ? qx / q2 : 0, 0};
        if (!(next.step > 0))
            break;
        fit = next;
    }
    return fit;
}

/* x / unit as a byte. */
static uint8_t q4_byte(float x, float unit)
{
    const float q = unit > 0 ? x / unit : 0;
    return (uint8_t)(q < 255 ? nearest(q) : 255);
}

/* One half group of row r of a block, by the row's units. */
static void q4_half(const float *x, const float unit[2], uint8_t *data, uint8_t *s, uint8_t *m)
{
    const q4_fit fit = refine_q4(x, range_q4(x));
    *s = q4_byte(fit.step, unit[0]);
    *m = q4_byte(fit.least, unit[1]);
    const float step = (float)*s * unit[0], least = (float)*m * unit[1], inverse = step > 0 ? 1 / step : 0;
    for (int i = 0; i < GAD_QUANT_HALF / 2; i++) {
        const int32_t low = q4_number(x[i], least, inverse), high = q4_number(x[i + GAD_QUANT_HALF / 2], least, inverse);
        data[i / 4 * 4 * GAD_QUANT_ROWS + i % 4] = (uint8_t)(low | high << 4);
    }
}

/* A row's units: the largest range and least of its half groups take 255. NaN when a number is not finite. */
static void q4_units(const gad_weight *w, int64_t row, float unit[2])
{
    float value[GAD_QUANT_GROUP];
    unit[0] = unit[1] = 0;
    for (int64_t g = 0; g < gad_quant_groups(w->cols); g++) {
        read_group(value, w, row, g * GAD_QUANT_GROUP);
        if (!isfinite(largest_magnitude(value, GAD_QUANT_GROUP))) {
            unit[0] = unit[1] = NAN;
            return;
        }
        for (int half = 0; half < 2; half++) {
            const q4_fit range = range_q4(value + half * GAD_QUANT_HALF);
            unit[0] = fmaxf(unit[0], range.step / 255);
            unit[1] = fmaxf(unit[1], range.least / 255);
        }
    }
}

static void make_q4_block(const gad_weight *w, int64_t block, uint8_t *data, void *scale)
{
    const int64_t groups = gad_quant_groups(w->cols);
    float *units = scale, value[GAD_QUANT_GROUP];
    uint8_t *byte = (uint8_t *)(units + 2 * GAD_QUANT_ROWS);
    memset(data, 0, (size_t)gad_quant_block_bytes(GAD_Q4, w->cols));
    memset(scale, 0, (size_t)gad_quant_block_scale_bytes(GAD_Q4, w->cols));
    for (int64_t r = 0; r < GAD_QUANT_ROWS && block * GAD_QUANT_ROWS + r < w->rows; r++) {
        const int64_t row = block * GAD_QUANT_ROWS + r;
        float unit[2];
        q4_units(w, row, unit);
        units[r] = unit[0];
        units[GAD_QUANT_ROWS + r] = unit[1];
        for (int64_t half = 0; half < 2 * groups && isfinite(unit[0]); half++) {
            uint8_t *s = byte + half * 2 * GAD_QUANT_ROWS + r;
            if (half % 2 == 0)
                read_group(value, w, row, half * GAD_QUANT_HALF);
            q4_half(value + half % 2 * GAD_QUANT_HALF, unit, data + half * GAD_QUANT_HALF / 2 * GAD_QUANT_ROWS + r * 4, s,
                    s + GAD_QUANT_ROWS);
        }
    }
}

/* ---- both ---- */

void gad_quant_make(gad_dtype dtype, const gad_weight *w, void *data, void *scale)
{
    const int64_t blocks = gad_quant_blocks(w->rows);
    const int64_t bytes = gad_quant_block_bytes(dtype, w->cols), scales = gad_quant_block_scale_bytes(dtype, w->cols);
#pragma omp parallel for schedule(static) if (w->rows * w->cols > 16384)
    for (int64_t b = 0; b < blocks; b++) {
        void *to = (uint8_t *)data + b * bytes, *with = (char *)scale + b * scales;
        if (dtype == GAD_Q8)
            make_q8_block(w, b, to, with);
        else
            make_q4_block(w, b, to, with);
    }
}

static float q8_value(const uint8_t *data, const uint16_t *scale, int64_t r, int64_t c)
{
    const int q = data[c / 4 * 4 * GAD_QUANT_ROWS + r * 4 + c % 4] - Q8_OFFSET;
    return (float)q * gad_half_from_bf16(scale[c / GAD_QUANT_GROUP * GAD_QUANT_ROWS + r]);
}

static float q4_value(const uint8_t *data, const void *scale, int64_t r, int64_t c)
{
    const float *unit = scale;
    const int64_t half = c / GAD_QUANT_HALF, i = c % (GAD_QUANT_HALF / 2);
    const uint8_t *s = (const uint8_t *)(unit + 2 * GAD_QUANT_ROWS) + half * 2 * GAD_QUANT_ROWS + r;
    const uint8_t pair = data[half * GAD_QUANT_HALF / 2 * GAD_QUANT_ROWS + i / 4 * 4 * GAD_QUANT_ROWS + r * 4 + i % 4];
    const int q = c % GAD_QUANT_HALF < GAD_QUANT_HALF / 2 ? pair & Q4_MOST : pair >> 4;
    return (float)(q * s[0]) * unit[r] - (float)s[GAD_QUANT_ROWS] * unit[GAD_QUANT_ROWS + r];
}

void gad_quant_row(float *to, const gad_weight *w, int64_t row, int64_t from, int64_t n)
{
    const int64_t b = row / GAD_QUANT_ROWS, r = row % GAD_QUANT_ROWS;
    const uint8_t *data = (const uint8_t *)w->data + b * gad_quant_block_bytes(w->dtype, w->cols);
    const void *scale = (const char *)w->scale + b * gad_quant_block_scale_bytes(w->dtype, w->cols);
    for (int64_t i = 0; i < n; i++)
        to[i] = w->dtype == GAD_Q8 ? q8_value(data, scale, r, from + i) : q4_value(data, scale, r, from + i);
}
