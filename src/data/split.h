/* split: which samples may train, which choose the checkpoint, which are kept aside. In: a store. Out: the split of every
 * sample. Groups (objects, products, defects seen in many frames) are never torn apart; held-out benchmarks stay out. */
#ifndef GAD_DATA_SPLIT_H
#define GAD_DATA_SPLIT_H
#include "data/store.h"

typedef gad_data_split_settings gad_split_settings;
typedef gad_data_splits gad_split_report;
gad_status gad_split_run(gad_store *store, const gad_split_settings *settings, gad_split_report *report, gad_error *err);
#endif
