/* shape: one outlined, shaded piece of a scene. In: a shape in scene units and a view. Out: its pixels on a canvas, with
 * smooth edges, shading and shadow. Knows nothing of parts or products. Scene units: the shorter image side spans -1..1. */
#ifndef GAD_SYNTH_SHAPE_H
#define GAD_SYNTH_SHAPE_H
#include "synth/canvas.h"
#include "synth/material.h"

#include <stdbool.h>

typedef enum gad_shape_kind {
    GAD_SHAPE_BOX,     /* half sizes a, b; `round` is the corner radius */
    GAD_SHAPE_ELLIPSE, /* half axes a, b */
    GAD_SHAPE_RING,    /* radius a, half thickness b */
    GAD_SHAPE_POLYGON, /* regular, circumradius a, `count` sides, corner radius `round` */
    GAD_SHAPE_GEAR,    /* outer radius a, tooth depth b, `count` teeth */
    GAD_SHAPE_STAR,    /* outer radius a, inner radius b, `count` points */
    GAD_SHAPE_CAPSULE, /* a line of half length a along x and radius b */
    GAD_SHAPE_ARC,     /* radius a, half thickness b, half opening `extra` radians around +x */
    GAD_SHAPE_CROSS,   /* arm half length a, arm half width b */
    GAD_SHAPE_BLOB,    /* mean radii a, b with lobes: `count` waves of relative height `extra`, phases from `seed` */
    GAD_SHAPE_THREAD,  /* shaft of half length a and radius b with `count` thread turns of depth `extra` */
    GAD_SHAPE_SPRING,  /* zigzag wire: half length a, amplitude b, `count` turns, wire radius `extra` */
    GAD_SHAPE_PROFILE  /* turned part: half length a along x, half width b * profile[] */
} gad_shape_kind;

enum { GAD_SHAPE_PROFILE_POINTS = 10 };

/* How light falls on it. */
typedef struct gad_shape_look {
    float bevel;  /* width of a lit edge, scene units; negative: the edge goes down */
    float dome;   /* 0..1: rounded like a lens */
    float turned; /* 0..1: rounded across its x axis like a shaft */
    float shine;  /* 0..1: highlight of a glossy surface */
    float shadow; /* length of the shadow it casts, scene units */
    float opacity;
} gad_shape_look;

/* A piece that is missing at the border: noise-edged circle in scene units; radius 0: none. */
typedef struct gad_shape_bite {
    float x, y, radius;
    uint32_t seed;
} gad_shape_bite;

typedef struct gad_shape {
    gad_shape_kind kind;
    float x, y, angle; /* centre in scene units, radians */
    float a, b, round, extra;
    int count;
    uint32_t seed;
    float profile[GAD_SHAPE_PROFILE_POINTS];
    float bend; /* sideways displacement at the ends, in units of a */
    gad_material material;
    gad_shape_look look;
    gad_shape_bite bite;
    bool backdrop; /* does not count as product */
} gad_shape;

/* From scene units to pixels: px = scale * R(angle) * scene + (x, y). Light comes from direction `light`, radians. */
typedef struct gad_shape_view {
    float scale, cosine, sine, x, y;
    float light_x, light_y;
} gad_shape_view;

gad_shape_view gad_shape_view_make(int width, int height, float angle, float zoom, float shift_x, float shift_y,
                                   float light);
void gad_shape_to_scene(const gad_shape_view *view, float x, float y, float *u, float *v);

/* Half sizes of the box around the shape in its own axes. */
void gad_shape_extent(const gad_shape *shape, float *half_x, float *half_y);
/* Signed distance in scene units (negative inside) at a scene point. */
float gad_shape_distance(const gad_shape *shape, float u, float v);

void gad_shape_draw(const gad_shape *shape, const gad_shape_view *view, gad_canvas *canvas);
/* Fill the canvas with a backdrop. */
void gad_shape_fill(const gad_material *material, bool product, const gad_shape_view *view, gad_canvas *canvas);
#endif
