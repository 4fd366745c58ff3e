/* defect_texture: defects made from the picture itself: moved, copied, bent, smeared, blurred areas; chipped borders.
 * See defect.h. */
#include "synth/defect.h"

#include "synth/noise.h"

#include <math.h>
#include <string.h>

static float pick(gad_brush *b, double low, double high)
{
    return (float)gad_rng_range(b->rng, low, high);
}

/* A similarity that says where each pixel's new colour comes from, about a centre. */
typedef struct source {
    float x, y, dx, dy, cosine, sine; /* cosine and sine include the scale */
} source;

static void sample_source(const gad_brush *b, const source *s, float x, float y, float rgb[3])
{
    float u = x - s->x, v = y - s->y;
    gad_canvas_sample(b->before, s->x + s->dx + u * s->cosine - v * s->sine, s->y + s->dy + u * s->sine + v * s->cosine,
                      rgb);
}

/* Blend the source in by alpha. `level` 1 shifts it so that both agree on average along the border of alpha: then the
 * border is not what gives the defect away. */
static void blend_source(gad_brush *b, const source *s, float level)
{
    float gap[3] = {0}, weight = 0, rgb[3];
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            size_t i = (size_t)y * (size_t)b->canvas->width + (size_t)x;
            float edge = b->alpha[i] * (1 - b->alpha[i]);
            if (edge < 0.05f)
                continue;
            sample_source(b, s, (float)x, (float)y, rgb);
            for (int c = 0; c < 3; c++)
                gap[c] += edge * (b->before->rgb[3 * i + (size_t)c] - rgb[c]);
            weight += edge;
        }
    for (int c = 0; c < 3; c++)
        gap[c] = weight > 0 ? level * gap[c] / weight : 0;
    for (int y = b->y1; y < b->y2; y++)
        for (int x = b->x1; x < b->x2; x++) {
            size_t i = (size_t)y * (size_t)b->canvas->width + (size_t)x;
            if (b->alpha[i] <= 0)
                continue;
            sample_source(b, s, (float)x, (float)y, rgb);
            for (int c = 0; c < 3; c++)
                rgb[c] += gap[c];
            gad_canvas_blend(b->canvas->rgb + 3 * i, rgb, b->alpha[i]);
        }
}

static bool blob_here(gad_brush *b, float low, float high, float rough, float soft, float *x, float *y, float *r)
{
    if (!gad_brush_place(b, x, y))
        return false;
    *r = b->size * gad_brush_log_range(b->rng, low, high);
    *r = *r < 3 ? 3 : *r;
    gad_brush_blob(b, *x, *y, *r, *r * pick(b, 0.5, 1), pick(b, 0, 3.14), rough, soft);
    return true;
}

static source shifted(gad_brush *b, float x, float y, float distance)
{
    float turn = pick(b, 0, 6.2832);
    return (source){.x = x, .y = y, .dx = distance * cosf(turn), .dy = distance * sinf(turn), .cosine = 1};
}

/* Cover a place with what lies beside it. */
bool gad_defect_patch_away(gad_brush *b)
{
    float x, y, r;
    if (!blob_here(b, 0.04f, 0.12f, 0.1f, 0.3f, &x, &y, &r))
        return false;
    source s = shifted(b, x, y, r * pick(b, 2, 4));
    blend_source(b, &s, 0.6f);
    return true;
}

/* A foreign object: a drawn part, or a piece of the picture itself laid on another place. */
bool gad_defect_patch_extra(gad_brush *b)
{
    float x, y, r;
    if (b->view && gad_rng_below(b->rng, 3)) {
        static const gad_shape_kind kinds[] = {GAD_SHAPE_ELLIPSE, GAD_SHAPE_RING,    GAD_SHAPE_POLYGON,
                                               GAD_SHAPE_BOX,     GAD_SHAPE_CAPSULE, GAD_SHAPE_BLOB};
        if (!gad_brush_place(b, &x, &y))
            return false;
        float u, v, size = gad_brush_log_range(b->rng, 0.05f, 0.2f);
        gad_shape_to_scene(b->view, x, y, &u, &v);
        gad_shape s = {.kind = kinds[gad_rng_below(b->rng, 6)],
                       .x = u,
                       .y = v,
                       .angle = pick(b, 0, 6.28),
                       .a = size,
                       .b = size * pick(b, 0.3, 0.9)};
        s.b = s.kind == GAD_SHAPE_RING ? size * 0.3f : s.b;
        s.count = s.kind == GAD_SHAPE_BLOB ? 2 : 5 + (int)gad_rng_below(b->rng, 3);
        s.extra = 0.15f;
        s.seed = gad_rng_u32(b->rng);
        s.material = gad_palette_part(0.19f * b->size, b->rng);
        s.look = (gad_shape_look){
            .bevel = size * 0.2f, .dome = pick(b, 0, 0.8), .shine = pick(b, 0, 0.8), .shadow = size * 0.2f, .opacity = 1};
        gad_shape_draw(&s, b->view, b->canvas);
        return true;
    }
    if (!blob_here(b, 0.03f, 0.1f, 0.1f, 0.2f, &x, &y, &r))
        return false;
    source s = shifted(b, x, y, b->size * pick(b, 0.2, 0.5));
    blend_source(b, &s, 0);
    return true;
}

/* Shift a place sideways: a part that sits wrong. */
bool gad_defect_patch_move(gad_brush *b)
{
    float x, y, r;
    if (!blob_here(b, 0.06f, 0.18f, 0.05f, 0.3f, &x, &y, &r))
        return false;
    source s = shifted(b, x, y, r * pick(b, 0.25, 0.6));
    float turn = pick(b, -0.4, 0.4);
    s.cosine = cosf(turn);
    s.sine = sinf(turn);
    blend_source(b, &s, 0.5f);
    return true;
}

/* Pull, turn or squeeze the picture inside a round area; the displacement fades out towards its border. */
bool gad_defect_warp(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    float r = b->size * gad_brush_log_range(b->rng, 0.08f, 0.16f + 0.14f * b->strength);
    int mode = (int)gad_rng_below(b->rng, 3), w = b->canvas->width, h = b->canvas->height;
    float strong = (0.25f + 0.55f * b->strength) * (gad_rng_below(b->rng, 2) ? 1.0f : -1.0f), turn = pick(b, 0, 6.2832);
    for (int py = y - r < 0 ? 0 : (int)(y - r); py < h && (float)py < y + r; py++)
        for (int px = x - r < 0 ? 0 : (int)(x - r); px < w && (float)px < x + r; px++) {
            float dx = (float)px - x, dy = (float)py - y, q = 1 - (dx * dx + dy * dy) / (r * r);
            if (q <= 0)
                continue;
            float amount = strong * q * q, sx = (float)px, sy = (float)py;
            if (mode == 0) { /* push */
                sx -= amount * r * 0.6f * cosf(turn);
                sy -= amount * r * 0.6f * sinf(turn);
            } else if (mode == 1) { /* swirl */
                float c = cosf(amount * 2.2f), s = sinf(amount * 2.2f);
                sx = x + dx * c - dy * s;
                sy = y + dx * s + dy * c;
            } else { /* squeeze or swell */
                sx = x + dx * (1 + amount);
                sy = y + dy * (1 + amount);
            }
            gad_canvas_sample(b->before, sx, sy, b->canvas->rgb + ((size_t)py * (size_t)w + (size_t)px) * 3);
        }
    return true;
}

/* A bite out of the product's border, filled with what lies outside. */
bool gad_defect_edge(gad_brush *b)
{
    int w = b->canvas->width, h = b->canvas->height;
    float r = b->size * gad_brush_log_range(b->rng, 0.025f, 0.05f + 0.08f * b->strength), x, y;
    for (int attempt = 0; attempt < 80; attempt++) {
        float turn = pick(b, 0, 6.2832);
        if (!gad_brush_place(b, &x, &y))
            return false;
        float ox = x + 1.6f * r * cosf(turn), oy = y + 1.6f * r * sinf(turn);
        if (ox < 0 || oy < 0 || ox > (float)(w - 1) || oy > (float)(h - 1) ||
            b->canvas->cover[(size_t)oy * (size_t)w + (size_t)ox] > 0.2f)
            continue;
        gad_brush_blob(b, 0.5f * (x + ox), 0.5f * (y + oy), r, r * pick(b, 0.6, 1), turn, 0.5f, 0.08f);
        gad_brush_on_product(b);
        source s = {.x = x, .y = y, .dx = ox - x, .dy = oy - y, .cosine = 1};
        blend_source(b, &s, 0);
        gad_brush_emboss(b, -0.35f);
        return true;
    }
    return false;
}

/* Ink dragged along, printed twice, or worn off: the picture averaged along a line inside an area. */
bool gad_defect_smear(gad_brush *b)
{
    float x, y, r;
    if (!blob_here(b, 0.06f, 0.2f, 0.2f, 0.4f, &x, &y, &r))
        return false;
    float turn = gad_rng_below(b->rng, 2) ? 0 : pick(b, 0, 6.2832), length = b->size * (0.02f + 0.06f * b->strength);
    float sx = cosf(turn) * length, sy = sinf(turn) * length;
    int taps = gad_rng_below(b->rng, 3) ? 9 : 2, w = b->canvas->width; /* two taps: a double image */
    for (int py = b->y1; py < b->y2; py++)
        for (int px = b->x1; px < b->x2; px++) {
            size_t i = (size_t)py * (size_t)w + (size_t)px;
            float sum[3] = {0}, rgb[3];
            if (b->alpha[i] <= 0)
                continue;
            for (int k = 0; k < taps; k++) {
                float t = (float)k / (float)(taps - 1) - (taps > 2 ? 0.5f : 0.0f);
                gad_canvas_sample(b->before, (float)px + t * sx, (float)py + t * sy, rgb);
                for (int c = 0; c < 3; c++)
                    sum[c] += rgb[c] / (float)taps;
            }
            gad_canvas_blend(b->canvas->rgb + 3 * i, sum, b->alpha[i]);
        }
    return true;
}

/* A straight fault as from a missing thread or a roller: the picture jumps sideways along it. */
static bool fault_line(gad_brush *b)
{
    float x, y;
    if (!gad_brush_place(b, &x, &y))
        return false;
    const gad_material *ground = b->scene ? &b->scene->ground : NULL;
    float c = ground ? ground->cosine : 1, s = ground ? ground->sine : 0, length = b->size * pick(b, 0.2, 0.9);
    if (gad_rng_below(b->rng, 2)) {
        float swap = c;
        c = -s;
        s = swap;
    }
    float half = b->size * gad_brush_log_range(b->rng, 0.006f, 0.02f);
    half = half < 1 ? 1 : half;
    gad_brush_point line[2] = {{x - 0.5f * length * c, y - 0.5f * length * s, half, 1},
                               {x + 0.5f * length * c, y + 0.5f * length * s, half, 1}};
    gad_brush_stroke(b, line, 2);
    gad_brush_on_product(b);
    source move = {.x = x, .y = y, .dx = -s * half * 2.4f, .dy = c * half * 2.4f, .cosine = 1};
    blend_source(b, &move, 0);
    float tone = gad_rng_below(b->rng, 2) ? 1 + 0.4f * b->strength : 1 - 0.45f * b->strength,
          factor[3] = {tone, tone, tone};
    gad_brush_multiply(b, factor);
    return true;
}

bool gad_defect_texture(gad_brush *b)
{
    int mode = (int)gad_rng_below(b->rng, 4);
    float x, y, r;
    if (mode == 0)
        return fault_line(b);
    if (!blob_here(b, 0.05f, 0.2f, 0.35f, 0.2f, &x, &y, &r))
        return false;
    gad_brush_on_product(b);
    if (mode == 1) { /* the same texture, turned and stretched */
        source s = shifted(b, x, y, b->size * pick(b, 0.1, 0.3));
        float turn = pick(b, 0.4, 2.7), scale = gad_rng_below(b->rng, 2) ? pick(b, 0.45, 0.75) : pick(b, 1.35, 2.2);
        s.cosine = scale * cosf(turn);
        s.sine = scale * sinf(turn);
        blend_source(b, &s, 1);
    } else if (mode == 2) { /* rubbed smooth */
        size_t n = (size_t)b->canvas->width * (size_t)b->canvas->height * 3;
        float *blurred = b->scratch, *work = b->scratch + n;
        memcpy(blurred, b->before->rgb, n * sizeof(float));
        gad_canvas_blur(blurred, b->canvas->width, b->canvas->height, 3, b->size * (0.008f + 0.012f * b->strength), work);
        for (int py = b->y1; py < b->y2; py++)
            for (int px = b->x1; px < b->x2; px++) {
                size_t i = (size_t)py * (size_t)b->canvas->width + (size_t)px;
                gad_canvas_blend(b->canvas->rgb + 3 * i, blurred + 3 * i, b->alpha[i]);
            }
    } else { /* rough: grain that the rest has not */
        uint32_t seed = gad_rng_u32(b->rng);
        float frequency = pick(b, 0.15, 0.5), amount = 0.25f + 0.6f * b->strength;
        for (int py = b->y1; py < b->y2; py++)
            for (int px = b->x1; px < b->x2; px++) {
                size_t i = (size_t)py * (size_t)b->canvas->width + (size_t)px;
                float n = gad_noise_fbm((float)px * frequency, (float)py * frequency, 2, seed) - 0.5f,
                      f = 1 + 2 * amount * n * b->alpha[i];
                for (int c = 0; c < 3; c++)
                    b->canvas->rgb[3 * i + (size_t)c] *= f;
            }
    }
    return true;
}
