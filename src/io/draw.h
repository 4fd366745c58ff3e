/* draw: marks on images for people and for teacher models: frames, tinted regions, heat maps, text. In: an image that is
 * changed in place. What lies outside the image is cut off. Knows pixels, not boxes of a task or their meaning. */
#ifndef GAD_IO_DRAW_H
#define GAD_IO_DRAW_H
#include "io/image.h"

/* Of a grey image only red counts. */
typedef struct gad_draw_colour {
    uint8_t red, green, blue;
} gad_draw_colour;

/* Pixels, half-open: x1 <= x < x2. */
typedef struct gad_draw_area {
    int64_t x1, y1, x2, y2;
} gad_draw_area;

/* How many times larger than on a small picture lines and letters should be to be seen alike: 1 up to 700 px. */
int gad_draw_scale(const gad_image *image);

/* A frame whose outer edge is the area's. */
void gad_draw_frame(gad_image *image, gad_draw_area area, int64_t thickness_px, gad_draw_colour colour);
/* The whole area; opacity 0 leaves the picture, 1 hides it. */
void gad_draw_fill(gad_image *image, gad_draw_area area, gad_draw_colour colour, double opacity);

/* map [rows, cols], smoothly stretched over the image: `low` and less leave the picture as it is, `high` and more show the
 * brightest colour at the full opacity. Not-a-number counts as low. */
void gad_draw_heat(gad_image *image, const float *map, int64_t rows, int64_t cols, float low, float high, double opacity);
/* The colour scale of the heat map (inferno: perceptually even, readable without colour), at 0..1. */
gad_draw_colour gad_draw_heat_colour(double value);

/* Size of the text in pixels; lines are separated by \n. */
void gad_draw_text_size(const char *text, int scale, int64_t *width, int64_t *height);
/* Its upper left corner at (x, y); each dot of a letter is scale x scale pixels. */
void gad_draw_text(gad_image *image, int64_t x, int64_t y, const char *text, int scale, gad_draw_colour colour);
/* Text on a plate of its own, moved so that it lies inside the image when there is room. */
void gad_draw_label(gad_image *image, int64_t x, int64_t y, const char *text, int scale, gad_draw_colour ink,
                    gad_draw_colour plate);
/* Copies `tile` with its upper left corner at (x, y); nothing when it has another number of channels. */
void gad_draw_paste(gad_image *image, int64_t x, int64_t y, const gad_image *tile);
#endif
