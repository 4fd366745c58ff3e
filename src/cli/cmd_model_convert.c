/* cmd_model_convert: gad model convert and gad model merge: a checkpoint as a new folder. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_train.h"

typedef struct convert_options {
    option_list model;
    gad_convert_settings s;
} convert_options;

#define AT(field) offsetof(convert_options, field)
static const option table[] = {
    {.name = "mmproj",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.mmproj),
     .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "out", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(s.out), .help = "the new folder, or FILE.gguf"},
    {.name = "adapter",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(s.adapter),
     .help = "PEFT LoRA adapter to add into the weights"},
    {.name = "type",
     .argument = "TYPE",
     .kind = OPTION_STRING,
     .offset = AT(s.type),
     .help = "numbers of the new files: fp32, bf16 or fp16, for FILE.gguf also q8_0; left out: as the checkpoint's",
     .aliases = "dtype,torch-dtype"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(s.force), .help = "write over a checkpoint that is there"},
    OPTIONS_ENGINE_THREADS(AT(s.threads)),
};

static int convert(convert_options *o)
{
    gad_error err;
    gad_log log = terminal_log(false);
    o->s.model = o->model.item[0];
    o->s.log = &log;
    if (gad_model_convert(&o->s, &err))
        return terminal_fail(&err);
    fprintf(stderr, "%s\n", o->s.out);
    return EXIT_DONE;
}

static int run_convert(void *settings)
{
    convert_options *o = settings;
    if (o->s.out)
        return convert(o);
    fputs("gad model convert: --out DIR is missing\nTry: gad model convert --help\n", stderr);
    return EXIT_USAGE;
}

static int run_merge(void *settings)
{
    convert_options *o = settings;
    if (o->s.out && o->s.adapter)
        return convert(o);
    fputs("gad model merge: --adapter DIR and --out DIR are needed\nTry: gad model merge --help\n", stderr);
    return EXIT_USAGE;
}

const command cmd_model_convert = {
    .name = "model convert",
    .synopsis = "--out DIR|FILE.gguf [--type fp32|bf16|fp16|q8_0] [--adapter DIR] MODEL",
    .summary = "a checkpoint in another number format, as a folder for transformers or files for llama.cpp",
    .details =
        "Tensors get the names of Hugging Face, or those of llama.cpp with the vision tower in mmproj-FILE.gguf beside;\n"
        "tokenizer, templates and image settings come along. A threshold that was measured with the old weights does not.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = AT(model),
    .settings_bytes = sizeof(convert_options),
    .run = run_convert,
};

const command cmd_model_merge = {
    .name = "model merge",
    .synopsis = "--adapter DIR --out DIR [--type fp32|bf16|fp16] MODEL",
    .summary = "a checkpoint with a LoRA adapter added into its weights",
    .details = "The adapter is one that PEFT or gad train wrote, MODEL the checkpoint it was trained on.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = AT(model),
    .settings_bytes = sizeof(convert_options),
    .run = run_merge,
};
