/* defect_line: scratches, cracks and cuts. See defect.h. */
#include "synth/defect.h"

#include "synth/noise.h"

#include <math.h>

enum { POINTS = 48 };

static float pick(gad_brush *b, double low, double high)
{
    return (float)gad_rng_range(b->rng, low, high);
}

/* Mean brightness around a point: a scratch is lighter on dark stuff and darker on light stuff more often than not. */
static float brightness(const gad_brush *b, float x, float y)
{
    float sum = 0, rgb[3];
    for (int i = 0; i < 9; i++) {
        gad_canvas_sample(b->canvas, x + 0.03f * b->size * (float)(i % 3 - 1), y + 0.03f * b->size * (float)(i / 3 - 1),
                          rgb);
        sum += rgb[0] + rgb[1] + rgb[2];
    }
    return sum / 27;
}

/* A curve of the given length through (x, y) with constant curvature and wobble. */
static int curve(gad_brush *b, float x, float y, float angle, float length, float curvature, float wobble,
                 gad_brush_point *points)
{
    int count = (int)(length / (0.02f * b->size)) + 3;
    count = count > POINTS ? POINTS : count;
    float step = length / (float)(count - 1), turn = curvature / (float)count;
    angle -= 0.5f * curvature;
    x -= 0.5f * length * cosf(angle + 0.5f * curvature);
    y -= 0.5f * length * sinf(angle + 0.5f * curvature);
    for (int i = 0; i < count; i++) {
        points[i] = (gad_brush_point){.x = x, .y = y, .alpha = 1};
        angle += turn + wobble * (float)gad_rng_normal(b->rng);
        x += step * cosf(angle);
        y += step * sinf(angle);
    }
    return count;
}

bool gad_defect_scratch(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    int lines = gad_rng_below(b->rng, 3) ? 1 : 2 + (int)gad_rng_below(b->rng, 3);
    float length = b->size * gad_brush_log_range(b->rng, 0.08f, 0.3f + 0.4f * b->strength), angle = pick(b, 0, 6.2832);
    float half = b->size * gad_brush_log_range(b->rng, 0.0016f, 0.0035f + 0.004f * b->strength),
          curvature = pick(b, -0.5, 0.5);
    half = half < 0.42f ? 0.42f : half;
    uint32_t seed = gad_rng_u32(b->rng);
    for (int l = 0; l < lines; l++) {
        gad_brush_point points[POINTS];
        float off = (float)l * pick(b, 0.012, 0.04) * b->size;
        int count = curve(b, x - off * sinf(angle) + pick(b, -0.04, 0.04) * b->size, y + off * cosf(angle),
                          angle + pick(b, -0.06, 0.06), length * pick(b, 0.5, 1), curvature, 0.012f, points);
        for (int i = 0; i < count; i++) {
            float t = (float)i / (float)(count - 1), taper = fminf(1, 6 * fminf(t, 1 - t) + 0.3f);
            float skip = gad_noise_value((float)i * 0.45f, (float)l, seed);
            points[i].half = half * taper;
            points[i].alpha = skip < 0.2f ? 0.15f : 0.6f + 0.4f * skip;
        }
        gad_brush_stroke(b, points, count);
    }
    gad_brush_on_product(b);
    bool light = pick(b, 0.15, 0.85) > brightness(b, x, y);
    float depth = 0.25f + 0.6f * b->strength, factor = light ? 1 : 1 - depth;
    gad_brush_emboss(b, (light ? 0.25f : -0.45f) * depth);
    if (light) {
        float white[3] = {0.95f, 0.95f, 0.93f};
        gad_brush_replace(b, white, depth * 0.8f);
    } else {
        float dark[3] = {factor, factor, factor};
        gad_brush_multiply(b, dark);
    }
    return true;
}

/* A branching random walk. */
static void walk(gad_brush *b, float x, float y, float angle, float length, float half, int depth)
{
    gad_brush_point points[POINTS];
    int count = (int)(length / (0.018f * b->size)) + 3;
    count = count > POINTS ? POINTS : count;
    float step = length / (float)(count - 1), heading = angle;
    for (int i = 0; i < count; i++) {
        float t = (float)i / (float)(count - 1);
        points[i] = (gad_brush_point){.x = x, .y = y, .half = half * (1 - 0.75f * t) * pick(b, 0.6, 1.3), .alpha = 1};
        heading += 0.45f * (float)gad_rng_normal(b->rng);
        heading += 0.35f * (angle - heading);
        x += step * cosf(heading);
        y += step * sinf(heading);
        if (depth > 0 && i > 1 && gad_rng_below(b->rng, (uint32_t)(count / 2 + 2)) == 0)
            walk(b, x, y, heading + (gad_rng_below(b->rng, 2) ? 0.7f : -0.7f), length * pick(b, 0.2, 0.5) * (1 - t),
                 half * 0.7f, depth - 1);
    }
    gad_brush_stroke(b, points, count);
}

bool gad_defect_crack(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    float length = b->size * gad_brush_log_range(b->rng, 0.1f, 0.3f + 0.4f * b->strength), angle = pick(b, 0, 6.2832);
    float half = b->size * gad_brush_log_range(b->rng, 0.002f, 0.005f + 0.006f * b->strength);
    half = half < 0.5f ? 0.5f : half;
    walk(b, x, y, angle, length * 0.5f, half, 2);
    walk(b, x, y, angle + 3.14159f + pick(b, -0.5, 0.5), length * 0.5f, half, 2);
    gad_brush_on_product(b);
    float keep = 0.55f - 0.45f * b->strength, dark[3] = {keep, keep * 0.97f, keep * 0.95f};
    gad_brush_emboss(b, -0.35f);
    gad_brush_multiply(b, dark);
    return true;
}

bool gad_defect_cut(gad_brush *b)
{
    float x, y, gap[3] = {pick(b, 0.02, 0.15), pick(b, 0.02, 0.13), pick(b, 0.02, 0.12)};
    if (!gad_brush_place(b, &x, &y))
        return false;
    gad_brush_point points[POINTS];
    float length = b->size * gad_brush_log_range(b->rng, 0.07f, 0.2f + 0.25f * b->strength),
          half = length * pick(b, 0.03, 0.09);
    half = half < 0.7f ? 0.7f : half;
    if (gad_rng_below(b->rng, 4) == 0) /* what lies behind is bright */
        gap[0] = gap[1] = gap[2] = pick(b, 0.75, 0.95);
    int count = curve(b, x, y, pick(b, 0, 6.2832), length, pick(b, -0.7, 0.7), 0.03f, points);
    for (int i = 0; i < count; i++) {
        float t = 2 * (float)i / (float)(count - 1) - 1;
        points[i].half = half * (1 - t * t) + 0.25f;
    }
    gad_brush_stroke(b, points, count);
    gad_brush_on_product(b);
    gad_brush_replace(b, gap, 0.6f + 0.4f * b->strength);
    gad_brush_emboss(b, -0.5f);
    return true;
}
