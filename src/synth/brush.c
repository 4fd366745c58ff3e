/* brush: see brush.h */
#include "synth/brush.h"

#include "synth/noise.h"

#include <math.h>
#include <string.h>

float gad_brush_log_range(gad_rng *rng, float low, float high)
{
    return low * powf(high / low, (float)gad_rng_uniform(rng));
}

bool gad_brush_place(gad_brush *brush, float *x, float *y)
{
    const gad_canvas *c = brush->canvas;
    for (int attempt = 0; attempt < 60; attempt++) {
        int px = (int)gad_rng_below(brush->rng, (uint32_t)c->width),
            py = (int)gad_rng_below(brush->rng, (uint32_t)c->height);
        if (c->cover[(size_t)py * (size_t)c->width + (size_t)px] > 0.6f) {
            *x = (float)px;
            *y = (float)py;
            return true;
        }
    }
    return false;
}

void gad_brush_clear(gad_brush *b)
{
    for (int y = b->y1; y < b->y2; y++)
        memset(b->alpha + (size_t)y * (size_t)b->canvas->width + (size_t)b->x1, 0, (size_t)(b->x2 - b->x1) * sizeof(float));
    b->x1 = b->canvas->width;
    b->y1 = b->canvas->height;
    b->x2 = b->y2 = 0;
}

/* Grow the rectangle; false when nothing of it is on the canvas. The part on the canvas goes to *x1.. */
static bool touch(gad_brush *b, float left, float top, float right, float bottom, int box[4])
{
    int w = b->canvas->width, h = b->canvas->height;
    box[0] = left < 0 ? 0 : (int)left;
    box[1] = top < 0 ? 0 : (int)top;
    box[2] = right >= (float)w ? w : (int)right + 1;
    box[3] = bottom >= (float)h ? h : (int)bottom + 1;
    if (right < 0 || bottom < 0 || box[0] >= box[2] || box[1] >= box[3])
        return false;
    b->x1 = box[0] < b->x1 ? box[0] : b->x1;
    b->y1 = box[1] < b->y1 ? box[1] : b->y1;
    b->x2 = box[2] > b->x2 ? box[2] : b->x2;
    b->y2 = box[3] > b->y2 ? box[3] : b->y2;
    return true;
}

void gad_brush_blob(gad_brush *b, float x, float y, float a, float bb, float angle, float rough, float soft)
{
    uint32_t seed = gad_rng_u32(b->rng);
    float c = cosf(angle), s = sinf(angle), reach = (a > bb ? a : bb) * (1 + rough) + 2;
    int box[4];
    if (!touch(b, x - reach, y - reach, x + reach, y + reach, box))
        return;
    float border = soft + 1.2f / (a < bb ? a : bb); /* at least about one pixel */
    for (int py = box[1]; py < box[3]; py++)
        for (int px = box[0]; px < box[2]; px++) {
            float dx = (float)px - x, dy = (float)py - y, u = (dx * c + dy * s) / a, v = (dy * c - dx * s) / bb;
            float r = sqrtf(u * u + v * v);
            if (r > 1 + rough + border)
                continue;
            if (rough > 0)
                r += rough * 2 * (gad_noise_fbm(u * 1.6f + 5, v * 1.6f + 5, 3, seed) - 0.5f);
            float t = (1 - r) / border + 0.5f, *alpha = b->alpha + (size_t)py * (size_t)b->canvas->width + (size_t)px;
            t = t < 0 ? 0 : t > 1 ? 1 : t * t * (3 - 2 * t);
            *alpha = t > *alpha ? t : *alpha;
        }
}

static void segment(gad_brush *b, const gad_brush_point *p, const gad_brush_point *q)
{
    float wide = (p->half > q->half ? p->half : q->half) + 1, dx = q->x - p->x, dy = q->y - p->y,
          length2 = dx * dx + dy * dy;
    int box[4];
    if (!touch(b, fminf(p->x, q->x) - wide, fminf(p->y, q->y) - wide, fmaxf(p->x, q->x) + wide, fmaxf(p->y, q->y) + wide,
               box))
        return;
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++) {
            float ex = (float)x - p->x, ey = (float)y - p->y, t = length2 > 0 ? (ex * dx + ey * dy) / length2 : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ox = ex - t * dx, oy = ey - t * dy, half = p->half + (q->half - p->half) * t;
            float edge = half + 0.5f - sqrtf(ox * ox + oy * oy);
            if (edge <= 0)
                continue;
            float value = (edge > 1 ? 1 : edge) * (half < 0.5f ? half * 2 : 1) * (p->alpha + (q->alpha - p->alpha) * t);
            float *alpha = b->alpha + (size_t)y * (size_t)b->canvas->width + (size_t)x;
            *alpha = value > *alpha ? value : *alpha;
        }
}

void gad_brush_stroke(gad_brush *b, const gad_brush_point *points, int count)
{
    for (int i = 0; i + 1 < count; i++)
        segment(b, &points[i], &points[i + 1]);
}

void gad_brush_on_product(gad_brush *b)
{
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            size_t i = (size_t)y * (size_t)b->canvas->width + (size_t)x;
            b->alpha[i] *= b->canvas->cover[i];
        }
}

void gad_brush_replace(gad_brush *b, const float color[3], float amount)
{
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            size_t i = (size_t)y * (size_t)b->canvas->width + (size_t)x;
            if (b->alpha[i] > 0)
                gad_canvas_blend(b->canvas->rgb + 3 * i, color, b->alpha[i] * amount);
        }
}

void gad_brush_multiply(gad_brush *b, const float factor[3])
{
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            size_t i = (size_t)y * (size_t)b->canvas->width + (size_t)x;
            for (int c = 0; c < 3; c++)
                b->canvas->rgb[3 * i + (size_t)c] *= 1 + (factor[c] - 1) * b->alpha[i];
        }
}

void gad_brush_emboss(gad_brush *b, float amount)
{
    int w = b->canvas->width, h = b->canvas->height;
    float lx = b->view ? b->view->light_x : -0.7f, ly = b->view ? b->view->light_y : -0.7f;
    for (int y = b->y1 > 0 ? b->y1 - 1 : 0; y < b->y2 + 1 && y < h; y++)
        for (int x = b->x1 > 0 ? b->x1 - 1 : 0; x < b->x2 + 1 && x < w; x++) {
            const float *row = b->alpha + (size_t)y * (size_t)w;
            float left = row[x > 0 ? x - 1 : x], right = row[x + 1 < w ? x + 1 : x];
            float up = y > 0 ? row[x - w] : row[x], down = y + 1 < h ? row[x + w] : row[x];
            float lit = -amount * ((right - left) * lx + (down - up) * ly);
            if (lit == 0)
                continue;
            float *rgb = b->canvas->rgb + ((size_t)y * (size_t)w + (size_t)x) * 3;
            for (int c = 0; c < 3; c++)
                rgb[c] = lit > 0 ? rgb[c] + lit * (1.05f - rgb[c]) : rgb[c] * (1 + lit);
        }
}
