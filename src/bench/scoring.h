/* scoring: one stored answer against the truth, by choices that are named. In: item, row, choices. Out: an outcome and how
 * the answer was read. The same input gives the same bytes. Knows nothing of models. */
#ifndef GAD_BENCH_SCORING_H
#define GAD_BENCH_SCORING_H
#include "bench/item.h"
#include "bench/row.h"
#include "bench/tally.h"
#include "gad_bench.h"
#include "task/answer.h"

_Static_assert(GAD_TALLY_THRESHOLDS == 2, "as many as gad_scoring_choices.iou");

/* IoU 0.1 and 0.5, matching one, unparsable wrong, canvas xy, 1000 resamples with seed 1, 95 %. */
gad_scoring_choices gad_scoring_default(void);
/* "wrong", "no", "excluded". */
const char *gad_scoring_unparsable_name(gad_scoring_unparsable rule);

enum { GAD_SCORING_SIZES = 4 }; /* true boxes by share of the image: under .1 %, 1 %, 10 %, above */
const char *gad_scoring_size_name(int size);

typedef struct gad_scored {
    bool counted;        /* answered and not excluded: `outcome` is valid */
    bool unread;         /* no decision could be read, and none was made from the score */
    gad_outcome outcome; /* its category is the caller's to set */
    gad_answer_decision decision;
    unsigned flags; /* gad_answer_flag */
    bool strict;
    int32_t size_truths[GAD_SCORING_SIZES], size_found[GAD_TALLY_THRESHOLDS][GAD_SCORING_SIZES];
    uint64_t matched_boxes[GAD_TALLY_THRESHOLDS]; /* bit i: true box i (of the first 64) was found, one to one */
} gad_scored;

/* The frame in which the row's boxes are written. */
gad_box_frame gad_scoring_frame(const gad_item *item, const gad_row *row, const gad_scoring_choices *choices);
/* `row` NULL or failed: not counted. */
gad_status gad_scoring_score(const gad_item *item, const gad_row *row, const gad_scoring_choices *choices,
                             gad_scored *scored, gad_error *err);

/* What went wrong, for the gallery and its filter. */
typedef enum gad_scoring_kind {
    GAD_SCORING_MISSED,      /* anomalous, called normal */
    GAD_SCORING_FALSE_ALARM, /* normal, called anomalous */
    GAD_SCORING_UNREAD,      /* no decision could be read */
    GAD_SCORING_WRONG_PLACE, /* called rightly, but no true box was found */
    GAD_SCORING_PARTLY,      /* called rightly, some boxes missed or too many */
    GAD_SCORING_RIGHT,
    GAD_SCORING_KINDS
} gad_scoring_kind;
gad_scoring_kind gad_scoring_kind_of(const gad_scored *scored);
/* "missed", "false alarm", ... */
const char *gad_scoring_kind_name(gad_scoring_kind kind);
#endif
