/* cmd_data_out: gad data export and gad data sheet: the store in the formats of other programs, and for the eye. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_data.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "gad_data.h"

typedef struct export_options {
    option_list arguments;
    const char *store;
    gad_data_export_settings s;
} export_options;

#define AT(field) offsetof(export_options, field)
static const option export_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.table = &options_data_filter, .offset = AT(s.filter)},
    {.table = &options_data_label, .offset = AT(s.filter)},
    {.name = "limit",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.filter.limit),
     .fallback = "0",
     .help = "at most so many; 0: all"},
    {.name = "shuffle", .kind = OPTION_FLAG, .offset = AT(s.filter.shuffle), .help = "in an order drawn with the seed"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.seed),
     .fallback = "1",
     .help = "of the order and of the domain sentences"},
    {.help = "Folders and annotations"},
    {.name = "copy",
     .kind = OPTION_FLAG,
     .offset = AT(s.copy),
     .help = "mmr-ad: copy the images instead of linking to them"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(s.force), .help = "also over files that gad did not write"},
    {.name = "masks",
     .kind = OPTION_FLAG,
     .offset = AT(s.masks),
     .help = "coco: segmentations are the masks (run lengths) instead of the boxes' outlines"},
    {.help = "Conversations (trl, ms-swift, llama-factory, llava)"},
    {.name = "coords",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(s.convention),
     .choices = CHOICES(GAD_BOX_CONVENTION_WORDS),
     .fallback = "canvas",
     .help = "what the numbers of boxes mean: input for Qwen2.5-VL, rel1000 for Qwen3-VL",
     .aliases = "coordinates"},
    {.name = "min-pixels",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.min_pixels),
     .minimum = 1,
     .fallback = "3136",
     .help = "input: the trainer's own setting"},
    {.name = "max-pixels",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.max_pixels),
     .minimum = 1,
     .fallback = "12845056",
     .help = "input: the trainer's own setting"},
    {.name = "factor",
     .argument = "PX",
     .kind = OPTION_SHORT,
     .offset = AT(s.factor),
     .minimum = 2,
     .fallback = "28",
     .help = "input: 28 for Qwen2.5-VL, 32 for Qwen3-VL"},
    {.name = "single", .kind = OPTION_FLAG, .offset = AT(s.single), .help = "without the reference image"},
    {.name = "prompts",
     .kind = OPTION_FLAG,
     .offset = AT(s.without_answer),
     .help = "without answers, the truth in the column solution (for GRPO)"},
    {.name = "domain",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(s.domain_share),
     .fallback = "0.3",
     .help = "share of prompts that name the class's anomaly types"},
};
#undef AT

static void export_defaults(void *settings)
{
    ((export_options *)settings)->s = gad_data_export_default();
}

static int run_export(void *settings)
{
    export_options *o = settings;
    gad_data_export_settings *s = &o->s;
    gad_error err;
    gad_data *data = NULL;
    gad_data_exported r;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    if (!gad_export_parse(o->arguments.item[0], &s->format)) {
        fprintf(stderr, "gad data export: unknown format \"%s\"; there are ", o->arguments.item[0]);
        for (int i = 0; i <= GAD_EXPORT_LLAVA; i++)
            fprintf(stderr, "%s%s", i ? ", " : "", gad_export_name((gad_export_format)i));
        fputc('\n', stderr);
        return EXIT_USAGE;
    }
    terminal_catch_interrupt();
    s->path = o->arguments.item[1];
    s->filter.seed = s->seed;
    s->log = &log;
    s->progress = &progress;
    gad_status status = gad_data_open(o->store, GAD_DATA_READ, &data, &err);
    if (!status)
        status = gad_data_export(data, s, &r, &err);
    terminal_progress_end();
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("%s: %lld samples, %lld boxes", s->path, (long long)r.samples, (long long)r.boxes);
    if (r.left_out)
        printf("; %lld left out (no text, or no boxes)", (long long)r.left_out);
    printf("\n");
    return EXIT_DONE;
}

const command cmd_data_export = {
    .name = "data export",
    .synopsis = "[options] FORMAT PATH",
    .summary = "the store in the formats of other programs",
    .details =
        "FORMAT is jsonl (the whole truth, one line per sample), mmr-ad (folders of the release), coco, label-studio,\n"
        "trl, ms-swift, llama-factory or llava. What gad exported as jsonl, mmr-ad, coco or label-studio it imports\n"
        "again without loss.",
    .options = export_table,
    .option_count = OPTIONS_COUNT(export_table),
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments_offset = offsetof(export_options, arguments),
    .settings_bytes = sizeof(export_options),
    .defaults = export_defaults,
    .run = run_export,
};

/* ---- sheet ---- */

typedef struct sheet_options {
    option_list arguments;
    const char *store;
    gad_data_filter filter;
    int64_t columns, tile;
    bool force;
} sheet_options;

#define AT(field) offsetof(sheet_options, field)
static const option sheet_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.table = &options_data_filter, .offset = AT(filter)},
    {.table = &options_data_label, .offset = AT(filter)},
    {.name = "count",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(filter.limit),
     .minimum = 1,
     .fallback = "40",
     .help = "samples"},
    {.name = "columns",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(columns),
     .minimum = 1,
     .fallback = "5",
     .help = "side by side"},
    {.name = "tile",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(tile),
     .minimum = 16,
     .fallback = "160",
     .help = "shorter side of an image"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(filter.seed),
     .fallback = "1",
     .help = "another seed, other samples"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over a file that gad did not write"},
};
#undef AT

static int run_sheet(void *settings)
{
    sheet_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    int64_t shown = 0;
    gad_log log = terminal_log(false);
    int code = outputs_check_file("data sheet", o->arguments.item[0], "made by gad", o->force);
    if (code)
        return code;
    o->filter.shuffle = true;
    gad_status status = gad_data_open(o->store, GAD_DATA_READ, &data, &err);
    if (!status)
        status = gad_data_sheet(data, &o->filter, o->columns, o->tile, o->arguments.item[0], &log, &shown, &err);
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("%s: %lld samples\n", o->arguments.item[0], (long long)shown);
    return EXIT_DONE;
}

const command cmd_data_sheet = {
    .name = "data sheet",
    .synopsis = "[options] FILE.png",
    .summary = "a contact sheet: reference, sample with boxes, type, text",
    .options = sheet_table,
    .option_count = OPTIONS_COUNT(sheet_table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = offsetof(sheet_options, arguments),
    .settings_bytes = sizeof(sheet_options),
    .run = run_sheet,
};
