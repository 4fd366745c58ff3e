/* cmd_bench_report: gad bench report, rescore and compare: stored answers into tables and pages, without a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct report_options {
    option_list runs;
    gad_bench_choices choices;
    const char *html, *json, *csv, *markdown, *out, *threshold;
    int coordinates, order; /* 0: as the run says */
    bool force;
} report_options;

#define AT(field) offsetof(report_options, field)

/* Choices that the papers leave open; the same for report, rescore and compare. */
static const option choices_entries[] = {
    {.help = "Choices"},
    {.name = "iou",
     .argument = "T",
     .kind = OPTION_NUMBER,
     .offset = AT(choices.scoring.iou[0]),
     .fallback = "0.1",
     .help = "IoU from which a box counts as found"},
    {.name = "iou-strict",
     .argument = "T",
     .kind = OPTION_NUMBER,
     .offset = AT(choices.scoring.iou[1]),
     .fallback = "0.5",
     .help = "the second, stricter IoU"},
    {.name = "matching",
     .argument = "RULE",
     .kind = OPTION_ENUM,
     .offset = AT(choices.scoring.matching),
     .choices = CHOICES(GAD_SCORING_MATCHING_WORDS),
     .fallback = "one",
     .help = "one to one, or any box that reaches the IoU"},
    {.name = "unparsable",
     .argument = "RULE",
     .kind = OPTION_ENUM,
     .offset = AT(choices.scoring.unparsable),
     .choices = CHOICES(GAD_SCORING_UNPARSABLE_WORDS),
     .fallback = "wrong",
     .help = "what an answer without a decision counts as"},
    {.name = "threshold",
     .argument = "P",
     .kind = OPTION_STRING,
     .offset = AT(threshold),
     .help = "decide by score >= P instead of the answer's Yes or No"},
    {.name = "coordinates",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(coordinates),
     .fallback = "run",
     .choices = CHOICES("run", GAD_BOX_CONVENTION_WORDS),
     .help = "read the boxes so; run: as the run says"},
    {.name = "order",
     .argument = "ORDER",
     .kind = OPTION_ENUM,
     .offset = AT(order),
     .fallback = "run",
     .choices = CHOICES("run", GAD_BOX_ORDER_WORDS),
     .help = "which axis comes first; run: as the run says"},
    {.name = "official-compat",
     .kind = OPTION_FLAG,
     .offset = AT(choices.scoring.official_compat),
     .help = "MMAD: count as the official evaluator does, its skip included"},
    {.name = "resamples",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(choices.scoring.resamples),
     .minimum = 1,
     .fallback = "1000",
     .help = "of the bootstrap"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(choices.scoring.seed),
     .fallback = "1",
     .help = "of the bootstrap and of the random cases"},
    {.name = "confidence",
     .argument = "P",
     .kind = OPTION_NUMBER,
     .offset = AT(choices.scoring.confidence),
     .fallback = "0.95",
     .help = "of the intervals"},
};
static const option_table choices_table = {choices_entries, OPTIONS_COUNT(choices_entries)};

/* What report and rescore write. */
static const option shown_entries[] = {
    {.name = "timing",
     .kind = OPTION_FLAG,
     .offset = AT(choices.timing),
     .fallback = "true",
     .help = "show times and dates; --no-timing: equal answers give equal bytes"},
    {.name = "pixels",
     .kind = OPTION_FLAG,
     .offset = AT(choices.pixels),
     .fallback = "true",
     .help = "compare heat maps with masks, where there are both"},
};
static const option_table shown_table = {shown_entries, OPTIONS_COUNT(shown_entries)};

static const option report_table[] = {
    {.help = "Files (default: report.html, .json, .csv, .md in the run's folder)"},
    {.name = "html", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(html), .help = "page for people"},
    {.name = "json", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(json), .help = "all numbers"},
    {.name = "csv", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(csv), .help = "all metrics as a table"},
    {.name = "markdown", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(markdown), .help = "tables as in papers"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
    {.name = "cases",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(choices.cases),
     .fallback = "12",
     .help = "pictures of each kind of error in the page"},
    {.table = &shown_table},
    {.table = &choices_table},
};

static const option rescore_table[] = {
    {.name = "out",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(out),
     .help = "folder for scored.jsonl, report.json, report.csv and report.md"},
    {.table = &shown_table},
    {.table = &choices_table},
};

static const option compare_table[] = {
    {.name = "html", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(html), .help = "page for people"},
    {.name = "json", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(json), .help = "all numbers"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
    {.table = &choices_table},
};

static void fill_defaults(void *settings)
{
    ((report_options *)settings)->choices = gad_bench_choices_default();
}

/* False with a message when the threshold is no number. */
static bool read_choices(const report_options *o, gad_bench_choices *c)
{
    *c = o->choices;
    c->own_convention = o->coordinates > 0;
    c->own_order = o->order > 0;
    c->scoring.convention = (gad_box_convention)(o->coordinates - c->own_convention);
    c->scoring.order = (gad_box_order)(o->order - c->own_order);
    if (!o->threshold)
        return true;
    char *end;
    c->scoring.threshold = strtod(o->threshold, &end);
    if (end != o->threshold && !*end && isfinite(c->scoring.threshold))
        return true;
    fprintf(stderr, "gad: --threshold wants a number, not \"%s\"\n", o->threshold);
    return false;
}

/* Before the work: is each place free, or gad's? */
static int check_outputs(const char *command_name, const gad_bench_outputs *out, const char *json_mark, bool force)
{
    const struct {
        const char *path, *mark;
    } kinds[] = {
        {out->html, "content=\"gad\""}, {out->json, json_mark}, {out->csv, "model,"}, {out->markdown, "made by gad"}};
    int code = EXIT_DONE;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code; i++)
        code = outputs_check_file(command_name, kinds[i].path, kinds[i].mark, force);
    return code;
}

static int write_report(const report_options *o, const gad_bench_choices *choices, const gad_bench_outputs *files)
{
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    gad_error err;
    terminal_catch_interrupt();
    gad_status status = gad_bench_report(o->runs.item[0], o->runs.item + 1, (size_t)o->runs.count - 1, choices, files, &log,
                                         &progress, &err);
    terminal_progress_end();
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static int report(void *settings)
{
    const report_options *o = settings;
    char path[4][4096];
    static const char *const names[] = {"report.html", "report.json", "report.csv", "report.md"};
    gad_bench_choices choices;
    int exit_code = EXIT_DONE;
    gad_bench_outputs files = {.html = o->html, .json = o->json, .csv = o->csv, .markdown = o->markdown};
    if (!read_choices(o, &choices))
        return EXIT_USAGE;
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", o->runs.item[0], names[i]);
    if (!o->html && !o->json && !o->csv && !o->markdown)
        files = (gad_bench_outputs){.html = path[0], .json = path[1], .csv = path[2], .markdown = path[3]};
    else
        exit_code = check_outputs("bench report", &files, "\"official_compat\"", o->force);
    if (!exit_code)
        exit_code = write_report(o, &choices, &files);
    const char *written[] = {files.html, files.json, files.csv, files.markdown};
    for (int i = 0; i < 4 && !exit_code; i++)
        if (written[i])
            puts(written[i]);
    return exit_code;
}

static int rescore(void *settings)
{
    const report_options *o = settings;
    char path[4][4096];
    static const char *const names[] = {"scored.jsonl", "report.json", "report.csv", "report.md"};
    gad_bench_choices choices;
    if (!o->out) {
        fprintf(stderr, "gad bench rescore: --out DIR is missing\nTry: gad bench rescore --help\n");
        return EXIT_USAGE;
    }
    if (!read_choices(o, &choices))
        return EXIT_USAGE;
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", o->out, names[i]);
    gad_bench_outputs files = {.scored = path[0], .json = path[1], .csv = path[2], .markdown = path[3]};
    int exit_code = write_report(o, &choices, &files);
    for (int i = 0; i < 4 && !exit_code; i++)
        puts(path[i]);
    return exit_code;
}

static int compare(void *settings)
{
    const report_options *o = settings;
    gad_bench_choices choices;
    gad_bench_outputs files = {.html = o->html, .json = o->json};
    gad_error err;
    char *text;
    if (!read_choices(o, &choices))
        return EXIT_USAGE;
    int code = check_outputs("bench compare", &files, "\"common\"", o->force);
    if (code)
        return code;
    if (gad_bench_compare(o->runs.item[0], o->runs.item[1], &choices, &files, &text, &err))
        return terminal_fail(&err);
    terminal_put(stdout, text, true);
    gad_text_free(text);
    return EXIT_DONE;
}

const command cmd_bench_report = {
    .name = "bench report",
    .synopsis = "[options] RUN [OTHER...]",
    .summary = "tables and a page from stored answers",
    .details = "OTHER are further runs, shown beside the first.",
    .options = report_table,
    .option_count = OPTIONS_COUNT(report_table),
    .min_arguments = 1,
    .max_arguments = 7,
    .arguments_offset = AT(runs),
    .settings_bytes = sizeof(report_options),
    .defaults = fill_defaults,
    .run = report,
};

const command cmd_bench_rescore = {
    .name = "bench rescore",
    .synopsis = "--out DIR [options] RUN",
    .summary = "score stored answers again, with other choices",
    .details = "The same run and choices give the same bytes (with --no-timing also for runs whose answers are equal).",
    .options = rescore_table,
    .option_count = OPTIONS_COUNT(rescore_table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = AT(runs),
    .settings_bytes = sizeof(report_options),
    .defaults = fill_defaults,
    .run = rescore,
};

const command cmd_bench_compare = {
    .name = "bench compare",
    .synopsis = "[options] RUN_A RUN_B",
    .summary = "paired differences of two runs, and where they disagree",
    .options = compare_table,
    .option_count = OPTIONS_COUNT(compare_table),
    .min_arguments = 2,
    .max_arguments = 2,
    .arguments_offset = AT(runs),
    .settings_bytes = sizeof(report_options),
    .defaults = fill_defaults,
    .run = compare,
};
