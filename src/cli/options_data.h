/* options_data: the options that the data commands share. */
#ifndef GAD_CLI_OPTIONS_DATA_H
#define GAD_CLI_OPTIONS_DATA_H
#include "cli/options.h"
#include "gad_data.h"

extern const option_table options_data_store;  /* --store, on a const char * */
extern const option_table options_data_filter; /* --dataset, --class, --split, on a gad_data_filter */
extern const option_table options_data_label;  /* --label, on a gad_data_filter */
extern const option_table options_data_share;  /* --shard, on a const char * */

/* Read --shard and open the store: as `whole` says, or beside it for a share. */
gad_status options_data_open(const char *store, const char *shard, gad_data_mode whole, gad_share *share, gad_data **data,
                             gad_error *err);
/* Of a share: where its results are, and how they get into the store. */
void options_data_tell(const char *store, const gad_share *share);
#endif
