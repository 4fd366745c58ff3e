/* defect_area: holes, dents, stains, dirt, discoloured places. See defect.h. */
#include "synth/defect.h"

#include "synth/noise.h"

#include <math.h>
#include <string.h>

static float pick(gad_brush *b, double low, double high)
{
    return (float)gad_rng_range(b->rng, low, high);
}

static bool chance(gad_brush *b, double p)
{
    return gad_rng_uniform(b->rng) < p;
}

/* Radius in pixels between low and high of the shorter side, growing with strength. */
static float radius(gad_brush *b, float low, float high)
{
    float r = b->size * gad_brush_log_range(b->rng, low, low + (high - low) * (0.4f + 0.6f * b->strength));
    return r < 1.6f ? 1.6f : r;
}

bool gad_defect_hole(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    int holes = chance(b, 0.8) ? 1 : 2 + (int)gad_rng_below(b->rng, 3);
    float r = radius(b, 0.012f, 0.09f) / sqrtf((float)holes), rough = chance(b, 0.5) ? 0.05f : pick(b, 0.15, 0.5);
    for (int i = 0; i < holes; i++) {
        float off = i ? 4 * r : 0, turn = pick(b, 0, 6.2832);
        gad_brush_blob(b, x + off * cosf(turn), y + off * sinf(turn), r, r * pick(b, 0.6, 1), pick(b, 0, 3.14), rough,
                       0.12f);
    }
    gad_brush_on_product(b);
    float tone = chance(b, 0.8) ? pick(b, 0.02, 0.2) : pick(b, 0.7, 0.95),
          inside[3] = {tone, tone, tone * pick(b, 0.85, 1)};
    gad_brush_replace(b, inside, 0.65f + 0.33f * b->strength);
    gad_brush_emboss(b, -0.7f);
    return true;
}

/* Relief without a border: the slope of a smooth bump, lit from the side. */
bool gad_defect_dent(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    float r = radius(b, 0.035f, 0.16f), rb = r * pick(b, 0.45, 1), angle = pick(b, 0, 3.14);
    gad_brush_blob(b, x, y, r, rb, angle, pick(b, 0, 0.15), 1.3f);
    gad_brush_on_product(b);
    float amount = (0.5f + 0.9f * b->strength) * (chance(b, 0.75) ? -1.0f : 1.0f) * r * 0.14f;
    float shade = pick(b, 0.86, 0.98), dark[3] = {shade, shade, shade};
    gad_brush_emboss(b, amount < -1.6f ? -1.6f : amount > 1.6f ? 1.6f : amount);
    gad_brush_multiply(b, dark);
    return true;
}

/* Stronger at the border, as a drop dries. */
static void dry_ring(gad_brush *b, float amount)
{
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            float *a = b->alpha + (size_t)y * (size_t)b->canvas->width + (size_t)x;
            float edge = *a * (1 - *a) * 4;
            *a = *a * (1 - amount) + edge * amount;
        }
}

bool gad_defect_stain(gad_brush *b)
{
    float x, y, tint[3];
    if (!gad_brush_place(b, &x, &y))
        return false;
    float r = radius(b, 0.025f, 0.2f);
    gad_brush_blob(b, x, y, r, r * pick(b, 0.4, 1), pick(b, 0, 3.14), pick(b, 0.2, 0.7), pick(b, 0.15, 0.7));
    int drops = (int)gad_rng_below(b->rng, 4);
    for (int i = 0; i < drops; i++) {
        float turn = pick(b, 0, 6.2832), far = r * pick(b, 1.1, 1.8), small = r * pick(b, 0.08, 0.25);
        if (small > 1)
            gad_brush_blob(b, x + far * cosf(turn), y + far * sinf(turn), small, small, 0, 0.2f, 0.3f);
    }
    if (chance(b, 0.35))
        dry_ring(b, pick(b, 0.3, 0.8));
    gad_brush_on_product(b);
    float deep = 0.12f + 0.6f * b->strength * pick(b, 0.6, 1);
    gad_palette_hsv(chance(b, 0.6) ? pick(b, 0.04, 0.14) : pick(b, 0, 1), pick(b, 0.1, 0.7), 1, tint);
    for (int i = 0; i < 3; i++)
        tint[i] = 1 - deep + deep * (tint[i] - 0.35f);
    gad_brush_multiply(b, tint);
    if (chance(b, 0.25)) /* a milky film instead shows on dark stuff */ {
        float milk[3] = {0.85f, 0.86f, 0.84f};
        gad_brush_replace(b, milk, 0.25f + 0.3f * b->strength);
    }
    return true;
}

static void fibre(gad_brush *b, float x, float y)
{
    enum { N = 26 };
    gad_brush_point points[N];
    float angle = pick(b, 0, 6.2832), curl = pick(b, -0.35, 0.35),
          step = b->size * gad_brush_log_range(b->rng, 0.004f, 0.016f);
    float half = b->size * gad_brush_log_range(b->rng, 0.0022f, 0.007f);
    half = half < 0.5f ? 0.5f : half;
    for (int i = 0; i < N; i++) {
        points[i] = (gad_brush_point){.x = x, .y = y, .half = half, .alpha = 1};
        curl += 0.08f * (float)gad_rng_normal(b->rng);
        angle += curl * 0.5f;
        x += step * cosf(angle);
        y += step * sinf(angle);
    }
    gad_brush_stroke(b, points, N);
}

static void grains(gad_brush *b, float x, float y)
{
    int count = 1 + (int)gad_rng_below(b->rng, 9);
    float spread = b->size * gad_brush_log_range(b->rng, 0.01f, 0.1f),
          r = radius(b, 0.006f, 0.045f) / (count > 3 ? 1.6f : 1.0f);
    for (int i = 0; i < count; i++) {
        float far = i ? spread * sqrtf((float)gad_rng_uniform(b->rng)) : 0, turn = pick(b, 0, 6.2832),
              size = r * pick(b, 0.4, 1);
        size = size < 1 ? 1 : size;
        gad_brush_blob(b, x + far * cosf(turn), y + far * sinf(turn), size, size * pick(b, 0.5, 1), turn, pick(b, 0.1, 0.5),
                       0.1f);
    }
}

/* A shadow under alpha: the same shape, displaced away from the light. */
static void cast(gad_brush *b, float distance_px)
{
    float lx = b->view ? b->view->light_x : -0.7f, ly = b->view ? b->view->light_y : -0.7f;
    int dx = (int)lroundf(-lx * distance_px), dy = (int)lroundf(-ly * distance_px), w = b->canvas->width,
        h = b->canvas->height;
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            int tx = x + dx, ty = y + dy;
            if (tx < 0 || ty < 0 || tx >= w || ty >= h)
                continue;
            float *rgb = b->canvas->rgb + ((size_t)ty * (size_t)w + (size_t)tx) * 3,
                  dark = 1 - 0.4f * b->alpha[(size_t)y * (size_t)w + (size_t)x];
            rgb[0] *= dark;
            rgb[1] *= dark;
            rgb[2] *= dark;
        }
}

bool gad_defect_contamination(gad_brush *b)
{
    float x, y, color[3];
    if (!gad_brush_place(b, &x, &y))
        return false;
    bool drop = false;
    if (chance(b, 0.3)) {
        fibre(b, x, y);
    } else if (chance(b, 0.7)) {
        grains(b, x, y);
    } else { /* glue, oil, solder */
        float r = radius(b, 0.02f, 0.08f);
        gad_brush_blob(b, x, y, r, r * pick(b, 0.3, 0.9), pick(b, 0, 3.14), pick(b, 0.1, 0.4), 0.5f);
        drop = true;
    }
    gad_palette_hsv(pick(b, 0, 1), chance(b, 0.5) ? pick(b, 0, 0.2) : pick(b, 0.2, 0.8), pick(b, 0.05, 0.95), color);
    if (!drop)
        cast(b, 0.006f * b->size + 0.6f);
    gad_brush_replace(b, color, drop ? 0.3f + 0.5f * b->strength : 0.6f + 0.4f * b->strength);
    gad_brush_emboss(b, drop ? 0.8f : 0.35f);
    return true;
}

bool gad_defect_discoloration(gad_brush *b)
{
    float x, y, shift[3];
    if (!gad_brush_place(b, &x, &y))
        return false;
    float r = radius(b, 0.04f, 0.28f), amount = 0.15f + 0.5f * b->strength;
    gad_brush_blob(b, x, y, r, r * pick(b, 0.35, 1), pick(b, 0, 3.14), pick(b, 0.05, 0.5), pick(b, 0.3, 1));
    gad_brush_on_product(b);
    if (chance(b, 0.4)) { /* lighter or darker: burnt, bleached, worn */
        float tone = chance(b, 0.5) ? 1 - amount : 1 + amount;
        shift[0] = shift[1] = shift[2] = tone;
        shift[2] *= pick(b, 0.85, 1.05);
        gad_brush_multiply(b, shift);
        return true;
    }
    /* Another hue at the same brightness keeps the texture. */
    float hue[3];
    gad_palette_hsv(pick(b, 0, 1), pick(b, 0.4, 0.9), 1, hue);
    for (int py = b->y1; py < b->y2; py++)
        for (int px = b->x1; px < b->x2; px++) {
            size_t i = (size_t)py * (size_t)b->canvas->width + (size_t)px;
            float *rgb = b->canvas->rgb + 3 * i, light = (rgb[0] + rgb[1] + rgb[2]) / 3,
                  mean = (hue[0] + hue[1] + hue[2]) / 3;
            float other[3] = {light * hue[0] / mean, light * hue[1] / mean, light * hue[2] / mean};
            gad_canvas_blend(rgb, other, b->alpha[i] * (0.3f + 0.6f * b->strength));
        }
    return true;
}
