/* cmd_model_new: gad model new and gad model vocab: small models of our own, from nothing. */
#include <string.h>

#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "gad_train.h"

typedef struct new_options {
    gad_new_settings s;
    bool force;
} new_options;

typedef struct vocab_options {
    option_list texts;
    gad_vocab_settings s;
    bool force;
} vocab_options;

#define OUT                                                                                                                \
    {                                                                                                                      \
        .name = "out", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(s.out), .help = "folder to write into"       \
    }
#define PROMPT                                                                                                             \
    {                                                                                                                      \
        .name = "prompt", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(s.prompt_file),                          \
        .help = "own wording of the question, which the checkpoint keeps"                                                  \
    }
#define SEED                                                                                                               \
    {                                                                                                                      \
        .name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(s.seed), .fallback = "1", .help = "random seed"  \
    }

#define FORCE                                                                                                              \
    {                                                                                                                      \
        .name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also into a folder that holds something"       \
    }

#define AT(field) offsetof(new_options, field)
static const option new_table[] = {
    {.name = "preset",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(s.preset),
     .fallback = "s",
     .help = "xs, s, s16, s8, m, m14, l, or the name of a published shape"},
    OUT,
    {.name = "vocab",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(s.vocab),
     .help = "tokenizer files to use; by default a vocabulary is made from the project's own texts"},
    PROMPT,
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(s.side_px),
     .help = "images become squares of this side; 0: the preset's own"},
    {.name = "words",
     .kind = OPTION_FLAG,
     .offset = AT(s.words),
     .help = "show it what was measured of each region; it learns to say that (docs/model.md)"},
    {.name = "difference",
     .kind = OPTION_FLAG,
     .offset = AT(s.difference),
     .fallback = "true",
     .help = "with the module that compares part and reference"},
    SEED,
    FORCE,
};

#undef AT

#define AT(field) offsetof(vocab_options, field)
static const option vocab_table[] = {
    OUT,
    FORCE,
    {.name = "size",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.entries),
     .minimum = 284,
     .fallback = "512",
     .help = "tokens, the 256 bytes and 28 control tokens included"},
    {.name = "own-texts",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.own_texts),
     .fallback = "4000",
     .help = "questions and answers that gad writes itself to learn from"},
    PROMPT,
    SEED,
};

static void new_defaults(void *settings)
{
    ((new_options *)settings)->s = gad_new_settings_default();
}

static void vocab_defaults(void *settings)
{
    ((vocab_options *)settings)->s = gad_vocab_settings_default();
}

/* EXIT_DONE where the command may write into the folder. */
static int check_out(const char *command_name, const char *out, bool force)
{
    gad_error err = {.code = GAD_E_ARGUMENT, .operation = "make a new model", .cause = "no --out folder was given"};
    if (!out) {
        terminal_fail(&err);
        return EXIT_USAGE;
    }
    return !force && outputs_check_folder(command_name, out) ? EXIT_FAILED : EXIT_DONE;
}

static int run_new(void *settings)
{
    new_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    int code = check_out("model new", o->s.out, o->force);
    if (code)
        return code;
    terminal_catch_interrupt();
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = gad_model_new(&o->s, &err);
    terminal_progress_end();
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static int run_vocab(void *settings)
{
    vocab_options *o = settings;
    gad_error err;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    int code = check_out("model vocab", o->s.out, o->force);
    if (code)
        return code;
    terminal_catch_interrupt();
    o->s.text_files = o->texts.item;
    o->s.text_file_count = o->texts.count;
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = gad_vocab_make(&o->s, &err);
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
    .defaults = new_defaults,
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
    .settings_bytes = sizeof(vocab_options),
    .defaults = vocab_defaults,
    .run = run_vocab,
};
