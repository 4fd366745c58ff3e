/* interval: bootstrap intervals of the metrics of one run, or of the difference of two runs on the same images. In:
 * outcomes, categories, data sets. Out: low and high per data set and overall. The same for any number of threads. */
#ifndef GAD_BENCH_INTERVAL_H
#define GAD_BENCH_INTERVAL_H
#include "bench/tally.h"

typedef struct gad_interval_design {
    const gad_outcome *outcome, *other; /* [count]; other NULL: intervals of `outcome`, else of outcome - other */
    size_t count;
    const int32_t *dataset; /* [categories], rising: the data set that each category belongs to */
    size_t categories, datasets;
} gad_interval_design;

typedef struct gad_interval_options {
    int64_t resamples; /* 1000 */
    uint64_t seed;
    double confidence; /* .95 */
} gad_interval_options;

typedef struct gad_interval {
    gad_metric_values value;     /* of the images as they are */
    gad_metric_values low, high; /* percentile interval; NaN where the value is */
    gad_metric_values below;     /* share of resamples below 0, ties one half: for differences */
} gad_interval;

/* `interval` [datasets + 1]: each data set (mean over its categories), then the mean over the data sets. Images are drawn
 * with replacement inside each (category, truth), so every resample has the images of each kind that the run has. */
gad_status gad_interval_bootstrap(const gad_interval_design *design, const gad_interval_options *options,
                                  gad_interval *interval, gad_error *err);
/* The values alone: `category` [categories], `interval` gets its `value`s. Either may be NULL. */
gad_status gad_interval_values(const gad_interval_design *design, gad_metric_values *category, gad_metric_values *scope,
                               gad_error *err);
#endif
