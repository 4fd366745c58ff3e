/* scene: see scene.h */
#include "synth/scene.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

float gad_scene_pick(gad_rng *rng, double low, double high)
{
    return (float)gad_rng_range(rng, low, high);
}

bool gad_scene_chance(gad_rng *rng, double probability)
{
    return gad_rng_uniform(rng) < probability;
}

gad_material gad_scene_flat(const float rgb[3], float contrast, uint32_t seed)
{
    gad_material m = {
        .kind = GAD_MATERIAL_PLAIN, .frequency = 4, .aspect = 1, .cosine = 1, .contrast = contrast, .seed = seed};
    memcpy(m.color, rgb, sizeof m.color);
    return m;
}

gad_material gad_scene_piece_material(const gad_scene_maker *m, gad_material material)
{
    if (gad_palette_is_random(material.kind))
        material.seed = gad_rng_u32(m->piece);
    float tone = 1 + 0.025f * (float)gad_rng_normal(m->piece);
    for (int i = 0; i < 3; i++)
        material.color[i] *= tone;
    return material;
}

gad_shape *gad_scene_add(gad_scene_maker *m, gad_shape_kind kind, float x, float y, float a, float b, float angle,
                         const gad_material *material)
{
    gad_scene *scene = m->scene;
    if (scene->shape_count == GAD_SCENE_SHAPES)
        scene->shape_count--;
    gad_shape *s = &scene->shapes[scene->shape_count++];
    *s = (gad_shape){.kind = kind, .x = x, .y = y, .angle = angle, .a = a, .b = b, .count = 6, .material = *material};
    s->look.opacity = 1;
    return s;
}

void gad_scene_begin(gad_scene_maker *m, const char *noun, int kind, bool loose)
{
    gad_scene *scene = m->scene;
    if (scene->part_count == GAD_SCENE_PARTS)
        scene->part_count--;
    scene->parts[scene->part_count] =
        (gad_scene_part){.first = scene->shape_count, .noun = noun, .kind = kind, .loose = loose};
}

/* The box around a part's shapes. */
static void measure(const gad_scene *scene, gad_scene_part *part)
{
    float x1 = 1e9f, y1 = 1e9f, x2 = -1e9f, y2 = -1e9f;
    for (int i = part->first; i < part->first + part->count; i++) {
        const gad_shape *s = &scene->shapes[i];
        float hx, hy;
        gad_shape_extent(s, &hx, &hy);
        float c = fabsf(cosf(s->angle)), n = fabsf(sinf(s->angle)), ex = c * hx + n * hy, ey = n * hx + c * hy;
        x1 = fminf(x1, s->x - ex);
        x2 = fmaxf(x2, s->x + ex);
        y1 = fminf(y1, s->y - ey);
        y2 = fmaxf(y2, s->y + ey);
    }
    part->x = 0.5f * (x1 + x2);
    part->y = 0.5f * (y1 + y2);
    part->half_x = 0.5f * (x2 - x1);
    part->half_y = 0.5f * (y2 - y1);
}

void gad_scene_move(gad_scene *scene, int index, float dx, float dy, float turn)
{
    gad_scene_part *part = &scene->parts[index];
    float c = cosf(turn), n = sinf(turn);
    for (int i = part->first; i < part->first + part->count; i++) {
        gad_shape *s = &scene->shapes[i];
        float x = s->x - part->x, y = s->y - part->y;
        s->x = part->x + dx + c * x - n * y;
        s->y = part->y + dy + n * x + c * y;
        s->angle += turn;
    }
    measure(scene, part);
}

void gad_scene_end(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    gad_scene_part *part = &scene->parts[scene->part_count];
    part->count = scene->shape_count - part->first;
    if (part->count < 1)
        return;
    measure(scene, part);
    scene->part_count++;
    if (m->jitter > 0 && part->loose)
        gad_scene_move(scene, scene->part_count - 1, m->jitter * (float)gad_rng_normal(m->piece),
                       m->jitter * (float)gad_rng_normal(m->piece), 1.5f * m->jitter * (float)gad_rng_normal(m->piece));
}

/* Nodes A..I are a 3 x 3 grid, row by row; a glyph is its pen strokes. */
static const char *const GLYPHS[36] = {
    "ACIGA",    "DBH",      "ACFDGI",    "ACIG DF", "ADF CI", "CADFIG",  "CAGIFD", "ACH",    "ACIGA DF",
    "FDACIG",   "GDBFI DF", "AGIFD FCA", "CAGI",    "AGHFBA", "CAGI DE", "CAG DE", "CAGIFE", "AG CI DF",
    "BH",       "CIGD",     "AG CDI",    "AGI",     "GAECI",  "GAIC",    "BFHDB",  "GACFD",  "BFHDB EI",
    "GACFD EI", "CBDFHG",   "AC BH",     "AGIC",    "AHC",    "AGEIC",   "AI CG",  "AEC EH", "ACGI"};

static void glyph(gad_scene_maker *m, const char *strokes, float x, float y, float cell, float angle, float weight,
                  const gad_material *ink)
{
    float c = cosf(angle), n = sinf(angle), last_x = 0, last_y = 0;
    bool pen = false;
    for (; *strokes; strokes++) {
        if (*strokes == ' ') {
            pen = false;
            continue;
        }
        int node = *strokes - 'A';
        float gx = ((float)(node % 3) * 0.5f - 0.5f) * 0.62f * cell, gy = ((float)(node / 3) * 0.5f - 0.5f) * cell;
        float px = x + c * gx - n * gy, py = y + n * gx + c * gy;
        if (pen) {
            float dx = px - last_x, dy = py - last_y;
            gad_scene_add(m, GAD_SHAPE_CAPSULE, 0.5f * (px + last_x), 0.5f * (py + last_y), 0.5f * sqrtf(dx * dx + dy * dy),
                          weight * cell, atan2f(dy, dx), ink);
        }
        pen = true;
        last_x = px;
        last_y = py;
    }
}

void gad_scene_text(gad_scene_maker *m, const char *text, float x, float y, float height, float angle, float weight,
                    const gad_material *ink)
{
    float advance = 0.9f * height, start = -0.5f * advance * (float)(strlen(text) - 1);
    gad_scene_begin(m, "lettering", 1000, false);
    m->scene->parts[m->scene->part_count].print = true;
    for (int i = 0; text[i]; i++, start += advance) {
        int code = text[i] >= '0' && text[i] <= '9'   ? text[i] - '0'
                   : text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 10
                                                      : -1;
        if (code >= 0)
            glyph(m, GLYPHS[code], x + start * cosf(angle), y + start * sinf(angle), height, angle, weight, ink);
    }
    gad_scene_end(m);
}

void gad_scene_word(gad_rng *rng, char *text, int length)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int i = 0; i < length; i++)
        text[i] = alphabet[gad_rng_below(rng, 36)];
    text[length] = 0;
}

void gad_scene_draw(const gad_scene *scene, const gad_shape_view *view, gad_canvas *canvas)
{
    gad_shape_fill(&scene->ground, scene->ground_is_product, view, canvas);
    for (int i = 0; i < scene->shape_count; i++)
        gad_shape_draw(&scene->shapes[i], view, canvas);
}
