/* cmd_bench: gad bench run: put a benchmark's questions to a model. The table of results goes to stdout, all else to
 * stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/options_endpoint.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct run_options {
    gad_bench_settings s;
    gad_engine_options engine;
    endpoint_options endpoint;
    gad_learn_settings learning;
    option_list dataset, class_name;
    const char *preset, *learn, *share;
    bool difference, report;
    double per_minute;
} run_options;

#define AT(field) offsetof(run_options, field)
static const option table[] = {
    {.help = "The run"},
    {.name = "out",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(s.out),
     .help = "folder of the run; an unfinished run that is there goes on"},
    {.name = "shard",
     .argument = "K/N",
     .kind = OPTION_STRING,
     .offset = AT(share),
     .help = "ask every N-th question from the K-th on, beside N-1 other processes with the same folder (default: as "
             "mpirun or srun say)"},
    {.help = "Questions (one source)"},
    {.name = "store",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.questions.store),
     .help = "samples that gad data import read"},
    {.name = "items",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.questions.items),
     .help = "a list of one's own (docs/formats.md, \"Benchmark runs\")"},
    {.name = "mmad",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(s.questions.mmad),
     .help = "folder of MMAD with mmad.json: the MMAD protocol"},
    {.name = "preset",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(preset),
     .fallback = "source",
     .help = "source: the original test split; mmrad: all images of the MMR-AD folders; all; or the name of a split"},
    {.name = "dataset",
     .argument = "NAME",
     .kind = OPTION_LIST,
     .offset = AT(dataset),
     .help = "only this data set; may be given many times"},
    {.name = "class",
     .argument = "NAME",
     .kind = OPTION_LIST,
     .offset = AT(class_name),
     .help = "only this class; may be given many times"},
    {.name = "limit",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.questions.limit),
     .fallback = "0",
     .help = "only so many, drawn by the seed in proportion over labels and classes; 0: all"},
    {.name = "reference",
     .argument = "RULE",
     .kind = OPTION_ENUM,
     .offset = AT(s.questions.reference),
     .choices = CHOICES(GAD_SELECTION_REFERENCE_WORDS),
     .fallback = "first",
     .help = "normal image shown first: the best stored one, the same for a class, one drawn by seed, none"},
    {.name = "references",
     .argument = "K",
     .kind = OPTION_INT,
     .offset = AT(s.questions.references),
     .fallback = "1",
     .help = "how many normal images; with --mmad: shots"},
    {.name = "similar",
     .kind = OPTION_FLAG,
     .offset = AT(s.questions.similar_templates),
     .help = "MMAD: similar instead of random templates"},
    {.name = "knowledge",
     .kind = OPTION_FLAG,
     .offset = AT(s.knowledge),
     .help = "name the anomaly types that may occur in the class"},
    {.name = "knowledge-file",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.questions.knowledge_file),
     .help = "MMAD: its domain_knowledge.json"},
    {.name = "prompt", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(s.prompt_file), .help = "own wording"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.questions.seed),
     .fallback = "1",
     .help = "of the limit, of drawn references and of drawn answers"},
    {.help = "The model (one)"},
    {.table = &options_engine_model, .offset = AT(engine)},
    {.changes = "image-size",
     .fallback = "default",
     .help = "canvas (shorter side 448; default), original (default of MMAD), or the longest side in pixels"},
    {.changes = "max-pixels", .help = "checkpoint: bound on an image's pixels; endpoint: as --min-pixels"},
    {.table = &options_engine_compute, .offset = AT(engine.compute)},
    {.changes = "threads", .help = "checkpoint: 0: all processors"},
    {.changes = "cpu", .help = "checkpoint: newest instructions to use"},
    {.name = "fast",
     .kind = OPTION_FLAG,
     .offset = AT(s.answers.fast),
     .help = "checkpoint: the forced answer, no reasoning; boxes only of models with a difference module"},
    {.name = "sample",
     .kind = OPTION_FLAG,
     .offset = AT(s.answers.sample),
     .help = "checkpoint: draw words instead of taking the most likely"},
    {.name = "baseline",
     .argument = "NAME",
     .kind = OPTION_ENUM,
     .offset = AT(s.baseline),
     .choices = CHOICES(GAD_BASELINE_WORDS),
     .fallback = "none",
     .help = "no model at all"},
    {.name = "learn",
     .argument = "K|all",
     .kind = OPTION_STRING,
     .offset = AT(learn),
     .help = "no model: K good parts, or all of the class, are learnt as gad learn does (in place of --references; "
             "--reference says which), pictures as they are"},
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(learning.side_px),
     .fallback = "0",
     .help = "with --learn or --evidence: as of gad learn"},
    {.name = "mirror",
     .kind = OPTION_FLAG,
     .offset = AT(learning.mirror),
     .help = "with --learn or --evidence: as of gad learn"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(learning.backbone),
     .help = "with --learn or --evidence: the network that sees (default: the installed one)"},
    {.name = "head",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(learning.head),
     .help = "with --learn or --evidence: as of gad learn"},
    OPTIONS_ENGINE_EVIDENCE(AT(s.hints)),
    {.table = &options_endpoint, .offset = AT(endpoint)},
    {.name = "served",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(endpoint.server.model),
     .help = "endpoint: the model as the server calls it"},
    {.name = "coordinates",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(s.endpoint.convention),
     .choices = CHOICES(GAD_BOX_CONVENTION_WORDS),
     .fallback = "canvas",
     .help = "endpoint: what the numbers of its boxes mean (Qwen2.5-VL: input; Qwen3-VL, InternVL: rel1000)"},
    {.name = "order",
     .argument = "ORDER",
     .kind = OPTION_ENUM,
     .offset = AT(s.endpoint.order),
     .choices = CHOICES(GAD_BOX_ORDER_WORDS),
     .fallback = "xy",
     .help = "endpoint: which axis comes first (Gemini: yx)"},
    {.name = "image-factor",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.endpoint.factor),
     .fallback = "28",
     .help = "endpoint, with input coordinates: its processor makes sides multiples of N; 0: it takes images as sent"},
    {.name = "min-pixels",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.endpoint.min_pixels),
     .fallback = "3136",
     .help = "endpoint, with input coordinates: the processor's bounds"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.answers.max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest answer",
     .aliases = "max-new-tokens"},
    {.name = "temperature",
     .argument = "T",
     .kind = OPTION_NUMBER,
     .offset = AT(endpoint.server.temperature),
     .fallback = "0",
     .help = "endpoint: 0: the most likely words"},
    {.name = "top-p",
     .argument = "P",
     .kind = OPTION_NUMBER,
     .offset = AT(s.endpoint.top_p),
     .fallback = "0",
     .help = "endpoint"},
    {.name = "probabilities",
     .kind = OPTION_FLAG,
     .offset = AT(s.endpoint.probabilities),
     .fallback = "true",
     .help = "endpoint: ask for token probabilities, which give the continuous score"},
    {.name = "jpeg",
     .argument = "Q",
     .kind = OPTION_INT,
     .offset = AT(s.endpoint.jpeg_quality),
     .fallback = "0",
     .help = "endpoint: send JPEG of that quality instead of PNG"},
    {.name = "system",
     .argument = "TEXT",
     .kind = OPTION_STRING,
     .offset = AT(s.endpoint.system),
     .help = "endpoint: system message"},
    {.name = "request-members",
     .argument = "JSON",
     .kind = OPTION_HIDDEN,
     .offset = AT(s.endpoint.more),
     .help = "endpoint: more members of each request"},
    {.name = "per-minute",
     .argument = "N",
     .kind = OPTION_NUMBER,
     .offset = AT(per_minute),
     .fallback = "0",
     .help = "endpoint: at most so many requests a minute; 0: no limit"},
    {.name = "attempts",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(endpoint.server.attempts),
     .minimum = 1,
     .fallback = "5",
     .help = "endpoint: tries of one request"},
    {.name = "max-failures",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.max_failures),
     .aliases = "most-failures",
     .minimum = 1,
     .fallback = "20",
     .help = "failed requests in a row that end the run"},
    {.help = "Beside the model"},
    {.name = "difference",
     .kind = OPTION_FLAG,
     .offset = AT(difference),
     .fallback = "true",
     .help = "run the pixel difference on the same images: every table shows it"},
    {.name = "difference-threshold",
     .argument = "LEVELS",
     .kind = OPTION_NUMBER,
     .offset = AT(s.difference.threshold),
     .fallback = "0",
     .help = "grey levels from which it says Yes; 0: built in"},
    {.name = "difference-colours",
     .argument = "HOW",
     .kind = OPTION_ENUM,
     .offset = AT(s.difference.colours),
     .choices = CHOICES(GAD_PIXEL_DIFFERENCE_WORDS),
     .fallback = "matched",
     .help = "matched: each channel of the reference gets the mean and deviation it has in the image; raw: as it is"},
    {.name = "report",
     .kind = OPTION_FLAG,
     .offset = AT(report),
     .fallback = "true",
     .help = "write report.html, .json, .csv and .md into the folder"},
};

/* After the questions and the model were found: an error says itself, without a page of settings before it. */
static void print_settings(void *options)
{
    options_print(&cmd_bench_run, options, stderr);
}

static void defaults(void *settings)
{
    run_options *o = settings;
    o->s = gad_bench_settings_default();
    o->engine = gad_engine_options_default();
    o->engine.image_size = "default"; /* which depends on the questions */
    o->endpoint.server = o->s.endpoint.server;
    o->learning = gad_learn_settings_default();
    o->difference = o->report = true;
}

/* --preset: a word of the enum, or the name of a split. */
static void read_preset(const char *preset, gad_bench_questions *q)
{
    static const char *const words[] = {GAD_SELECTION_PRESET_WORDS};
    q->preset = GAD_SELECTION_SOURCE;
    while (q->preset < GAD_SELECTION_SPLIT && strcmp(preset, words[q->preset]) != 0)
        q->preset++;
    q->split = preset;
}

/* --learn: the number of good parts, or all; false for anything else. */
static bool read_learning(run_options *o)
{
    char *end = NULL;
    const bool all = !strcmp(o->learn, "all");
    o->s.learning = &o->learning;
    o->s.questions.references = all ? INT64_MAX : strtoll(o->learn, &end, 10);
    return all || (!*end && o->s.questions.references > 0);
}

/* What several options, or tables that other commands share, say together. */
static void complete_settings(run_options *o, const gad_log *log)
{
    gad_bench_settings *s = &o->s;
    read_preset(o->preset, &s->questions);
    s->questions.datasets = o->dataset.item;
    s->questions.dataset_count = (size_t)o->dataset.count;
    s->questions.classes = o->class_name.item;
    s->questions.class_count = (size_t)o->class_name.count;
    s->answers.seed = s->questions.seed;
    s->endpoint.server = options_endpoint_read(&o->endpoint);
    s->endpoint.server.requests_per_s = o->per_minute / 60;
    s->endpoint.max_pixels = o->engine.max_pixels;
    s->without_difference = !o->difference;
    s->evidence = s->hints != GAD_HINTS_NONE ? &o->learning : NULL;
    s->image_size = strcmp(o->engine.image_size, "default") != 0 ? o->engine.image_size : NULL;
    if (o->engine.model || !(s->endpoint.server.url || s->baseline || o->learn)) {
        o->engine.model = options_engine_folder(o->engine.model);
        o->engine.log = log;
        s->engine = &o->engine;
    }
}

/* The tables of the Markdown report up to the single categories. */
static void print_tables(const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file) && strncmp(line, "## Categories", 13) != 0)
        if (strncmp(line, "<!--", 4) != 0)
            terminal_put(stdout, line, true);
    if (file)
        fclose(file);
}

/* The pages of a folder that is no run yet are somebody's. */
static int check_folder(const char *out)
{
    static const char *const names[] = {"run.json", "report.html", "report.json", "report.csv", "report.md"};
    for (int i = 0; i < 5; i++) {
        char path[4096];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", out, names[i]);
        if (stat(path, &info))
            continue;
        if (i == 0)
            return EXIT_DONE;
        terminal_printf(stderr, "gad bench run: %s is there already, and no run wrote it; give another --out\n", path);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int write_reports(const run_options *o, const gad_log *log, const gad_progress *progress)
{
    char path[4][4096];
    static const char *const names[] = {"report.html", "report.json", "report.csv", "report.md"};
    gad_error err;
    gad_bench_choices choices = gad_bench_choices_default();
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s/%s", o->s.out, names[i]);
    gad_bench_outputs outputs = {.html = path[0], .json = path[1], .csv = path[2], .markdown = path[3]};
    if (gad_bench_report(o->s.out, NULL, 0, &choices, &outputs, log, progress, &err))
        return terminal_fail(&err);
    print_tables(path[3]);
    fprintf(stderr, "report: %s\n", path[0]);
    return EXIT_DONE;
}

static int run(void *settings)
{
    run_options *o = settings;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    gad_bench_result result;
    gad_error err;
    if (!o->s.out) {
        fprintf(stderr, "gad bench run: --out DIR is missing\nTry: gad bench run --help\n");
        return EXIT_USAGE;
    }
    if (check_folder(o->s.out))
        return EXIT_FAILED;
    terminal_catch_interrupt();
    if (gad_share_read(o->share, &o->s.share, &err))
        return terminal_fail(&err);
    o->learning.threads = o->engine.compute.threads;
    if (o->learn && !read_learning(o)) {
        fprintf(stderr, "gad bench run: --learn %s: give how many good parts, or all\n", o->learn);
        return EXIT_USAGE;
    }
    complete_settings(o, &log);
    o->s.started = print_settings;
    o->s.started_user = o;
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = gad_bench_run(&o->s, &result, &err);
    terminal_progress_end();
    if (status)
        return terminal_fail(&err);
    if (result.failed)
        terminal_printf(stderr, "%lld request%s failed; the first: %s\nRepeat the command to ask %s again.\n",
                        (long long)result.failed, result.failed == 1 ? "" : "s", result.first_failure,
                        result.failed == 1 ? "it" : "them");
    if (result.open) {
        fprintf(stderr, "%lld of %lld questions are with other processes; the last one writes the report\n",
                (long long)result.open, (long long)result.items);
        o->report = false;
    }
    int exit_code = o->report ? write_reports(o, &log, &progress) : EXIT_DONE;
    return exit_code ? exit_code : result.failed ? EXIT_FAILED : EXIT_DONE;
}

const command cmd_bench_run = {
    .name = "bench run",
    .synopsis = "--out DIR (--store FILE | --items FILE | --mmad DIR) [--model DIR | --endpoint URL --served NAME | "
                "--baseline NAME | --learn K]",
    .summary = "ask a model the questions of a benchmark (MMR-AD or MMAD)",
    .details =
        "Every raw answer is stored as it comes; the same command goes on where a run was stopped or killed, and asks\n"
        "failed requests again. A failed request is never counted as No.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(run_options),
    .defaults = defaults,
    .run = run,
};
