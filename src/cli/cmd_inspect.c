/* cmd_inspect: gad inspect: parts against good parts: verdict, score, boxes and reasoning. Results on stdout, reasoning and
 * everything else on stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/answerer.h"
#include "cli/commands.h"
#include "cli/results.h"
#include "cli/terminal.h"
#include "cli/truth.h"
#include "cli/verdict.h"

typedef struct inspect_options {
    option_list part;
    answer_options answer;
    result_options result;
    const char *fail_on;
    bool json, recursive, truth;
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
    {.table = &results_options, .offset = AT(result)},
    {.name = "fail-on",
     .argument = "WHAT",
     .kind = OPTION_CHOICE,
     .offset = AT(fail_on),
     .choices = CHOICES("nothing", "anomaly"),
     .fallback = "nothing",
     .help = "anomaly: exit code 3 when a part was rejected, anomalous or unfamiliar"},
    {.name = "truth",
     .kind = OPTION_FLAG,
     .offset = AT(truth),
     .help = "the folder of a part says what it is, good or the name of a defect (test/good, test/scratch): say what was "
             "found and what was not"},
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
    results files;
    verdict_tally count;
    bool threshold_said;
    truth_tally tally;
} inspect_run;

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
    if ((run->o->json || results_need_json(&run->o->result)) && gad_inspection_failure_json(path, why, &json, &err))
        return terminal_fail(&err);
    if (run->o->json)
        printf("%s\n", json);
    else
        verdict_print_failure(path, why);
    fflush(stdout);
    results_add(&run->files, &(results_part){.path = path, .json = json, .part = part, .why = why});
    gad_text_free(json);
    return EXIT_FAILED;
}

/* `p` lacks its line, and what is known of its truth. */
static int report(inspect_run *run, results_part *p)
{
    gad_error err;
    char *json = NULL, folder[TRUTH_LENGTH];
    truth_of(p->path, folder);
    p->truth = run->o->truth ? folder : NULL;
    p->wrong = truth_judge(folder, p->result->verdict);
    if ((run->o->json || results_need_json(&run->o->result)) &&
        gad_inspection_json(p->result, p->path, p->good_path, p->good_count, &json, &err))
        return terminal_fail(&err);
    p->json = json;
    if (run->o->json)
        printf("%s\n", json);
    else
        verdict_print(p->result, p->path, p->truth, p->wrong);
    fflush(stdout);
    int code = results_add(&run->files, p);
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
    results_part p = {.path = path, .part = part, .result = &result};
    gad_status status = parts_references_for(&run->by->refs, part, &p.good, &p.good_path, &p.good_count, &err);
    if (!status)
        status = answerer_ask(run->by, p.good, p.good_count, part, &result, &err);
    answerer_end_text(run->by, &run->o->answer, !status && result.reasoned);
    if (status)
        return report_failure(run, path, part, &err);
    count_truth(run, path, result.verdict, seconds_now() - start);
    if (!run->threshold_said && !run->o->answer.quiet && result.threshold >= 0)
        fprintf(stderr, "threshold %.3f (%s)\n", result.threshold, result.threshold_source);
    run->threshold_said = true;
    run->count.threshold = result.threshold;
    verdict_count(&run->count, result.verdict);
    int code = report(run, &p);
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

/* All options and their values, a line each; the caller's (free). NULL without memory. */
static char *settings_in_words(const inspect_options *o)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    options_print(&cmd_inspect, o, stream);
    fclose(stream);
    return text;
}

/* With everything open: all parts, what is left of them, the exit code. An anomaly is known for certain, so it wins over a
 * part that failed. */
static int inspect_and_sum_up(inspect_run *run, const paths *parts)
{
    const inspect_options *o = run->o;
    char *settings = settings_in_words(o);
    int code = results_open(&run->files, &o->result, &o->answer, run->by, parts, settings);
    if (!code) {
        code = inspect_all(run, parts);
        if (parts->count > 1 && !o->answer.quiet)
            verdict_sum_up(&run->count);
        if (o->truth)
            truth_print(&run->tally);
    }
    free(settings);
    int closed = results_close(&run->files);
    code = code ? code : closed;
    code = code ? code : parts_unread_end(&run->by->refs.left_out);
    return verdict_rejects(&run->count) && !strcmp(o->fail_on, "anomaly") ? EXIT_ANOMALY : code;
}

static void defaults(void *settings)
{
    ((inspect_options *)settings)->answer = answerer_default();
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
        code = results_check(&o->result);
    if (!code)
        code = answerer_open(&cmd_inspect, &o->answer, &by);
    if (!code) {
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
    .defaults = defaults,
    .run = run,
};
