/* scene_parts: products put together from parts: assemblies, circuit boards, cables and connectors, panels. See scene.h. */
#include "synth/scene_family.h"

#include <math.h>
#include <stdio.h>

#define PI 3.14159265f

static const float BLACK[3] = {0.06f, 0.06f, 0.07f}, WHITE[3] = {0.9f, 0.9f, 0.88f}, STEEL[3] = {0.62f, 0.64f, 0.66f},
                   GOLD[3] = {0.82f, 0.66f, 0.3f}, TIN[3] = {0.72f, 0.73f, 0.72f};

static void add_screw_head(gad_scene_maker *m, float x, float y, float r, int style, const gad_material *metal, float turn)
{
    gad_material dark = gad_scene_flat(BLACK, 0.1f, 1);
    gad_scene_begin(m, style == 2 ? "bolt" : "screw", 10 + style, true);
    gad_shape *head = gad_scene_add(m, style == 2 ? GAD_SHAPE_POLYGON : GAD_SHAPE_ELLIPSE, x, y, r, r, turn, metal);
    head->look = (gad_shape_look){
        .bevel = r * 0.3f, .dome = style == 2 ? 0 : 0.6f, .shine = 0.4f, .shadow = r * 0.25f, .opacity = 1};
    if (style == 2) {
        gad_shape *face = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, r * 0.66f, r * 0.66f, 0, metal);
        face->look.bevel = r * 0.12f;
    } else if (style == 1) {
        gad_scene_add(m, GAD_SHAPE_CROSS, x, y, r * 0.55f, r * 0.13f, turn, &dark);
    } else {
        gad_scene_add(m, GAD_SHAPE_BOX, x, y, r * 0.75f, r * 0.12f, turn, &dark);
    }
    gad_scene_end(m);
}

static void add_component(gad_scene_maker *m, int type, float x, float y, float size, float turn, const gad_material *body)
{
    static const char *const nouns[] = {"block", "gear", "ring", "cap", "bracket", "cylinder"};
    gad_shape *s;
    gad_scene_begin(m, nouns[type], 20 + type, true);
    switch (type) {
    case 0:
        s = gad_scene_add(m, GAD_SHAPE_BOX, x, y, size, size * 0.6f, turn, body);
        s->round = size * 0.1f;
        break;
    case 1:
        s = gad_scene_add(m, GAD_SHAPE_GEAR, x, y, size, size * 0.24f, turn, body);
        s->count = 12;
        break;
    case 2: s = gad_scene_add(m, GAD_SHAPE_RING, x, y, size * 0.75f, size * 0.25f, turn, body); break;
    case 3:
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, size, size, turn, body);
        s->look.dome = 0.8f;
        s->look.shine = 0.6f;
        break;
    case 4:
        s = gad_scene_add(m, GAD_SHAPE_CROSS, x, y, size, size * 0.35f, turn, body);
        s->round = size * 0.08f;
        break;
    default:
        s = gad_scene_add(m, GAD_SHAPE_BOX, x, y, size * 1.2f, size * 0.45f, turn, body);
        s->look.turned = 0.9f;
        s->look.shine = 0.5f;
    }
    s->look.bevel = size * 0.15f;
    s->look.shadow = size * 0.2f;
    if (type == 1 || type == 4) {
        gad_material hole = gad_scene_flat(BLACK, 0.1f, 2);
        gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, size * 0.22f, size * 0.22f, 0, &hole)->look.bevel = -size * 0.08f;
    }
    gad_scene_end(m);
}

void gad_scene_assembly(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    gad_material plate = gad_palette_part(m->finest, m->design), metal = gad_palette_part(m->finest, m->design);
    gad_material bodies[3];
    for (int i = 0; i < 3; i++)
        bodies[i] = gad_palette_part(m->finest, m->design);
    float half_x = gad_scene_pick(m->design, 0.62, 0.92), half_y = gad_scene_pick(m->design, 0.55, 0.92);
    int columns = 2 + (int)gad_rng_below(m->design, 4), rows = 2 + (int)gad_rng_below(m->design, 3);
    int style = (int)gad_rng_below(m->design, 3), corner = (int)gad_rng_below(m->design, 4);
    float head = gad_scene_pick(m->design, 0.055, 0.09), turn = gad_scene_pick(m->design, 0, 6.28);
    bool any_turn = gad_scene_chance(m->design, 0.5);
    snprintf(scene->name, sizeof scene->name, "%s mounting plate", gad_palette_color_word(plate.color));
    plate = gad_scene_piece_material(m, plate);
    gad_scene_begin(m, "plate", 9, false);
    gad_shape *base = gad_scene_add(m, GAD_SHAPE_BOX, 0, 0, half_x, half_y, 0, &plate);
    base->round = gad_scene_pick(m->design, 0.01, 0.2);
    base->look.bevel = 0.025f;
    base->look.shadow = 0.04f;
    gad_scene_end(m);
    float step_x = 2 * half_x / (float)columns, step_y = 2 * half_y / (float)rows;
    float room = 0.5f * (step_x < step_y ? step_x : step_y);
    for (int i = 0; i < columns * rows; i++) {
        float x = -half_x + step_x * ((float)(i % columns) + 0.5f), y = -half_y + step_y * ((float)(i / columns) + 0.5f);
        int type = (int)gad_rng_below(m->design, 8), body = (int)gad_rng_below(m->design, 3);
        float size = room * gad_scene_pick(m->design, 0.4, 0.75), angle = (float)gad_rng_below(m->design, 4) * 0.5f * PI;
        bool screw = type >= 6;
        gad_material piece = gad_scene_piece_material(m, screw ? metal : bodies[body]);
        if (screw && corner)
            add_screw_head(m, x, y, head, style, &piece, any_turn ? gad_scene_pick(m->piece, 0, 6.28) : turn);
        else
            add_component(m, type % 6, x, y, size, angle, &piece);
    }
}

static void add_chip(gad_scene_maker *m, float x, float y, float a, float b, int pins, float turn)
{
    gad_material body = gad_scene_flat(BLACK, 0.25f, 3), lead = gad_scene_flat(TIN, 0.2f, 4),
                 ink = gad_scene_flat(WHITE, 0.1f, 5);
    float c = cosf(turn), n = sinf(turn);
    gad_scene_begin(m, "chip", 30, true);
    for (int i = 0; i < 2 * pins; i++) {
        float t = -a + 2 * a * ((float)(i / 2) + 0.5f) / (float)pins, side = (i & 1) ? b * 1.25f : -b * 1.25f;
        gad_scene_add(m, GAD_SHAPE_BOX, x + c * t - n * side, y + n * t + c * side, a / (float)pins * 0.5f, b * 0.3f, turn,
                      &lead)
            ->look.bevel = 0.006f;
    }
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, x, y, a, b, turn, &body);
    s->look = (gad_shape_look){.bevel = 0.015f, .shadow = 0.02f, .opacity = 1};
    gad_scene_add(m, GAD_SHAPE_ELLIPSE, x - c * a * 0.75f, y - n * a * 0.75f, 0.014f, 0.014f, 0, &ink);
    for (int i = 0; i < 3; i++)
        gad_scene_add(m, GAD_SHAPE_BOX, x + c * a * 0.1f - n * b * (0.3f * (float)i - 0.3f),
                      y + n * a * 0.1f + c * b * (0.3f * (float)i - 0.3f), a * (0.55f - 0.12f * (float)i), b * 0.05f, turn,
                      &ink)
            ->look.opacity = 0.55f;
    gad_scene_end(m);
}

/* A two-terminal part: resistor, ceramic capacitor, diode. */
static void add_passive(gad_scene_maker *m, int type, float x, float y, float size, float turn)
{
    static const float bodies[3][3] = {{0.08f, 0.08f, 0.09f}, {0.62f, 0.48f, 0.34f}, {0.75f, 0.3f, 0.2f}};
    static const char *const nouns[3] = {"resistor", "capacitor", "diode"};
    gad_material body = gad_scene_flat(bodies[type], 0.15f, 6), lead = gad_scene_flat(TIN, 0.2f, 7);
    float c = cosf(turn), n = sinf(turn);
    gad_scene_begin(m, nouns[type], 31 + type, true);
    for (int k = -1; k <= 1; k += 2) {
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, x + c * size * 0.8f * (float)k, y + n * size * 0.8f * (float)k,
                                     size * 0.3f, size * 0.5f, turn, &lead);
        s->look.dome = 0.5f;
        s->look.shine = 0.3f;
    }
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, x, y, size * 0.72f, size * 0.46f, turn, &body);
    s->look = (gad_shape_look){.bevel = 0.01f, .shadow = 0.012f, .opacity = 1};
    gad_scene_end(m);
}

static void add_can(gad_scene_maker *m, float x, float y, float r, const float rgb[3])
{
    gad_material body = gad_scene_flat(rgb, 0.1f, 8), top = gad_scene_flat(STEEL, 0.15f, 9);
    gad_scene_begin(m, "electrolytic capacitor", 35, true);
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, r, r, 0, &body);
    s->look = (gad_shape_look){.bevel = r * 0.2f, .shadow = r * 0.5f, .opacity = 1};
    s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, r * 0.78f, r * 0.78f, 0, &top);
    s->look = (gad_shape_look){.bevel = r * 0.1f, .dome = 0.3f, .shine = 0.3f, .opacity = 1};
    gad_scene_end(m);
}

static void add_tracks(gad_scene_maker *m, const gad_material *copper, int count)
{
    for (int i = 0; i < count; i++) {
        float x = gad_scene_pick(m->design, -0.85, 0.85), y = gad_scene_pick(m->design, -0.85, 0.85);
        float length = gad_scene_pick(m->design, 0.12, 0.5), width = 0.012f;
        float turn = (float)gad_rng_below(m->design, 4) * 0.25f * PI;
        gad_scene_begin(m, "conductor track", 40, false);
        gad_scene_add(m, GAD_SHAPE_CAPSULE, x, y, length, width, turn, copper);
        float ex = x + length * cosf(turn), ey = y + length * sinf(turn), leg = gad_scene_pick(m->design, 0.08, 0.3);
        float bent = turn + ((i & 1) ? 0.25f : -0.25f) * PI;
        gad_scene_add(m, GAD_SHAPE_CAPSULE, ex + leg * cosf(bent), ey + leg * sinf(bent), leg, width, bent, copper);
        gad_scene_end(m);
    }
}

static void add_vias(gad_scene_maker *m, int count)
{
    gad_material ring = gad_scene_flat(gad_scene_chance(m->design, 0.5) ? GOLD : TIN, 0.1f, 10),
                 hole = gad_scene_flat(BLACK, 0.1f, 11);
    for (int i = 0; i < count; i++) {
        float x = gad_scene_pick(m->design, -0.9, 0.9), y = gad_scene_pick(m->design, -0.9, 0.9);
        gad_scene_begin(m, "solder pad", 41, false);
        gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, 0.032f, 0.032f, 0, &ring)->look.dome = 0.3f;
        gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, 0.014f, 0.014f, 0, &hole);
        gad_scene_end(m);
    }
}

void gad_scene_board(gad_scene_maker *m)
{
    static const float masks[6][3] = {{0.06f, 0.34f, 0.18f}, {0.05f, 0.2f, 0.4f},  {0.45f, 0.08f, 0.08f},
                                      {0.08f, 0.08f, 0.09f}, {0.75f, 0.75f, 0.7f}, {0.16f, 0.4f, 0.12f}};
    gad_scene *scene = m->scene;
    int color = (int)gad_rng_below(m->design, 6);
    gad_material mask = gad_scene_flat(masks[color], 0.12f, gad_rng_u32(m->design)), copper = mask;
    float lift = color == 4 ? 0.85f : 1.6f;
    for (int i = 0; i < 3; i++)
        copper.color[i] = mask.color[i] * lift + 0.03f;
    scene->ground = gad_scene_piece_material(m, mask);
    scene->ground_is_product = true;
    snprintf(scene->name, sizeof scene->name, "%s circuit board", gad_palette_color_word(mask.color));
    add_tracks(m, &copper, 8 + (int)gad_rng_below(m->design, 10));
    add_vias(m, 4 + (int)gad_rng_below(m->design, 12));
    int columns = 3 + (int)gad_rng_below(m->design, 3), rows = 3 + (int)gad_rng_below(m->design, 2);
    float cans[3];
    gad_palette_hsv(gad_scene_pick(m->design, 0, 1), 0.4f, 0.25f, cans);
    for (int i = 0; i < columns * rows; i++) {
        float step_x = 1.9f / (float)columns, step_y = 1.9f / (float)rows;
        float x = -0.95f + step_x * ((float)(i % columns) + 0.5f), y = -0.95f + step_y * ((float)(i / columns) + 0.5f);
        int type = (int)gad_rng_below(m->design, 9);
        float size = gad_scene_pick(m->design, 0.3, 0.42), turn = (float)gad_rng_below(m->design, 2) * 0.5f * PI;
        int pins = 3 + (int)gad_rng_below(m->design, 4);
        if (type < 2)
            add_chip(m, x, y, step_x * size, step_y * size * 0.55f, pins, turn > 0 && columns == rows ? turn : 0);
        else if (type < 7)
            for (int k = 0; k < 2; k++)
                add_passive(m, (type + k) % 3, x, y + (k ? 0.26f : -0.26f) * step_y, 0.075f, turn);
        else if (type == 7)
            add_can(m, x, y, 0.11f, cans);
    }
    char text[8];
    gad_scene_word(m->design, text, 4);
    gad_material ink = gad_scene_flat(color == 4 ? BLACK : WHITE, 0.05f, 12);
    gad_scene_text(m, text, gad_scene_pick(m->design, -0.4, 0.4), gad_scene_chance(m->design, 0.5) ? 0.9f : -0.9f, 0.09f, 0,
                   0.09f, &ink);
}

/* Insulated wires in a sheath, seen from the cut end. */
static void cable_section(gad_scene_maker *m)
{
    gad_material sheath = gad_palette_part(m->finest, m->design), copper = gad_scene_flat(GOLD, 0.3f, 1),
                 inside = gad_scene_flat(WHITE, 0.1f, 2);
    int wires = 2 + (int)gad_rng_below(m->design, 4), strands = 5 + (int)gad_rng_below(m->design, 5);
    float color[5][3], radius = wires < 4 ? 0.33f : 0.28f;
    for (int i = 0; i < 5; i++)
        gad_palette_hsv(gad_scene_pick(m->design, 0, 1), gad_scene_pick(m->design, 0.3, 0.9),
                        gad_scene_pick(m->design, 0.25, 0.9), color[i]);
    snprintf(m->scene->name, sizeof m->scene->name, "cable cross-section with %d wires", wires);
    gad_scene_begin(m, "sheath", 50, false);
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, 0.86f, 0.86f, 0, &sheath);
    s->look = (gad_shape_look){.bevel = 0.06f, .shadow = 0.04f, .opacity = 1};
    gad_scene_add(m, GAD_SHAPE_ELLIPSE, 0, 0, 0.74f, 0.74f, 0, &inside)->look.bevel = -0.04f;
    gad_scene_end(m);
    for (int i = 0; i < wires; i++) {
        float angle = 2 * PI * ((float)i + 0.25f) / (float)wires, x = 0.38f * cosf(angle), y = 0.38f * sinf(angle);
        gad_material skin = gad_scene_flat(color[i], 0.1f, 3);
        gad_scene_begin(m, "wire", 51 + i, true);
        s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x, y, radius, radius, 0, &skin);
        s->look.bevel = 0.03f;
        for (int k = 0; k < strands; k++) {
            float a = 2 * PI * (float)k / (float)(strands - 1) + angle, r = k == strands - 1 ? 0 : radius * 0.4f;
            s = gad_scene_add(m, GAD_SHAPE_ELLIPSE, x + r * cosf(a), y + r * sinf(a), radius * 0.2f, radius * 0.2f, 0,
                              &copper);
            s->look.dome = 0.7f;
            s->look.shine = 0.4f;
        }
        gad_scene_end(m);
    }
}

/* Rows of pins or teeth in a housing: connectors, zippers, brushes. */
static void pin_row(gad_scene_maker *m, bool zipper)
{
    gad_material housing = gad_palette_part(m->finest, m->design),
                 pin = gad_scene_flat(gad_scene_chance(m->design, 0.5) ? GOLD : TIN, 0.2f, 1);
    int pins = 5 + (int)gad_rng_below(m->design, 9), rows = zipper ? 2 : 1 + (int)gad_rng_below(m->design, 2);
    float half_y = gad_scene_pick(m->design, 0.22, 0.5), hue = gad_scene_pick(m->design, 0, 1);
    if (zipper) {
        gad_material tape = gad_palette_material(GAD_MATERIAL_TWILL, m->finest, m->design);
        m->scene->ground = gad_scene_piece_material(m, tape);
        m->scene->ground_is_product = true;
        gad_palette_hsv(hue, 0.3f, 0.7f, pin.color);
        snprintf(m->scene->name, sizeof m->scene->name, "%s zipper", gad_palette_color_word(tape.color));
        pins = 9 + pins;
    } else {
        snprintf(m->scene->name, sizeof m->scene->name, "%s connector with %d pins", gad_palette_color_word(housing.color),
                 pins * rows);
        gad_scene_begin(m, "housing", 60, false);
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, 0, 0, 0.88f, half_y, 0, &housing);
        s->round = 0.05f;
        s->look = (gad_shape_look){.bevel = 0.04f, .shadow = 0.04f, .opacity = 1};
        gad_scene_end(m);
    }
    float step = (zipper ? 2.2f : 1.6f) / (float)pins;
    for (int i = 0; i < pins * rows; i++) {
        float x = -0.5f * step * (float)pins + step * ((float)(i % pins) + 0.5f);
        int row = i / pins;
        float y = zipper ? (row ? 0.05f : -0.05f) : rows == 1 ? 0 : (row ? 0.45f : -0.45f) * half_y;
        gad_scene_begin(m, zipper ? "tooth" : "pin", 61, true);
        gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, x + (zipper && row ? 0.5f * step : 0), y,
                                     zipper ? 0.11f : half_y * 0.28f, step * (zipper ? 0.2f : 0.24f), 0.5f * PI, &pin);
        s->round = 0.01f;
        s->look = (gad_shape_look){.bevel = 0.012f, .turned = 0.4f, .shine = 0.3f, .shadow = 0.015f, .opacity = 1};
        gad_scene_end(m);
    }
}

void gad_scene_cable(gad_scene_maker *m)
{
    m->scene->ground = gad_palette_backdrop(m->finest, m->design);
    int type = (int)gad_rng_below(m->design, 3);
    if (type == 0)
        cable_section(m);
    else
        pin_row(m, type == 2);
}

/* Keys, lamps, dials, displays on a front. */
void gad_scene_panel(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    gad_material front = gad_palette_part(m->finest, m->design), key = gad_palette_part(m->finest, m->design);
    bool dark = front.color[0] + front.color[1] + front.color[2] < 1.3f;
    gad_material ink = gad_scene_flat(dark ? WHITE : BLACK, 0.05f, 1), glass = gad_scene_flat(BLACK, 0.1f, 2);
    scene->ground = gad_scene_piece_material(m, front);
    scene->ground_is_product = true;
    int columns = 2 + (int)gad_rng_below(m->design, 3), rows = 2 + (int)gad_rng_below(m->design, 3),
        digits = 3 + (int)gad_rng_below(m->design, 3);
    bool display = gad_scene_chance(m->design, 0.6), round = gad_scene_chance(m->design, 0.4);
    snprintf(scene->name, sizeof scene->name, "%s control panel", gad_palette_color_word(front.color));
    float top = display ? -0.35f : -0.9f, step_x = 1.8f / (float)columns, step_y = (0.9f - top) / (float)rows;
    char text[8];
    if (display) {
        gad_material lit = gad_scene_flat(WHITE, 0.02f, 3);
        gad_palette_hsv(gad_scene_pick(m->design, 0, 1), 0.5f, 0.95f, lit.color);
        gad_scene_begin(m, "display", 70, false);
        gad_scene_add(m, GAD_SHAPE_BOX, 0, -0.65f, 0.75f, 0.23f, 0, &glass)->look.bevel = -0.02f;
        gad_scene_end(m);
        gad_scene_word(m->design, text, digits);
        gad_scene_text(m, text, 0, -0.65f, 0.25f, 0, 0.07f, &lit);
    }
    for (int i = 0; i < columns * rows; i++) {
        float x = -0.9f + step_x * ((float)(i % columns) + 0.5f), y = top + step_y * ((float)(i / columns) + 0.5f);
        float room = (step_x < step_y ? step_x : step_y);
        int type = (int)gad_rng_below(m->design, 6);
        gad_material cap = gad_scene_piece_material(m, key);
        if (type == 5)
            gad_palette_hsv(gad_scene_pick(m->design, 0, 1), 0.7f, 0.8f, cap.color);
        gad_scene_begin(m, type == 5 ? "lamp" : round ? "button" : "key", 71 + (type == 5), true);
        gad_shape *s = gad_scene_add(m, round || type == 5 ? GAD_SHAPE_ELLIPSE : GAD_SHAPE_BOX, x, y,
                                     room * (type == 5 ? 0.16f : 0.32f),
                                     room * (type == 5 ? 0.16f
                                             : round   ? 0.32f
                                                       : 0.24f),
                                     0, &cap);
        s->round = 0.03f;
        s->look = (gad_shape_look){.bevel = 0.03f,
                                   .dome = type == 5 ? 0.8f : 0.2f,
                                   .shine = type == 5 ? 0.8f : 0.1f,
                                   .shadow = 0.03f,
                                   .opacity = 1};
        gad_scene_end(m);
        gad_scene_word(m->design, text, 1);
        if (type != 5)
            gad_scene_text(m, text, x, y, room * 0.22f, 0, 0.09f, &ink);
    }
}
