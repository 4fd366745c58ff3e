/* cmd_watch: gad watch: every picture that comes into a folder is inspected, sorted and entered in lists. A line a part
 * goes to standard output. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/options_sinks.h"
#include "cli/terminal.h"
#include "gad_serve.h"

typedef struct watch_options {
    option_list folder;
    gad_watch_settings watch;
    sink_options sink;
    const char *product, *features, *sort, *fail_on;
    bool json;
    int64_t threads;
    const char *device;
} watch_options;

#define AT(field) offsetof(watch_options, field)
static const option table[] = {
    {.help = "What is watched"},
    {.name = "product", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(product), .help = "what gad learn wrote"},
    {.name = "once", .kind = OPTION_FLAG, .offset = AT(watch.once), .help = "what is in the folder now, then stop"},
    {.name = "settle",
     .argument = "S",
     .kind = OPTION_NUMBER,
     .offset = AT(watch.settle_s),
     .fallback = "2",
     .help = "seconds after which a file is complete whose writer is not seen"},
    {.help = "What becomes of it"},
    {.name = "out",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(watch.out),
     .help = "results.jsonl, results.csv and sorted files go here (default: results in the folder)"},
    {.name = "sort",
     .argument = "HOW",
     .kind = OPTION_CHOICE,
     .offset = AT(sort),
     .choices = "stay|move|link",
     .fallback = "stay",
     .help = "leave files where they are, move them to ok/, ng/ or failed/, or link to them there"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "JSON lines on standard output"},
    {.name = "fail-on",
     .argument = "WHAT",
     .kind = OPTION_CHOICE,
     .offset = AT(fail_on),
     .choices = "nothing|anomaly",
     .fallback = "nothing",
     .help = "anomaly: exit code 3 when a part was rejected"},
    {.help = "Where results go besides (each in order; what cannot be sent waits on disk)"},
    {.table = &options_sinks, .offset = AT(sink)},
    {.help = "How"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(features),
     .help = "the network that sees (default: the installed one)"},
    OPTIONS_ENGINE_DEVICE(AT(device)),
    {.name = "threads", .argument = "N", .kind = OPTION_INT, .offset = AT(threads), .help = "0: all processors"},
};

static void print_line(void *user, const char *name, const char *line)
{
    const watch_options *o = user;
    const char *verdict = strstr(line, "\"verdict\":\"");
    int length = verdict ? (int)strcspn(verdict + 11, "\"") : 0;
    if (o->json)
        puts(line);
    else
        terminal_printf(stdout, "%-10.*s %s\n", length, verdict ? verdict + 11 : "", name);
    fflush(stdout);
}

static bool is_cancelled(void *user)
{
    (void)user;
    return terminal_interrupted();
}

static int run(void *settings)
{
    watch_options *o = settings;
    gad_product *product = NULL;
    gad_error err = {0};
    gad_watch_report report;
    const gad_log log = terminal_log(false);
    if (!o->product) {
        fprintf(stderr, "gad watch: --product is missing: make one with gad learn\n");
        return EXIT_USAGE;
    }
    for (int i = 0; gad_watch_sort_name((gad_watch_sort)i); i++)
        if (!strcmp(o->sort, gad_watch_sort_name((gad_watch_sort)i)))
            o->watch.sort = (gad_watch_sort)i;
    o->watch.folder = o->folder.item[0];
    o->watch.on_result = print_line;
    o->watch.is_cancelled = is_cancelled;
    o->watch.user = o;
    o->watch.log = &log;
    terminal_catch_interrupt();
    int code = options_sinks_read(&o->sink);
    o->watch.sinks = o->sink.sinks;
    gad_status status = code ? GAD_OK : gad_product_open(o->product, o->features, (int)o->threads, &product, &err);
    if (!status && !code)
        status = gad_product_use_device(product, o->device, &err);
    if (!status && !code)
        status = gad_watch(product, &o->watch, &report, &err);
    gad_product_free(product);
    options_sinks_free(&o->sink);
    if (code)
        return code;
    if (status)
        return terminal_fail(&err);
    fprintf(stderr, "%lld ok, %lld rejected, %lld failed; %lld had a result already\n", (long long)report.normal,
            (long long)report.rejected, (long long)report.failed, (long long)report.known);
    return report.rejected && !strcmp(o->fail_on, "anomaly") ? EXIT_ANOMALY : report.failed ? EXIT_FAILED : EXIT_DONE;
}

const command cmd_watch = {
    .name = "watch",
    .synopsis = "[options] --product FILE FOLDER",
    .summary = "inspect every picture that comes into a folder",
    .details = "Files are taken when they are complete. A part gets a line in results.jsonl and results.csv; a restart "
               "neither loses nor repeats one. Ctrl-C stops.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 1,
    .max_arguments = 1,
    .arguments_offset = AT(folder),
    .settings_bytes = sizeof(watch_options),
    .run = run};
