/* scene_surface: products that fill the picture: sheets, cloth, grids. See scene.h. */
#include "synth/scene_family.h"

#include <math.h>
#include <stdio.h>

static void name_ground(gad_scene *scene)
{
    snprintf(scene->name, sizeof scene->name, "%s %s", gad_palette_color_word(scene->ground.color),
             gad_palette_word(scene->ground.kind));
}

/* A seam, weld or band that every piece has: it looks like a defect and is none. */
static void add_band(gad_scene_maker *m)
{
    gad_material band = gad_palette_part(m->finest, m->design);
    float angle = gad_scene_chance(m->design, 0.5) ? 0 : 1.5707963f, at = gad_scene_pick(m->design, -0.7, 0.7);
    float width = gad_scene_pick(m->design, 0.01, 0.08);
    band = gad_scene_piece_material(m, band);
    gad_scene_begin(m, "band", 1, false);
    gad_shape *s = gad_scene_add(m, GAD_SHAPE_BOX, angle > 0 ? at : 0, angle > 0 ? 0 : at, 2.2f, width, angle, &band);
    s->look.bevel = gad_scene_pick(m->design, -0.02, 0.03);
    s->look.opacity = gad_scene_pick(m->design, 0.5, 1);
    gad_scene_end(m);
}

/* Rivets, buttons or eyelets along a line. */
static void add_rivets(gad_scene_maker *m)
{
    gad_material metal = gad_palette_part(m->finest, m->design);
    int count = 2 + (int)gad_rng_below(m->design, 5);
    bool ring = gad_scene_chance(m->design, 0.4), vertical = gad_scene_chance(m->design, 0.5);
    float radius = gad_scene_pick(m->design, 0.04, 0.1), at = gad_scene_pick(m->design, -0.75, 0.75);
    for (int i = 0; i < count; i++) {
        float t = -0.8f + 1.6f * ((float)i + 0.5f) / (float)count;
        gad_material piece = gad_scene_piece_material(m, metal);
        gad_scene_begin(m, ring ? "eyelet" : "rivet", 2, true);
        gad_shape *s = gad_scene_add(m, ring ? GAD_SHAPE_RING : GAD_SHAPE_ELLIPSE, vertical ? at : t, vertical ? t : at,
                                     radius, ring ? radius * 0.3f : radius, 0, &piece);
        s->look.dome = ring ? 0 : 0.8f;
        s->look.bevel = 0.02f;
        s->look.shine = 0.5f;
        s->look.shadow = 0.02f;
        gad_scene_end(m);
    }
}

void gad_scene_surface(gad_scene_maker *m)
{
    static const gad_material_kind kinds[] = {
        GAD_MATERIAL_PLAIN,   GAD_MATERIAL_MOTTLED, GAD_MATERIAL_GRAIN,   GAD_MATERIAL_BRUSHED, GAD_MATERIAL_SPECKLE,
        GAD_MATERIAL_GRANITE, GAD_MATERIAL_MARBLE,  GAD_MATERIAL_WOOD,    GAD_MATERIAL_WOOD,    GAD_MATERIAL_LEATHER,
        GAD_MATERIAL_LEATHER, GAD_MATERIAL_FOAM,    GAD_MATERIAL_CONCRETE};
    gad_scene *scene = m->scene;
    gad_material_kind kind = kinds[gad_rng_below(m->design, sizeof kinds / sizeof *kinds)];
    scene->ground = gad_palette_material(kind, m->finest, m->design);
    name_ground(scene);
    scene->ground_is_product = true;
    bool band = gad_scene_chance(m->design, 0.2), rivets = gad_scene_chance(m->design, 0.18);
    scene->ground = gad_scene_piece_material(m, scene->ground);
    if (band)
        add_band(m);
    if (rivets)
        add_rivets(m);
}

void gad_scene_fabric(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    gad_material_kind kind =
        GAD_MATERIAL_PLAIN_WEAVE + gad_rng_below(m->design, GAD_MATERIAL_CARPET - GAD_MATERIAL_PLAIN_WEAVE + 1);
    scene->ground = gad_palette_material(kind, m->finest, m->design);
    name_ground(scene);
    scene->ground_is_product = true;
    bool buttons = gad_scene_chance(m->design, 0.15), seam = gad_scene_chance(m->design, 0.2);
    if (gad_scene_chance(m->design, 0.6)) /* thread direction along the picture */
        gad_material_turn(&scene->ground, gad_scene_pick(m->design, -0.08, 0.08));
    scene->ground = gad_scene_piece_material(m, scene->ground);
    if (!gad_palette_is_random(kind) && gad_scene_chance(m->design, 0.7))
        scene->ground.seed = (scene->ground.seed & 15u) | (gad_rng_u32(m->piece) & ~15u); /* other yarns, same weave */
    if (seam)
        add_band(m);
    if (buttons)
        add_rivets(m);
}

/* A grid drawn wire by wire, so that a wire can be bent, cut or missing. */
static void wire_grid(gad_scene_maker *m)
{
    gad_scene *scene = m->scene;
    gad_material wire = gad_palette_part(m->finest, m->design);
    scene->ground = gad_palette_backdrop(m->finest, m->design);
    int columns = 4 + (int)gad_rng_below(m->design, 7), rows = 4 + (int)gad_rng_below(m->design, 7);
    float width = gad_scene_pick(m->design, 0.012, 0.045), shear = gad_scene_chance(m->design, 0.3) ? 0.6f : 0.0f;
    bool frame = gad_scene_chance(m->design, 0.4);
    float reach = frame ? 0.82f : 1.5f;
    snprintf(scene->name, sizeof scene->name, "%s wire grid", gad_palette_color_word(wire.color));
    for (int i = 0; i < columns + rows; i++) {
        bool column = i < columns;
        int n = column ? columns : rows, k = column ? i : i - columns;
        float t = -reach + 2 * reach * ((float)k + 0.5f) / (float)n;
        gad_material piece = gad_scene_piece_material(m, wire);
        gad_scene_begin(m, "wire", 1, true);
        gad_shape *s =
            gad_scene_add(m, GAD_SHAPE_CAPSULE, column ? t : 0, column ? 0 : t, reach * (column ? 1.0f : 1.0f + shear),
                          width, column ? 1.5707963f + shear : 0, &piece);
        s->look.turned = 0.8f;
        s->look.shine = 0.4f;
        s->look.shadow = 0.02f;
        gad_scene_end(m);
    }
    if (frame)
        for (int i = 0; i < 4; i++) {
            gad_scene_begin(m, "frame bar", 2, false);
            float at = (i & 1) ? 0.85f : -0.85f;
            gad_shape *s =
                gad_scene_add(m, GAD_SHAPE_BOX, i < 2 ? at : 0, i < 2 ? 0 : at, 0.9f, 0.05f, i < 2 ? 1.5707963f : 0, &wire);
            s->look.turned = 0.6f;
            gad_scene_end(m);
        }
}

void gad_scene_grid(gad_scene_maker *m)
{
    if (gad_scene_chance(m->design, 0.35)) {
        wire_grid(m);
        return;
    }
    gad_scene *scene = m->scene;
    gad_material_kind kind = GAD_MATERIAL_MESH + gad_rng_below(m->design, GAD_MATERIAL_KINDS - GAD_MATERIAL_MESH);
    scene->ground = gad_palette_material(kind, m->finest, m->design);
    gad_material_turn(&scene->ground, gad_scene_chance(m->design, 0.7) ? 0 : gad_scene_pick(m->design, -0.8, 0.8));
    name_ground(scene);
    scene->ground_is_product = true;
    if (gad_scene_chance(m->design, 0.2))
        add_rivets(m);
    float tone = 1 + 0.02f * (float)gad_rng_normal(m->piece);
    for (int i = 0; i < 3; i++)
        scene->ground.color[i] *= tone;
}
