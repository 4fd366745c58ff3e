/* material: what a surface looks like without light. In: a point in scene units. Out: its colour. A material is a small
 * value; the same value with another `seed` is another piece of the same stuff. */
#ifndef GAD_SYNTH_MATERIAL_H
#define GAD_SYNTH_MATERIAL_H
#include <stdint.h>

typedef enum gad_material_kind {
    GAD_MATERIAL_PLAIN,
    GAD_MATERIAL_MOTTLED,
    GAD_MATERIAL_GRAIN,
    GAD_MATERIAL_BRUSHED,
    GAD_MATERIAL_SPECKLE,
    GAD_MATERIAL_GRANITE,
    GAD_MATERIAL_MARBLE,
    GAD_MATERIAL_WOOD,
    GAD_MATERIAL_LEATHER,
    GAD_MATERIAL_FOAM,
    GAD_MATERIAL_CONCRETE,
    GAD_MATERIAL_PLAIN_WEAVE,
    GAD_MATERIAL_TWILL,
    GAD_MATERIAL_KNIT,
    GAD_MATERIAL_STRIPES,
    GAD_MATERIAL_CHECKS,
    GAD_MATERIAL_HERRINGBONE,
    GAD_MATERIAL_PRINTED_DOTS,
    GAD_MATERIAL_CARPET,
    GAD_MATERIAL_MESH,
    GAD_MATERIAL_PERFORATED,
    GAD_MATERIAL_HONEYCOMB,
    GAD_MATERIAL_TILES,
    GAD_MATERIAL_BRICKS,
    GAD_MATERIAL_CHEQUER_PLATE,
    GAD_MATERIAL_RIBBED,
    GAD_MATERIAL_KINDS
} gad_material_kind;

typedef struct gad_material {
    gad_material_kind kind;
    float color[3], second[3]; /* 0..1; `second` is the vein, the gap, the other thread */
    float frequency;           /* pattern periods per scene unit */
    float aspect;              /* stretch along the pattern's first axis */
    float cosine, sine;        /* direction of the pattern */
    float contrast;            /* how far the texture moves from `color`, 0..1 */
    float fill;                /* width of wires, threads, stripes within a period, 0..1 */
    uint32_t seed;
} gad_material;

/* Colour at (u, v), scene units; out of 0..1 is possible. */
void gad_material_color(const gad_material *m, float u, float v, float rgb[3]);

void gad_material_turn(gad_material *m, float radians);

#endif
