/* canvas: a float picture that synthesis paints on, and what it needs to be painted: masks, blur, warp, conversion.
 * Knows nothing of scenes, defects or files. Pixels are display values, 0..1, three per pixel, row by row. */
#ifndef GAD_SYNTH_CANVAS_H
#define GAD_SYNTH_CANVAS_H
#include "gad.h"

#include <stdint.h>

typedef struct gad_canvas {
    int width, height;
    float *rgb;   /* [height][width][3] */
    float *cover; /* [height][width]: 1 on the product, 0 on the backdrop */
} gad_canvas;

gad_status gad_canvas_make(gad_canvas *canvas, int width, int height, gad_error *err);
void gad_canvas_free(gad_canvas *canvas);
/* Same size needed. */
void gad_canvas_copy(gad_canvas *to, const gad_canvas *from);
void gad_canvas_to_bytes(const gad_canvas *canvas, unsigned char *rgb);

/* Gaussian blur of n interleaved channels, in place; `scratch` has width*height*channels elements. */
void gad_canvas_blur(float *plane, int width, int height, int channels, float sigma, float *scratch);

/* Bilinear sample at (x, y) with the border repeated; pixel centres are at whole numbers. */
void gad_canvas_sample(const gad_canvas *canvas, float x, float y, float rgb[3]);

/* rgb = rgb*(1-alpha) + color*alpha at one pixel. */
static inline void gad_canvas_blend(float *rgb, const float color[3], float alpha)
{
    for (int i = 0; i < 3; i++)
        rgb[i] += (color[i] - rgb[i]) * alpha;
}

/* Largest channel difference per pixel between two canvases of one size, thresholded: mask = 1 where it is over
 * `threshold`. Returns the number of pixels set. */
int64_t gad_canvas_difference(const gad_canvas *a, const gad_canvas *b, float threshold, unsigned char *mask);
/* Close gaps of up to 2*radius in a 0/1 mask (dilate, then erode, square window); `scratch` has width*height bytes. */
void gad_canvas_close(unsigned char *mask, int width, int height, int radius, unsigned char *scratch);
/* Clear pixels that have fewer than two set neighbours of eight. */
void gad_canvas_despeckle(unsigned char *mask, int width, int height, unsigned char *scratch);
#endif
