/* pair: gives every sample its references: aligned normals of its own category (or fixed, random, none). In: a store. Out:
 * the same store with references. Features are computed once per image and cached in the store. Needs no model. */
#ifndef GAD_DATA_PAIR_H
#define GAD_DATA_PAIR_H
#include "data/align.h"
#include "data/store.h"

typedef gad_data_pair_settings gad_pair_settings;
typedef gad_data_paired gad_pair_report;
gad_status gad_pair_run(gad_store *store, const gad_pair_settings *settings, gad_pair_report *report, gad_error *err);
#endif
