/* commands: see commands.h. A new command is a declaration there and a line here. */
#include "cli/commands.h"

#include <stddef.h>

/* a line a command */
/* clang-format off */
const command *const commands[] = {
    &cmd_inspect,
    &cmd_learn,
    &cmd_calibrate,
    &cmd_serve,
    &cmd_watch,
    &cmd_product_list,
    &cmd_product_show,
    &cmd_product_new,
    &cmd_product_add,
    &cmd_product_test,
    &cmd_product_threshold,
    &cmd_product_export,
    &cmd_product_import,
    &cmd_product_delete,
    &cmd_model_info,
    &cmd_model_perplexity,
    &cmd_model_convert,
    &cmd_model_merge,
    &cmd_model_new,
    &cmd_model_vocab,
    &cmd_speed,
    &cmd_train_sft,
    &cmd_train_grpo,
    &cmd_train_head,
    &cmd_train_plot,
    &cmd_bench_run,
    &cmd_bench_report,
    &cmd_bench_rescore,
    &cmd_bench_compare,
    &cmd_data_list,
    &cmd_data_import,
    &cmd_data_stats,
    &cmd_data_check,
    &cmd_data_split,
    &cmd_data_pair,
    &cmd_data_reason,
    &cmd_data_synth,
    &cmd_data_export,
    &cmd_data_sheet,
    NULL,
};
/* clang-format on */
