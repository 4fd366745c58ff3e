/* cmd_data_make: gad data pair, reason, synth: references, reasoning text and synthetic defects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_data.h"
#include "cli/options_endpoint.h"
#include "cli/terminal.h"
#include "gad_data.h"

/* ---- pair ---- */

typedef struct pair_options {
    const char *store, *shard;
    gad_data_pair_settings s;
} pair_options;

#define AT(field) offsetof(pair_options, field)
static const option pair_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.table = &options_data_share, .offset = AT(shard)},
    {.name = "dataset", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(s.dataset), .help = "only this dataset"},
    {.name = "class", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(s.class_name), .help = "only this class"},
    {.name = "method",
     .argument = "HOW",
     .kind = OPTION_ENUM,
     .offset = AT(s.method),
     .choices = CHOICES(GAD_PAIR_METHOD_WORDS),
     .fallback = "align",
     .help = "the best aligned normals, the same ones for all, drawn ones, or none"},
    {.name = "k",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(s.k),
     .minimum = 1,
     .fallback = "4",
     .help = "references per sample, best first"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.seed),
     .fallback = "1",
     .help = "of fixed and random"},
    {.name = "keep", .kind = OPTION_FLAG, .offset = AT(s.keep), .help = "leave samples that have references alone"},
    {.help = "The alignment"},
    {.name = "blocks",
     .argument = "S",
     .kind = OPTION_SHORT,
     .offset = AT(s.rule.blocks),
     .fallback = "8",
     .help = "blocks per side: 4, 8 or 16; 0: all three, the mean of them"},
    {.name = "tau",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(s.rule.tau_frac),
     .fallback = "0.15",
     .help = "share of the blocks left out, as they may hold the anomaly"},
    {.name = "distance",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(s.rule.distance),
     .choices = CHOICES(GAD_ALIGN_DISTANCE_WORDS),
     .fallback = "kl",
     .help = "divergence of block histograms"},
    {.name = "gain",
     .kind = OPTION_FLAG,
     .offset = AT(s.rule.gain),
     .fallback = "true",
     .help = "compare as if both images had one exposure and white balance; --no-gain: as they are"},
};
#undef AT

static void pair_defaults(void *settings)
{
    ((pair_options *)settings)->s = gad_data_pair_default();
}

static int run_pair(void *settings)
{
    pair_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    gad_data_paired r;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    terminal_catch_interrupt();
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = options_data_open(o->store, o->shard, GAD_DATA_WRITE, &o->s.share, &data, &err);
    if (!status)
        status = gad_data_pair(data, &o->s, &r, &err);
    terminal_progress_end();
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("%lld samples: %lld paired, %lld kept, %lld without a normal image; %lld features measured (%.1f s), %lld from "
           "the cache, %lld unreadable; search %.1f s\n",
           (long long)r.samples, (long long)r.paired, (long long)r.kept, (long long)r.without, (long long)r.measured,
           r.measure_s, (long long)r.cached, (long long)r.unreadable, r.search_s);
    options_data_tell(o->store, &o->s.share);
    return EXIT_DONE;
}

const command cmd_data_pair = {
    .name = "data pair",
    .synopsis = "[options]",
    .summary = "give every sample its normal reference images",
    .options = pair_table,
    .option_count = OPTIONS_COUNT(pair_table),
    .settings_bytes = sizeof(pair_options),
    .defaults = pair_defaults,
    .run = run_pair,
};

/* ---- reason ---- */

typedef struct reason_options {
    const char *store, *shard, *teacher;
    gad_data_reason_settings s;
    endpoint_options endpoint;
    bool verbose;
} reason_options;

#define AT(field) offsetof(reason_options, field)
static const option reason_table[] = {
    {.table = &options_data_store, .offset = AT(store)},
    {.table = &options_data_share, .offset = AT(shard)},
    {.table = &options_data_filter, .offset = AT(s.filter)},
    {.name = "limit",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.filter.limit),
     .fallback = "0",
     .help = "at most so many samples; 0: all"},
    {.name = "overwrite",
     .kind = OPTION_FLAG,
     .offset = AT(s.overwrite),
     .help = "also samples that have text; the grammar never replaces the text of a model or a person"},
    {.help = "The teacher"},
    {.name = "teacher",
     .argument = "WHO",
     .kind = OPTION_CHOICE,
     .offset = AT(teacher),
     .choices = CHOICES("server", "template"),
     .fallback = "server",
     .help = "template: a grammar, without any model"},
    {.table = &options_endpoint, .offset = AT(endpoint)},
    {.name = "model",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(endpoint.server.model),
     .help = "as the server calls it"},
    {.name = "rate",
     .argument = "N",
     .kind = OPTION_NUMBER,
     .offset = AT(endpoint.server.requests_per_s),
     .fallback = "0",
     .help = "requests per second; 0: no limit"},
    {.name = "tries",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(s.tries),
     .minimum = 1,
     .fallback = "3",
     .help = "answers per sample before the grammar takes over"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(s.max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest answer"},
    {.name = "temperature",
     .argument = "T",
     .kind = OPTION_NUMBER,
     .offset = AT(endpoint.server.temperature),
     .fallback = "0.7",
     .help = "of the teacher"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.filter.seed),
     .fallback = "1",
     .help = "of the teacher or the grammar"},
    {.name = "brief", .kind = OPTION_FLAG, .offset = AT(s.brief), .help = "grammar: two or three short sentences"},
    {.name = "iou",
     .argument = "X",
     .kind = OPTION_NUMBER,
     .offset = AT(s.rule.iou),
     .fallback = "0.9",
     .help = "keep an answer only if each box reaches this IoU with its true box"},
    {.name = "prompt-price",
     .argument = "P",
     .kind = OPTION_NUMBER,
     .offset = AT(s.prompt_price),
     .fallback = "0",
     .help = "per million tokens"},
    {.name = "completion-price",
     .argument = "P",
     .kind = OPTION_NUMBER,
     .offset = AT(s.completion_price),
     .fallback = "0",
     .help = "per million tokens"},
    {.name = "verbose", .kind = OPTION_FLAG, .offset = AT(verbose), .help = "say why answers were refused"},
};
#undef AT

static void reason_defaults(void *settings)
{
    reason_options *o = settings;
    o->s = gad_data_reason_default();
    o->endpoint.server = o->s.server;
}

static int run_reason(void *settings)
{
    reason_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    gad_data_reasoned r = {0};
    gad_log log = terminal_log(o->verbose);
    gad_progress progress = terminal_progress();
    bool server = strcmp(o->teacher, "server") == 0;
    if (server && (!o->endpoint.server.url || !o->endpoint.server.model)) {
        fputs("gad data reason: give --endpoint URL and --model NAME, or --teacher template\n", stderr);
        return EXIT_USAGE;
    }
    terminal_catch_interrupt();
    if (server)
        o->s.server = options_endpoint_read(&o->endpoint);
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = options_data_open(o->store, o->shard, GAD_DATA_WRITE, &o->s.share, &data, &err);
    if (!status)
        status = gad_data_reason(data, &o->s, &r, &err);
    terminal_progress_end();
    gad_data_free(data);
    printf("%lld samples in %.1f s: %lld answers accepted, %lld refused; %lld texts by the grammar instead, %lld kept, "
           "%lld without; "
           "%lld + %lld tokens, cost %.2f\n",
           (long long)r.samples, r.seconds, (long long)r.accepted, (long long)r.rejected, (long long)r.fallback,
           (long long)r.kept, (long long)r.failed, (long long)r.prompt_tokens, (long long)r.completion_tokens, r.cost);
    if (status)
        return terminal_fail(&err);
    options_data_tell(o->store, &o->s.share);
    return EXIT_DONE;
}

const command cmd_data_reason = {
    .name = "data reason",
    .synopsis = "[options] --endpoint URL --model NAME | --teacher template",
    .summary = "reasoning text for every sample",
    .details =
        "Every answer is checked against the truth and stored as it comes; after a crash or Ctrl-C the same command\n"
        "goes on with what is left. Refused answers are kept with the reason.",
    .options = reason_table,
    .option_count = OPTIONS_COUNT(reason_table),
    .settings_bytes = sizeof(reason_options),
    .defaults = reason_defaults,
    .run = run_reason,
};

/* ---- synth ---- */

typedef struct synth_options {
    gad_data_synth_settings s;
    const char *store, *shard;
    bool list;
} synth_options;

#define AT(field) offsetof(synth_options, s.field)
static const option synth_table[] = {
    {.table = &options_data_store, .offset = offsetof(synth_options, store)},
    {.table = &options_data_share, .offset = offsetof(synth_options, shard)},
    {.name = "out",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(out),
     .fallback = "synth",
     .help = "folder for images, masks and samples.jsonl"},
    {.name = "name",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(name),
     .fallback = "synth",
     .help = "name of the dataset in the store"},
    {.name = "count",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(count),
     .minimum = 1,
     .fallback = "1000",
     .help = "pairs"},
    {.name = "seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(seed),
     .fallback = "1",
     .help = "equal settings and seed give equal pairs"},
    {.help = "What is shown"},
    {.name = "from",
     .argument = "DATASET",
     .kind = OPTION_STRING,
     .offset = AT(from),
     .help = "put defects on the train normals of an imported dataset"},
    {.name = "scene",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(scenes),
     .fallback = "all",
     .help = "procedural products: --list-names shows them; \"all,-board\" works"},
    {.name = "kinds",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(kinds),
     .fallback = "all",
     .help = "defects: --list-names shows them; \"all,-crack\" works"},
    {.name = "list-names",
     .kind = OPTION_FLAG,
     .offset = offsetof(synth_options, list),
     .help = "print the names of scenes and defects and stop"},
    {.name = "classes",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(synth.class_count),
     .minimum = 1,
     .fallback = "4096",
     .help = "classes of each scene family"},
    {.name = "first-class",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(synth.first_class),
     .fallback = "0",
     .help = "number of the first one"},
    {.name = "class-seed",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(synth.class_seed),
     .fallback = "0",
     .help = "another world of classes"},
    {.name = "width",
     .argument = "PX",
     .kind = OPTION_SHORT,
     .offset = AT(synth.width),
     .minimum = 32,
     .fallback = "224",
     .help = "of the images"},
    {.name = "height",
     .argument = "PX",
     .kind = OPTION_SHORT,
     .offset = AT(synth.height),
     .minimum = 32,
     .fallback = "224",
     .help = "of the images"},
    {.name = "references",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(synth.references),
     .minimum = 1,
     .fallback = "1",
     .help = "normal images per pair, 1 to 4"},
    {.name = "jpeg",
     .argument = "Q",
     .kind = OPTION_SHORT,
     .offset = AT(jpeg_quality),
     .fallback = "95",
     .help = "quality; 0: PNG"},
    {.help = "How difficult"},
    {.name = "normal",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(synth.normal_share),
     .fallback = "0.5",
     .help = "share of pairs without a defect"},
    {.name = "strength",
     .argument = "X",
     .kind = OPTION_NUMBER,
     .offset = AT(synth.strength_high),
     .fallback = "1",
     .help = "of the strongest defects, 0 to 1"},
    {.name = "strength-low",
     .argument = "X",
     .kind = OPTION_NUMBER,
     .offset = AT(synth.strength_low),
     .fallback = "0.15",
     .help = "of the faintest defects"},
    {.name = "nuisance",
     .argument = "X",
     .kind = OPTION_NUMBER,
     .offset = AT(synth.nuisance),
     .fallback = "1",
     .help = "light, colour, focus, noise: 0 none, 1 ordinary, 2 rough"},
    {.name = "same-piece",
     .argument = "SHARE",
     .kind = OPTION_NUMBER,
     .offset = AT(synth.same_piece),
     .fallback = "0.2",
     .help = "share of pairs that show one and the same piece twice"},
    {.name = "force",
     .kind = OPTION_FLAG,
     .offset = AT(force),
     .help = "also over a set of other settings, or files of somebody else"},
    {.name = "brief", .kind = OPTION_FLAG, .offset = AT(synth.brief), .help = "two or three short sentences of reasoning"},
};
#undef AT

static int list_names(void)
{
    gad_error err;
    char *scenes = NULL, *kinds = NULL;
    gad_status status = gad_data_synth_names(&scenes, &kinds, &err);
    if (status)
        return terminal_fail(&err);
    printf("scenes: %s\nkinds: %s\n", scenes, kinds);
    gad_text_free(scenes);
    gad_text_free(kinds);
    return EXIT_DONE;
}

static void synth_defaults(void *settings)
{
    ((synth_options *)settings)->s = gad_data_synth_default();
}

static int run_synth(void *settings)
{
    synth_options *o = settings;
    gad_error err;
    gad_data *data = NULL;
    gad_data_synthesised r;
    gad_log log = terminal_log(false);
    gad_progress progress = terminal_progress();
    if (o->list)
        return list_names();
    terminal_catch_interrupt();
    o->s.log = &log;
    o->s.progress = &progress;
    gad_status status = options_data_open(o->store, o->shard, GAD_DATA_CREATE, &o->s.share, &data, &err);
    if (!status)
        status = gad_data_synth(data, &o->s, &r, &err);
    terminal_progress_end();
    gad_data_free(data);
    if (status)
        return terminal_fail(&err);
    printf("%s: %lld pairs, %lld with a defect, %lld boxes, %.0f pairs/s with files\n", o->s.name, (long long)r.pairs,
           (long long)r.anomalous, (long long)r.boxes, (double)r.pairs / r.seconds);
    options_data_tell(o->store, &o->s.share);
    return EXIT_DONE;
}

const command cmd_data_synth = {
    .name = "data synth",
    .synopsis = "[options]",
    .summary = "training pairs with synthetic defects, exact masks, boxes and text",
    .options = synth_table,
    .option_count = OPTIONS_COUNT(synth_table),
    .settings_bytes = sizeof(synth_options),
    .defaults = synth_defaults,
    .run = run_synth,
};
