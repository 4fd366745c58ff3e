/* pixel_difference: where an image differs from its reference, by pixels alone: the honest baseline. In: two RGB images.
 * Out: a map in grey levels, how much it holds, boxes. Knows nothing of models, requests or truth. */
#ifndef GAD_BENCH_PIXEL_DIFFERENCE_H
#define GAD_BENCH_PIXEL_DIFFERENCE_H
#include "gad_bench.h"
#include "io/image.h"
#include "task/box.h"

enum { GAD_PIXEL_DIFFERENCE_SHIFT = 2, GAD_PIXEL_DIFFERENCE_BOXES = 16, GAD_PIXEL_DIFFERENCE_REGION = 8 };

typedef struct gad_pixel_difference {
    float *map; /* [height, width] of the test image, grey levels; owned */
    int64_t width, height;
    double rms; /* root mean square of the map: of mean, quantiles, peak and this, it ranked real images best */
    gad_box box[GAD_PIXEL_DIFFERENCE_BOXES]; /* pixels of the test image; the strongest regions first */
    size_t box_count;
} gad_pixel_difference;

/* The reference is brought to the test image's size and colours. The difference of a pixel is the smallest mean absolute
 * difference of the channels over shifts of +-GAD_PIXEL_DIFFERENCE_SHIFT px, smoothed over 5x5. Boxes are regions above
 * GAD_PIXEL_DIFFERENCE_REGION times the median difference, joined where they nearly touch. */
gad_status gad_pixel_difference_make(const gad_image *reference, const gad_image *test,
                                     gad_pixel_difference_colours colours, gad_pixel_difference *difference,
                                     gad_error *err);
void gad_pixel_difference_free(gad_pixel_difference *difference);
#endif
