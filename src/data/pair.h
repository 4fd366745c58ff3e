/* pair: gives every sample its references: aligned normals of its own category (or fixed, random, none). In: a store. Out:
 * the same store with references. Features are computed once per image and cached in the store. Needs no model. */
#ifndef GAD_DATA_PAIR_H
#define GAD_DATA_PAIR_H
#include "data/align.h"
#include "data/store.h"

typedef enum gad_pair_method { GAD_PAIR_ALIGN, GAD_PAIR_FIXED, GAD_PAIR_RANDOM, GAD_PAIR_NONE } gad_pair_method;

typedef struct gad_pair_settings {
    gad_pair_method method;
    int k;         /* references per sample, 1..16 */
    uint64_t seed; /* of FIXED and RANDOM */
    gad_align_rule rule;
    const char *dataset, *class_name; /* NULL: all */
    bool keep;                        /* leave samples that have references alone */
    const gad_log *log;
    const gad_progress *progress;
} gad_pair_settings;
gad_pair_settings gad_pair_default(void);

typedef struct gad_pair_report {
    int64_t samples, paired, kept, without; /* without: no normal image exists */
    int64_t measured, cached, unreadable;   /* features */
    double measure_s, search_s;
} gad_pair_report;
gad_status gad_pair_run(gad_store *store, const gad_pair_settings *settings, gad_pair_report *report, gad_error *err);
#endif
