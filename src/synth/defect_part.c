/* defect_part: defects of the parts of a scene: missing, extra, misplaced, swapped, bent, broken, recoloured, misprinted.
 * See defect.h. The scene is drawn again afterwards, so there are no seams at all. */
#include "synth/defect.h"

#include <math.h>
#include <string.h>

static float pick(gad_rng *rng, double low, double high)
{
    return (float)gad_rng_range(rng, low, high);
}

static bool in_picture(const gad_scene_part *p)
{
    return fabsf(p->x) < 0.92f && fabsf(p->y) < 0.92f;
}

/* A random part that passes; -1 when none does. `want`: 0 loose, 1 print, 2 any body, 3 any body big enough to see. */
static int choose(const gad_scene *scene, int want, gad_rng *rng)
{
    int found = -1, seen = 0;
    for (int i = 0; i < scene->part_count; i++) {
        const gad_scene_part *p = &scene->parts[i];
        bool fits = want == 0 ? p->loose : want == 1 ? p->print : !p->print;
        if (want == 3 && fmaxf(p->half_x, p->half_y) < 0.1f)
            fits = false;
        if (fits && p->count > 0 && in_picture(p) && gad_rng_below(rng, (uint32_t)++seen) == 0)
            found = i;
    }
    return found;
}

static void hide(gad_scene *scene, int index)
{
    const gad_scene_part *p = &scene->parts[index];
    for (int i = p->first; i < p->first + p->count; i++)
        scene->shapes[i].look.opacity = scene->shapes[i].look.shadow = 0;
}

/* Draw the shapes of a part again at another place, on top of everything. */
static bool copy_part(gad_scene *scene, int index, float x, float y, float turn)
{
    const gad_scene_part p = scene->parts[index];
    if (scene->shape_count + p.count > GAD_SCENE_SHAPES || scene->part_count == GAD_SCENE_PARTS)
        return false;
    memcpy(&scene->shapes[scene->shape_count], &scene->shapes[p.first], (size_t)p.count * sizeof *scene->shapes);
    scene->parts[scene->part_count] = p;
    scene->parts[scene->part_count].first = scene->shape_count;
    scene->shape_count += p.count;
    gad_scene_move(scene, scene->part_count++, x - p.x, y - p.y, turn);
    return true;
}

static bool extra_part(gad_scene *scene, gad_rng *rng, const char **noun)
{
    int index = choose(scene, 0, rng);
    if (index < 0)
        return false;
    const gad_scene_part *p = &scene->parts[index];
    *noun = p->noun;
    /* Beside an equal part often, anywhere otherwise; not on top of the original. */
    for (int attempt = 0; attempt < 20; attempt++) {
        bool beside = gad_rng_below(rng, 2) != 0;
        float x = beside ? p->x + pick(rng, -3, 3) * p->half_x : pick(rng, -0.85, 0.85);
        float y = beside ? p->y + pick(rng, -3, 3) * p->half_y : pick(rng, -0.85, 0.85);
        if (fabsf(x) > 0.9f || fabsf(y) > 0.9f ||
            (fabsf(x - p->x) < 1.2f * p->half_x && fabsf(y - p->y) < 1.2f * p->half_y))
            continue;
        return copy_part(scene, index, x, y, gad_rng_below(rng, 2) ? 0 : pick(rng, 0, 6.28));
    }
    return false;
}

static bool misplace(gad_scene *scene, float strength, gad_rng *rng, const char **noun)
{
    int index = choose(scene, 0, rng);
    if (index < 0)
        return false;
    const gad_scene_part *p = &scene->parts[index];
    float reach = fmaxf(0.05f, fminf(p->half_x, p->half_y)) * (0.6f + 1.2f * strength), way = pick(rng, 0, 6.2832);
    float turn = gad_rng_below(rng, 2) ? pick(rng, 0.3, 1.2) * (gad_rng_below(rng, 2) ? 1.0f : -1.0f) : 0;
    *noun = p->noun;
    gad_scene_move(scene, index, reach * cosf(way), reach * sinf(way), turn);
    return true;
}

static bool differ(const gad_scene *scene, const gad_scene_part *p, const gad_scene_part *q)
{
    const float *a = scene->shapes[p->first].material.color, *b = scene->shapes[q->first].material.color;
    return p->kind != q->kind || fabsf(a[0] - b[0]) + fabsf(a[1] - b[1]) + fabsf(a[2] - b[2]) > 0.25f;
}

static void repaint(gad_scene *scene, int index, gad_rng *rng)
{
    const gad_scene_part *p = &scene->parts[index];
    float color[3], *old = scene->shapes[p->first].material.color, before[3] = {old[0], old[1], old[2]};
    do
        gad_palette_hsv(pick(rng, 0, 1), pick(rng, 0.1, 0.85), pick(rng, 0.1, 0.95), color);
    while (fabsf(color[0] - before[0]) + fabsf(color[1] - before[1]) + fabsf(color[2] - before[2]) < 0.4f);
    for (int i = p->first; i < p->first + p->count; i++) {
        float *c = scene->shapes[i].material.color;
        if (fabsf(c[0] - before[0]) + fabsf(c[1] - before[1]) + fabsf(c[2] - before[2]) < 0.1f)
            memcpy(c, color, sizeof color);
    }
}

/* Two parts change places, or a part is replaced by one of another kind, or by a wrong-coloured one. */
static bool swap_parts(gad_scene *scene, gad_rng *rng, const char **noun)
{
    int a = choose(scene, 0, rng), b = choose(scene, 0, rng);
    if (a < 0)
        return false;
    *noun = scene->parts[a].noun;
    if (a != b && differ(scene, &scene->parts[a], &scene->parts[b])) {
        const gad_scene_part p = scene->parts[a], q = scene->parts[b];
        if (gad_rng_below(rng, 2)) {
            gad_scene_move(scene, a, q.x - p.x, q.y - p.y, 0);
            gad_scene_move(scene, b, p.x - q.x, p.y - q.y, 0);
            return true;
        }
        if (copy_part(scene, b, p.x, p.y, 0)) {
            hide(scene, a);
            return true;
        }
    }
    if (scene->parts[a].noun && strcmp(scene->parts[a].noun, "hole") == 0)
        return false;
    repaint(scene, a, rng);
    return true;
}

/* Bend all shapes of a part, or squeeze it. */
static bool deform(gad_scene *scene, float strength, gad_rng *rng, const char **noun)
{
    int index = choose(scene, gad_rng_below(rng, 2) ? 0 : 3, rng);
    if (index < 0)
        return false;
    const gad_scene_part *p = &scene->parts[index];
    float amount = (0.12f + 0.33f * strength) * (gad_rng_below(rng, 2) ? 1.0f : -1.0f);
    bool squeeze = gad_rng_below(rng, 3) == 0 || p->count > 4;
    *noun = p->noun;
    for (int i = p->first; i < p->first + p->count; i++) {
        gad_shape *s = &scene->shapes[i];
        if (squeeze) {
            float grow = 1 + 0.8f * amount;
            s->a *= grow;
            s->b /= grow;
            s->x = p->x + (s->x - p->x) * grow;
            s->y = p->y + (s->y - p->y) / grow;
        } else {
            s->bend += amount * (s->a < 0.15f ? 2.0f : s->a > 0.8f ? 0.4f : 1.0f);
        }
    }
    return true;
}

/* A piece broken off at the border of a shape: walk outwards from its middle to where the outline is. */
static bool break_edge(gad_scene *scene, float strength, gad_rng *rng, const char **noun)
{
    int index = choose(scene, 3, rng);
    if (index < 0)
        return false;
    const gad_scene_part *p = &scene->parts[index];
    const gad_shape *s = &scene->shapes[p->first];
    float way = pick(rng, 0, 6.2832), x = s->x, y = s->y, smaller = fminf(p->half_x, p->half_y);
    for (int i = 0; i < 300 && gad_shape_distance(s, x, y) < 0; i++) {
        x += 0.01f * cosf(way);
        y += 0.01f * sinf(way);
    }
    if (fabsf(x) > 0.95f || fabsf(y) > 0.95f || gad_shape_distance(s, s->x, s->y) > 0)
        return false;
    gad_shape_bite bite = {
        .x = x, .y = y, .radius = gad_brush_log_range(rng, 0.05f, 0.1f + 0.16f * strength), .seed = gad_rng_u32(rng)};
    bite.radius = bite.radius > smaller * 1.2f ? smaller * 1.2f : bite.radius;
    *noun = p->noun;
    /* What lies on the part breaks with it. */
    for (int i = p->first; i < p->first + p->count; i++)
        scene->shapes[i].bite = bite;
    for (int i = 0; i < scene->part_count; i++)
        if (scene->parts[i].print && fabsf(scene->parts[i].x - x) < scene->parts[i].half_x + bite.radius &&
            fabsf(scene->parts[i].y - y) < scene->parts[i].half_y + bite.radius)
            for (int k = scene->parts[i].first; k < scene->parts[i].first + scene->parts[i].count; k++)
                scene->shapes[k].bite = bite;
    return true;
}

/* Lettering with missing, faint, shifted or wrong strokes. */
static bool misprint(gad_scene *scene, float strength, gad_rng *rng, const char **noun)
{
    int index = choose(scene, 1, rng);
    if (index < 0)
        return false;
    const gad_scene_part *p = &scene->parts[index];
    int mode = (int)gad_rng_below(rng, 4), from = p->first, count = p->count;
    *noun = p->noun;
    if (mode == 0) { /* shifted or slanting */
        gad_scene_move(scene, index, pick(rng, -0.06, 0.06), p->half_y * pick(rng, 0.5, 1),
                       pick(rng, -0.25, 0.25) * (0.5f + strength));
        return true;
    }
    int run = 1 + (int)((float)count * pick(rng, 0.08, 0.2 + 0.4 * (double)strength)),
        start = from + (int)gad_rng_below(rng, (uint32_t)count);
    for (int i = start; i < start + run && i < from + count; i++) {
        gad_shape *s = &scene->shapes[i];
        if (mode == 1)
            s->look.opacity = 0;
        else if (mode == 2)
            s->look.opacity *= 0.45f - 0.35f * strength;
        else
            s->b *= 1.8f + 1.2f * strength; /* ink has run */
    }
    return true;
}

bool gad_defect_edit(gad_defect_kind kind, gad_scene *scene, float strength, gad_rng *rng, const char **noun)
{
    *noun = NULL;
    int index;
    switch (kind) {
    case GAD_DEFECT_MISSING:
        index = choose(scene, 0, rng);
        if (index < 0)
            return false;
        *noun = scene->parts[index].noun;
        hide(scene, index);
        return true;
    case GAD_DEFECT_EXTRA: return extra_part(scene, rng, noun);
    case GAD_DEFECT_MISPLACED: return misplace(scene, strength, rng, noun);
    case GAD_DEFECT_SWAPPED: return swap_parts(scene, rng, noun);
    case GAD_DEFECT_DEFORMED: return deform(scene, strength, rng, noun);
    case GAD_DEFECT_BROKEN_EDGE: return break_edge(scene, strength, rng, noun);
    case GAD_DEFECT_PRINT: return misprint(scene, strength, rng, noun);
    case GAD_DEFECT_DISCOLORATION:
        index = choose(scene, 0, rng);
        if (index < 0 || gad_rng_below(rng, 2))
            return false;
        *noun = scene->parts[index].noun;
        repaint(scene, index, rng);
        return true;
    default: return false;
    }
}
