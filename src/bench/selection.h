/* selection: which samples of a store a run asks about, and with which references. In: store, preset, filters, reference
 * rule. Out: items, ordered by id, with absolute paths. Knows nothing of models. */
#ifndef GAD_BENCH_SELECTION_H
#define GAD_BENCH_SELECTION_H
#include "bench/item.h"
#include "data/store.h"
#include "gad_bench.h"

typedef struct gad_selection_report {
    int64_t seen, taken, without_reference;
} gad_selection_report;

/* `learnt`: references are learnt, not shown, so there may be many. Normal images for FIXED and RANDOM come from the
 * category's training or reference split, from all its normals where there is none; never the image itself or one of the
 * same content. */
gad_status gad_selection_make(gad_store *store, const gad_bench_questions *questions, bool learnt, gad_items *items,
                              gad_selection_report *report, gad_error *err);

/* "source", "mmrad", "all", or the split's name; "first", "fixed", "random", "none". */
const char *gad_selection_preset_name(const gad_bench_questions *questions);
const char *gad_selection_reference_name(gad_selection_reference reference);
#endif
