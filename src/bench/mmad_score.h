/* mmad_score: stored answers of an MMAD run into the numbers of its tables. In: record, choices. Out: accuracies by data
 * set and sub-task. Reference: docs/spec/benchmark.md sections 18 and 19. Knows nothing of models or of how a report looks.
 */
#ifndef GAD_BENCH_MMAD_SCORE_H
#define GAD_BENCH_MMAD_SCORE_H
#include "bench/letter.h"
#include "bench/mmad.h"
#include "bench/record.h"

typedef struct gad_mmad_cell {
    int64_t right, answered; /* letters in A-E */
    int64_t all;             /* questions whose answer came: with those outside A-E */
    double accuracy;         /* right / answered; NaN (official-compat: 0) without answers */
    double strict;           /* right / all: answers outside A-E count as wrong */
} gad_mmad_cell;

typedef struct gad_mmad_dataset {
    const char *name;
    gad_mmad_cell task[GAD_MMAD_TASKS]; /* detection: mean of the accuracies on normal and on anomalous images */
    gad_mmad_cell normal, anomalous;    /* of the detection questions */
    double recall, precision, f1, overkill, miss;
    double mean, strict_mean; /* of the seven sub-tasks */
} gad_mmad_dataset;

typedef struct gad_mmad_scored {
    gad_letter letter;
    bool answered, right;
    bool skipped; /* official-compat: behind a deleted answer */
} gad_mmad_scored;

enum { GAD_MMAD_DATASETS = 64 }; /* at most */

typedef struct gad_mmad_summary {
    const gad_record *record;
    gad_scoring_choices choices;
    gad_mmad_scored *scored; /* [items] */
    gad_mmad_dataset *dataset;
    size_t datasets;
    gad_mmad_dataset all; /* means over the data sets; its counts are sums */
    double low, high;     /* interval of all.mean */
    int64_t questions, answered, failed, missing, skipped;
    int64_t how[4]; /* answers by gad_letter_how */
} gad_mmad_summary;

gad_status gad_mmad_score_make(const gad_record *record, const gad_scoring_choices *choices, gad_mmad_summary *summary,
                               gad_error *err);
void gad_mmad_score_free(gad_mmad_summary *summary);
#endif
