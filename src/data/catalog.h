/* catalog: the datasets that gad knows: what they are, who allows what, how many images they should have, who reads them.
 * In: a name. Out: an entry. Each entry lives in its own file under data/adapter. */
#ifndef GAD_DATA_CATALOG_H
#define GAD_DATA_CATALOG_H
#include "data/import.h"

typedef struct gad_catalog_entry gad_catalog_entry;
struct gad_catalog_entry {
    const char *name, *title, *license, *citation, *home;
    bool benchmark;                                       /* held out from training (benchmark.md section 4) */
    bool generic;                                         /* a folder form, not one dataset: the user names the dataset */
    int images, normal, anomalous;                        /* of the source, as published; 0: not established */
    int mmr_images, mmr_boxes, mmr_categories, mmr_types; /* used by MMR-AD */
    const char *const *classes;                           /* ends with NULL; NULL: any folder is a class */
    gad_status (*read)(gad_import *import, const gad_catalog_entry *entry, gad_error *err);
};

int gad_catalog_count(void);
const gad_catalog_entry *gad_catalog_at(int index);
/* NULL when unknown. */
const gad_catalog_entry *gad_catalog_find(const char *name);

typedef struct gad_catalog_request {
    const char *adapter; /* name of an entry */
    const char *folder;
    const char *dataset;   /* the name in the store; NULL: the entry's */
    bool every_annotation; /* not only the latest of each image */
    bool benchmark;        /* hold it out from training, whatever the catalogue says */
    const gad_log *log;
    const gad_progress *progress;
} gad_catalog_request;
/* Read a folder into the store. Again is fine: what did not change is left alone. */
gad_status gad_catalog_import(gad_store *store, const gad_catalog_request *request, gad_import_report *report,
                              gad_error *err);

/* The class folders that are there, in byte order. None at all is an error that names what was expected, what was found,
 * and which dataset it looks like. */
gad_status gad_catalog_classes(gad_import *import, const gad_catalog_entry *entry, gad_file_names *classes, gad_error *err);
#endif
