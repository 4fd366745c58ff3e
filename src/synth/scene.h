/* scene: one piece of a product class: a ground, shapes on it, and which shapes make up a part. In: a class (design) and
 * a piece, as random states. Out: a scene that can be edited and drawn. Knows nothing of defects. */
#ifndef GAD_SYNTH_SCENE_H
#define GAD_SYNTH_SCENE_H
#include "synth/palette.h"
#include "synth/shape.h"

typedef enum gad_scene_family {
    GAD_SCENE_SURFACE,
    GAD_SCENE_FABRIC,
    GAD_SCENE_GRID,
    GAD_SCENE_ASSEMBLY,
    GAD_SCENE_BOARD,
    GAD_SCENE_LABEL,
    GAD_SCENE_FASTENER,
    GAD_SCENE_CONTAINER,
    GAD_SCENE_TRAY,
    GAD_SCENE_FOOD,
    GAD_SCENE_CABLE,
    GAD_SCENE_MECHANICAL,
    GAD_SCENE_PANEL,
    GAD_SCENE_FAMILIES
} gad_scene_family;
#define GAD_SCENE_ALL ((1u << GAD_SCENE_FAMILIES) - 1)

enum { GAD_SCENE_SHAPES = 700, GAD_SCENE_PARTS = 110 };

typedef struct gad_scene_part {
    int first, count;           /* shapes */
    float x, y, half_x, half_y; /* box around it, scene units */
    const char *noun;           /* "screw"; a constant */
    int kind;                   /* parts of equal kind may be exchanged without anybody seeing it */
    bool loose;                 /* can be missing, moved, doubled */
    bool print;                 /* ink, not a body */
} gad_scene_part;

typedef struct gad_scene {
    gad_scene_family family;
    gad_material ground;
    bool ground_is_product;
    int shape_count, part_count;
    gad_shape shapes[GAD_SCENE_SHAPES];
    gad_scene_part parts[GAD_SCENE_PARTS];
    char name[64];   /* "green circuit board" */
    float free_turn; /* how far pieces of this class are turned, shifted, scaled in normal pictures */
    float free_shift, free_zoom;
} gad_scene;

/* What a family's builder works with. `design` gives what all pieces of the class share, `piece` what differs. Builders
 * must draw from `design` in the same order for every piece. */
typedef struct gad_scene_maker {
    gad_scene *scene;
    gad_rng *design, *piece;
    float finest; /* largest pattern frequency that the picture can show, periods per scene unit */
    float jitter; /* normal displacement of parts, scene units */
} gad_scene_maker;

void gad_scene_draw(const gad_scene *scene, const gad_shape_view *view, gad_canvas *canvas);

/* ---- for builders and edits ---- */
float gad_scene_pick(gad_rng *rng, double low, double high);
bool gad_scene_chance(gad_rng *rng, double probability);
/* Append a shape; when the scene is full the last one is handed out again. */
gad_shape *gad_scene_add(gad_scene_maker *m, gad_shape_kind kind, float x, float y, float a, float b, float angle,
                         const gad_material *material);
/* Shapes added between begin and end are one part; end moves it a little, as pieces differ. */
void gad_scene_begin(gad_scene_maker *m, const char *noun, int kind, bool loose);
void gad_scene_end(gad_scene_maker *m);
/* Move and turn all shapes of a part about its middle. */
void gad_scene_move(gad_scene *scene, int part, float dx, float dy, float turn);
/* Colour or seed shared by the class but with a normal difference between pieces. */
gad_material gad_scene_piece_material(const gad_scene_maker *m, gad_material material);
gad_material gad_scene_flat(const float rgb[3], float contrast, uint32_t seed);
/* Text of up to `length` characters in strokes: one print part. */
void gad_scene_text(gad_scene_maker *m, const char *text, float x, float y, float height, float angle, float weight,
                    const gad_material *ink);
/* Random letters and digits: equal for all pieces when drawn from `design`. */
void gad_scene_word(gad_rng *rng, char *text, int length);
#endif
