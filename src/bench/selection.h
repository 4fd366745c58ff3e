/* selection: which samples of a store a run asks about, and with which references. In: store, preset, filters, reference
 * rule. Out: items, ordered by id, with absolute paths. Knows nothing of models. */
#ifndef GAD_BENCH_SELECTION_H
#define GAD_BENCH_SELECTION_H
#include "bench/item.h"
#include "data/store.h"

typedef enum gad_selection_preset {
    GAD_SELECTION_SOURCE, /* the original test splits: what sources call test, and all but the reference pool of benchmarks
                           */
    GAD_SELECTION_MMRAD,  /* every image of the released MMR-AD folders: test, test_good and train_good */
    GAD_SELECTION_SPLIT,  /* one split by name; comparable with nothing published */
    GAD_SELECTION_ALL     /* every image; comparable with nothing published */
} gad_selection_preset;

typedef enum gad_selection_reference {
    GAD_SELECTION_FIRST,  /* as stored with the sample, best first */
    GAD_SELECTION_FIXED,  /* the same normal images for all of a category */
    GAD_SELECTION_RANDOM, /* drawn for each sample, by seed */
    GAD_SELECTION_NONE
} gad_selection_reference;

typedef struct gad_selection_rule {
    gad_selection_preset preset;
    const char *split; /* GAD_SELECTION_SPLIT */
    gad_selection_reference reference;
    int64_t references; /* how many, at most; fewer where there are fewer */
    bool learnt;        /* they are learnt, not shown: there may be many */
    uint64_t seed;
    const char *const *datasets, *const *categories; /* filters; count 0: all */
    size_t dataset_count, category_count;
    int64_t limit; /* 0: all; else so many, as bench/subset.h draws them */
} gad_selection_rule;

typedef struct gad_selection_report {
    int64_t seen, taken, without_reference;
} gad_selection_report;

/* Normal images for FIXED and RANDOM come from the category's training or reference split, from all its normals where there
 * is none; never the image itself or one of the same content. */
gad_status gad_selection_make(gad_store *store, const gad_selection_rule *rule, gad_items *items,
                              gad_selection_report *report, gad_error *err);

/* "source", "mmrad", "all"; other names mean a split. */
gad_selection_preset gad_selection_preset_find(const char *name);
/* "first", "fixed", "random", "none"; false for others. */
bool gad_selection_reference_find(const char *name, gad_selection_reference *reference);
#endif
