/* pixels: a picture as rows of numbers for a network. */
#ifndef GAD_FEATURES_PIXELS_H
#define GAD_FEATURES_PIXELS_H
#include "io/image.h"
#include "op/op.h"

/* What becomes of a channel's value v: (v - offset) * scale. */
typedef struct gad_pixels_scale {
    float offset[3], scale[3];
} gad_pixels_scale;

/* An RGB picture as [height * width, 3] on the device's stack. */
gad_status gad_pixels_take(gad_device *device, const gad_image *picture, const gad_pixels_scale *scale, gad_tensor *out,
                           gad_error *err);
#endif
