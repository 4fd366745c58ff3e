/* brush: what all painters of defects share: an alpha mask over a picture, strokes and blobs into it, and how it changes
 * the picture below. Knows nothing of kinds of defects. */
#ifndef GAD_SYNTH_BRUSH_H
#define GAD_SYNTH_BRUSH_H
#include "synth/scene.h"

/* Where paint goes. alpha is [height][width], zero outside the rectangle. */
typedef struct gad_brush {
    gad_canvas *canvas;
    const gad_canvas *before; /* the same picture without the defect; for copying from */
    float *alpha, *scratch;   /* width*height, and six times that */
    const gad_scene *scene;   /* NULL on photographs */
    const gad_shape_view *view;
    gad_rng *rng;
    float size; /* shorter side, pixels */
    float strength;
    int x1, y1, x2, y2; /* where alpha may be over zero */
} gad_brush;

float gad_brush_log_range(gad_rng *rng, float low, float high);
/* A random point on the product, pixels. */
bool gad_brush_place(gad_brush *brush, float *x, float *y);
void gad_brush_clear(gad_brush *brush);
/* Noise-edged ellipse into alpha; `soft` is the width of its border relative to its size. */
void gad_brush_blob(gad_brush *brush, float x, float y, float a, float b, float angle, float rough, float soft);
/* A line through n points into alpha, half width and alpha per point. */
typedef struct gad_brush_point {
    float x, y, half, alpha;
} gad_brush_point;
void gad_brush_stroke(gad_brush *brush, const gad_brush_point *points, int count);
/* Keep alpha on the product only. */
void gad_brush_on_product(gad_brush *brush);
/* rgb towards color; rgb * factor; light and dark sides of a relief made by alpha (amount < 0: sunken). */
void gad_brush_replace(gad_brush *brush, const float color[3], float amount);
void gad_brush_multiply(gad_brush *brush, const float factor[3]);
void gad_brush_emboss(gad_brush *brush, float amount);
#endif
