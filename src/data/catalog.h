/* catalog: the datasets that gad knows: what they are, who allows what, how many images they should have, who reads them.
 * In: a name. Out: an entry. Each entry lives in its own file under data/adapter. */
#ifndef GAD_DATA_CATALOG_H
#define GAD_DATA_CATALOG_H
#include "data/catalog_entry.h"

int gad_catalog_count(void);
const gad_catalog_entry *gad_catalog_at(int index);
/* NULL when unknown. */
const gad_catalog_entry *gad_catalog_find(const char *name);

/* Read a folder into the store, by the entry that is named as the adapter; `root` plays no part. Again is fine: what did
 * not change is left alone. */
gad_status gad_catalog_import(gad_store *store, const gad_data_import_settings *request, gad_import_report *report,
                              gad_error *err);
#endif
