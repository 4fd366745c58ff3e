/* bench_report: gad_bench_report and gad_bench_compare: stored runs into files. Translates between gad.h and the bench
 * room. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "report/compare.h"
#include "report/report.h"

static const char operation[] = "write a report";

gad_bench_choices gad_bench_choices_default(void)
{
    return (gad_bench_choices){.scoring = gad_scoring_default(), .timing = true, .pixels = true, .cases = 12};
}

/* The choices in the coordinates that the record states, unless they bring their own. */
static gad_status read_choices(const gad_bench_choices *from, const gad_record *record, gad_scoring_choices *c,
                               gad_error *err)
{
    gad_scoring_choices stated;
    gad_status status = gad_record_choices(record, &stated, err);
    if (status)
        return status;
    *c = from->scoring;
    c->convention = from->own_convention ? c->convention : stated.convention;
    c->order = from->own_order ? c->order : stated.order;
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
        if (!(c->iou[k] > 0 && c->iou[k] <= 1))
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "IoU threshold %g is not above 0 and at most 1",
                                 c->iou[k]);
    return GAD_OK;
}

/* A run with its summary. A companion (others, the pixel difference) is scored with its own coordinates and decisions. */
typedef struct opened {
    gad_record record;
    gad_summary summary;
    bool has_record, has_summary;
} opened;

static void close_run(opened *o)
{
    if (o->has_summary)
        gad_summary_free(&o->summary);
    if (o->has_record)
        gad_record_free(&o->record);
}

static gad_status open_run(const char *folder, const gad_bench_choices *choices, bool subject, opened *o, gad_error *err)
{
    gad_scoring_choices c;
    gad_bench_choices own = *choices;
    if (!subject) {
        own.own_convention = own.own_order = false;
        own.scoring.threshold = NAN;
    }
    gad_status status = gad_record_open(folder, &o->record, err);
    o->has_record = !status;
    if (!status)
        status = read_choices(&own, &o->record, &c, err);
    if (!status && !strcmp(gad_record_text(&o->record, "protocol", ""), "mmad"))
        return GAD_OK; /* summarized elsewhere */
    if (!status)
        status = gad_summary_make(&o->record, &c, &o->summary, err);
    o->has_summary = !status;
    return status;
}

/* ---- files ---- */

static gad_status write_text(const char *path, const gad_report *report,
                             gad_status (*make)(const gad_report *, gad_string *, gad_error *), gad_error *err)
{
    gad_string text = {0};
    if (!path)
        return GAD_OK;
    gad_status status = make(report, &text, err);
    if (!status)
        status = gad_file_write(path, gad_string_text(&text), text.length, err);
    gad_string_free(&text);
    return status;
}

static gad_status write_json(const char *path, const gad_report *report, gad_error *err)
{
    json_t *root = NULL;
    if (!path)
        return GAD_OK;
    gad_status status = gad_report_json(report, &root, err);
    if (!status)
        status = gad_json_write(path, root, err);
    json_decref(root);
    return status;
}

static gad_status write_html(const char *path, const gad_report *report, const gad_log *log, gad_error *err)
{
    gad_string text = {0};
    if (!path)
        return GAD_OK;
    gad_status status = gad_report_html(report, log, &text, err);
    if (!status)
        status = gad_file_write(path, gad_string_text(&text), text.length, err);
    gad_string_free(&text);
    return status;
}

/* The folder that a file goes into. */
static gad_status make_folder(const char *path, gad_error *err)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || slash == path)
        return GAD_OK;
    char *folder = gad_memory_copy_string(path);
    if (!folder)
        return gad_error_memory(err, operation, strlen(path));
    folder[slash - path] = 0;
    gad_status status = gad_file_make_directory(folder, err);
    gad_memory_free(folder);
    return status;
}

static gad_status write_outputs(const gad_report *report, const gad_bench_outputs *out, const gad_log *log, gad_error *err)
{
    const char *const paths[] = {out->html, out->json, out->csv, out->markdown, out->scored};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !status; i++)
        status = make_folder(paths[i], err);
    if (!status)
        status = write_json(out->json, report, err);
    if (!status)
        status = write_text(out->csv, report, gad_report_csv, err);
    if (!status)
        status = write_text(out->markdown, report, gad_report_markdown, err);
    if (!status)
        status = write_text(out->scored, report, gad_report_scored, err);
    return status ? status : write_html(out->html, report, log, err);
}

/* ---- reports ---- */

/* The pixel difference that was run beside the subject, when it is there. */
static gad_status open_companion(const char *run, const gad_bench_choices *choices, opened *o, bool *there, gad_error *err)
{
    char *folder = gad_file_join(run, "pixel-difference"), *manifest = folder ? gad_file_join(folder, "run.json") : NULL;
    gad_status status = manifest ? GAD_OK : gad_error_memory(err, operation, strlen(run));
    *there = !status && gad_file_exists(manifest);
    if (*there)
        status = open_run(folder, choices, false, o, err);
    gad_memory_free(folder);
    gad_memory_free(manifest);
    return status;
}

static gad_status add_pixels(gad_report *report, opened *subject, opened *beside, const gad_bench_choices *choices,
                             const gad_log *log, const gad_progress *progress, gad_error *err)
{
    if (!choices->pixels)
        return GAD_OK;
    gad_status status = gad_summary_add_pixels(&subject->summary, log, progress, err);
    for (size_t i = 0; i < report->others && !status; i++)
        status = gad_summary_add_pixels(&beside[i].summary, log, progress, err);
    return status;
}

static gad_status report_mmad(const opened *subject, const gad_bench_choices *choices, const gad_bench_outputs *outputs,
                              const gad_log *log, gad_error *err)
{
    gad_scoring_choices c;
    gad_mmad_summary summary;
    gad_status status = read_choices(choices, &subject->record, &c, err);
    if (!status)
        status = gad_mmad_score_make(&subject->record, &c, &summary, err);
    if (status)
        return status;
    gad_report report = {.mmad = &summary, .timing = choices->timing};
    status = write_outputs(&report, outputs, log, err);
    gad_mmad_score_free(&summary);
    return status;
}

gad_status gad_bench_report(const char *run, const char *const *others, size_t other_count,
                            const gad_bench_choices *choices, const gad_bench_outputs *outputs, const gad_log *log,
                            const gad_progress *progress, gad_error *err)
{
    opened subject = {0}, beside[GAD_REPORT_OTHERS] = {0};
    gad_report report = {.timing = choices->timing, .cases = choices->cases > 0 ? (size_t)choices->cases : 0};
    bool there = false;
    if (other_count + 1 > GAD_REPORT_OTHERS)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%zu runs beside one; at most %d", other_count,
                             GAD_REPORT_OTHERS - 1);
    gad_status status = open_run(run, choices, true, &subject, err);
    if (!status && !subject.has_summary) {
        status = report_mmad(&subject, choices, outputs, log, err);
        close_run(&subject);
        return status;
    }
    if (!status)
        status = open_companion(run, choices, &beside[0], &there, err);
    report.others = there;
    for (size_t i = 0; i < other_count && !status; i++)
        status = open_run(others[i], choices, false, &beside[report.others++], err);
    if (!status)
        status = add_pixels(&report, &subject, beside, choices, log, progress, err);
    if (!status) {
        report.run = &subject.summary;
        for (size_t i = 0; i < report.others; i++)
            report.other[i] = &beside[i].summary;
        status = write_outputs(&report, outputs, log, err);
    }
    close_run(&subject);
    for (size_t i = 0; i < GAD_REPORT_OTHERS; i++)
        close_run(&beside[i]);
    return status;
}

static gad_status write_comparison(const gad_compare *compare, const gad_bench_outputs *outputs, gad_error *err)
{
    json_t *root = NULL;
    gad_string html = {0};
    gad_status status = make_folder(outputs->json, err);
    if (!status)
        status = make_folder(outputs->html, err);
    if (!status && outputs->json)
        status = gad_compare_json(compare, &root, err);
    if (!status && outputs->json)
        status = gad_json_write(outputs->json, root, err);
    if (!status && outputs->html)
        status = gad_compare_html(compare, &html, err);
    if (!status && outputs->html)
        status = gad_file_write(outputs->html, gad_string_text(&html), html.length, err);
    json_decref(root);
    gad_string_free(&html);
    return status;
}

gad_status gad_bench_compare(const char *run_a, const char *run_b, const gad_bench_choices *choices,
                             const gad_bench_outputs *outputs, char **text, gad_error *err)
{
    opened a = {0}, b = {0};
    gad_compare compare = {0};
    gad_string markdown = {0};
    gad_status status = open_run(run_a, choices, true, &a, err);
    if (!status)
        status = open_run(run_b, choices, false, &b, err);
    if (!status && !(a.has_summary && b.has_summary))
        status = gad_error_set(err, GAD_E_UNSUPPORTED, "compare two runs", NULL,
                               "only runs of the MMR-AD protocol are compared");
    if (!status)
        status = gad_compare_make(&a.summary, &b.summary, &compare, err);
    if (!status)
        status = gad_compare_markdown(&compare, &markdown, err);
    if (!status)
        status = write_comparison(&compare, outputs, err);
    if (!status && !(*text = gad_memory_copy_string(gad_string_text(&markdown))))
        status = gad_error_memory(err, "compare two runs", markdown.length);
    gad_string_free(&markdown);
    gad_compare_free(&compare);
    close_run(&a);
    close_run(&b);
    return status;
}
