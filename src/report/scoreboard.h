/* scoreboard: published numbers, compiled in, for the tables of a report. Out: constant rows, percent, NaN where a source
 * gives no number. Knows nothing of runs. */
#ifndef GAD_REPORT_SCOREBOARD_H
#define GAD_REPORT_SCOREBOARD_H
#include <stdbool.h>
#include <stddef.h>

typedef enum gad_scoreboard_benchmark {
    GAD_SCOREBOARD_MVTEC,
    GAD_SCOREBOARD_VISA,
    GAD_SCOREBOARD_MVTEC_3D,
    GAD_SCOREBOARD_MPDD,
    GAD_SCOREBOARD_BENCHMARKS
} gad_scoreboard_benchmark;

typedef enum gad_scoreboard_kind {
    GAD_SCOREBOARD_COMMERCIAL,
    GAD_SCOREBOARD_FULL_SHOT, /* trained on normal images of the category: a yardstick, not a competitor */
    GAD_SCOREBOARD_OPEN,
    GAD_SCOREBOARD_TASK /* trained for anomaly detection */
} gad_scoreboard_kind;

/* Which test mix the row was measured on (docs/spec/benchmark.md section 4): detection may be compared inside a group only.
 */
typedef enum gad_scoreboard_group { GAD_SCOREBOARD_SOURCE, GAD_SCOREBOARD_MMRAD } gad_scoreboard_group;

typedef struct gad_scoreboard_triple {
    double accuracy, recall, precision;
} gad_scoreboard_triple;

typedef struct gad_scoreboard_cell {
    gad_scoreboard_triple detection, localization_10, localization_50; /* IoU >= 0.1 and >= 0.5 */
} gad_scoreboard_cell;

typedef struct gad_scoreboard_row {
    const char *model;
    gad_scoreboard_kind kind;
    gad_scoreboard_group group;
    bool uncertain; /* the order of some cells is uncertain in our source */
    gad_scoreboard_cell cell[GAD_SCOREBOARD_BENCHMARKS];
} gad_scoreboard_row;

const gad_scoreboard_row *gad_scoreboard_rows(size_t *count);
const char *gad_scoreboard_name(gad_scoreboard_benchmark benchmark);
/* The benchmark that a data set's name means ("mvtec_ad", "MVTec AD"); -1 for others. */
int gad_scoreboard_find(const char *dataset);

enum { GAD_SCOREBOARD_TASKS = 7 };

typedef struct gad_scoreboard_mmad {
    const char *model;
    int shots;
    double task[GAD_SCOREBOARD_TASKS]; /* in the order of mmad.h */
    double mean;
    double detection[4]; /* recall, precision, overkill, miss */
    const char *note;    /* source and caveat; NULL: result file of the MMAD repository */
} gad_scoreboard_mmad;

const gad_scoreboard_mmad *gad_scoreboard_mmad_rows(size_t *count);

typedef enum gad_scoreboard_learning {
    GAD_SCOREBOARD_TRAINING_FREE, /* good parts are remembered */
    GAD_SCOREBOARD_PROMPTED,      /* words too; what CLIP or a further data set taught it */
    GAD_SCOREBOARD_TRAINED        /* on the good parts */
} gad_scoreboard_learning;

/* Detectors that learn from a few good parts: image AUROC on MVTec AD and VisA. */
typedef struct gad_scoreboard_fewshot {
    const char *model, *backbone;
    gad_scoreboard_learning learning;
    int shots; /* 0: all of the training split */
    double auroc[2], aupro[2];
    const char *note; /* what is special about the source; NULL: the method's paper */
} gad_scoreboard_fewshot;

/* By shots, each from the best on MVTec AD down. */
const gad_scoreboard_fewshot *gad_scoreboard_fewshot_rows(size_t *count);
#endif
