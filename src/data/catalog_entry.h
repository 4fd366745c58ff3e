/* catalog_entry: what gad knows of one dataset: who allows what, how many images it should have, who reads it. Each entry
 * lives in its own file under data/adapter; catalog.c lists them. */
#ifndef GAD_DATA_CATALOG_ENTRY_H
#define GAD_DATA_CATALOG_ENTRY_H
#include "data/import.h"

typedef struct gad_catalog_entry gad_catalog_entry;
struct gad_catalog_entry {
    const char *name, *title, *license, *citation, *home;
    bool benchmark;                                       /* held out from training (docs/spec/benchmark.md section 4) */
    bool generic;                                         /* a folder form, not one dataset: the user names the dataset */
    int images, normal, anomalous;                        /* of the source, as published; 0: not established */
    int mmr_images, mmr_boxes, mmr_categories, mmr_types; /* used by MMR-AD */
    const char *const *classes;                           /* ends with NULL; NULL: any folder is a class */
    gad_status (*read)(gad_import *import, const gad_catalog_entry *entry, gad_error *err);
};

/* All entries, for guesses at what a wrong folder could be. */
struct gad_catalog_list {
    const gad_catalog_entry *const *entry;
    int count;
};
#endif
