/* scene_family: see scene_family.h */
#include "synth/scene_family.h"

static const struct {
    const char *name;
    void (*build)(gad_scene_maker *m);
} FAMILIES[GAD_SCENE_FAMILIES] = {
    [GAD_SCENE_SURFACE] = {"surface", gad_scene_surface},
    [GAD_SCENE_FABRIC] = {"fabric", gad_scene_fabric},
    [GAD_SCENE_GRID] = {"grid", gad_scene_grid},
    [GAD_SCENE_ASSEMBLY] = {"assembly", gad_scene_assembly},
    [GAD_SCENE_BOARD] = {"board", gad_scene_board},
    [GAD_SCENE_LABEL] = {"label", gad_scene_label},
    [GAD_SCENE_FASTENER] = {"fastener", gad_scene_fastener},
    [GAD_SCENE_CONTAINER] = {"container", gad_scene_container},
    [GAD_SCENE_TRAY] = {"tray", gad_scene_tray},
    [GAD_SCENE_FOOD] = {"food", gad_scene_food},
    [GAD_SCENE_CABLE] = {"cable", gad_scene_cable},
    [GAD_SCENE_MECHANICAL] = {"mechanical", gad_scene_mechanical},
    [GAD_SCENE_PANEL] = {"panel", gad_scene_panel},
};

const char *gad_scene_family_name(gad_scene_family family)
{
    return FAMILIES[family].name;
}

void gad_scene_family_build(gad_scene *scene, gad_scene_family family, uint64_t class_seed, uint64_t class_index,
                            uint64_t piece_seed, int shorter_side_px)
{
    gad_rng design = gad_rng_make(class_seed ^ 0x5ce9e0000000ULL, class_index * GAD_SCENE_FAMILIES + (uint64_t)family);
    gad_rng piece = gad_rng_make(piece_seed ^ 0x91ecec1a55ULL, class_index);
    scene->family = family;
    scene->shape_count = scene->part_count = 0;
    scene->ground_is_product = false;
    scene->name[0] = 0;
    gad_scene_maker m = {.scene = scene, .design = &design, .piece = &piece, .finest = 0.19f * (float)shorter_side_px};
    /* How pieces lie in the picture: fixtures, hand-placed, or any way up. */
    float how = gad_scene_pick(&design, 0, 1), amount = gad_scene_pick(&design, 0.3, 1);
    bool fixed = how < 0.55f, near = how < 0.85f;
    scene->free_turn = amount * (fixed ? 0.02f : near ? 0.12f : 0.5f);
    scene->free_shift = amount * (fixed ? 0.02f : near ? 0.08f : 0.14f);
    scene->free_zoom = amount * (fixed ? 0.012f : near ? 0.05f : 0.09f);
    m.jitter = gad_scene_chance(&design, 0.5) ? 0 : gad_scene_pick(&design, 0.001, 0.01);
    FAMILIES[family].build(&m);
}
