/* cmd_data: gad data list, import, stats, check, split: what is there, and where it may be used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options_data.h"
#include "cli/terminal.h"
#include "gad_data.h"

typedef struct list_options {
    const char *store;
    bool json;
} list_options;

#define AT(field) offsetof(list_options, field)
static const option list_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "JSON instead of a table"},
};
#undef AT

static int run_list(void *settings)
{
    const list_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    char *text = NULL;
    bool there = access(o->store, F_OK) == 0; /* without a store there is still the catalogue */
    gad_status status = there ? gad_data_open(o->store, GAD_DATA_READ, &data, &err) : GAD_OK;
    if (!status)
        status = gad_data_list(data, o->json, &text, &err);
    if (!status)
        terminal_put(stdout, text, true);
    gad_text_free(text);
    gad_data_free(data);
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static int run_stats(void *settings)
{
    const list_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    char *text = NULL;
    gad_status status = gad_data_open(o->store, GAD_DATA_READ, &data, &err);
    if (!status)
        status = gad_data_stats(data, o->json, &text, &err);
    if (!status)
        terminal_put(stdout, text, true);
    gad_text_free(text);
    gad_data_free(data);
    return status ? terminal_fail(&err) : EXIT_DONE;
}

const command cmd_data_list = {
    .name = "data list",
    .synopsis = "[--store FILE] [--json]",
    .summary = "datasets that can be imported, and what is imported",
    .options = list_table,
    .option_count = OPTIONS_COUNT(list_table),
    .settings_bytes = sizeof(list_options),
    .run = run_list,
};

const command cmd_data_stats = {
    .name = "data stats",
    .synopsis = "[--store FILE] [--json]",
    .summary = "images, classes, types and boxes beside the published counts",
    .options = list_table,
    .option_count = OPTIONS_COUNT(list_table),
    .settings_bytes = sizeof(list_options),
    .run = run_stats,
};

/* ---- import ---- */

typedef struct import_options {
    gad_data_import_settings s;
    option_list arguments;
    const char *store, *shard, *annotations;
    bool verbose;
} import_options;

#define AT(field) offsetof(import_options, field)
static const option import_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.table = &options_data_share, .offset = AT(shard)},
    {.name = "name",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(s.name),
     .help = "name of the dataset in the store (default: the dataset's own)"},
    {.name = "benchmark", .kind = OPTION_FLAG, .offset = AT(s.benchmark), .help = "hold it out from training"},
    {.name = "annotations",
     .argument = "WHICH",
     .kind = OPTION_CHOICE,
     .offset = AT(annotations),
     .choices = CHOICES("latest", "all"),
     .fallback = "latest",
     .help = "label-studio: of an image that was annotated several times; cancelled ones never count"},
    {.name = "root",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(s.root),
     .help = "mmrad-jsonl: where the images are now"},
    {.name = "verbose", .kind = OPTION_FLAG, .offset = AT(verbose), .help = "more messages"},
};
#undef AT

static void import_defaults(void *settings)
{
    ((import_options *)settings)->s = gad_data_import_default();
}

static int run_import(void *settings)
{
    import_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    gad_data_imported r;
    gad_log log = terminal_log(o->verbose);
    gad_progress progress = terminal_progress();
    terminal_catch_interrupt();
    o->s.adapter = o->arguments.item[0];
    o->s.folder = o->arguments.item[1];
    o->s.every_annotation = strcmp(o->annotations, "all") == 0;
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = options_data_open(o->store, o->shard, GAD_DATA_CREATE, &o->s.share, &data, &err);
    if (!status)
        status = gad_data_import(data, &o->s, &r, &err);
    terminal_progress_end();
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("%s: %lld images (%lld normal, %lld anomalous), %lld boxes; %lld added, %lld changed, %lld unchanged, %lld "
           "removed\n",
           o->s.name ? o->s.name : o->s.adapter, (long long)r.images, (long long)r.normal, (long long)r.anomalous,
           (long long)r.boxes, (long long)r.added, (long long)r.changed, (long long)r.unchanged, (long long)r.removed);
    for (int i = 0; i < GAD_DATA_PROBLEMS; i++)
        if (r.problems[i])
            printf("%8lld %s\n", (long long)r.problems[i], gad_data_problem_name(i));
    options_data_tell(o->store, &o->s.share);
    return EXIT_DONE;
}

const command cmd_data_import = {
    .name = "data import",
    .synopsis = "[options] NAME DIR",
    .summary = "read a dataset's folder into the store",
    .details = "NAME is one that gad data list shows (mvtec_ad, visa, ...), plain (folders good and bad), coco,\n"
               "label-studio, gad-jsonl (a folder with annotations.jsonl), or mmrad-jsonl (a file from gad data export).\n"
               "Images stay where they are. Importing again is fine: what did not change is left alone.",
    .options = import_table,
    .option_count = OPTIONS_COUNT(import_table),
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments_offset = offsetof(import_options, arguments),
    .settings_bytes = sizeof(import_options),
    .defaults = import_defaults,
    .run = run_import,
};

/* ---- check ---- */

typedef struct check_options {
    const char *store;
    gad_data_check_settings s;
} check_options;

#define AT(field) offsetof(check_options, field)
static const option check_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.name = "files", .kind = OPTION_FLAG, .offset = AT(s.files), .help = "also look whether every image is there"},
    {.name = "hash", .kind = OPTION_FLAG, .offset = AT(s.hash), .help = "also read every image and compare its content"},
    {.name = "similar",
     .kind = OPTION_FLAG,
     .offset = AT(s.similar),
     .help = "also look for resized copies of benchmark images in training"},
    {.name = "examples",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.examples),
     .fallback = "5",
     .help = "examples of each kind"},
};
#undef AT

static void check_defaults(void *settings)
{
    ((check_options *)settings)->s = gad_data_check_default();
}

static int run_check(void *settings)
{
    check_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    char *text = NULL;
    int64_t errors = 0;
    gad_progress progress = terminal_progress();
    terminal_catch_interrupt();
    o->s.progress = &progress;
    gad_status status = gad_data_open(o->store, GAD_DATA_READ, &data, &err);
    if (!status)
        status = gad_data_check(data, &o->s, &text, &errors, &err);
    terminal_progress_end();
    if (!status)
        terminal_put(stdout, text, true);
    gad_text_free(text);
    gad_data_free(data);
    return status ? terminal_fail(&err) : errors ? EXIT_FAILED : EXIT_DONE;
}

const command cmd_data_check = {
    .name = "data check",
    .synopsis = "[options]",
    .summary = "broken pairs, boxes outside images, leaks between splits, duplicates",
    .details = "Ends with exit code 1 when something makes training or measuring wrong.",
    .options = check_table,
    .option_count = OPTIONS_COUNT(check_table),
    .settings_bytes = sizeof(check_options),
    .defaults = check_defaults,
    .run = run_check,
};

/* ---- split ---- */

typedef struct split_options {
    const char *store;
    gad_data_split_settings s;
} split_options;

#define AT(field) offsetof(split_options, field)
static const option split_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.name = "val",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(s.val_share),
     .fallback = "0.02",
     .help = "share of the groups of each class and label that go to val"},
    {.name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(s.seed), .fallback = "1", .help = "of the draw"},
    {.name = "hold-classes",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.hold_classes),
     .fallback = "0",
     .help = "so many classes become test as a whole"},
    {.name = "hold-datasets",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(s.hold_datasets),
     .help = "datasets that become test as a whole"},
    {.name = "keep-test",
     .kind = OPTION_FLAG,
     .offset = AT(s.keep_test),
     .help = "leave the datasets' own test images in test (default: they train, as in MMR-AD)"},
    {.name = "with-benchmarks",
     .kind = OPTION_FLAG,
     .offset = AT(s.with_benchmarks),
     .help = "train on the held-out benchmarks as well: nothing may be measured on them then"},
    {.name = "restore",
     .kind = OPTION_FLAG,
     .offset = AT(s.restore),
     .help = "back to the splits that the datasets came with"},
};
#undef AT

static void split_defaults(void *settings)
{
    ((split_options *)settings)->s = gad_data_split_default();
}

static int run_split(void *settings)
{
    const split_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    gad_data_splits r;
    gad_status status = gad_data_open(o->store, GAD_DATA_WRITE, &data, &err);
    if (!status)
        status = gad_data_split(data, &o->s, &r, &err);
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("train %lld, val %lld, test %lld (%lld classes held out), benchmark %lld with %lld reference images\n",
           (long long)r.train, (long long)r.val, (long long)r.test, (long long)r.held_classes, (long long)r.benchmark,
           (long long)r.reference);
    return EXIT_DONE;
}

const command cmd_data_split = {
    .name = "data split",
    .synopsis = "[options]",
    .summary = "which samples train, which choose, which are kept aside",
    .details = "Objects, products and defects that several images show stay together. The held-out benchmarks (MVTec AD,\n"
               "VisA, MVTec 3D-AD, MPDD) are never put into training unless --with-benchmarks says so.",
    .options = split_table,
    .option_count = OPTIONS_COUNT(split_table),
    .settings_bytes = sizeof(split_options),
    .defaults = split_defaults,
    .run = run_split,
};
