/* scene_objects: single products and trays of them: fasteners, containers, labels, food, machine parts. See scene.h. */
#include "synth/scene_family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PI 3.14159265f

static const float BLACK[3] = {0.07f, 0.07f, 0.08f}, WHITE[3] = {0.93f, 0.93f, 0.9f};

/* A turned part along x with the silhouette of `profile`. */
static gad_shape *add_turned(gad_scene_maker *m, const float profile[GAD_SHAPE_PROFILE_POINTS], float x, float a, float b,
                             const gad_material *material)
{
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_PROFILE, x, 0, a, b, 0, material);
    memcpy(s->profile, profile, sizeof s->profile);
    s->look = (gad_shape_look){.turned = 0.8f, .shine = 0.5f, .shadow = 0.04f, .opacity = 1};
    return s;
}

static void turn_all(gad_scene_maker *m, float angle)
{
    gad_scene *scene = m->scene;
    for (int i = 0; i < scene->part_count; i++) {
        gad_scene_part *p = &scene->parts[i];
        float x = p->x, y = p->y;
        gad_scene_move(scene, i, x * cosf(angle) - y * sinf(angle) - x, x * sinf(angle) + y * cosf(angle) - y, angle);
    }
}

static void side_screw(gad_scene_maker *m, const gad_material *metal)
{
    static const float heads[4][GAD_SHAPE_PROFILE_POINTS] = {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                                                             {0.5f, 0.8f, 0.95f, 1, 1, 1, 1, 1, 1, 1},
                                                             {1, 1, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.45f, 0.4f, 0.38f},
                                                             {0.6f, 0.75f, 0.85f, 0.92f, 0.97f, 1, 1, 1, 1, 1}};
    static const float tip[GAD_SHAPE_PROFILE_POINTS] = {1, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.38f, 0.26f, 0.14f, 0.02f};
    int head = (int)gad_rng_below(m->design, 4), turns = 7 + (int)gad_rng_below(m->design, 12);
    float shaft = gad_scene_pick(m->design, 0.09, 0.16), wide = shaft * gad_scene_pick(m->design, 1.6, 2.3),
          neck = gad_scene_pick(m->design, 0, 0.35);
    bool point = gad_scene_chance(m->design, 0.5);
    gad_scene_begin(m, "head", 1, false);
    add_turned(m, heads[head], -0.74f, 0.12f, wide, metal);
    gad_scene_end(m);
    float from = -0.64f, thread_from = from + neck, to = point ? 0.62f : 0.84f;
    if (neck > 0.05f) {
        gad_scene_begin(m, "neck", 2, false);
        gad_shape *s =
            gad_scene_add(m, GAD_SHAPE_BOX, 0.5f * (from + thread_from), 0, 0.5f * neck + 0.02f, shaft * 0.85f, 0, metal);
        s->look = (gad_shape_look){.turned = 0.8f, .shine = 0.5f, .shadow = 0.03f, .opacity = 1};
        gad_scene_end(m);
    }
    gad_scene_begin(m, "thread", 3, false);
    gad_shape *s =
        gad_scene_add(m, GAD_SHAPE_THREAD, 0.5f * (thread_from + to), 0, 0.5f * (to - thread_from), shaft, 0, metal);
    s->count = turns;
    s->extra = shaft * 0.26f;
    s->look = (gad_shape_look){.turned = 0.7f, .shine = 0.5f, .shadow = 0.03f, .opacity = 1};
    s->material.kind = GAD_MATERIAL_RIBBED; /* the flanks of the turns */
    s->material.frequency = (float)turns / (to - thread_from);
    s->material.aspect = 1;
    s->material.contrast = 0.45f;
    gad_material_turn(&s->material, PI * 0.5f + 0.12f);
    if (point)
        add_turned(m, tip, to + 0.1f, 0.11f, shaft * 0.8f, metal);
    gad_scene_end(m);
}

static void top_fastener(gad_scene_maker *m, const gad_material *metal, int type)
{
    gad_material dark = gad_scene_flat(BLACK, 0.15f, 2);
    float r = gad_scene_pick(m->design, 0.55, 0.8), hole = gad_scene_pick(m->design, 0.35, 0.6);
    int count = 8 + 2 * (int)gad_rng_below(m->design, 5), slot = (int)gad_rng_below(m->design, 3);
    gad_scene_begin(m, type == 1 ? "nut" : type == 2 ? "washer" : type == 3 ? "screw head" : "lock washer", 1, false);
    gad_shape *s;
    if (type == 1) {
        s = gad_scene_add(m, GAD_SHAPE_POLYGON, 0, 0, r, r, 0, metal);
        s->round = 0.04f;
    } else if (type == 2) {
        s = gad_scene_add(m, GAD_SHAPE_RING, 0, 0, r * (1 + hole) * 0.5f, r * (1 - hole) * 0.5f, 0, metal);
    } else if (type == 3) {
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, r, r, 0, metal);
        s->look.dome = 0.7f;
    } else {
        s = gad_scene_add(m, GAD_SHAPE_GEAR, 0, 0, r, r * 0.15f, 0, metal);
        s->count = count;
    }
    s->look.bevel = 0.06f;
    s->look.shadow = 0.05f;
    s->look.shine = 0.5f;
    s->look.opacity = 1;
    if (type == 3) {
        static const gad_shape_kind slots[3] = {GAD_SHAPE_CROSS, GAD_SHAPE_POLYGON, GAD_SHAPE_STAR};
        s = gad_scene_add(m, slots[slot], 0, 0, r * 0.5f, r * (slot == 2 ? 0.3f : 0.12f), 0, &dark);
        s->look.bevel = -0.04f;
    } else if (type != 2) {
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, r * hole, r * hole, 0, &m->scene->ground);
        s->backdrop = true;
        s->look.bevel = -0.06f;
        s->look.opacity = 1;
        gad_shape *ring = gad_scene_add(m, GAD_SHAPE_RING, 0, 0, r * hole, 0.02f, 0, metal);
        ring->look.bevel = 0.02f;
    }
    gad_scene_end(m);
}

void gad_scene_fastener(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    static const char *const names[] = {"screw", "nut", "washer", "screw head", "lock washer", "spring"};
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    gad_material metal = gad_palette_part(m->finest, m->design);
    int type = gad_scene_chance(m->design, 0.4) ? 0 : 1 + (int)gad_rng_below(m->design, 5);
    snprintf(scene->name, sizeof scene->name, "%s %s", gad_palette_color_word(metal.color), names[type]);
    metal = gad_scene_piece_material(m, metal);
    float turn = gad_scene_chance(m->design, 0.4) ? 0 : gad_scene_pick(m->design, -1.6, 1.6);
    if (type == 0) {
        side_screw(m, &metal);
    } else if (type == 5) {
        gad_scene_begin(m, "spring", 1, false);
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_SPRING, 0, 0, 0.8f, gad_scene_pick(m->design, 0.2, 0.4), 0, &metal);
        s->count = 6 + (int)gad_rng_below(m->design, 7);
        s->extra = 0.04f;
        s->look = (gad_shape_look){.bevel = 0.04f, .shadow = 0.05f, .opacity = 1};
        gad_scene_end(m);
    } else {
        top_fastener(m, &metal, type);
    }
    turn_all(m, turn);
}

void gad_scene_container(gad_scene_maker *m)
{
    static const float profiles[5][GAD_SHAPE_PROFILE_POINTS] = {
        {0.34f, 0.34f, 0.36f, 0.75f, 0.97f, 1, 1, 1, 1, 0.95f},    /* bottle */
        {0.3f, 0.3f, 0.3f, 0.32f, 0.5f, 0.75f, 0.9f, 1, 1, 0.97f}, /* wine bottle */
        {0.8f, 0.8f, 0.98f, 1, 1, 1, 1, 1, 1, 0.96f},              /* jar */
        {0.92f, 1, 1, 1, 1, 1, 1, 1, 1, 0.92f},                    /* can */
        {0.5f, 0.5f, 0.5f, 0.95f, 1, 1, 1, 0.8f, 0.4f, 0.05f}};    /* ampoule */
    static const char *const names[5] = {"bottle", "long-necked bottle", "jar", "can", "ampoule"};
    gad_scene *scene = m->scene;
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    int type = (int)gad_rng_below(m->design, 5);
    gad_material body = gad_palette_part(m->finest, m->design), cap = gad_palette_part(m->finest, m->design),
                 paper = gad_palette_part(m->finest, m->design);
    float wide = gad_scene_pick(m->design, 0.3, 0.55), level = gad_scene_pick(m->design, -0.1, 0.4),
          text_height = gad_scene_pick(m->design, 0.1, 0.17);
    bool has_label = gad_scene_chance(m->design, 0.75), has_level = gad_scene_chance(m->design, 0.4), has_cap = type != 3;
    char text[8];
    gad_scene_word(m->design, text, 4);
    snprintf(scene->name, sizeof scene->name, "%s %s", gad_palette_color_word(body.color), names[type]);
    body = gad_scene_piece_material(m, body);
    gad_scene_begin(m, "body", 1, false);
    add_turned(m, profiles[type], 0.05f, 0.82f, wide, &body);
    gad_scene_end(m);
    if (has_level) {
        gad_material fluid = body;
        for (int i = 0; i < 3; i++)
            fluid.color[i] *= 0.6f;
        float from = level - 0.05f + 0.03f * (float)gad_rng_normal(m->piece);
        gad_scene_begin(m, "filling", 2, false);
        gad_shape *s =
            gad_scene_add(m, GAD_SHAPE_BOX, 0.5f * (from + 0.8f), 0, 0.5f * (0.8f - from), wide * 0.9f, 0, &fluid);
        s->look = (gad_shape_look){.turned = 0.6f, .shine = 0.3f, .opacity = 0.8f};
        gad_scene_end(m);
    }
    if (has_label) {
        gad_material ink =
            gad_scene_flat(paper.color[0] + paper.color[1] + paper.color[2] > 1.4f ? BLACK : WHITE, 0.05f, 3);
        gad_scene_begin(m, "label", 3, true);
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, 0.42f, 0, 0.22f, wide * 0.82f, 0, &paper);
        s->look = (gad_shape_look){.turned = 0.5f, .shine = 0.2f, .opacity = 1};
        gad_scene_end(m);
        if (text_height * 3.4f < wide * 1.7f)
            gad_scene_text(m, text, 0.36f, 0, text_height, -0.5f * PI, 0.1f, &ink);
        gad_scene_begin(m, "printed band", 4, false);
        gad_scene_add(m, GAD_SHAPE_BOX, 0.58f, 0, 0.025f, wide * 0.7f, 0, &ink);
        gad_scene_end(m);
    }
    if (has_cap) {
        gad_scene_begin(m, "cap", 5, true);
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, -0.76f, 0, 0.1f, wide * (profiles[type][0] + 0.06f), 0, &cap);
        s->round = 0.02f;
        s->look = (gad_shape_look){.turned = 0.7f, .shine = 0.4f, .shadow = 0.02f, .opacity = 1};
        gad_scene_end(m);
    }
    turn_all(m, gad_scene_chance(m->design, 0.75) ? 0.5f * PI : 0);
}

static void add_barcode(gad_scene_maker *m, float x, float y, float a, float b, const gad_material *ink)
{
    float at = -a;
    gad_scene_begin(m, "barcode", 7, true);
    m->scene->parts[m->scene->part_count].print = true;
    for (int i = 0; i < 24 && at < a; i++) {
        float width = gad_scene_pick(m->design, 0.008, 0.03);
        gad_scene_add(m, GAD_SHAPE_BOX, x + at + 0.5f * width, y, 0.5f * width, b, 0, ink);
        at += width + gad_scene_pick(m->design, 0.01, 0.03);
    }
    gad_scene_end(m);
}

void gad_scene_label(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    gad_material paper = gad_palette_part(m->finest, m->design);
    if (gad_scene_chance(m->design, 0.6))
        gad_palette_hsv(gad_scene_pick(m->design, 0, 1), gad_scene_pick(m->design, 0, 0.2),
                        gad_scene_pick(m->design, 0.75, 0.97), paper.color);
    paper.contrast *= 0.4f;
    bool light = paper.color[0] + paper.color[1] + paper.color[2] > 1.4f;
    gad_material ink = gad_scene_flat(light ? BLACK : WHITE, 0.06f, 1), accent = gad_palette_part(m->finest, m->design);
    float half_x = gad_scene_pick(m->design, 0.75, 0.93), half_y = gad_scene_pick(m->design, 0.6, 0.9),
          slant = gad_scene_pick(m->design, 0.07, 0.12);
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    snprintf(scene->name, sizeof scene->name, "%s printed label", gad_palette_color_word(paper.color));
    gad_material sheet = gad_scene_piece_material(m, paper);
    gad_scene_begin(m, "label sheet", 1, false);
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, 0, 0, half_x, half_y, 0, &sheet);
    s->round = gad_scene_pick(m->design, 0, 0.12);
    s->look.shadow = 0.02f;
    gad_scene_end(m);
    int rows = 3 + (int)gad_rng_below(m->design, 3);
    bool lot_differs = gad_scene_chance(m->design, 0.25); /* a lot number is normal variation */
    for (int i = 0; i < rows; i++) {
        float y = -half_y * 0.8f + 1.6f * half_y * ((float)i + 0.5f) / (float)rows, height = 1.1f * half_y / (float)rows;
        int type = (int)gad_rng_below(m->design, 5), length = 4 + (int)gad_rng_below(m->design, 5);
        char text[12];
        gad_scene_word(lot_differs && i == rows - 1 ? m->piece : m->design, text, length);
        float fit = 1.7f * half_x / (0.9f * (float)length), size = height < fit ? height : fit;
        if (type == 0) {
            add_barcode(m, gad_scene_pick(m->design, -0.1, 0.1), y, half_x * 0.7f, height * 0.45f, &ink);
        } else if (type == 1) {
            gad_scene_begin(m, "logo", 8, true);
            gad_shape *logo = gad_scene_add(m, gad_scene_chance(m->design, 0.5) ? GAD_SHAPE_STAR : GAD_SHAPE_CROSS,
                                            -half_x * 0.6f, y, height * 0.55f, height * 0.25f, 0, &accent);
            logo->count = 4 + (int)gad_rng_below(m->design, 4);
            logo->extra = 0.1f;
            gad_scene_end(m);
            text[4] = 0;
            gad_scene_text(m, text, half_x * 0.25f, y, size * 0.8f, 0, slant, &ink);
        } else if (type == 2) {
            gad_scene_begin(m, "colour bar", 9, true);
            gad_scene_add(m, GAD_SHAPE_BOX, 0, y, half_x * 0.85f, height * 0.3f, 0, &accent);
            gad_scene_end(m);
        } else {
            gad_scene_text(m, text, 0, y, size, 0, slant, &ink);
        }
    }
}

/* One loose item of a tray: tablet, capsule, biscuit, nut, candy. */
static void add_item(gad_scene_maker *m, int type, float x, float y, float size, float turn, const gad_material *body,
                     const gad_material *second)
{
    static const char *const nouns[] = {"tablet", "capsule", "biscuit", "kernel", "bead", "noodle"};
    gad_shape *s;
    gad_scene_begin(m, nouns[type], 10 + type, true);
    switch (type) {
    case 0: {
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, size, size, turn, body);
        gad_material groove = *body;
        for (int i = 0; i < 3; i++)
            groove.color[i] *= 0.78f;
        s->look = (gad_shape_look){.bevel = size * 0.3f, .dome = 0.4f, .shine = 0.2f, .shadow = size * 0.2f, .opacity = 1};
        gad_scene_add(m, GAD_SHAPE_CAPSULE, x, y, size * 0.65f, size * 0.06f, turn, &groove);
        break;
    }
    case 1:
        s = gad_scene_add(m, GAD_SHAPE_CAPSULE, x, y, size * 0.9f, size * 0.5f, turn, body);
        s->look = (gad_shape_look){.turned = 0.7f, .shine = 0.8f, .shadow = size * 0.2f, .opacity = 1};
        s = gad_scene_add(m, GAD_SHAPE_CAPSULE, x + 0.55f * size * cosf(turn), y + 0.55f * size * sinf(turn), size * 0.38f,
                          size * 0.5f, turn, second);
        s->look = (gad_shape_look){.turned = 0.7f, .shine = 0.8f, .opacity = 1};
        break;
    case 2:
        s = gad_scene_add(m, GAD_SHAPE_STAR, x, y, size * 1.05f, size * 0.88f, turn, body);
        s->count = 14;
        s->look = (gad_shape_look){.bevel = size * 0.25f, .dome = 0.2f, .shadow = size * 0.2f, .opacity = 1};
        for (int i = 0; i < 4; i++)
            gad_scene_add(m, GAD_SHAPE_ELLIPSE, x + 0.4f * size * cosf(turn + (float)i * 0.5f * PI),
                          y + 0.4f * size * sinf(turn + (float)i * 0.5f * PI), size * 0.09f, size * 0.09f, 0, second)
                ->look.bevel = -0.01f;
        break;
    case 3:
        s = gad_scene_add(m, GAD_SHAPE_BLOB, x, y, size * 1.05f, size * 0.75f, turn, body);
        s->count = 1;
        s->extra = 0.12f;
        s->seed = gad_rng_u32(m->piece);
        s->look = (gad_shape_look){.dome = 0.7f, .shine = 0.15f, .shadow = size * 0.2f, .opacity = 1};
        break;
    case 4:
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, size * 0.9f, size * 0.9f, turn, body);
        s->look = (gad_shape_look){.dome = 1, .shine = 0.9f, .shadow = size * 0.3f, .opacity = 1};
        break;
    default:
        s = gad_scene_add(m, GAD_SHAPE_ARC, x, y, size * 0.8f, size * 0.32f, turn, body);
        s->extra = 1.5f;
        s->look = (gad_shape_look){.bevel = size * 0.3f, .shadow = size * 0.15f, .opacity = 1};
    }
    gad_scene_end(m);
}

void gad_scene_tray(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    static const char *const names[] = {"tablets", "capsules", "biscuits", "nut kernels", "beads", "noodles"};
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    gad_material body = gad_palette_part(m->finest, m->design), second = gad_palette_part(m->finest, m->design),
                 well = scene->ground;
    int type = (int)gad_rng_below(m->design, 6), columns = 2 + (int)gad_rng_below(m->design, 4),
        rows = 2 + (int)gad_rng_below(m->design, 3);
    bool wells = gad_scene_chance(m->design, 0.5), scattered = !wells && gad_scene_chance(m->design, 0.5),
         any_turn = gad_scene_chance(m->design, 0.5);
    if (type == 2 || type == 3)
        gad_palette_hsv(gad_scene_pick(m->design, 0.05, 0.12), gad_scene_pick(m->design, 0.3, 0.65),
                        gad_scene_pick(m->design, 0.45, 0.85), body.color);
    for (int i = 0; i < 3; i++)
        well.color[i] *= 0.8f;
    snprintf(scene->name, sizeof scene->name, "%s of %s %s", wells ? "tray" : "group", gad_palette_color_word(body.color),
             names[type]);
    float step_x = 1.86f / (float)columns, step_y = 1.86f / (float)rows,
          size = 0.5f * (step_x < step_y ? step_x : step_y) * gad_scene_pick(m->design, 0.5, 0.72);
    float turn = gad_scene_pick(m->design, 0, 3.14);
    if (wells)
        for (int i = 0; i < columns * rows; i++) {
            gad_scene_begin(m, "well", 1, false);
            gad_scene_add(m, GAD_SHAPE_ELLIPSE, -0.93f + step_x * ((float)(i % columns) + 0.5f),
                          -0.93f + step_y * ((float)(i / columns) + 0.5f), size * 1.3f, size * 1.3f, 0, &well)
                ->look.bevel = -0.03f;
            gad_scene_end(m);
        }
    for (int i = 0; i < columns * rows; i++) {
        float x = -0.93f + step_x * ((float)(i % columns) + 0.5f), y = -0.93f + step_y * ((float)(i / columns) + 0.5f);
        float free_x = 0.5f * step_x - size, free_y = 0.5f * step_y - size;
        if (scattered) {
            x += free_x * gad_scene_pick(m->piece, -1, 1);
            y += free_y * gad_scene_pick(m->piece, -1, 1);
        }
        gad_material piece = gad_scene_piece_material(m, body);
        add_item(m, type, x, y, size, any_turn || scattered ? gad_scene_pick(m->piece, 0, 6.28) : turn, &piece, &second);
    }
}

void gad_scene_food(gad_scene_maker *m)
{
    static const char *const names[] = {"hazelnut", "bagel", "potato", "cookie", "carrot", "seed pod"};
    gad_scene *scene = m->scene;
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    int type = (int)gad_rng_below(m->design, 6);
    static const gad_material_kind skins[6] = {GAD_MATERIAL_WOOD,    GAD_MATERIAL_MOTTLED, GAD_MATERIAL_MOTTLED,
                                               GAD_MATERIAL_SPECKLE, GAD_MATERIAL_BRUSHED, GAD_MATERIAL_LEATHER};
    gad_material skin = gad_palette_material(skins[type], m->finest, m->design), chip = gad_scene_flat(BLACK, 0.2f, 4);
    gad_palette_hsv(gad_scene_pick(m->design, 0.03, 0.14), gad_scene_pick(m->design, 0.35, 0.75),
                    gad_scene_pick(m->design, 0.4, 0.85), skin.color);
    for (int i = 0; i < 3; i++)
        skin.second[i] = skin.color[i] * 0.6f;
    float size = gad_scene_pick(m->design, 0.6, 0.82), thin = gad_scene_pick(m->design, 0.65, 0.95);
    snprintf(scene->name, sizeof scene->name, "%s %s", gad_palette_color_word(skin.color), names[type]);
    skin = gad_scene_piece_material(m, skin);
    gad_scene_begin(m, "body", 1, false);
    gad_shape *s;
    if (type == 1) {
        s = gad_scene_add(m, GAD_SHAPE_RING, 0, 0, size * 0.66f, size * 0.34f, 0, &skin);
        s->look.bevel = size * 0.3f;
    } else {
        float squeeze = 1 + 0.04f * (float)gad_rng_normal(m->piece);
        s = gad_scene_add(m, GAD_SHAPE_BLOB, 0, 0, size * squeeze, size * (type == 4 ? 0.28f : thin),
                          gad_scene_pick(m->piece, -0.2, 0.2), &skin);
        s->count = 1 + (int)gad_rng_below(m->design, 2);
        s->extra = type == 3 ? 0.03f : 0.08f;
        s->seed = gad_rng_u32(m->piece);
        s->look.dome = type == 3 ? 0.3f : 0.8f;
        s->look.bevel = type == 3 ? 0.08f : 0;
    }
    s->look.shine = 0.15f;
    s->look.shadow = 0.06f;
    gad_scene_end(m);
    int chips = type == 3 ? 5 + (int)gad_rng_below(m->design, 6) : 0;
    for (int i = 0; i < chips; i++) {
        float angle = gad_scene_pick(m->piece, 0, 6.28), r = size * 0.75f * sqrtf(gad_scene_pick(m->piece, 0, 1));
        gad_scene_begin(m, "chip", 2, false);
        gad_shape *c =
            gad_scene_add(m, GAD_SHAPE_BLOB, r * cosf(angle), r * thin * sinf(angle), 0.06f, 0.05f, angle, &chip);
        c->extra = 0.2f;
        c->seed = gad_rng_u32(m->piece);
        c->look.dome = 0.5f;
        gad_scene_end(m);
    }
}

static void add_hole_circle(gad_scene_maker *m, float r, float hole, int count, const gad_material *metal)
{
    for (int i = 0; i < count; i++) {
        float angle = 2 * PI * (float)i / (float)count;
        gad_scene_begin(m, "hole", 5, true);
        gad_shape *s =
            gad_scene_add(m, GAD_SHAPE_ELLIPSE, r * cosf(angle), r * sinf(angle), hole, hole, 0, &m->scene->ground);
        s->backdrop = true;
        gad_scene_add(m, GAD_SHAPE_RING, r * cosf(angle), r * sinf(angle), hole, hole * 0.22f, 0, metal)->look.bevel =
            0.015f;
        gad_scene_end(m);
    }
}

void gad_scene_mechanical(gad_scene_maker *m)
{
    static const char *const names[] = {"gear", "flange", "bearing", "bracket", "knob", "key plate"};
    gad_scene *scene = m->scene;
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    gad_material metal = gad_palette_part(m->finest, m->design), inner = gad_palette_part(m->finest, m->design);
    int type = (int)gad_rng_below(m->design, 6), count = 4 + (int)gad_rng_below(m->design, 5),
        teeth = 10 + (int)gad_rng_below(m->design, 20);
    float r = gad_scene_pick(m->design, 0.68, 0.86), thin = gad_scene_pick(m->design, 0.5, 0.8),
          bore = gad_scene_pick(m->design, 0.16, 0.3);
    snprintf(scene->name, sizeof scene->name, "%s %s", gad_palette_color_word(metal.color), names[type]);
    metal = gad_scene_piece_material(m, metal);
    gad_scene_begin(m, "body", 1, false);
    static const gad_shape_kind kinds[6] = {GAD_SHAPE_GEAR, GAD_SHAPE_ELLIPSE, GAD_SHAPE_ELLIPSE,
                                            GAD_SHAPE_BOX,  GAD_SHAPE_STAR,    GAD_SHAPE_BOX};
    gad_shape *s = gad_scene_add(m, kinds[type], 0, 0, r,
                                 type == 3 || type == 5 ? r * thin
                                 : type == 0            ? r * 0.16f
                                 : type == 4            ? r * 0.92f
                                                        : r,
                                 0, &metal);
    s->count = type == 4 ? teeth / 2 : teeth;
    s->round = type == 3 || type == 5 ? 0.08f : 0;
    s->look = (gad_shape_look){.bevel = 0.045f, .dome = type == 4 ? 0.5f : 0, .shine = 0.3f, .shadow = 0.05f, .opacity = 1};
    gad_scene_end(m);
    if (type == 0 || type == 1 || type == 4) {
        gad_scene_begin(m, "hub", 2, true);
        gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, r * 0.42f, r * 0.42f, 0, &inner)->look.bevel = 0.04f;
        gad_scene_end(m);
    }
    if (type == 2)
        for (int i = 0; i < count + 4; i++) {
            float angle = 2 * PI * (float)i / (float)(count + 4);
            gad_scene_begin(m, "ball", 3, true);
            s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0.66f * r * cosf(angle), 0.66f * r * sinf(angle), r * 0.13f, r * 0.13f,
                              0, &inner);
            s->look = (gad_shape_look){.dome = 1, .shine = 0.9f, .shadow = 0.02f, .opacity = 1};
            gad_scene_end(m);
        }
    if (type == 1 || type == 0)
        add_hole_circle(m, r * 0.68f, r * 0.09f, count, &metal);
    if (type == 3 || type == 5) {
        for (int i = 0; i < 4; i++) {
            float x = ((i & 1) ? 1.0f : -1.0f) * r * 0.75f, y = ((i & 2) ? 1.0f : -1.0f) * r * thin * 0.68f;
            gad_scene_begin(m, "hole", 5, true);
            gad_shape *hole = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, 0.07f, 0.07f, 0, &scene->ground);
            hole->backdrop = true;
            gad_scene_add(m, GAD_SHAPE_RING, x, y, 0.075f, 0.014f, 0, &metal)->look.bevel = 0.014f;
            gad_scene_end(m);
        }
        gad_scene_begin(m, "insert", 6, true);
        s = gad_scene_add(m, type == 3 ? GAD_SHAPE_POLYGON : GAD_SHAPE_CROSS, 0, 0, bore, bore * 0.35f, 0, &inner);
        s->look = (gad_shape_look){.bevel = 0.03f, .shadow = 0.02f, .opacity = 1};
        gad_scene_end(m);
    } else {
        gad_scene_begin(m, "bore", 7, false);
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, bore * r, bore * r, 0, &scene->ground);
        s->backdrop = true;
        s->look.bevel = -0.05f;
        gad_scene_end(m);
    }
}
