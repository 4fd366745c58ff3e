/* cmd_train_head: gad train head: what judges the distances of a part from good ones, from pictures with known defects.
 * What it is worth goes to standard output. */
#include <math.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/options_data.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "gad_train.h"

typedef struct head_options {
    gad_head_settings s;
    option_list dataset;
    bool force;
} head_options;

#define AT(field) offsetof(head_options, field)
static const option table[] = {
    {.help = "Pictures"},
    {.table = &options_data_store, .offset = AT(s.store)},
    {.name = "dataset",
     .argument = "NAME",
     .kind = OPTION_LIST,
     .offset = AT(dataset),
     .help = "pictures of this dataset, split train; may be given many times (default: all in the store)"},
    {.name = "good",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(s.good),
     .help =
         "they are compared with normal pictures of the same class in this dataset (default: with their own references)"},
    {.name = "references",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.references),
     .minimum = 1,
     .maximum = 64,
     .fallback = "4",
     .help = "each is compared with 1 to N"},
    {.name = "side", .argument = "PX", .kind = OPTION_INT, .offset = AT(s.side_px), .help = "as of gad learn"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.backbone),
     .help = "the network that sees (default: the installed one)"},
    {.name = "threads", .argument = "N", .kind = OPTION_SHORT, .offset = AT(s.threads), .help = "0: all processors"},
    {.help = "Training"},
    {.name = "start",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.start),
     .help = "a head to start from (default: random weights)"},
    {.name = "steps",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.schedule.steps),
     .minimum = 1,
     .fallback = "1200",
     .aliases = "max-steps,max_steps",
     .help = "updates of the weights"},
    {.name = "batch",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.batch),
     .minimum = 1,
     .fallback = "24",
     .help = "pictures of an update"},
    {.name = "learning-rate",
     .argument = "R",
     .kind = OPTION_NUMBER,
     .offset = AT(s.schedule.peak),
     .fallback = "0.002",
     .aliases = "learning_rate,lr",
     .help = "after the first steps; it falls along a cosine"},
    {.name = "eval-share",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(s.eval_share),
     .fallback = "0.125",
     .help = "of the pictures: not trained on, and measured at the end"},
    {.name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(s.seed), .fallback = "1", .help = "of the run"},
    {.help = "Output"},
    {.name = "out",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.out),
     .fallback = "head.safetensors",
     .help = "file for gad learn --head"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
};

static void fill_defaults(void *settings)
{
    ((head_options *)settings)->s = gad_head_settings_default();
}

static int run(void *settings)
{
    head_options *o = settings;
    gad_error err;
    gad_head_report r;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    o->s.dataset = o->dataset.item;
    o->s.dataset_count = o->dataset.count;
    o->s.log = &log;
    o->s.progress = &progress;
    int code = outputs_check_file("train head", o->s.out, "\"head.", o->force);
    if (code)
        return code;
    terminal_catch_interrupt();
    gad_status status = gad_train_head(&o->s, &r, &err);
    terminal_progress_end();
    if (status)
        return terminal_fail(&err);
    printf("trained on %lld pictures, loss %.3f\n", (long long)r.trained, r.loss);
    if (isfinite(r.auroc))
        printf("AUROC of the %lld others: distances alone %.1f, head alone %.1f, both %.1f\n", (long long)r.evaluated,
               r.auroc_distances, r.auroc_head, r.auroc);
    printf("%s\n", o->s.out);
    return EXIT_DONE;
}

const command cmd_train_head = {
    .name = "train head",
    .synopsis = "[options] --out FILE",
    .summary = "what judges the distances of parts from good ones, from pictures with known defects",
    .details =
        "A small network over the maps of distances that gad learn's memory gives. The pictures come from a store: drawn\n"
        "defects (gad data synth, also on photographs of one's own parts) or real ones with masks or boxes.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(head_options),
    .defaults = fill_defaults,
    .run = run,
};
