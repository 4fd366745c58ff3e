/* catalog: the datasets that gad knows: what they are, who allows what, how many images they should have, who reads them.
 * In: a name. Out: an entry. Each entry lives in its own file under data/adapter. */
#ifndef GAD_DATA_CATALOG_H
#define GAD_DATA_CATALOG_H
#include "data/catalog_entry.h"

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
    gad_share share;       /* of the images; the store stays as it is, what is measured goes beside it */
    const gad_log *log;
    const gad_progress *progress;
} gad_catalog_request;
/* Read a folder into the store. Again is fine: what did not change is left alone. */
gad_status gad_catalog_import(gad_store *store, const gad_catalog_request *request, gad_import_report *report,
                              gad_error *err);
#endif
