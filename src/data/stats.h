/* stats: what is in a store, for people and for programs; and the catalogue of what could be. In: a store. Out: text or
 * JSON. */
#ifndef GAD_DATA_STATS_H
#define GAD_DATA_STATS_H
#include "data/store.h"

/* All datasets that gad can read, with licence and published counts; what is imported beside them (store may be NULL). */
gad_status gad_stats_catalogue(gad_store *store, bool json, gad_string *text, gad_error *err);
/* Images, categories, types, boxes of each dataset, beside the counts of the source and of MMR-AD. */
gad_status gad_stats_summary(gad_store *store, bool json, gad_string *text, gad_error *err);
#endif
