/* commands: the table of all commands; each cmd_*.c defines its own. */
#ifndef GAD_CLI_COMMANDS_H
#define GAD_CLI_COMMANDS_H
#include "cli/options.h"

/* `gad --help` follows the order of this table. A name of two words ("data import") is a command with a sub-command. */
extern const command *const commands[]; /* ends with NULL */

extern const command cmd_inspect, cmd_learn, cmd_calibrate, cmd_speed, cmd_serve, cmd_watch;
extern const command cmd_product_list, cmd_product_show, cmd_product_new, cmd_product_add, cmd_product_test,
    cmd_product_threshold, cmd_product_export, cmd_product_import, cmd_product_delete;
extern const command cmd_model_info, cmd_model_perplexity, cmd_model_convert, cmd_model_merge, cmd_model_new,
    cmd_model_vocab;
extern const command cmd_train_sft, cmd_train_grpo, cmd_train_head, cmd_train_plot;
extern const command cmd_bench_run, cmd_bench_report, cmd_bench_rescore, cmd_bench_compare;
extern const command cmd_data_list, cmd_data_import, cmd_data_stats, cmd_data_check, cmd_data_split, cmd_data_pair,
    cmd_data_reason, cmd_data_synth, cmd_data_export, cmd_data_sheet;
#endif
