/* options_train: the options that SFT and GRPO share, on the struct train_options. Defaults are those of SFT; what GRPO
 * changes is in its own table. */
#ifndef GAD_CLI_OPTIONS_TRAIN_H
#define GAD_CLI_OPTIONS_TRAIN_H
#include "cli/options.h"

extern const option_table options_train_data; /* data, synthetic pairs, what trains */
extern const option_table options_train_optimisation, options_train_run;
#endif
