/* cmd_inspect: gad inspect: parts against good parts: verdict, score, boxes and reasoning. Results on stdout, reasoning and
 * everything else on stderr. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/outputs.h"
#include "cli/parts.h"
#include "cli/prose.h"
#include "cli/terminal.h"
#include "cli/truth.h"
#include "gad_product.h"

typedef struct inspect_options {
    option_list part, ref;
    engine_options engine;
    const char *class_name, *knowledge, *reason, *prompt, *overlay, *heatmap, *html, *fail_on, *log, *threshold, *product,
        *features;
    bool force, json, greedy, quiet, raw, recursive, truth;
    int64_t max_tokens, seed;
} inspect_options;

#define AT(field) offsetof(inspect_options, field)
static const option table[] = {
    {.help = "What to inspect"},
    {.name = "recursive",
     .kind = OPTION_FLAG,
     .offset = AT(recursive),
     .help = "also the images in the folders of a folder, but for hidden ones and links"},
    {.name = "ref",
     .argument = "FILE",
     .kind = OPTION_LIST,
     .offset = AT(ref),
     .help = "a good part; may be given many times (all are shown to the model); a folder: the good part in it that lies "
             "most like the inspected one is chosen"},
    {.name = "product",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(product),
     .help = "what gad learn wrote, in place of --ref and of the model: verdict, score and regions; nothing is reasoned"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(features),
     .help = "with --product: the network that it was learnt with (default: the installed one)"},
    {.name = "class",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(class_name),
     .help = "what the part is",
     .fallback = "product",
     .aliases = "class-name"},
    {.name = "knowledge",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(knowledge),
     .help = "defects that may occur, such as \"broken, scratch\""},
    {.help = "The model"},
    {.table = &options_engine_model, .offset = AT(engine)},
    {.table = &options_engine_compute, .offset = AT(engine.compute)},
    {.help = "The answer"},
    {.name = "reason",
     .argument = "WHEN",
     .kind = OPTION_CHOICE,
     .offset = AT(reason),
     .choices = "always|rejects|never",
     .fallback = "always",
     .help = "explain every part, only those that the fast answer rejects, or none"},
    {.name = "threshold",
     .argument = "P|FILE",
     .kind = OPTION_STRING,
     .offset = AT(threshold),
     .help = "score from which a part is an anomaly, or a file that gad calibrate wrote: of the reasoned answer with "
             "--reason always, else of the fast one (default: the checkpoint's own threshold.json, else 0.5 of fast "
             "answers and the word of reasoned ones)"},
    {.name = "prompt",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(prompt),
     .help = "own wording, with {class}, {domain} and {coordinates} where these go"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest answer",
     .aliases = "max-new-tokens"},
    {.name = "greedy",
     .kind = OPTION_FLAG,
     .offset = AT(greedy),
     .help = "always the most likely word, whatever the checkpoint's generation settings say"},
    {.name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(seed), .fallback = "0", .help = "of the draw"},
    {.help = "Output"},
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "a JSON line for each part (docs/formats.md)"},
    {.name = "overlay",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(overlay),
     .help = "write each part with its boxes drawn to DIR"},
    {.name = "heatmap",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(heatmap),
     .help = "write each part under the map of what differs from the good part to DIR"},
    {.name = "html",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(html),
     .help = "write a page with all inspected parts: good part, boxes, heat map, reasoning"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
    {.name = "fail-on",
     .argument = "WHAT",
     .kind = OPTION_CHOICE,
     .offset = AT(fail_on),
     .choices = "nothing|anomaly",
     .fallback = "nothing",
     .help = "anomaly: exit code 3 when a part was rejected, anomalous or unfamiliar"},
    {.name = "truth",
     .kind = OPTION_FLAG,
     .offset = AT(truth),
     .help = "the folder of a part says what it is, good or the name of a defect (test/good, test/scratch): say what was "
             "found and what was not"},
    {.name = "log",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(log),
     .help = "append a replayable record of every inspection: hashes, settings, raw text"},
    {.name = "raw",
     .kind = OPTION_FLAG,
     .offset = AT(raw),
     .help = "show the answer on the terminal as the model writes it, not its reasoning as prose"},
    {.name = "quiet", .kind = OPTION_FLAG, .offset = AT(quiet), .help = "no reasoning and no progress on the terminal"},
};

static void stream_raw(void *user, const char *piece)
{
    (void)user;
    terminal_progress_end();
    terminal_put(stderr, piece, true);
    fflush(stderr);
}

static void stream_prose(void *user, const char *piece)
{
    terminal_progress_end();
    prose_put(user, stderr, piece);
    fflush(stderr);
}

static bool is_cancelled(void *user)
{
    (void)user;
    return terminal_interrupted();
}

/* Where the threshold comes from, once for all parts. */
static void print_threshold(const gad_inspection *r)
{
    if (r->threshold >= 0)
        fprintf(stderr, "threshold %.3f (%s)\n", r->threshold, r->threshold_source);
}

static void print_result(const gad_inspection *r, const char *part, const char *truth, const char *wrong)
{
    static const char *const words[] = {"UNREADABLE", "normal", "ANOMALOUS", "UNFAMILIAR"};
    static const terminal_colour colours[] = {TERMINAL_YELLOW, TERMINAL_GREEN, TERMINAL_RED, TERMINAL_MAGENTA};
    terminal_put(stdout, part, false);
    fputs(": ", stdout);
    terminal_put_coloured(stdout, words[r->verdict], colours[r->verdict]);
    if (r->score >= 0)
        printf(", score %.3f", r->score);
    if (truth)
        terminal_printf(stdout, ", truth: %s%s%s", truth, *wrong ? ": " : "", wrong);
    printf("\n");
    if (r->verdict == GAD_VERDICT_UNFAMILIAR)
        printf("  does not look like the good part: distance %.2f, limit %.2f\n", r->distance, r->distance_limit);
    if (r->disagreement)
        printf("  (the reasoned answer disagrees)\n");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        fputs("  ", stdout);
        terminal_put(stdout, d->label[0] ? d->label : "anomaly", false);
        printf(" at %.0f,%.0f - %.0f,%.0f%s\n", d->x1, d->y1, d->x2, d->y2, d->valid ? "" : " (no area)");
    }
    for (const char *line = r->found ? r->found : ""; *line; line += strcspn(line, "\n"), line += *line == '\n')
        terminal_printf(stdout, "  %.*s\n", (int)strcspn(line, "\n"), line);
    if (r->truncated)
        printf("  (the answer was cut off; raise --max-tokens)\n");
}

/* A run over all parts. */
typedef struct inspect_run {
    const inspect_options *o;
    gad_engine *engine;   /* NULL: there is a product */
    gad_product *product; /* NULL: there is an engine */
    references *refs;
    outputs out;
    gad_inspect_settings settings;
    prose shown;                           /* of the answer that is being written */
    gad_inspection_page *page;             /* NULL: none is wanted */
    int count[GAD_VERDICT_UNFAMILIAR + 1]; /* of parts, by verdict */
    int failed;
    bool threshold_said;
    double threshold; /* of the last part; -1 or NaN: none */
    double seconds;   /* of all parts */
    truth_tally tally;
} inspect_run;

/* Neither may go on to where good parts go. */
static bool rejected(const inspect_run *run)
{
    return run->count[GAD_VERDICT_ANOMALOUS] || run->count[GAD_VERDICT_UNFAMILIAR];
}

typedef gad_status (*save_picture)(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err);

/* Where the drawings of a part go: see outputs.h. */
static int save_to(const inspect_run *run, const char *folder, const char *part, const char *kind, save_picture save,
                   const gad_inspection *r, const gad_picture *picture)
{
    gad_error err;
    char path[4096];
    outputs_path(&run->out, folder, part, kind, path, sizeof path);
    int code = outputs_check_file("inspect", path, "made by gad", run->o->force);
    return code ? code : save(r, picture, path, &err) ? terminal_fail(&err) : EXIT_DONE;
}

/* One line that holds all that is needed to ask again: docs/formats.md "Inspection log". `part` NULL: it was not read. */
static int append_log(const inspect_run *run, const char *json, const gad_picture *part, gad_picture *const *good,
                      int good_count)
{
    const inspect_options *o = run->o;
    FILE *file = fopen(o->log, "a");
    char stamp[32], threshold[32] = "null";
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (run->settings.threshold >= 0)
        snprintf(threshold, sizeof threshold, "%.17g", run->settings.threshold);
    bool failed = !file;
    if (file) {
        fprintf(
            file,
            "{\"time\": \"%s\", \"gad\": \"%s\", \"model_hash\": \"%s\", \"part_hash\": \"%s\", \"reference_hashes\": [",
            stamp, GAD_VERSION, run->engine ? gad_engine_hash(run->engine) : "", part ? gad_picture_hash(part) : "");
        for (int i = 0; i < good_count; i++)
            fprintf(file, "%s\"%s\"", i ? ", " : "", gad_picture_hash(good[i]));
        fprintf(file,
                "], \"quant\": \"%s\", \"precision\": \"%s\", \"reason\": \"%s\", \"max_tokens\": %lld, \"greedy\": %s, "
                "\"seed\": %lld, "
                "\"max_pixels\": %lld, \"threshold\": %s, \"result\": %s}\n",
                o->engine.compute.quant, o->engine.compute.precision, o->reason, (long long)o->max_tokens,
                o->greedy ? "true" : "false", (long long)o->seed, (long long)o->engine.max_pixels, threshold, json);
        failed = fflush(file) || fsync(fileno(file));
        failed |= fclose(file) != 0;
    }
    if (failed)
        fprintf(stderr, "gad inspect: %s: %s\n", o->log, strerror(errno));
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static void count_truth(inspect_run *run, const char *path, gad_verdict verdict, double seconds)
{
    char truth[TRUTH_LENGTH];
    if (!run->o->truth)
        return;
    truth_of(path, truth);
    truth_count(&run->tally, truth, verdict, seconds);
}

static void print_failure(const char *path, const gad_error *why)
{
    terminal_put(stdout, path, false);
    fputs(": ", stdout);
    terminal_put_coloured(stdout, "FAILED", TERMINAL_YELLOW);
    terminal_printf(stdout, ": %s\n", why->cause);
}

/* A part without a verdict is there all the same: in the lines, on the page, in the log. */
static int report_failure(inspect_run *run, const char *path, const gad_picture *part, const gad_error *why)
{
    gad_error err;
    char *json = NULL;
    terminal_fail(why);
    if (why->code == GAD_E_CANCELLED)
        return EXIT_FAILED;
    run->failed++;
    count_truth(run, path, GAD_VERDICT_UNREADABLE, 0);
    if ((run->o->json || run->o->log) && gad_inspection_failure_json(path, why, &json, &err))
        return terminal_fail(&err);
    if (run->o->json)
        printf("%s\n", json);
    else
        print_failure(path, why);
    fflush(stdout);
    if (run->page && gad_inspection_page_add_failure(run->page, path, why, &err))
        terminal_fail(&err);
    if (run->o->log)
        append_log(run, json, part, NULL, 0);
    gad_text_free(json);
    return EXIT_FAILED;
}

static int report(const inspect_run *run, const char *path, const gad_picture *part, gad_picture *const *good,
                  const char *const *good_path, int good_count, const gad_inspection *result)
{
    gad_error err;
    char *json = NULL, folder[TRUTH_LENGTH];
    truth_of(path, folder);
    const char *truth = run->o->truth ? folder : NULL, *wrong = truth_judge(folder, result->verdict);
    int code = EXIT_DONE;
    if ((run->o->json || run->o->log) && gad_inspection_json(result, path, good_path, good_count, &json, &err))
        return terminal_fail(&err);
    if (run->o->json)
        printf("%s\n", json);
    else
        print_result(result, path, truth, wrong);
    fflush(stdout);
    if (run->o->overlay)
        code = save_to(run, run->o->overlay, path, "overlay", gad_inspection_save_overlay, result, part);
    if (run->o->heatmap && !code)
        code = save_to(run, run->o->heatmap, path, "heatmap", gad_inspection_save_heatmap, result, part);
    if (run->page && !code && gad_inspection_page_add(run->page, path, truth, wrong, result, part, good, good_count, &err))
        code = terminal_fail(&err);
    if (run->o->log && !code)
        code = append_log(run, json, part, good, good_count);
    gad_text_free(json);
    return code;
}

static gad_status inspect_one(inspect_run *run, gad_picture *const *good, int good_count, const gad_picture *part,
                              gad_inspection *result, gad_error *err)
{
    if (run->product)
        return gad_product_inspect(run->product, part, run->settings.threshold, result, err);
    return gad_inspect(run->engine, good, good_count, part, &run->settings, result, err);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* `start`: when reading the picture began. */
static int inspect_picture(inspect_run *run, const char *path, const gad_picture *part, double start)
{
    gad_error err;
    gad_inspection result = {0};
    gad_picture *const *good;
    const char *const *good_path;
    int good_count = 0;
    gad_status status = parts_references_for(run->refs, part, &good, &good_path, &good_count, &err);
    if (!status)
        status = inspect_one(run, good, good_count, part, &result, &err);
    terminal_progress_end();
    prose_end(&run->shown, stderr);
    if (status)
        return report_failure(run, path, part, &err);
    count_truth(run, path, result.verdict, seconds_now() - start);
    if (run->o->raw && run->settings.on_text && result.reasoned)
        fputc('\n', stderr);
    if (!run->threshold_said && !run->o->quiet)
        print_threshold(&result);
    run->threshold_said = true;
    run->threshold = result.threshold;
    run->count[result.verdict]++;
    int code = report(run, path, part, good, good_path, good_count, &result);
    gad_inspection_clear(&result);
    return code;
}

static int inspect_part(inspect_run *run, const char *path)
{
    gad_error err;
    gad_picture *part = NULL;
    const double start = seconds_now();
    if (gad_picture_load(path, &part, &err))
        return report_failure(run, path, NULL, &err);
    int code = inspect_picture(run, path, part, start);
    gad_picture_free(part);
    return code;
}

/* A number, or a calibration of inspections like these; without one the engine knows. */
static int read_threshold(inspect_run *run)
{
    const char *given = run->o->threshold;
    gad_error err;
    gad_threshold calibrated;
    gad_threshold_basis basis;
    char *end;
    if (!given)
        return EXIT_DONE;
    run->settings.threshold = strtod(given, &end);
    if (end != given && !*end) {
        if (run->settings.threshold >= 0 && run->settings.threshold <= 1)
            return EXIT_DONE;
        fprintf(stderr, "gad inspect: --threshold %s: scores lie between 0 and 1\n", given);
        return EXIT_USAGE;
    }
    if (run->product) {
        fputs("gad inspect: a product has its own threshold: --threshold takes a number with it\n", stderr);
        return EXIT_USAGE;
    }
    if (gad_threshold_basis_make(run->engine, run->refs->picture, (int)run->refs->path.count, run->refs->gallery != NULL,
                                 &run->settings, &basis, &err) ||
        gad_threshold_read(given, &basis, &calibrated, &err))
        return terminal_fail(&err);
    run->settings.threshold = calibrated.value;
    run->settings.threshold_source = given;
    return EXIT_DONE;
}

static gad_inspect_settings inspect_settings(const inspect_options *o)
{
    gad_inspect_settings s = gad_inspect_settings_default();
    s.class_name = o->class_name;
    s.knowledge = o->knowledge;
    s.prompt_file = o->prompt;
    s.max_tokens = o->max_tokens;
    s.greedy = o->greedy;
    s.seed = (uint64_t)o->seed;
    s.is_cancelled = is_cancelled;
    s.reason = !strcmp(o->reason, "always")    ? GAD_REASON_ALWAYS
               : !strcmp(o->reason, "rejects") ? GAD_REASON_REJECTS
                                               : GAD_REASON_NEVER;
    s.on_text = o->quiet ? NULL : o->raw ? stream_raw : stream_prose;
    return s;
}

/* A part that cannot be read does not end the run; the exit code tells. Ctrl-C does. */
static int inspect_all(inspect_run *run, const paths *parts)
{
    gad_progress progress = terminal_progress();
    const double start = seconds_now();
    int code = EXIT_DONE;
    for (size_t i = 0; i < parts->count && !terminal_interrupted(); i++) {
        int part_code = inspect_part(run, parts->item[i]);
        code = part_code ? part_code : code;
        gad_progress_state state = {.what = "inspected", .done = (int64_t)i + 1, .total = (int64_t)parts->count};
        state.elapsed_s = seconds_now() - start;
        state.left_s = state.elapsed_s / (double)state.done * (double)(state.total - state.done);
        if (parts->count > 1 && !run->o->quiet)
            progress.update(progress.user, &state);
    }
    run->seconds = seconds_now() - start;
    return terminal_interrupted() ? EXIT_FAILED : code;
}

static void print_summary(const inspect_run *run)
{
    fprintf(stderr, "%d anomalous, %d normal", run->count[GAD_VERDICT_ANOMALOUS], run->count[GAD_VERDICT_NORMAL]);
    if (run->count[GAD_VERDICT_UNFAMILIAR])
        fprintf(stderr, ", %d unfamiliar", run->count[GAD_VERDICT_UNFAMILIAR]);
    if (run->count[GAD_VERDICT_UNREADABLE])
        fprintf(stderr, ", %d whose answer could not be read", run->count[GAD_VERDICT_UNREADABLE]);
    if (run->failed)
        fprintf(stderr, ", %d failed", run->failed);
    int done = run->failed;
    for (int i = 0; i <= GAD_VERDICT_UNFAMILIAR; i++)
        done += run->count[i];
    if (run->threshold >= 0)
        fprintf(stderr, "; threshold %.3f", run->threshold);
    if (run->seconds > 0)
        fprintf(stderr, "; %.3g parts/s", done / run->seconds);
    fputc('\n', stderr);
}

/* With everything open: all parts, the page, the exit code. An anomaly is known for certain, so it wins over a part that
 * failed. */
static int inspect_and_sum_up(inspect_run *run, const paths *parts)
{
    const inspect_options *o = run->o;
    gad_error err;
    int code = read_threshold(run);
    if (!code && o->html && gad_inspection_page_new(&run->page, &err))
        code = terminal_fail(&err);
    if (code)
        return code;
    code = inspect_all(run, parts);
    if (parts->count > 1 && !o->quiet)
        print_summary(run);
    if (o->truth)
        truth_print(&run->tally);
    bool page_failed = run->page && gad_inspection_page_write(run->page, o->html, &err);
    if (page_failed)
        code = terminal_fail(&err);
    gad_inspection_page_free(run->page);
    return rejected(run) && !strcmp(o->fail_on, "anomaly") ? EXIT_ANOMALY : code;
}

static int make_folder(const char *path)
{
    if (!path || !mkdir(path, 0777) || errno == EEXIST)
        return EXIT_DONE;
    fprintf(stderr, "gad inspect: %s: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

/* What answers: a product, or a model that good parts can be shown to. */
static int open_answerer(const inspect_options *o, references *refs, inspect_run *all)
{
    static gad_log log; /* the engine keeps its address */
    log = terminal_log(false);
    gad_error err;
    if (o->product && o->ref.count) {
        fputs("gad inspect: a product has its good parts: give --product or --ref\n", stderr);
        return EXIT_USAGE;
    }
    if (o->product)
        return gad_product_open(o->product, o->features, (int)o->engine.compute.threads, &all->product, &err) ||
                       gad_product_use_device(all->product, o->engine.compute.device, &err)
                   ? terminal_fail(&err)
                   : EXIT_DONE;
    int code = options_engine_open(&cmd_inspect, &o->engine, &log, &all->engine);
    if (!code)
        code = parts_references_load(&o->ref, all->engine, refs);
    if (!code && !refs->path.count && gad_engine_compares(all->engine)) {
        fputs("gad inspect: this model compares parts with good ones: give a picture of a good part with --ref, or what\n"
              "gad learn wrote with --product\n",
              stderr);
        code = EXIT_USAGE;
    }
    return code;
}

static int run(void *settings)
{
    const inspect_options *o = settings;
    paths parts = {0};
    references refs = {0};
    inspect_run all = {.o = o, .refs = &refs, .threshold = -1, .settings = inspect_settings(o)};
    int code = EXIT_DONE;
    all.settings.user = &all.shown;
    for (int64_t i = 0; i < o->part.count && !code; i++)
        code = (o->recursive ? parts_paths_add_below : parts_paths_add)(o->part.item[i], &parts) ? EXIT_DONE : EXIT_FAILED;
    if (!code)
        code = make_folder(o->overlay);
    if (!code)
        code = make_folder(o->heatmap);
    if (!code)
        code = outputs_check_file("inspect", o->html, "content=\"gad\"", o->force);
    if (!code)
        code = outputs_check("inspect", o->log);
    if (!code)
        code = open_answerer(o, &refs, &all);
    if (!code) {
        all.out = (outputs){&parts, &refs.path, outputs_same_file(o->overlay, o->heatmap)};
        terminal_catch_interrupt();
        code = inspect_and_sum_up(&all, &parts);
    }
    gad_product_free(all.product);
    gad_engine_free(all.engine);
    parts_references_free(&refs);
    parts_paths_free(&parts);
    return code;
}

const command cmd_inspect = {
    .name = "inspect",
    .synopsis = "[options] (--product FILE | --ref GOOD) PART...",
    .summary = "is the part anomalous, where, how sure, and why",
    .details = "PART is an image or a folder of images. The verdict goes to standard output, the reasoning streams to the\n"
               "terminal. Exit code: 0 done, 1 something failed, 2 usage, 3 with --fail-on anomaly (even when other parts "
               "failed).",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 1,
    .max_arguments = -1,
    .arguments_offset = offsetof(inspect_options, part),
    .settings_bytes = sizeof(inspect_options),
    .run = run,
};
