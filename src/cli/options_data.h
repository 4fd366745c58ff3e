/* options_data: the options that the data commands share. */
#ifndef GAD_CLI_OPTIONS_DATA_H
#define GAD_CLI_OPTIONS_DATA_H
#include "cli/options.h"
#include "gad_data.h"

extern const option_table options_data_store;  /* --store, on a const char * */
extern const option_table options_data_filter; /* --dataset, --class, --split, on a gad_data_filter */
extern const option_table options_data_label;  /* --label, on a gad_data_filter */
#endif
