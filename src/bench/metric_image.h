/* metric_image: image-level metrics. In: counts, or scores with their truth. Out: rates, ranking metrics, calibration. A
 * metric that is undefined (no images of a kind) is NaN. Knows nothing of categories, runs or files. */
#ifndef GAD_BENCH_METRIC_IMAGE_H
#define GAD_BENCH_METRIC_IMAGE_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decisions against truth; anomalous is positive. */
typedef struct gad_metric_counts {
    int64_t tp, fp, tn, fn;
} gad_metric_counts;

typedef struct gad_metric_rates {
    double accuracy, recall, precision, specificity, balanced, f1;
} gad_metric_rates;

/* docs/spec/benchmark.md section 8: precision without any positive prediction is 0; without anomalous images recall,
 * precision and F1 are undefined, without normal images specificity and balanced accuracy are. */
gad_metric_rates gad_metric_image_rates(gad_metric_counts counts);

/* A continuous score (higher is more anomalous) with its truth. `weight` counts how often the image was drawn (1 outside
 * the bootstrap). */
typedef struct gad_metric_point {
    double score;
    int32_t weight;
    bool positive;
} gad_metric_point;

/* Sort by score, highest first; what the ranking functions below expect. */
void gad_metric_image_sort(gad_metric_point *point, size_t count);

typedef struct gad_metric_rank {
    double auroc;        /* ties count one half */
    double ap;           /* sum over distinct thresholds of (R_n - R_(n-1)) P_n */
    double f1_max;       /* over distinct thresholds */
    double f1_threshold; /* a score >= this is called anomalous */
} gad_metric_rank;

/* One pass over sorted points. All NaN unless both kinds are present; AP and F1 need positives only. */
gad_metric_rank gad_metric_image_rank(const gad_metric_point *sorted, size_t count);

/* Corners of the ROC curve of sorted points, from (0,0) to (1,1), collinear points dropped: fpr and tpr hold count + 1
 * numbers. Returns how many were written, 0 unless both kinds are present. */
size_t gad_metric_image_roc(const gad_metric_point *sorted, size_t count, double *fpr, double *tpr);

enum { GAD_METRIC_BINS = 15 };

/* Calibration of a probability. With B bins (at most GAD_METRIC_BINS) bin b holds (b/B, (b+1)/B], the first also 0 (Guo et
 * al., ICML 2017). */
typedef struct gad_metric_calibration {
    int64_t count[GAD_METRIC_BINS];
    double confidence[GAD_METRIC_BINS]; /* mean score in the bin, NaN when empty */
    double frequency[GAD_METRIC_BINS];  /* share of anomalous images in the bin, NaN when empty */
    double error;                       /* expected calibration error: sum of count/n * |frequency - confidence| */
    double brier;                       /* mean squared difference of score and truth */
    int64_t outside;                    /* scores outside [0, 1]: left out */
} gad_metric_calibration;

gad_metric_calibration gad_metric_image_calibration(const gad_metric_point *point, size_t count, int bins);

/* Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan, numpy's default); `sorted` rises.
 * NaN when count is 0. */
double gad_metric_image_quantile(const double *sorted, size_t count, double q);
#endif
