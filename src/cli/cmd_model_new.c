/* cmd_model_new: gad model new and gad model vocab: small models of our own, from nothing. */
#include <string.h>

#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "gad_train.h"

typedef struct new_options {
    option_list texts;
    const char *preset, *vocab, *out, *prompt;
    int64_t side, entries, own, seed;
    bool difference, force;
} new_options;

#define AT(field) offsetof(new_options, field)
#define OUT                                                                                                                \
    {                                                                                                                      \
        .name = "out", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(out), .help = "folder to write into"         \
    }
#define PROMPT                                                                                                             \
    {                                                                                                                      \
        .name = "prompt", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(prompt),                                 \
        .help = "own wording of the question, which the checkpoint keeps"                                                  \
    }
#define SEED                                                                                                               \
    {                                                                                                                      \
        .name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(seed), .fallback = "1", .help = "random seed"    \
    }

static const option new_table[] = {
    {.name = "preset",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(preset),
     .fallback = "s",
     .help = "xs, s, s16, s8, m, m14, l, or the name of a published shape"},
    OUT,
    {.name = "vocab",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(vocab),
     .help = "tokenizer files to use; by default a vocabulary is made from the project's own texts"},
    PROMPT,
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(side),
     .help = "images become squares of this side; 0: the preset's own"},
    {.name = "difference",
     .kind = OPTION_FLAG,
     .offset = AT(difference),
     .fallback = "true",
     .help = "with the module that compares part and reference"},
    SEED,
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also into a folder that holds something"},
};

static const option vocab_table[] = {
    OUT,
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also into a folder that holds something"},
    {.name = "size",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(entries),
     .minimum = 284,
     .fallback = "512",
     .help = "tokens, the 256 bytes and 28 control tokens included"},
    {.name = "own-texts",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(own),
     .fallback = "4000",
     .help = "questions and answers that gad writes itself to learn from"},
    PROMPT,
    SEED,
};

static int missing_out(void)
{
    gad_error err = {.code = GAD_E_ARGUMENT, .operation = "make a new model", .cause = "no --out folder was given"};
    terminal_fail(&err);
    return EXIT_USAGE;
}

static int run_new(void *settings)
{
    const new_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    if (!o->out)
        return missing_out();
    if (!o->force && outputs_check_folder("model new", o->out))
        return EXIT_FAILED;
    terminal_catch_interrupt();
    gad_new_settings s = {.preset = o->preset,
                          .vocab = o->vocab,
                          .out = o->out,
                          .prompt_file = o->prompt,
                          .side_px = o->side,
                          .difference = o->difference,
                          .seed = (uint64_t)o->seed,
                          .log = &log,
                          .progress = &progress};
    gad_status status = gad_model_new(&s, &err);
    terminal_progress_end();
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static int run_vocab(void *settings)
{
    const new_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    if (!o->out)
        return missing_out();
    if (!o->force && outputs_check_folder("model vocab", o->out))
        return EXIT_FAILED;
    terminal_catch_interrupt();
    gad_vocab_settings s = {.out = o->out,
                            .entries = o->entries,
                            .own_texts = o->own,
                            .text_files = o->texts.item,
                            .text_file_count = o->texts.count,
                            .prompt_file = o->prompt,
                            .seed = (uint64_t)o->seed,
                            .log = &log,
                            .progress = &progress};
    gad_status status = gad_vocab_make(&s, &err);
    terminal_progress_end();
    return status ? terminal_fail(&err) : EXIT_DONE;
}

const command cmd_model_new = {
    .name = "model new",
    .synopsis = "--preset NAME --out DIR [options]",
    .summary = "a small model of our own with random weights, ready for training",
    .options = new_table,
    .option_count = OPTIONS_COUNT(new_table),
    .settings_bytes = sizeof(new_options),
    .run = run_new,
};

const command cmd_model_vocab = {
    .name = "model vocab",
    .synopsis = "--out DIR [options] [TEXT...]",
    .summary = "a byte-level BPE vocabulary for a small model",
    .options = vocab_table,
    .option_count = OPTIONS_COUNT(vocab_table),
    .max_arguments = -1,
    .arguments_offset = AT(texts),
    .settings_bytes = sizeof(new_options),
    .run = run_vocab,
};
