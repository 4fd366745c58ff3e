/* palette: random choices for materials: which colours, sizes and contrasts each kind of stuff has, and words for them.
 * In: a kind and a random state. Out: a material. */
#ifndef GAD_SYNTH_PALETTE_H
#define GAD_SYNTH_PALETTE_H
#include "base/rng.h"
#include "synth/material.h"

#include <stdbool.h>

/* A random material of `kind`: colours that such stuff has, pattern size, contrast. `finest` is the largest frequency
 * that the image can show. */
gad_material gad_palette_material(gad_material_kind kind, float finest, gad_rng *rng);
/* A smooth material for a manufactured part: painted, plastic, metal, rubber, ceramic. */
gad_material gad_palette_part(float finest, gad_rng *rng);
/* A calm backdrop behind an object. */
gad_material gad_palette_backdrop(float finest, gad_rng *rng);

/* Does each piece have its own pattern (wood), or do all look alike (printed cloth)? */
bool gad_palette_is_random(gad_material_kind kind);
/* "wood", "woven cloth": the word for people. */
const char *gad_palette_word(gad_material_kind kind);

/* Colour from hue (turns), saturation, value. */
void gad_palette_hsv(float h, float s, float v, float rgb[3]);
/* A plain colour name for 0..1 RGB: "dark red", "light grey". */
const char *gad_palette_color_word(const float rgb[3]);
#endif
