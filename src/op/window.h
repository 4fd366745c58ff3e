/* window: the geometry of a convolution: a square of pixels that slides over a grid. Pure arithmetic. */
#ifndef GAD_OP_WINDOW_H
#define GAD_OP_WINDOW_H
#include <stdint.h>

/* kernel x kernel pixels, `stride` pixels a step, over a grid of rows x cols pixels whose surroundings are 0. The first
 * window begins `top` rows above and `left` columns before the grid. Pixel (y, x) is row y * cols + x of a tensor. */
typedef struct gad_window {
    int64_t rows, cols, out_rows, out_cols;
    int64_t kernel, stride, top, left;
} gad_window;

/* As TensorFlow pads with "SAME": ceil(side / stride) steps, and of an odd padding the larger half behind. */
gad_window gad_window_same(int64_t rows, int64_t cols, int64_t kernel, int64_t stride);
#endif
