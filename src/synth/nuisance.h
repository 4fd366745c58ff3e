/* nuisance: differences between two pictures that are no defect: light, colour, focus, noise, compression. In: a canvas
 * and random states. Out: the same canvas as another camera shot. Geometry is not changed here (the view does that). */
#ifndef GAD_SYNTH_NUISANCE_H
#define GAD_SYNTH_NUISANCE_H
#include "base/rng.h"
#include "synth/canvas.h"

/* One shot. */
typedef struct gad_nuisance {
    float gain, gamma, balance[3];    /* exposure, tone, white balance */
    float slope_x, slope_y, vignette; /* uneven light: relative change from middle to border */
    float blur;                       /* sigma in pixels at 224; scaled by the picture's size */
    float noise;                      /* sigma, display units */
    int jpeg;                         /* quality 1..100, 0: none */
    uint64_t seed;
} gad_nuisance;

/* What the shots of one station have in common comes from `station`, what differs from `shot`; amount 0 is a perfect
 * camera, 1 the ordinary spread. */
gad_nuisance gad_nuisance_random(gad_rng *station, gad_rng *shot, float amount);
/* `scratch` has six times width*height elements. */
void gad_nuisance_apply(const gad_nuisance *nuisance, gad_canvas *canvas, float *scratch);
#endif
