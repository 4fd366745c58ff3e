/* cmd_inspect: gad inspect: parts against good parts: verdict, score, boxes and reasoning. Results on stdout, reasoning and
 * everything else on stderr. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/answerer.h"
#include "cli/commands.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "cli/truth.h"
#include "cli/verdict.h"

typedef struct inspect_options {
    option_list part;
    answer_options answer;
    const char *overlay, *heatmap, *html, *fail_on, *log;
    bool force, json, recursive, truth;
} inspect_options;

#define AT(field) offsetof(inspect_options, field)
static const option table[] = {
    {.help = "What to inspect"},
    {.name = "recursive",
     .kind = OPTION_FLAG,
     .offset = AT(recursive),
     .help = "also the images in the folders of a folder, but for hidden ones and links"},
    {.table = &answerer_who, .offset = AT(answer)},
    {.help = "The model"},
    {.table = &options_engine_model, .offset = AT(answer.engine)},
    {.table = &options_engine_compute, .offset = AT(answer.engine.compute)},
    {.help = "The answer"},
    {.table = &answerer_how, .offset = AT(answer)},
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
     .offset = AT(answer.raw),
     .help = "show the answer on the terminal as the model writes it, not its reasoning as prose"},
    {.name = "quiet",
     .kind = OPTION_FLAG,
     .offset = AT(answer.quiet),
     .help = "no reasoning and no progress on the terminal"},
};

/* A run over all parts. */
typedef struct inspect_run {
    const inspect_options *o;
    answerer *by;
    outputs out;
    gad_inspection_page *page; /* NULL: none is wanted */
    verdict_tally count;
    bool threshold_said;
    truth_tally tally;
} inspect_run;

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
    const answer_options *a = &o->answer;
    FILE *file = fopen(o->log, "a");
    char stamp[32], threshold[32] = "null";
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (run->by->settings.threshold >= 0)
        snprintf(threshold, sizeof threshold, "%.17g", run->by->settings.threshold);
    bool failed = !file;
    if (file) {
        fprintf(
            file,
            "{\"time\": \"%s\", \"gad\": \"%s\", \"model_hash\": \"%s\", \"part_hash\": \"%s\", \"reference_hashes\": [",
            stamp, GAD_VERSION, run->by->engine ? gad_engine_hash(run->by->engine) : "",
            part ? gad_picture_hash(part) : "");
        for (int i = 0; i < good_count; i++)
            fprintf(file, "%s\"%s\"", i ? ", " : "", gad_picture_hash(good[i]));
        fprintf(file,
                "], \"quant\": \"%s\", \"precision\": \"%s\", \"reason\": \"%s\", \"max_tokens\": %lld, \"greedy\": %s, "
                "\"seed\": %lld, "
                "\"max_pixels\": %lld, \"evidence\": \"%s\", \"threshold\": %s, \"result\": %s}\n",
                a->engine.compute.quant, a->engine.compute.precision, a->reason, (long long)a->max_tokens,
                a->greedy ? "true" : "false", (long long)a->seed, (long long)a->engine.max_pixels, a->evidence, threshold,
                json);
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

/* A part without a verdict is there all the same: in the lines, on the page, in the log. */
static int report_failure(inspect_run *run, const char *path, const gad_picture *part, const gad_error *why)
{
    gad_error err;
    char *json = NULL;
    terminal_fail(why);
    if (why->code == GAD_E_CANCELLED)
        return EXIT_FAILED;
    run->count.failed++;
    count_truth(run, path, GAD_VERDICT_UNREADABLE, 0);
    if ((run->o->json || run->o->log) && gad_inspection_failure_json(path, why, &json, &err))
        return terminal_fail(&err);
    if (run->o->json)
        printf("%s\n", json);
    else
        verdict_print_failure(path, why);
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
        verdict_print(result, path, truth, wrong);
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
    gad_status status = parts_references_for(&run->by->refs, part, &good, &good_path, &good_count, &err);
    if (!status)
        status = answerer_ask(run->by, good, good_count, part, &result, &err);
    answerer_end_text(run->by, &run->o->answer, !status && result.reasoned);
    if (status)
        return report_failure(run, path, part, &err);
    count_truth(run, path, result.verdict, seconds_now() - start);
    if (!run->threshold_said && !run->o->answer.quiet && result.threshold >= 0)
        fprintf(stderr, "threshold %.3f (%s)\n", result.threshold, result.threshold_source);
    run->threshold_said = true;
    run->count.threshold = result.threshold;
    verdict_count(&run->count, result.verdict);
    int code = report(run, path, part, good, good_path, good_count, &result);
    gad_inspection_clear(&result);
    return code;
}

static int inspect_part(inspect_run *run, gad_series *series, const paths *parts, size_t i)
{
    gad_error err;
    gad_picture *part = NULL;
    const char *path = parts->item[i];
    const double start = seconds_now();
    if (gad_series_load(series, (int64_t)i, &part, &err))
        return report_failure(run, path, NULL, &err);
    int code = inspect_picture(run, path, part, start);
    gad_picture_free(part);
    return code;
}

/* A part that cannot be read does not end the run; the exit code tells. Ctrl-C does. */
static int inspect_all(inspect_run *run, const paths *parts)
{
    gad_progress progress = terminal_progress();
    const double start = seconds_now();
    int code = EXIT_DONE;
    gad_series *series = NULL;
    gad_error err;
    if (gad_series_open((const char *const *)parts->item, (int64_t)parts->count, &series, &err))
        return terminal_fail(&err);
    for (size_t i = 0; i < parts->count && !terminal_interrupted(); i++) {
        int part_code = inspect_part(run, series, parts, i);
        code = part_code ? part_code : code;
        gad_progress_state state = {.what = "inspected", .done = (int64_t)i + 1, .total = (int64_t)parts->count};
        state.elapsed_s = seconds_now() - start;
        state.left_s = state.elapsed_s / (double)state.done * (double)(state.total - state.done);
        if (parts->count > 1 && !run->o->answer.quiet)
            progress.update(progress.user, &state);
    }
    gad_series_free(series);
    run->count.seconds = seconds_now() - start;
    return terminal_interrupted() ? EXIT_FAILED : code;
}

/* With everything open: all parts, the page, the exit code. An anomaly is known for certain, so it wins over a part that
 * failed. */
static int inspect_and_sum_up(inspect_run *run, const paths *parts)
{
    const inspect_options *o = run->o;
    gad_error err;
    if (o->html && gad_inspection_page_new(&run->page, &err))
        return terminal_fail(&err);
    int code = inspect_all(run, parts);
    if (parts->count > 1 && !o->answer.quiet)
        verdict_sum_up(&run->count);
    if (o->truth)
        truth_print(&run->tally);
    bool page_failed = run->page && gad_inspection_page_write(run->page, o->html, &err);
    if (page_failed)
        code = terminal_fail(&err);
    gad_inspection_page_free(run->page);
    return verdict_rejects(&run->count) && !strcmp(o->fail_on, "anomaly") ? EXIT_ANOMALY : code;
}

static int make_folder(const char *path)
{
    if (!path || !mkdir(path, 0777) || errno == EEXIST)
        return EXIT_DONE;
    fprintf(stderr, "gad inspect: %s: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

static int run(void *settings)
{
    const inspect_options *o = settings;
    paths parts = {0};
    answerer by = {0};
    inspect_run all = {.o = o, .by = &by, .count = {.threshold = -1, .guarantee = by.guarantee}};
    int code = EXIT_DONE;
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
        code = answerer_open(&cmd_inspect, &o->answer, &by);
    if (!code) {
        all.out = (outputs){&parts, &by.refs.path, outputs_same_file(o->overlay, o->heatmap)};
        terminal_catch_interrupt();
        code = inspect_and_sum_up(&all, &parts);
    }
    answerer_close(&by);
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
