/* canvas: see canvas.h */
#include "synth/canvas.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

gad_status gad_canvas_make(gad_canvas *canvas, int width, int height, gad_error *err)
{
    size_t n = (size_t)width * (size_t)height;
    *canvas = (gad_canvas){.width = width,
                           .height = height,
                           .rgb = gad_memory_alloc(n * 3, sizeof(float)),
                           .cover = gad_memory_zero(n, sizeof(float))};
    if (canvas->rgb && canvas->cover)
        return GAD_OK;
    gad_canvas_free(canvas);
    return gad_error_memory(err, "make a canvas", n * 4 * sizeof(float));
}

void gad_canvas_free(gad_canvas *canvas)
{
    gad_memory_free(canvas->rgb);
    gad_memory_free(canvas->cover);
    canvas->rgb = canvas->cover = NULL;
}

void gad_canvas_copy(gad_canvas *to, const gad_canvas *from)
{
    size_t n = (size_t)from->width * (size_t)from->height;
    memcpy(to->rgb, from->rgb, n * 3 * sizeof(float));
    memcpy(to->cover, from->cover, n * sizeof(float));
}

void gad_canvas_to_bytes(const gad_canvas *canvas, unsigned char *rgb)
{
    size_t n = (size_t)canvas->width * (size_t)canvas->height * 3;
    for (size_t i = 0; i < n; i++) {
        float x = canvas->rgb[i] * 255.0f + 0.5f;
        rgb[i] = (unsigned char)(x <= 0 ? 0 : x >= 255 ? 255 : (int)x);
    }
}

enum { BLUR_RADIUS = 24 };

/* Weighted sums along one axis: `stride` apart, clamped at the ends. */
static void blur_axis(const float *in, float *out, int lines, size_t line_stride, int n, size_t stride, int channels,
                      const float *kernel, int radius)
{
    for (int l = 0; l < lines; l++) {
        const float *src = in + (size_t)l * line_stride;
        float *dst = out + (size_t)l * line_stride;
        for (int i = 0; i < n; i++)
            for (int c = 0; c < channels; c++) {
                float sum = 0;
                for (int k = -radius; k <= radius; k++) {
                    int j = i + k;
                    j = j < 0 ? 0 : j >= n ? n - 1 : j;
                    sum += kernel[k + radius] * src[(size_t)j * stride + (size_t)c];
                }
                dst[(size_t)i * stride + (size_t)c] = sum;
            }
    }
}

void gad_canvas_blur(float *plane, int width, int height, int channels, float sigma, float *scratch)
{
    if (sigma < 0.15f)
        return;
    float kernel[2 * BLUR_RADIUS + 1], total = 0;
    int radius = (int)ceilf(2.6f * sigma);
    radius = radius > BLUR_RADIUS ? BLUR_RADIUS : radius;
    for (int k = -radius; k <= radius; k++)
        total += kernel[k + radius] = expf(-(float)(k * k) / (2 * sigma * sigma));
    for (int k = 0; k <= 2 * radius; k++)
        kernel[k] /= total;
    size_t row = (size_t)width * (size_t)channels;
    blur_axis(plane, scratch, height, row, width, (size_t)channels, channels, kernel, radius);
    /* Columns: whole rows are added at once, which the compiler vectorises. */
    for (int y = 0; y < height; y++) {
        float *dst = plane + (size_t)y * row;
        memset(dst, 0, row * sizeof(float));
        for (int k = -radius; k <= radius; k++) {
            int j = y + k;
            j = j < 0 ? 0 : j >= height ? height - 1 : j;
            const float *src = scratch + (size_t)j * row;
            float weight = kernel[k + radius];
            for (size_t i = 0; i < row; i++)
                dst[i] += weight * src[i];
        }
    }
}

void gad_canvas_sample(const gad_canvas *canvas, float x, float y, float rgb[3])
{
    float limit_x = (float)(canvas->width - 1), limit_y = (float)(canvas->height - 1);
    x = x < 0 ? 0 : x > limit_x ? limit_x : x;
    y = y < 0 ? 0 : y > limit_y ? limit_y : y;
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < canvas->width ? x0 + 1 : x0, y1 = y0 + 1 < canvas->height ? y0 + 1 : y0;
    float fx = x - (float)x0, fy = y - (float)y0;
    size_t w = (size_t)canvas->width;
    const float *a = canvas->rgb + ((size_t)y0 * w + (size_t)x0) * 3, *b = canvas->rgb + ((size_t)y0 * w + (size_t)x1) * 3;
    const float *c = canvas->rgb + ((size_t)y1 * w + (size_t)x0) * 3, *d = canvas->rgb + ((size_t)y1 * w + (size_t)x1) * 3;
    for (int i = 0; i < 3; i++) {
        float top = a[i] + (b[i] - a[i]) * fx, bottom = c[i] + (d[i] - c[i]) * fx;
        rgb[i] = top + (bottom - top) * fy;
    }
}

int64_t gad_canvas_difference(const gad_canvas *a, const gad_canvas *b, float threshold, unsigned char *mask)
{
    size_t n = (size_t)a->width * (size_t)a->height;
    int64_t set = 0;
    for (size_t i = 0; i < n; i++) {
        float d0 = fabsf(a->rgb[3 * i] - b->rgb[3 * i]), d1 = fabsf(a->rgb[3 * i + 1] - b->rgb[3 * i + 1]);
        float d2 = fabsf(a->rgb[3 * i + 2] - b->rgb[3 * i + 2]);
        float d = d0 > d1 ? d0 : d1;
        mask[i] = (d > d2 ? d : d2) > threshold;
        set += mask[i];
    }
    return set;
}

/* Running maximum (want 1) or minimum (want 0) of a 0/1 line over a window of +-radius: a window holds `want` when the
 * nearest one is close enough. Outside the image counts as the opposite of `want`. */
static void spread_line(unsigned char *line, size_t stride, int n, int radius, int want, unsigned char *scratch)
{
    int last = -radius - 1;
    for (int i = 0; i < n; i++) {
        last = line[(size_t)i * stride] == want ? i : last;
        scratch[i] = i - last <= radius;
    }
    last = n + radius;
    for (int i = n - 1; i >= 0; i--) {
        last = line[(size_t)i * stride] == want ? i : last;
        if (scratch[i] || last - i <= radius)
            line[(size_t)i * stride] = (unsigned char)want;
    }
}

void gad_canvas_close(unsigned char *mask, int width, int height, int radius, unsigned char *scratch)
{
    for (int want = 1; want >= 0; want--) {
        for (int y = 0; y < height; y++)
            spread_line(mask + (size_t)y * (size_t)width, 1, width, radius, want, scratch);
        for (int x = 0; x < width; x++)
            spread_line(mask + x, (size_t)width, height, radius, want, scratch);
    }
}

void gad_canvas_despeckle(unsigned char *mask, int width, int height, unsigned char *scratch)
{
    size_t w = (size_t)width;
    memcpy(scratch, mask, w * (size_t)height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            if (!scratch[(size_t)y * w + (size_t)x])
                continue;
            int near = -1;
            for (int j = y > 0 ? y - 1 : 0; j <= y + 1 && j < height; j++)
                for (int i = x > 0 ? x - 1 : 0; i <= x + 1 && i < width; i++)
                    near += scratch[(size_t)j * w + (size_t)i];
            mask[(size_t)y * w + (size_t)x] = near >= 2;
        }
}
