/* cmd_train_sft: gad train sft: its own options beside those of options_train. */
#include "cli/cmd_train.h"
#include "cli/options_train.h"

static const option sft_table[] = {
    {.table = &options_train_data},
    {.table = &options_train_optimisation},
    {.name = "text-weight",
     .argument = "X",
     .kind = OPTION_NUMBER,
     .offset = AT(text_weight),
     .fallback = "1",
     .help = "weight of the answers; 0: train on the heat map alone, without the language model"},
    {.name = "forced-regions",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(forced_regions),
     .aliases = "told-regions",
     .help = "share of samples whose regions are told by the truth, not by the heat map: a start for the "
             "language model while the heat map is weak"},
    {.table = &options_train_run},
    {.name = "eval-answers",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(eval_answers),
     .fallback = "16",
     .help = "of these samples are answered in full and measured as the benchmark does; 0: only losses"},
    {.name = "max-new-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(max_new_tokens),
     .fallback = "384",
     .aliases = "max_new_tokens",
     .help = "longest answer of an evaluation"},
};

static void fill_defaults(void *settings)
{
    ((train_options *)settings)->s = gad_train_sft_default();
}

static int run(void *settings)
{
    return train_run(settings, &cmd_train_sft, gad_train_sft);
}

const command cmd_train_sft = {
    .name = "train sft",
    .synopsis = "MODEL --out DIR [options]",
    .summary = "teach a model to reason and answer from samples",
    .details = "Under mpirun -n N the processes share the work and give the result of one.",
    .options = sft_table,
    .option_count = OPTIONS_COUNT(sft_table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = offsetof(train_options, arguments),
    .settings_bytes = sizeof(train_options),
    .defaults = fill_defaults,
    .run = run,
};
