/* metric_pixel: how well heat maps fit masks, over many images in bounded memory. In: one map and one mask at a time. Out:
 * pixel AUROC, average precision and AUPRO. Exact while the pixels fit, binned by score above that, with the bound of
 * the error that binning can make. Knows nothing of files. */
#ifndef GAD_BENCH_METRIC_PIXEL_H
#define GAD_BENCH_METRIC_PIXEL_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gad_metric_pixels gad_metric_pixels;

enum { GAD_METRIC_EXACT_PIXELS = 1 << 22 }; /* kept one by one up to here: 64 MiB while the result is computed */

/* `exact_pixels` is where binning begins (GAD_METRIC_EXACT_PIXELS). NULL without memory. */
gad_metric_pixels *gad_metric_pixel_new(size_t exact_pixels);
void gad_metric_pixel_free(gad_metric_pixels *pixels);
/* Forget all images, keep the memory: for the next category. */
void gad_metric_pixel_reset(gad_metric_pixels *pixels);

typedef struct gad_metric_map {
    const float *value; /* [height, width], higher is more anomalous */
    int width, height;
} gad_metric_map;

/* Add one image of width x height pixels. `mask` [height, width] is non-zero on anomalous pixels; NULL: a normal image. The
 * map is enlarged bilinearly (pixel centres at .5, edges repeated) to the image. A value that is not finite is
 * GAD_E_FORMAT. */
gad_status gad_metric_pixel_add(gad_metric_pixels *pixels, gad_metric_map map, const uint8_t *mask, int width, int height,
                                gad_error *err);

typedef struct gad_metric_pixel_result {
    double auroc, ap;
    double aupro;              /* per-region overlap integrated over false positive rates up to the limit, divided by it */
    double auroc_bound;        /* |exact - auroc| is at most this: 0 when exact */
    double aupro_bound;        /* the same for aupro */
    int64_t pixels, positives; /* seen */
    int64_t regions, images;   /* anomalous regions (8-connected), images */
} gad_metric_pixel_result;

/* Metrics of what was added so far; `fpr_limit` is 0.3 in the literature. NaN where a kind of pixel is absent. */
gad_status gad_metric_pixel_result_of(gad_metric_pixels *pixels, double fpr_limit, gad_metric_pixel_result *result,
                                      gad_error *err);
#endif
