/* defect: see defect.h. Here: the table of kinds. */
#include "synth/defect.h"

static const struct {
    const char *name;
    bool (*paint)(gad_brush *brush);
} KINDS[GAD_DEFECT_KINDS] = {
    [GAD_DEFECT_SCRATCH] = {"scratch", gad_defect_scratch},
    [GAD_DEFECT_CRACK] = {"crack", gad_defect_crack},
    [GAD_DEFECT_CUT] = {"cut", gad_defect_cut},
    [GAD_DEFECT_HOLE] = {"hole", gad_defect_hole},
    [GAD_DEFECT_DENT] = {"dent", gad_defect_dent},
    [GAD_DEFECT_STAIN] = {"stain", gad_defect_stain},
    [GAD_DEFECT_CONTAMINATION] = {"contamination", gad_defect_contamination},
    [GAD_DEFECT_DISCOLORATION] = {"discoloration", gad_defect_discoloration},
    [GAD_DEFECT_MISSING] = {"missing part", gad_defect_patch_away},
    [GAD_DEFECT_EXTRA] = {"extra part", gad_defect_patch_extra},
    [GAD_DEFECT_MISPLACED] = {"misplaced part", gad_defect_patch_move},
    [GAD_DEFECT_SWAPPED] = {"swapped part", NULL},
    [GAD_DEFECT_DEFORMED] = {"deformation", gad_defect_warp},
    [GAD_DEFECT_BROKEN_EDGE] = {"broken edge", gad_defect_edge},
    [GAD_DEFECT_PRINT] = {"print defect", gad_defect_smear},
    [GAD_DEFECT_TEXTURE] = {"texture defect", gad_defect_texture},
};

const char *gad_defect_name(gad_defect_kind kind)
{
    return KINDS[kind].name;
}

bool gad_defect_paint(gad_defect_kind kind, gad_brush *brush)
{
    gad_brush_clear(brush);
    return KINDS[kind].paint && KINDS[kind].paint(brush);
}
