/* nuisance: see nuisance.h */
#include "synth/nuisance.h"

#include "synth/noise.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static float spread(gad_rng *rng, float sigma)
{
    float x = sigma * (float)gad_rng_normal(rng), limit = 2.2f * sigma;
    return x < -limit ? -limit : x > limit ? limit : x;
}

gad_nuisance gad_nuisance_random(gad_rng *station, gad_rng *shot, float amount)
{
    gad_nuisance n;
    float base_blur = (float)gad_rng_range(station, 0, 0.7), base_noise = (float)gad_rng_range(station, 0, 0.012);
    float vignette = (float)gad_rng_range(station, 0, 0.18), slope = spread(station, 0.05f),
          slope_y = spread(station, 0.05f);
    bool lossy = gad_rng_below(station, 2) != 0;
    n.gain = 1 + amount * spread(shot, 0.06f);
    n.gamma = expf(amount * spread(shot, 0.06f));
    for (int i = 0; i < 3; i++)
        n.balance[i] = 1 + amount * spread(shot, 0.018f);
    n.slope_x = amount * (slope + spread(shot, 0.03f));
    n.slope_y = amount * (slope_y + spread(shot, 0.03f));
    n.vignette = amount * vignette;
    n.blur = amount * (base_blur + (float)gad_rng_range(shot, 0, 0.35));
    n.noise = amount * (base_noise + (float)gad_rng_range(shot, 0, 0.006));
    int quality = 60 + (int)gad_rng_below(shot, 38);
    n.jpeg = lossy && amount > 0 ? quality : 0;
    n.seed = gad_rng_u64(shot);
    return n;
}

static void expose(const gad_nuisance *n, gad_canvas *canvas)
{
    enum { STEPS = 1024 };
    float curve[STEPS + 2]; /* x^gamma over 0..1.25, linear between: powf per pixel would cost more than the scene */
    for (int i = 0; i < STEPS + 2; i++)
        curve[i] = powf(1.25f * (float)i / STEPS, n->gamma);
    float *rgb = canvas->rgb, half_x = 0.5f * (float)canvas->width, half_y = 0.5f * (float)canvas->height;
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++) {
            float u = ((float)x - half_x) / half_x, v = ((float)y - half_y) / half_y;
            float light = n->gain * (1 + n->slope_x * u + n->slope_y * v - n->vignette * 0.5f * (u * u + v * v));
            for (int c = 0; c < 3; c++, rgb++) {
                float t = *rgb * light * n->balance[c];
                t = (t < 0 ? 0 : t > 1.25f ? 1.25f : t) * (STEPS / 1.25f);
                int i = (int)t;
                *rgb = curve[i] + (curve[i + 1] - curve[i]) * (t - (float)i);
            }
        }
}

/* Sensor noise: the sum of four bytes is near enough to normal; the same grain in all channels with a little colour. */
static void add_noise(const gad_nuisance *n, gad_canvas *canvas)
{
    size_t pixels = (size_t)canvas->width * (size_t)canvas->height;
    float scale = n->noise / 147.8f; /* standard deviation of that sum */
    uint64_t s = n->seed | 1;
    for (size_t i = 0; i < pixels; i++) {
        float grain[3];
        for (int c = 0; c < 3; c++) {
            s ^= s << 13; /* xorshift64 */
            s ^= s >> 7;
            s ^= s << 17;
            uint32_t b = (uint32_t)(s >> 16);
            grain[c] = ((float)((b & 255) + (b >> 8 & 255) + (b >> 16 & 255) + (b >> 24)) - 510.0f) * scale;
        }
        float *rgb = canvas->rgb + 3 * i;
        for (int c = 0; c < 3; c++)
            rgb[c] += 0.8f * grain[0] + 0.5f * grain[c];
    }
}

/* Orthonormal 8-point DCT-II basis. */
static void dct_basis(float basis[8][8])
{
    for (int k = 0; k < 8; k++)
        for (int i = 0; i < 8; i++)
            basis[k][i] = (k ? 0.5f : 0.35355339f) * cosf(((float)i + 0.5f) * (float)k * 0.39269908f);
}

/* out = a * in * transposed(a) on an 8x8 block. */
static void transform(const float a[8][8], const float in[64], float out[64])
{
    float half[64];
    for (int k = 0; k < 8; k++)
        for (int x = 0; x < 8; x++) {
            float sum = 0;
            for (int y = 0; y < 8; y++)
                sum += a[k][y] * in[y * 8 + x];
            half[k * 8 + x] = sum;
        }
    memset(out, 0, 64 * sizeof(float));
    for (int k = 0; k < 8; k++)
        for (int x = 0; x < 8; x++)
            for (int j = 0; j < 8; j++)
                out[k * 8 + j] += half[k * 8 + x] * a[j][x];
}

static const unsigned char LUMINANCE[64] = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                                            14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                                            18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                                            49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

/* What JPEG does to brightness: blocks of 8, cosine transform, rounding (ITU T.81 table K.1 with the usual quality rule).
 * Colour is left alone, as its loss is hardly seen at these qualities. */
static void compress(int quality, gad_canvas *canvas)
{
    float basis[8][8], turned[8][8], table[64],
        scale = quality < 50 ? 5000.0f / (float)quality : 200.0f - 2.0f * (float)quality;
    dct_basis(basis);
    for (int i = 0; i < 64; i++) {
        turned[i / 8][i % 8] = basis[i % 8][i / 8];
        float q = floorf((scale * (float)LUMINANCE[i] + 50) / 100);
        table[i] = (q < 1 ? 1 : q) / 255.0f;
    }
    for (int by = 0; by + 8 <= canvas->height; by += 8)
        for (int bx = 0; bx + 8 <= canvas->width; bx += 8) {
            float in[64], freq[64], out[64];
            float *corner = canvas->rgb + ((size_t)by * (size_t)canvas->width + (size_t)bx) * 3;
            size_t row = (size_t)canvas->width * 3;
            for (int i = 0; i < 64; i++) {
                const float *p = corner + (size_t)(i / 8) * row + (size_t)(i % 8) * 3;
                in[i] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
            }
            transform(basis, in, freq);
            for (int i = 0; i < 64; i++) {
                float t = freq[i] / table[i];
                freq[i] = (float)(int)(t + (t < 0 ? -0.5f : 0.5f)) * table[i];
            }
            transform(turned, freq, out);
            for (int i = 0; i < 64; i++) {
                float *p = corner + (size_t)(i / 8) * row + (size_t)(i % 8) * 3, change = out[i] - in[i];
                p[0] += change;
                p[1] += change;
                p[2] += change;
            }
        }
}

void gad_nuisance_apply(const gad_nuisance *n, gad_canvas *canvas, float *scratch)
{
    expose(n, canvas);
    float sigma = n->blur * (float)(canvas->width < canvas->height ? canvas->width : canvas->height) / 224.0f;
    gad_canvas_blur(canvas->rgb, canvas->width, canvas->height, 3, sigma, scratch);
    if (n->noise > 0)
        add_noise(n, canvas);
    if (n->jpeg)
        compress(n->jpeg, canvas);
}
