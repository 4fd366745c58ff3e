/* defect: what is wrong with a piece. In: a scene to edit, or a canvas to paint on, and a random state. Out: the same,
 * with one defect. Where it became visible is measured outside, by comparing the picture before and after. */
#ifndef GAD_SYNTH_DEFECT_H
#define GAD_SYNTH_DEFECT_H
#include "synth/brush.h"

typedef enum gad_defect_kind {
    GAD_DEFECT_SCRATCH,
    GAD_DEFECT_CRACK,
    GAD_DEFECT_CUT,
    GAD_DEFECT_HOLE,
    GAD_DEFECT_DENT,
    GAD_DEFECT_STAIN,
    GAD_DEFECT_CONTAMINATION,
    GAD_DEFECT_DISCOLORATION,
    GAD_DEFECT_MISSING,
    GAD_DEFECT_EXTRA,
    GAD_DEFECT_MISPLACED,
    GAD_DEFECT_SWAPPED,
    GAD_DEFECT_DEFORMED,
    GAD_DEFECT_BROKEN_EDGE,
    GAD_DEFECT_PRINT,
    GAD_DEFECT_TEXTURE,
    GAD_DEFECT_KINDS
} gad_defect_kind;
#define GAD_DEFECT_ALL ((1u << GAD_DEFECT_KINDS) - 1)

/* The label of a box: "scratch", "missing part". */
const char *gad_defect_name(gad_defect_kind kind);

/* Change parts of a scene. False: this scene has nothing to change in that way. *noun becomes the part concerned (a
 * constant) or NULL. `strength` 0..1: from faint and small to strong and large. */
bool gad_defect_edit(gad_defect_kind kind, gad_scene *scene, float strength, gad_rng *rng, const char **noun);

/* Paint on a picture. False: this kind cannot be painted here. */
bool gad_defect_paint(gad_defect_kind kind, gad_brush *brush);

/* Painters, by family of files. */
bool gad_defect_scratch(gad_brush *brush);
bool gad_defect_crack(gad_brush *brush);
bool gad_defect_cut(gad_brush *brush);
bool gad_defect_hole(gad_brush *brush);
bool gad_defect_dent(gad_brush *brush);
bool gad_defect_stain(gad_brush *brush);
bool gad_defect_contamination(gad_brush *brush);
bool gad_defect_discoloration(gad_brush *brush);
bool gad_defect_patch_away(gad_brush *brush);
bool gad_defect_patch_extra(gad_brush *brush);
bool gad_defect_patch_move(gad_brush *brush);
bool gad_defect_warp(gad_brush *brush);
bool gad_defect_edge(gad_brush *brush);
bool gad_defect_smear(gad_brush *brush);
bool gad_defect_texture(gad_brush *brush);
#endif
