/* resize: images to another size, with the arithmetic of the libraries that the models were trained with. In: an image.
 * Out: a new one. The bicubic kernels are antialiased (a = -0.5) and bit-exact; they must not drift by one level. */
#ifndef GAD_IO_RESIZE_H
#define GAD_IO_RESIZE_H
#include "io/image.h"

typedef enum gad_resize_kernel {
    GAD_RESIZE_PIL,        /* Pillow's Image.resize(BICUBIC), up to 12.3: weights of 22 bits */
    GAD_RESIZE_TORCHVISION /* torchvision's resize(BICUBIC, antialias=True) of uint8: weights of 16 bits */
} gad_resize_kernel;

/* Both pass over rows first, round to 8 bits, then over columns; a side that keeps its length is not touched. Pillow 13.0
 * passes over columns first where the height shrinks by more than twice what the width does (tests/io/test_pillow.c). */
gad_status gad_resize_bicubic(const gad_image *image, int64_t width, int64_t height, gad_resize_kernel kernel,
                              gad_image *out, gad_error *err);
/* For masks: pixel (x, y) is the one under its centre, so no value arises that was not there. */
gad_status gad_resize_nearest(const gad_image *image, int64_t width, int64_t height, gad_image *out, gad_error *err);
/* The largest size of the same shape that fits into width x height, never larger than the image: Pillow's bicubic. */
gad_status gad_resize_fit(const gad_image *image, int64_t width, int64_t height, gad_image *out, gad_error *err);
#endif
