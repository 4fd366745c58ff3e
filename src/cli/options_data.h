/* options_data: the options that the data commands share. */
#ifndef GAD_CLI_OPTIONS_DATA_H
#define GAD_CLI_OPTIONS_DATA_H
#include "cli/options.h"

/* Which samples; NULL: any. */
typedef struct filter_options {
    const char *dataset, *class_name, *split;
} filter_options;

extern const option_table options_data_store;  /* --store, on a const char * */
extern const option_table options_data_filter; /* on filter_options */
#endif
