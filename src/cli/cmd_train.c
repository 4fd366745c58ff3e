/* cmd_train: running a training command, and gad train plot. */
#include "cli/cmd_train.h"

#include <stdio.h>

#include "cli/options_engine.h"
#include "cli/outputs.h"
#include "cli/terminal.h"

typedef struct started {
    const command *command;
    const train_options *options;
} started;

/* After the model and the samples were found: an error says itself, without a page of settings before it. */
static void print_settings(void *user)
{
    const started *s = user;
    options_print(s->command, s->options, stderr);
}

int train_run(train_options *o, const command *c, gad_status (*train)(const gad_train_settings *, gad_error *))
{
    gad_error err;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    o->s.model = options_engine_folder(o->arguments.item[0]);
    o->s.synth.height = o->s.synth.width;
    o->s.log = &log;
    o->s.progress = &progress;
    terminal_catch_interrupt();
    started who = {c, o};
    o->s.started = print_settings;
    o->s.started_user = &who;
    gad_status status = train(&o->s, &err);
    terminal_progress_end();
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static const option plot_table[] = {{.name = "force",
                                     .kind = OPTION_FLAG,
                                     .offset = offsetof(train_options, force),
                                     .help = "also over a file that gad did not write"}};

static int run_plot(void *settings)
{
    const train_options *o = settings;
    const option_list *arguments = &o->arguments;
    gad_error err;
    int code = outputs_check_file("train plot", arguments->item[1], "content=\"gad\"", o->force);
    if (code)
        return code;
    if (gad_train_plot(arguments->item[0], arguments->item[1], &err))
        return terminal_fail(&err);
    printf("%s\n", arguments->item[1]);
    return EXIT_DONE;
}

const command cmd_train_plot = {
    .name = "train plot",
    .synopsis = "LOG.jsonl PAGE.html",
    .summary = "a page with the curves of a run",
    .options = plot_table,
    .option_count = OPTIONS_COUNT(plot_table),
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments_offset = offsetof(train_options, arguments),
    .settings_bytes = sizeof(train_options),
    .run = run_plot,
};
