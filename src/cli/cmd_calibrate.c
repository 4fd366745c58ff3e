/* cmd_calibrate: gad calibrate: from normal parts alone, the score from which a part is rejected so that no more than a
 * wanted share of good parts is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/outputs.h"
#include "cli/parts.h"
#include "cli/terminal.h"
#include "gad_bench.h"

typedef struct calibrate_options {
    option_list part, ref;
    gad_engine_options engine;
    gad_inspect_settings s;
    const char *run, *dataset, *class_name, *out; /* class_name: NULL where none was given */
    bool reasoned;
    double rate, confidence;
    bool force;
} calibrate_options;

#define AT(field) offsetof(calibrate_options, field)
static const option table[] = {
    {.help = "The wanted threshold"},
    {.name = "rate",
     .argument = "R",
     .kind = OPTION_NUMBER,
     .offset = AT(rate),
     .fallback = "0.01",
     .help = "share of good parts that may be rejected"},
    {.name = "confidence",
     .argument = "C",
     .kind = OPTION_NUMBER,
     .offset = AT(confidence),
     .fallback = "0.95",
     .help = "probability that the true share is no larger"},
    {.name = "out",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(out),
     .fallback = "threshold.json",
     .help = "file for gad inspect --threshold"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over a file that gad did not write"},
    {.help = "Scores of good parts: from a benchmark run"},
    {.name = "run", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(run), .help = "the normal images of this run"},
    {.name = "dataset", .argument = "NAME", .kind = OPTION_STRING, .offset = AT(dataset), .help = "only of this data set"},
    {.help = "or by inspecting GOOD parts, with the same settings as gad inspect later"},
    {.name = "class",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(class_name),
     .help = "what the part is; with --run: only of this class",
     .aliases = "class-name"},
    {.name = "ref",
     .argument = "FILE",
     .kind = OPTION_LIST,
     .offset = AT(ref),
     .help =
         "good parts that are shown beside the inspected one, as gad inspect has them; a folder may be the same as GOOD: a "
         "part is never shown beside itself"},
    {.table = &options_engine_model, .offset = AT(engine)},
    {.table = &options_engine_compute, .offset = AT(engine.compute)},
    {.name = "prompt", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(s.prompt_file), .help = "own wording"},
    {.name = "knowledge",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(s.knowledge),
     .help = "defects that may occur"},
    {.name = "reasoned",
     .kind = OPTION_FLAG,
     .offset = AT(reasoned),
     .help =
         "scores of reasoned answers, for gad inspect --reason always; default: of fast answers, for never and rejects"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest reasoned answer"},
};

static void print_threshold(const calibrate_options *o, const gad_threshold *t)
{
    printf("threshold %.6g from %lld good parts: reject a score of at least this\n", t->value, (long long)t->normals);
    if (t->supported) {
        printf("at most %.3g %% of good parts are rejected, with %.1f %% confidence\n", 100 * t->rate, 100 * t->reached);
    } else {
        printf("NOT supported: %.3g %% at %.0f %% confidence needs %lld good parts.\n", 100 * t->rate, 100 * t->confidence,
               (long long)t->normals_needed);
        printf("%lld parts support %.3g %% at that confidence; for %.3g %% the confidence is %.1f %%.\n",
               (long long)t->normals, 100 * t->rate_supported, 100 * t->rate, 100 * t->reached);
    }
    if (*t->note)
        printf("Note: %s.\n", t->note);
    printf("%s\n", o->out);
}

/* ---- by inspecting ---- */

static bool is_cancelled(void *user)
{
    (void)user;
    return terminal_interrupted();
}

/* *score is NaN where the file cannot be read. */
static int score_part(const calibrate_options *o, gad_engine *engine, references *refs, const char *path, unread *left_out,
                      double *score)
{
    gad_error err;
    gad_picture *part = NULL, *const * good;
    const char *const *good_path;
    gad_inspection result = {0};
    int good_count = 0, code = EXIT_DONE;
    *score = (double)NAN;
    if (gad_picture_load(path, &part, &err)) {
        if (err.code == GAD_E_MEMORY)
            return terminal_fail(&err);
        parts_unread_say(left_out, path, &err);
        return EXIT_DONE;
    }
    if (parts_references_for(refs, part, &good, &good_path, &good_count, &err) ||
        gad_inspect(engine, good, good_count, part, &o->s, &result, &err))
        code = terminal_fail(&err);
    *score = o->reasoned ? result.score_reasoned : result.score_fast;
    gad_inspection_clear(&result);
    gad_picture_free(part);
    return code;
}

/* A file that is no picture is left out; every part counts: one that cannot be scored ends the calibration, because leaving
 * it out would bend the result. `scores` [*count] are those of the parts that were read. */
static int score_parts(const calibrate_options *o, gad_engine *engine, references *refs, const paths *parts,
                       unread *left_out, double *scores, size_t *count)
{
    gad_progress progress = terminal_progress();
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    *count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        int code = score_part(o, engine, refs, parts->item[i], left_out, &scores[*count]);
        if (code)
            return code;
        if (scores[*count] < 0) {
            terminal_printf(stderr, "gad calibrate: %s: the answer has no readable decision, so there is no score\n",
                            parts->item[i]);
            return EXIT_FAILED;
        }
        *count += isnan(scores[*count]) ? 0 : 1;
        clock_gettime(CLOCK_MONOTONIC, &now);
        gad_progress_state state = {.what = "calibrate", .done = (int64_t)i + 1, .total = (int64_t)parts->count};
        state.elapsed_s = (double)(now.tv_sec - start.tv_sec) + 1e-9 * (double)(now.tv_nsec - start.tv_nsec);
        state.left_s = state.elapsed_s / (double)state.done * (double)(state.total - state.done);
        if (!progress.update(progress.user, &state))
            return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* Scores of all parts to a threshold in a file. */
static int calibrate_scores(const calibrate_options *o, gad_engine *engine, references *refs, const paths *parts)
{
    gad_threshold threshold;
    gad_threshold_basis basis;
    gad_error err;
    unread left_out = {.command_name = "calibrate"};
    size_t count = 0;
    double *scores = calloc(parts->count + 1, sizeof *scores);
    int code = scores ? score_parts(o, engine, refs, parts, &left_out, scores, &count) : EXIT_FAILED;
    if (!code && (gad_threshold_basis_make(engine, refs->picture, (int)refs->path.count, refs->gallery != NULL, &o->s,
                                           &basis, &err) ||
                  gad_calibrate(scores, count, o->rate, o->confidence, &basis, o->out, &threshold, &err)))
        code = terminal_fail(&err);
    if (!code) {
        print_threshold(o, &threshold);
        left_out.count += refs->left_out.count;
        code = parts_unread_end(&left_out);
    }
    free(scores);
    return code;
}

static int calibrate_parts(const calibrate_options *o)
{
    paths parts = {0};
    references refs = {0};
    gad_engine *engine = NULL;
    gad_log log = terminal_log(false);
    int code = EXIT_DONE;
    for (int64_t i = 0; i < o->part.count && !code; i++)
        code = parts_paths_add(o->part.item[i], &parts) ? EXIT_DONE : EXIT_FAILED;
    if (!code)
        code = options_engine_open(&cmd_calibrate, &o->engine, &log, &engine);
    if (!code)
        code = parts_references_load(&o->ref, engine, &refs);
    if (!code && !refs.path.count && gad_engine_compares(engine)) {
        fputs("gad calibrate: this model compares parts with good ones: give --ref as for gad inspect\n", stderr);
        code = EXIT_USAGE;
    }
    terminal_catch_interrupt();
    if (!code)
        code = calibrate_scores(o, engine, &refs, &parts);
    gad_engine_free(engine);
    parts_references_free(&refs);
    parts_paths_free(&parts);
    return code;
}

static void defaults(void *settings)
{
    calibrate_options *o = settings;
    o->s = gad_inspect_settings_default();
    o->s.greedy = false;
    o->s.is_cancelled = is_cancelled;
    o->engine = gad_engine_options_default();
    o->rate = 0.01;
    o->confidence = 0.95;
}

static int run(void *settings)
{
    calibrate_options *o = settings;
    gad_threshold threshold;
    gad_error err;
    if ((o->run != NULL) == (o->part.count > 0)) {
        fputs("gad calibrate: give good parts, or a benchmark run with --run\nTry: gad calibrate --help\n", stderr);
        return EXIT_USAGE;
    }
    o->s.class_name = o->class_name ? o->class_name : "product";
    o->s.reason = o->reasoned ? GAD_REASON_ALWAYS : GAD_REASON_NEVER;
    int code = outputs_check_file("calibrate", o->out, "\"threshold\"", o->force);
    if (code)
        return code;
    if (!o->run)
        return calibrate_parts(o);
    if (gad_calibrate_run(o->run, o->dataset, o->class_name, o->rate, o->confidence, o->out, &threshold, &err))
        return terminal_fail(&err);
    print_threshold(o, &threshold);
    return EXIT_DONE;
}

const command cmd_calibrate = {
    .name = "calibrate",
    .synopsis = "[options] (--run DIR | --ref GOOD GOOD_PART...)",
    .summary = "the rejection threshold for a wanted rate of false alarms, from good parts",
    .details =
        "Order statistics promise the rate without assumptions about the scores: 299 good parts for 1 % at 95 %. With\n"
        "fewer the command says what they support. A file that cannot be read is named and left out; the exit code is 1 "
        "then,\n"
        "and the threshold is written.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .min_arguments = 0,
    .max_arguments = -1,
    .arguments_offset = AT(part),
    .settings_bytes = sizeof(calibrate_options),
    .defaults = defaults,
    .run = run,
};
