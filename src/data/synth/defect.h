/* defect: what is wrong with a piece. In: a scene to edit, or a canvas to paint on, and a random state. Out: the same,
 * with one defect. Where it became visible is measured outside, by comparing the picture before and after. */
#ifndef GAD_DATA_SYNTH_DEFECT_H
#define GAD_DATA_SYNTH_DEFECT_H
#include "data/synth/scene.h"

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
/* The kind of a label; GAD_DEFECT_KINDS when there is none. */
gad_defect_kind gad_defect_find(const char *name);

/* Change parts of a scene. False: this scene has nothing to change in that way. *noun becomes the part concerned (a
 * constant) or NULL. `strength` 0..1: from faint and small to strong and large. */
bool gad_defect_edit(gad_defect_kind kind, gad_scene *scene, float strength, gad_rng *rng, const char **noun);

/* Where paint goes. alpha is [height][width], zero outside the rectangle. */
typedef struct gad_defect_brush {
    gad_canvas *canvas;
    const gad_canvas *before; /* the same picture without the defect; for copying from */
    float *alpha, *scratch;   /* width*height, and six times that */
    const gad_scene *scene;   /* NULL on photographs */
    const gad_shape_view *view;
    gad_rng *rng;
    float size; /* shorter side, pixels */
    float strength;
    int x1, y1, x2, y2; /* where alpha may be over zero */
} gad_defect_brush;

/* Paint on a picture. False: this kind cannot be painted here. */
bool gad_defect_paint(gad_defect_kind kind, gad_defect_brush *brush);

/* ---- for the painters ---- */
float gad_defect_log_range(gad_rng *rng, float low, float high);
/* A random point on the product, pixels. */
bool gad_defect_place(gad_defect_brush *brush, float *x, float *y);
void gad_defect_clear(gad_defect_brush *brush);
/* Noise-edged ellipse into alpha; `soft` is the width of its border relative to its size. */
void gad_defect_blob(gad_defect_brush *brush, float x, float y, float a, float b, float angle, float rough, float soft);
/* A line through n points into alpha, half width and alpha per point. */
typedef struct gad_defect_point {
    float x, y, half, alpha;
} gad_defect_point;
void gad_defect_stroke(gad_defect_brush *brush, const gad_defect_point *points, int count);
/* Keep alpha on the product only. */
void gad_defect_on_product(gad_defect_brush *brush);
/* rgb towards color; rgb * factor; light and dark sides of a relief made by alpha (amount < 0: sunken). */
void gad_defect_replace(gad_defect_brush *brush, const float color[3], float amount);
void gad_defect_multiply(gad_defect_brush *brush, const float factor[3]);
void gad_defect_emboss(gad_defect_brush *brush, float amount);

bool gad_defect_scratch(gad_defect_brush *brush);
bool gad_defect_crack(gad_defect_brush *brush);
bool gad_defect_cut(gad_defect_brush *brush);
bool gad_defect_hole(gad_defect_brush *brush);
bool gad_defect_dent(gad_defect_brush *brush);
bool gad_defect_stain(gad_defect_brush *brush);
bool gad_defect_contamination(gad_defect_brush *brush);
bool gad_defect_discoloration(gad_defect_brush *brush);
bool gad_defect_patch_away(gad_defect_brush *brush);
bool gad_defect_patch_extra(gad_defect_brush *brush);
bool gad_defect_patch_move(gad_defect_brush *brush);
bool gad_defect_warp(gad_defect_brush *brush);
bool gad_defect_edge(gad_defect_brush *brush);
bool gad_defect_smear(gad_defect_brush *brush);
bool gad_defect_texture(gad_defect_brush *brush);
#endif
