/* scene_family: the families of products and how a piece of one is built. In: a family, the numbers of a class and of a
 * piece. Out: a scene. Equal numbers, equal scenes. */
#ifndef GAD_SYNTH_SCENE_FAMILY_H
#define GAD_SYNTH_SCENE_FAMILY_H
#include "synth/scene.h"

/* Build piece `piece_seed` of class `class_index`. */
void gad_scene_family_build(gad_scene *scene, gad_scene_family family, uint64_t class_seed, uint64_t class_index,
                            uint64_t piece_seed, int shorter_side_px);
const char *gad_scene_family_name(gad_scene_family family);

/* Family builders. */
void gad_scene_surface(gad_scene_maker *m);
void gad_scene_fabric(gad_scene_maker *m);
void gad_scene_grid(gad_scene_maker *m);
void gad_scene_assembly(gad_scene_maker *m);
void gad_scene_board(gad_scene_maker *m);
void gad_scene_label(gad_scene_maker *m);
void gad_scene_fastener(gad_scene_maker *m);
void gad_scene_container(gad_scene_maker *m);
void gad_scene_tray(gad_scene_maker *m);
void gad_scene_food(gad_scene_maker *m);
void gad_scene_cable(gad_scene_maker *m);
void gad_scene_mechanical(gad_scene_maker *m);
void gad_scene_panel(gad_scene_maker *m);
#endif
