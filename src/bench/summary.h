/* summary: all numbers of a report, from a record and the choices. In: record, choices. Out: one value that the HTML, CSV,
 * JSON and Markdown writers print. Equal input, equal bytes. Knows nothing of how a report looks. */
#ifndef GAD_BENCH_SUMMARY_H
#define GAD_BENCH_SUMMARY_H
#include "bench/interval.h"
#include "bench/metric_pixel.h"
#include "bench/record.h"

/* Images and answers of a category, a data set, or all. */
typedef struct gad_summary_counts {
    int64_t images, normal, anomalous, boxes, unlocalized; /* unlocalized: anomalous without known boxes */
    int64_t answered, failed, missing, unread, excluded;
} gad_summary_counts;

typedef struct gad_summary_category {
    const char *name;
    int32_t dataset;
    gad_summary_counts counts;
    gad_metric_values value;
    gad_metric_pixel_result pixels; /* auroc NaN: no heat maps with masks */
} gad_summary_category;

typedef struct gad_summary_scope {
    const char *name; /* data set; "all" for the last */
    int32_t categories;
    gad_summary_counts counts;
    gad_interval metric;                /* value and interval */
    gad_metric_values yes, no;          /* the same images, always called anomalous / always normal */
    double pixel_auroc, pixel_aupro;    /* means over categories; NaN: none */
    gad_metric_calibration calibration; /* of all scores of the scope together */
    double pooled_auroc;
    double *fpr, *tpr; /* ROC of all scores together: [corners] */
    size_t corners;
} gad_summary_scope;

/* One kind of anomaly. An image with several kinds counts for each; a box counts for the kind that is its label. */
typedef struct gad_summary_type {
    const char *dataset, *name;
    int64_t images, found;                         /* anomalous images of the type, called anomalous */
    int64_t truths, matched[GAD_TALLY_THRESHOLDS]; /* their boxes, found one to one */
} gad_summary_type;

typedef struct gad_summary_spread {
    int64_t count;
    double mean, p50, p90, p99, most; /* NaN when count is 0 */
} gad_summary_spread;

enum { GAD_SUMMARY_HISTOGRAM = 20 };

typedef struct gad_summary {
    const gad_record *record;
    gad_scoring_choices choices;
    gad_scored *scored; /* [items] */
    gad_summary_scope *scope;
    size_t datasets; /* scopes: datasets + 1, the last is all */
    gad_summary_category *category;
    size_t categories;
    gad_summary_type *type;
    size_t types;
    gad_arena names; /* of the types */
    int64_t size_truths[GAD_SCORING_SIZES], size_found[GAD_TALLY_THRESHOLDS][GAD_SCORING_SIZES];
    int64_t flags[GAD_ANSWER_FLAGS], strict, cut; /* answers with the flag; without any; stopped by the token limit */
    int64_t decisions[3];                         /* by gad_answer_decision */
    int64_t kinds[GAD_SCORING_KINDS];
    int64_t scores; /* answers with a continuous score */
    double score_low, score_high;
    int64_t histogram[2][GAD_SUMMARY_HISTOGRAM]; /* scores of normal and of anomalous images between low and high */
    gad_summary_spread latency_s, first_s, prompt_tokens, answer_tokens;
    int64_t map_images, maskless_maps; /* heat maps scored; heat maps of anomalous images without a mask */
} gad_summary;

/* Score everything. `record` must outlive the summary. */
gad_status gad_summary_make(const gad_record *record, const gad_scoring_choices *choices, gad_summary *summary,
                            gad_error *err);
/* Add pixel metrics from the stored heat maps and the data set's masks. Slow: reads every mask. */
gad_status gad_summary_add_pixels(gad_summary *summary, const gad_log *log, const gad_progress *progress, gad_error *err);
void gad_summary_free(gad_summary *summary);
#endif
