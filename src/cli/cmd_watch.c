/* cmd_watch: gad watch: every picture that comes into a folder, through a pipe or from a camera is inspected, sorted and
 * entered in lists. A line a part goes to standard output. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/answerer.h"
#include "cli/commands.h"
#include "cli/options_sinks.h"
#include "cli/terminal.h"
#include "cli/verdict.h"
#include "gad_serve.h"

typedef struct watch_options {
    option_list folder;
    answer_options answer;
    gad_watch_settings watch;
    sink_options sink;
    const char *fail_on;
    bool json;
} watch_options;

#define AT(field) offsetof(watch_options, field)
static const option table[] = {
    {.help = "Where parts come from, when it is no folder"},
    {.name = "stdin",
     .kind = OPTION_FLAG,
     .offset = AT(watch.from_stdin),
     .help = "standard input: JPEG pictures one after another, or a path a line"},
    {.name = "source",
     .argument = "ADDRESS",
     .kind = OPTION_URL,
     .offset = AT(watch.source),
     .help = "pictures of a camera or a film, through ffmpeg or GStreamer: rtsp://..., /dev/video0, film.mp4"},
    {.name = "source-command",
     .argument = "CMD",
     .kind = OPTION_STRING,
     .offset = AT(watch.source_command),
     .help = "pictures that this command of the shell writes to its standard output, as JPEG one after another"},
    {.name = "fps",
     .argument = "N",
     .kind = OPTION_NUMBER,
     .offset = AT(watch.per_second),
     .help = "so many pictures a second of --source; 0: all"},
    {.help = "Of a folder"},
    {.name = "once", .kind = OPTION_FLAG, .offset = AT(watch.once), .help = "what is in the folder now, then stop"},
    {.name = "settle",
     .argument = "S",
     .kind = OPTION_NUMBER,
     .offset = AT(watch.settle_s),
     .fallback = "2",
     .help = "seconds after which a file is complete whose writer is not seen"},
    {.help = "Who inspects"},
    {.table = &answerer_who, .offset = AT(answer)},
    {.changes = "product",
     .help = "what gad learn wrote, or the folder of a product of gad serve; with --model, the model explains its parts"},
    {.table = &options_engine_model, .offset = AT(answer.engine)},
    {.table = &options_engine_compute, .offset = AT(answer.engine.compute)},
    {.table = &answerer_how, .offset = AT(answer)},
    {.changes = "reason", .fallback = "rejects"},
    {.help = "What becomes of it"},
    {.name = "out",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(watch.out),
     .help = "results.jsonl, results.csv and sorted files go here (default: results in the folder)"},
    {.name = "sort",
     .argument = "HOW",
     .kind = OPTION_ENUM,
     .offset = AT(watch.sort),
     .choices = CHOICES(GAD_SORT_WORDS),
     .fallback = "stay",
     .help = "leave files where they are, or move, link or copy them to ok/, ng/ or failed/; pictures that were no files "
             "are kept there unless they stay and are ok"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "JSON lines on standard output"},
    {.name = "fail-on",
     .argument = "WHAT",
     .kind = OPTION_CHOICE,
     .offset = AT(fail_on),
     .choices = CHOICES("nothing", "anomaly"),
     .fallback = "nothing",
     .help = "anomaly: exit code 3 when a part was rejected"},
    {.help = "Where results go besides (each in order; what cannot be sent waits on disk)"},
    {.table = &options_sinks, .offset = AT(sink)},
};

static void print_part(void *user, const gad_watch_result *r)
{
    const watch_options *o = user;
    if (o->json) {
        puts(r->line);
    } else {
        verdict_put(stdout, r->verdict);
        fputc(' ', stdout);
        terminal_put(stdout, r->name, false);
        if (r->score >= 0)
            printf(", score %.3f", r->score);
        if (*r->error)
            terminal_printf(stdout, ": %s", r->error);
        fputc('\n', stdout);
        if (*r->reasoning)
            terminal_printf(stdout, "  %s\n", r->reasoning);
    }
    fflush(stdout);
}

static bool is_cancelled(void *user)
{
    (void)user;
    return terminal_interrupted();
}

static int sum_up(const watch_options *o, const answerer *by, const gad_watch_report *r)
{
    verdict_sum_up(&(verdict_tally){.ok = r->normal,
                                    .rejected = r->rejected - r->unfamiliar,
                                    .unfamiliar = r->unfamiliar,
                                    .failed = r->failed,
                                    .threshold = r->threshold,
                                    .guarantee = by->guarantee});
    if (r->known)
        fprintf(stderr, "%lld had a result already\n", (long long)r->known);
    if (r->passed_over)
        fprintf(stderr, "%lld pictures were passed over, since newer ones had come\n", (long long)r->passed_over);
    return r->rejected && !strcmp(o->fail_on, "anomaly") ? EXIT_ANOMALY : r->failed ? EXIT_FAILED : EXIT_DONE;
}

static gad_watch_inspector inspector_of(const answerer *by)
{
    return (gad_watch_inspector){.product = by->product,
                                 .engine = by->engine,
                                 .good = by->refs.picture,
                                 .good_path = (const char *const *)by->refs.path.item,
                                 .good_count = (int)by->refs.path.count,
                                 .gallery = by->refs.gallery,
                                 .inspect = by->settings};
}

/* What is wrong with the options is said before anything is opened. */
static int check(const watch_options *o)
{
    const gad_watch_settings *w = &o->watch;
    const char *wrong = NULL;
    const int places = (o->folder.count > 0) + w->from_stdin + (w->source != NULL) + (w->source_command != NULL);
    if (places != 1)
        wrong = "give one of: a FOLDER, --stdin, --source, --source-command";
    else if (!o->folder.count && !w->out)
        wrong = "--out is missing: the folder that results go to";
    else if (w->per_second > 0 && !w->source)
        wrong = "--fps is of a --source";
    else if (!o->answer.product && !o->answer.engine.model && !o->answer.ref.count)
        wrong = "--product is missing (make one with gad learn), or --model and --ref";
    if (wrong)
        fprintf(stderr, "gad watch: %s\nTry: gad watch --help\n", wrong);
    return wrong ? EXIT_USAGE : EXIT_DONE;
}

static void defaults(void *settings)
{
    watch_options *o = settings;
    o->answer = answerer_default();
    o->answer.s.reason = GAD_REASON_REJECTS;
    o->watch = gad_watch_settings_default();
    o->sink.sinks = o->watch.sinks;
}

static int run(void *settings)
{
    watch_options *o = settings;
    answerer by = {0};
    gad_error err = {0};
    gad_watch_report report;
    const gad_log log = terminal_log(false);
    int code = check(o);
    if (!code)
        code = options_sinks_read(&o->sink);
    o->answer.quiet = true; /* reasoning stands under its part */
    if (!code)
        code = answerer_open(&cmd_watch, &o->answer, &by);
    if (!code) {
        const gad_watch_inspector who = inspector_of(&by);
        o->watch.folder = o->folder.count ? o->folder.item[0] : NULL;
        o->watch.on_result = print_part;
        o->watch.is_cancelled = is_cancelled;
        o->watch.user = o;
        o->watch.log = &log;
        o->watch.sinks = o->sink.sinks;
        terminal_catch_interrupt();
        code = gad_watch(&who, &o->watch, &report, &err) ? terminal_fail(&err) : sum_up(o, &by, &report);
    }
    answerer_close(&by);
    options_sinks_free(&o->sink);
    return code;
}

const command cmd_watch = {
    .name = "watch",
    .synopsis = "[options] (--product FILE | --model DIR --ref GOOD) (FOLDER | --stdin | --source ADDRESS)",
    .summary = "inspect every picture that comes into a folder, or from a camera",
    .details = "Files are taken when they are complete. A part gets a line in results.jsonl and results.csv; a restart\n"
               "neither loses nor repeats a file. A camera that is lost is tried again. Ctrl-C stops.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 0,
    .max_arguments = 1,
    .arguments_offset = AT(folder),
    .settings_bytes = sizeof(watch_options),
    .defaults = defaults,
    .run = run};
