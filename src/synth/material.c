/* material: see material.h. One pattern function per kind; all work in pattern coordinates (p, q) of one period per unit.
 */
#include "synth/material.h"

#include "synth/noise.h"

#include <math.h>
#include <stdbool.h>

typedef const gad_material mat;

static float clampf(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

static float smooth(float low, float high, float x)
{
    float t = clampf((x - low) / (high - low), 0, 1);
    return t * t * (3 - 2 * t);
}

static float fraction(float x)
{
    return x - (float)gad_noise_floor(x);
}

/* 1 at 0, 0 at 0.5: distance of x from the middle of its period, as a triangle. */
static float triangle(float x)
{
    return fabsf(2 * fraction(x) - 1);
}

static void mix(const float a[3], const float b[3], float t, float rgb[3])
{
    for (int i = 0; i < 3; i++)
        rgb[i] = a[i] + (b[i] - a[i]) * t;
}

static void shade(float rgb[3], float factor)
{
    for (int i = 0; i < 3; i++)
        rgb[i] *= factor;
}

static void base_times(mat *m, float t, float rgb[3])
{
    for (int i = 0; i < 3; i++)
        rgb[i] = m->color[i] * (1 + m->contrast * t);
}

static void speckle(mat *m, float p, float q, float rgb[3])
{
    gad_noise_cell c = gad_noise_worley(p, q, m->seed);
    float grain = (float)(c.id & 255u) / 255.0f;
    float inside = 1 - smooth(0.22f, 0.34f, c.f1 * (0.7f + grain));
    base_times(m, 0.35f * (gad_noise_value(p * 2.3f, q * 2.3f, m->seed + 7) - 0.5f), rgb);
    if (grain > 0.45f)
        mix(rgb, m->second, inside * m->contrast * 1.5f > 1 ? 1 : inside * m->contrast * 1.5f, rgb);
}

static void granite(mat *m, float p, float q, float rgb[3])
{
    gad_noise_cell c = gad_noise_worley(p, q, m->seed);
    float t = (float)(c.id >> 4 & 255u) / 255.0f, fine = gad_noise_value(p * 3.1f, q * 3.1f, m->seed + 3);
    mix(m->color, m->second, t * t, rgb);
    shade(rgb, 1 + m->contrast * (0.5f * t - 0.25f + 0.4f * (fine - 0.5f)) - 0.2f * (1 - smooth(0, 0.1f, c.f2 - c.f1)));
}

static void marble(mat *m, float p, float q, float rgb[3])
{
    float wx = gad_noise_fbm(p * 0.6f, q * 0.6f, 2, m->seed), cloud = gad_noise_fbm(p + 3 * wx, q, 3, m->seed + 1);
    float vein = 1 - smooth(0.0f, 0.09f, fabsf(cloud - 0.5f));
    mix(m->color, m->second, clampf(vein * m->contrast * (0.4f + wx), 0, 1), rgb);
    shade(rgb, 0.94f + 0.12f * cloud);
}

static void wood(mat *m, float p, float q, float rgb[3])
{
    float bend = 2.2f * gad_noise_fbm(p * 0.12f, q * 0.5f, 2, m->seed);
    float ring = fraction(q + bend), fibre = gad_noise_value(p * 0.5f, q * 14, m->seed + 5);
    float pore = gad_noise_value(p * 2.0f, q * 34, m->seed + 6);
    float late = ring * ring * (1 - smooth(0.9f, 1.0f, ring));
    mix(m->color, m->second, clampf(m->contrast * (late + 0.35f * (fibre - 0.5f)), 0, 1), rgb);
    shade(rgb, 1 - 0.16f * smooth(0.78f, 0.95f, pore));
}

static void leather(mat *m, float p, float q, float rgb[3])
{
    float wx = gad_noise_value(p * 0.9f, q * 0.9f, m->seed + 9) - 0.5f;
    gad_noise_cell c = gad_noise_worley(p + wx, q - wx, m->seed);
    float crease = 1 - smooth(0.02f, 0.22f, c.f2 - c.f1), dome = 0.5f - c.f1;
    base_times(m, 0.3f * dome - 0.8f * crease + 0.2f * wx, rgb);
}

static void foam(mat *m, float p, float q, float rgb[3])
{
    gad_noise_cell big = gad_noise_worley(p, q, m->seed), small = gad_noise_worley(p * 2.1f, q * 2.1f, m->seed + 2);
    float pore = 1 - smooth(0.12f, 0.36f, big.f1 * (0.6f + (float)(big.id & 255u) / 255.0f));
    base_times(m, -0.75f * pore - 0.35f * (1 - smooth(0.1f, 0.3f, small.f1)) + 0.15f, rgb);
}

static void concrete(mat *m, float p, float q, float rgb[3])
{
    float cloud = gad_noise_fbm(p * 0.3f, q * 0.3f, 3, m->seed), grit = gad_noise_value(p * 3, q * 3, m->seed + 4);
    gad_noise_cell c = gad_noise_worley(p * 0.8f, q * 0.8f, m->seed + 8);
    float pit = c.id % 11u == 0 ? 1 - smooth(0.05f, 0.13f, c.f1) : 0;
    base_times(m, 1.1f * (cloud - 0.5f) + 0.45f * (grit - 0.5f) - 0.9f * pit, rgb);
}

/* Two crossing thread systems; `shift` columns per row make twill diagonals (0: plain weave). */
static void weave(mat *m, float p, float q, int shift, float rgb[3])
{
    int ip = gad_noise_floor(p), iq = gad_noise_floor(q);
    float x = p - (float)ip - 0.5f, y = q - (float)iq - 0.5f;
    bool warp_up = shift ? ((ip + iq * shift) % 4 + 4) % 4 < 2 : ((ip + iq) & 1) != 0;
    float across = warp_up ? x : y, along = warp_up ? y : x;
    const float *thread = warp_up ? m->color : m->second;
    float width = 0.28f + 0.24f * m->fill, round = clampf(1 - across * across / (width * width), 0, 1);
    float yarn = gad_noise_lattice(warp_up ? ip : 7, warp_up ? 7 : iq, m->seed);
    float fuzz = gad_noise_value(p * 3.7f, q * 3.7f, m->seed + 1);
    float light = 0.62f + 0.45f * sqrtf(round) - 0.35f * along * along + 0.14f * (yarn - 0.5f) + 0.16f * (fuzz - 0.5f);
    for (int i = 0; i < 3; i++)
        rgb[i] = thread[i] * (1 + m->contrast * (light - 1)) * (round > 0 ? 1.0f : 0.55f);
}

/* Columns of V-shaped loops. */
static void knit(mat *m, float p, float q, float rgb[3])
{
    float x = fraction(p) - 0.5f, side = x < 0 ? -1.0f : 1.0f;
    float y = fraction(q * 1.4f - fabsf(x) * 1.1f);
    float dx = (fabsf(x) - 0.25f) / 0.25f, dy = (y - 0.5f) / 0.5f;
    float loop = clampf(1 - dx * dx * 0.8f - dy * dy, 0, 1);
    float fuzz = gad_noise_value(p * 5, q * 5, m->seed);
    int row = gad_noise_floor(q * 1.4f * 0.2f);
    mix(m->color, m->second, m->fill > 0.6f && (row & 1) ? 0.85f : 0.0f, rgb);
    shade(rgb, 1 + m->contrast * (0.9f * sqrtf(loop) - 0.62f + 0.25f * (fuzz - 0.5f) + 0.05f * side));
}

static void stripes(mat *m, float p, float q, float rgb[3])
{
    float wobble = 0.03f * (gad_noise_value(p * 0.7f, q * 0.7f, m->seed) - 0.5f);
    float t = triangle(q + wobble), edge = smooth(m->fill - 0.06f, m->fill + 0.06f, t);
    mix(m->color, m->second, edge, rgb);
    shade(rgb, 1 + 0.5f * m->contrast * (gad_noise_value(p * 9, q * 9, m->seed + 1) - 0.5f));
}

static void checks(mat *m, float p, float q, float rgb[3])
{
    float a = smooth(m->fill - 0.05f, m->fill + 0.05f, triangle(p)),
          b = smooth(m->fill - 0.05f, m->fill + 0.05f, triangle(q));
    float thin = fmaxf(smooth(0.93f, 0.96f, triangle(p + 0.25f)), smooth(0.93f, 0.96f, triangle(q + 0.25f)));
    mix(m->color, m->second, 0.5f * (a + b), rgb);
    shade(rgb, (1 - 0.25f * thin) * (1 + 0.6f * m->contrast * (gad_noise_value(p * 17, q * 17, m->seed) - 0.5f)));
}

static void herringbone(mat *m, float p, float q, float rgb[3])
{
    float zig = fabsf(fraction(p * 0.25f) - 0.5f) * 4;
    float t = triangle(q + zig), yarn = smooth(0.35f, 0.65f, t);
    mix(m->color, m->second, yarn, rgb);
    shade(rgb, 1 + m->contrast * (0.5f * (gad_noise_value(p * 4, q * 4, m->seed) - 0.5f) - 0.25f * (1 - fabsf(2 * t - 1))));
}

static void printed_dots(mat *m, float p, float q, float rgb[3])
{
    int row = gad_noise_floor(q);
    float x = fraction(p + ((row & 1) ? 0.5f : 0.0f)) - 0.5f, y = q - (float)row - 0.5f;
    float angle = atan2f(y, x), lobes = (float)(3 + m->seed % 4u);
    float radius = (0.2f + 0.2f * m->fill) * (1 + 0.28f * (m->seed & 8u ? cosf(lobes * angle) : 0));
    float d = sqrtf(x * x + y * y);
    float ink = 1 - smooth(radius - 0.03f, radius + 0.03f, d), core = 1 - smooth(0.06f, 0.1f, d);
    mix(m->color, m->second, ink * (1 - 0.7f * core), rgb);
    shade(rgb, 1 + 0.5f * m->contrast * (gad_noise_value(p * 13, q * 13, m->seed) - 0.5f));
}

static void carpet(mat *m, float p, float q, float rgb[3])
{
    gad_noise_cell c = gad_noise_worley(p, q, m->seed);
    float tuft = (float)(c.id & 255u) / 255.0f;
    mix(m->color, m->second, tuft > 0.72f ? 0.8f : 0.15f * tuft, rgb);
    shade(rgb, 1 + m->contrast * (0.5f - 1.1f * c.f1 + 0.3f * (tuft - 0.5f)));
}

static void mesh(mat *m, float p, float q, float rgb[3])
{
    float x = 1 - triangle(p), y = 1 - triangle(q); /* 0 on a wire's middle */
    float width = 0.12f + 0.3f * m->fill, wx = 1 - smooth(width - 0.06f, width + 0.06f, x);
    float wy = 1 - smooth(width - 0.06f, width + 0.06f, y);
    bool over = ((gad_noise_floor(p + 0.5f) + gad_noise_floor(q + 0.5f)) & 1) != 0;
    float wire = fmaxf(wx, wy), t = over ? (wx > 0.5f ? x : y) : (wy > 0.5f ? y : x);
    float light = 1.1f - 0.8f * m->contrast * (t / width) * (t / width);
    float lit[3] = {m->color[0] * light, m->color[1] * light, m->color[2] * light};
    mix(m->second, lit, wire, rgb);
}

static void perforated(mat *m, float p, float q, float rgb[3])
{
    int row = gad_noise_floor(q);
    float x = fraction(p + ((m->seed & 1u) && (row & 1) ? 0.5f : 0.0f)) - 0.5f, y = q - (float)row - 0.5f;
    float d = m->seed & 2u ? fmaxf(fabsf(x), fabsf(y)) : sqrtf(x * x + y * y), radius = 0.18f + 0.2f * m->fill;
    float hole = 1 - smooth(radius - 0.04f, radius + 0.04f, d), rim = 1 - smooth(0.0f, 0.07f, fabsf(d - radius - 0.03f));
    float grain = gad_noise_value(p * 2, q * 11, m->seed) - 0.5f;
    base_times(m, 0.5f * grain + rim * (x + y > 0 ? 0.7f : -0.5f), rgb);
    mix(rgb, m->second, hole, rgb);
}

static void honeycomb(mat *m, float p, float q, float rgb[3])
{
    /* Two interleaved rectangular lattices; the nearer centre is the cell. */
    const float h = 1.7320508f;
    float ax = fraction(p) - 0.5f, ay = (fraction(q / h) - 0.5f) * h;
    float bx = fraction(p + 0.5f) - 0.5f, by = (fraction(q / h + 0.5f) - 0.5f) * h;
    bool first = ax * ax + ay * ay < bx * bx + by * by;
    float x = fabsf(first ? ax : bx), y = fabsf(first ? ay : by);
    float edge = 0.5f - fmaxf(x, 0.5f * x + 0.8660254f * y); /* distance to the cell's border */
    float wall = 1 - smooth(0.03f + 0.1f * m->fill, 0.08f + 0.1f * m->fill, edge);
    float light = 1 + m->contrast * ((first ? ax + ay : bx + by) * 0.8f);
    float cell[3] = {m->second[0] * light, m->second[1] * light, m->second[2] * light};
    mix(cell, m->color, wall, rgb);
}

static void tiles(mat *m, float p, float q, float rgb[3], bool bricks)
{
    int row = gad_noise_floor(q);
    float shifted = p + (bricks && (row & 1) ? 0.5f : 0.0f);
    int column = gad_noise_floor(shifted);
    float x = shifted - (float)column - 0.5f, y = q - (float)row - 0.5f;
    float edge = 0.5f - fmaxf(fabsf(x), fabsf(y)), gap = 0.02f + 0.06f * m->fill;
    float tone = gad_noise_lattice(column, row, m->seed) - 0.5f;
    float cloud = gad_noise_fbm(p * 3, q * 3, 2, m->seed + 1) - 0.5f;
    float bevel = (1 - smooth(gap, gap + 0.06f, edge)) * (x + y < 0 ? 0.3f : -0.35f);
    base_times(m, 0.5f * tone + 0.8f * cloud + bevel, rgb);
    mix(m->second, rgb, smooth(gap * 0.6f, gap, edge), rgb);
}

static void chequer_plate(mat *m, float p, float q, float rgb[3])
{
    int ip = gad_noise_floor(p), iq = gad_noise_floor(q);
    float x = p - (float)ip - 0.5f, y = q - (float)iq - 0.5f;
    float s = ((ip + iq) & 1) ? 1.0f : -1.0f, along = (x + s * y) * 0.7071f, across = (x - s * y) * 0.7071f;
    float d = sqrtf(along * along * 0.18f + across * across), bump = 1 - smooth(0.1f, 0.17f, d);
    base_times(m, 0.5f * (gad_noise_value(p * 6, q * 6, m->seed) - 0.5f) + bump * (0.35f - 4.0f * across * s), rgb);
}

static void ribbed(mat *m, float p, float q, float rgb[3])
{
    float t = fraction(q) - 0.5f;
    base_times(m, -2.2f * t * m->contrast + 0.25f * (gad_noise_value(p * 3, q * 9, m->seed) - 0.5f), rgb);
    mix(rgb, m->second, 0.6f * smooth(0.42f, 0.5f, fabsf(t)), rgb);
}

void gad_material_color(const gad_material *m, float u, float v, float rgb[3])
{
    float p = (u * m->cosine + v * m->sine) * m->frequency * m->aspect, q = (v * m->cosine - u * m->sine) * m->frequency;
    switch (m->kind) {
    case GAD_MATERIAL_MOTTLED: base_times(m, 2 * (gad_noise_fbm(p, q, 3, m->seed) - 0.5f), rgb); return;
    case GAD_MATERIAL_GRAIN:
        base_times(m, gad_noise_value(p * 3, q * 3, m->seed) - 0.5f + 0.6f * (gad_noise_value(p, q, m->seed + 1) - 0.5f),
                   rgb);
        return;
    case GAD_MATERIAL_BRUSHED:
        base_times(m, gad_noise_value(p * 0.06f, q * 4, m->seed) + gad_noise_value(p * 0.15f, q * 1.7f, m->seed + 1) - 1,
                   rgb);
        return;
    case GAD_MATERIAL_SPECKLE: speckle(m, p, q, rgb); return;
    case GAD_MATERIAL_GRANITE: granite(m, p, q, rgb); return;
    case GAD_MATERIAL_MARBLE: marble(m, p, q, rgb); return;
    case GAD_MATERIAL_WOOD: wood(m, p, q, rgb); return;
    case GAD_MATERIAL_LEATHER: leather(m, p, q, rgb); return;
    case GAD_MATERIAL_FOAM: foam(m, p, q, rgb); return;
    case GAD_MATERIAL_CONCRETE: concrete(m, p, q, rgb); return;
    case GAD_MATERIAL_PLAIN_WEAVE: weave(m, p, q, 0, rgb); return;
    case GAD_MATERIAL_TWILL: weave(m, p, q, m->seed & 1u ? 1 : 3, rgb); return;
    case GAD_MATERIAL_KNIT: knit(m, p, q, rgb); return;
    case GAD_MATERIAL_STRIPES: stripes(m, p, q, rgb); return;
    case GAD_MATERIAL_CHECKS: checks(m, p, q, rgb); return;
    case GAD_MATERIAL_HERRINGBONE: herringbone(m, p, q, rgb); return;
    case GAD_MATERIAL_PRINTED_DOTS: printed_dots(m, p, q, rgb); return;
    case GAD_MATERIAL_CARPET: carpet(m, p, q, rgb); return;
    case GAD_MATERIAL_MESH: mesh(m, p, q, rgb); return;
    case GAD_MATERIAL_PERFORATED: perforated(m, p, q, rgb); return;
    case GAD_MATERIAL_HONEYCOMB: honeycomb(m, p, q, rgb); return;
    case GAD_MATERIAL_TILES: tiles(m, p, q, rgb, false); return;
    case GAD_MATERIAL_BRICKS: tiles(m, p, q, rgb, true); return;
    case GAD_MATERIAL_CHEQUER_PLATE: chequer_plate(m, p, q, rgb); return;
    case GAD_MATERIAL_RIBBED: ribbed(m, p, q, rgb); return;
    default: base_times(m, 0.4f * (gad_noise_value(p, q, m->seed) - 0.5f), rgb); return;
    }
}

void gad_material_turn(gad_material *m, float radians)
{
    m->cosine = cosf(radians);
    m->sine = sinf(radians);
}
