/* resample: a learned grid of positions brought to another size, as PyTorch's bicubic interpolation does it (corners not
 * aligned). Pure arithmetic. */
#ifndef GAD_FEATURES_RESAMPLE_H
#define GAD_FEATURES_RESAMPLE_H
#include "gad.h"

/* `grid` [side * side, width] to `out` [rows * cols, width]. antialias: the filter widens where the grid shrinks, and its
 * parameter is -0.5 instead of -0.75. */
gad_status gad_resample_grid(const float *grid, int64_t side, int64_t width, float *out, int64_t rows, int64_t cols,
                             bool antialias, gad_error *err);
#endif
