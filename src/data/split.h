/* split: which samples may train, which choose the checkpoint, which are kept aside. In: a store. Out: the split of every
 * sample. Groups (objects, products, defects seen in many frames) are never torn apart; held-out benchmarks stay out. */
#ifndef GAD_DATA_SPLIT_H
#define GAD_DATA_SPLIT_H
#include "data/store.h"

typedef struct gad_split_settings {
    double val_share; /* of the groups of each dataset, class and label */
    uint64_t seed;
    int hold_classes;          /* so many classes, drawn with the seed, become test */
    const char *hold_datasets; /* names separated by commas: all of them becomes test; NULL: none */
    bool keep_test;            /* leave the datasets' own test images in test; else they train as in MMR-AD */
    bool with_benchmarks;      /* also the held-out ones: only for models that are not measured on them */
    bool restore;              /* back to the split that each dataset came with */
} gad_split_settings;
gad_split_settings gad_split_default(void);

typedef struct gad_split_report {
    int64_t train, val, test, reference, benchmark; /* samples afterwards */
    int64_t held_classes;
} gad_split_report;
gad_status gad_split_run(gad_store *store, const gad_split_settings *settings, gad_split_report *report, gad_error *err);
#endif
