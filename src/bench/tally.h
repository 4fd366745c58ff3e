/* tally: from what happened on single images to the metrics of a category and of a benchmark. In: outcomes. Out: one value
 * per metric, NaN where undefined. Knows nothing of answers, files or reports. */
#ifndef GAD_BENCH_TALLY_H
#define GAD_BENCH_TALLY_H
#include "bench/metric_image.h"
#include "gad.h"

enum { GAD_TALLY_THRESHOLDS = 2 }; /* IoU 0.1 and 0.5 by default */

/* What one answered image contributes. */
typedef struct gad_outcome {
    int32_t category; /* index of the caller's */
    bool anomalous;   /* truth */
    bool called;      /* called anomalous, after the rule for unparsable answers */
    bool localized;   /* anomalous and its true boxes are known: counts below are valid */
    int32_t truths, predictions;
    struct {
        int32_t matched;      /* pairs of the one-to-one matching */
        int32_t found, right; /* many-to-many: true boxes found, predictions that are right */
    } at[GAD_TALLY_THRESHOLDS];
    double score;    /* continuous, higher is more anomalous; NaN: none */
    double mask_iou; /* of all predicted against all true boxes; NaN: not localized */
} gad_outcome;

/* The index of a value. Detection first, then localisation by matching rule and threshold (accuracy, recall, precision). */
typedef enum gad_metric {
    GAD_METRIC_ACCURACY,
    GAD_METRIC_RECALL,
    GAD_METRIC_PRECISION,
    GAD_METRIC_SPECIFICITY,
    GAD_METRIC_BALANCED,
    GAD_METRIC_F1,
    GAD_METRIC_ONE, /* + 3 * threshold + {0, 1, 2} */
    GAD_METRIC_MANY = GAD_METRIC_ONE + 3 * GAD_TALLY_THRESHOLDS,
    GAD_METRIC_MASK_IOU = GAD_METRIC_MANY + 3 * GAD_TALLY_THRESHOLDS, /* mean over anomalous images with boxes */
    GAD_METRIC_MASK_10,                                               /* share of these with mask IoU >= .1, .3, .5 */
    GAD_METRIC_MASK_30,
    GAD_METRIC_MASK_50,
    GAD_METRIC_BOXES_ON_NORMAL, /* boxes per normal image */
    GAD_METRIC_AUROC,
    GAD_METRIC_AP,
    GAD_METRIC_F1_MAX,
    GAD_METRIC_COUNT
} gad_metric;

typedef struct gad_metric_values {
    double of[GAD_METRIC_COUNT];
} gad_metric_values;

/* A stable name for files ("detection.accuracy", "localization.one@1.recall"). */
const char *gad_tally_name(gad_metric metric);

typedef struct gad_tally {
    gad_metric_counts images;
    int64_t truths, predictions, matched[GAD_TALLY_THRESHOLDS], found[GAD_TALLY_THRESHOLDS], right[GAD_TALLY_THRESHOLDS];
    int64_t localized, unlocalized; /* anomalous images with and without known boxes */
    int64_t mask_over[3];           /* mask IoU >= .1, .3, .5 */
    double mask_iou_sum;
    int64_t boxes_on_normal;
} gad_tally;

void gad_tally_add(gad_tally *tally, const gad_outcome *outcome, int64_t weight);
/* Everything but the three ranking metrics, which stay NaN. */
gad_metric_values gad_tally_values(const gad_tally *tally);
/* Put the ranking metrics of sorted points beside them. */
void gad_tally_rank(gad_metric_values *values, const gad_metric_point *sorted, size_t count);
/* Unweighted mean of each metric over the parts where it is defined. */
gad_metric_values gad_tally_macro(const gad_metric_values *part, size_t count);
#endif
