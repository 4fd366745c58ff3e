/* results: see results.h */
#include "cli/results.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/terminal.h"
#include "gad_serve.h"

#define AT(field) offsetof(result_options, field)
static const option table[] = {
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
    {.name = "picture",
     .argument = "FORMAT",
     .kind = OPTION_CHOICE,
     .offset = AT(picture),
     .choices = CHOICES("png", "jpg"),
     .fallback = "png",
     .help = "of these drawings; jpg is faster and smaller"},
    {.name = "html",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(html),
     .help = "write a page with all inspected parts, rejected ones first: good part, boxes, heat map, reasoning; pictures "
             "open whole where they lie"},
    {.name = "csv",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(csv),
     .help = "write a line for each part, for a spreadsheet"},
    {.name = "json-dir",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(json_dir),
     .help = "write each part's JSON line to a file of its own in DIR"},
    {.name = "sorted",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(sorted),
     .help = "put each part's file into ok/, ng/ or failed/ of DIR as well"},
    {.name = "sort",
     .argument = "HOW",
     .kind = OPTION_CHOICE,
     .offset = AT(sort),
     .choices = CHOICES("copy", "link"),
     .fallback = "copy",
     .help = "with --sorted: as a copy, or as a link to it"},
    {.name = "log",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(log),
     .help = "append a replayable record of every inspection: hashes, settings, raw text"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
};
const option_table results_options = {table, OPTIONS_COUNT(table)};

/* What gad writes begins, or is named, so: see outputs_check_file. */
static const char page_mark[] = "content=\"gad\"", picture_mark[] = "made by gad", json_mark[] = "{\"part\": ";

static int make_folder(const char *path)
{
    if (!path || !mkdir(path, 0777) || errno == EEXIST)
        return EXIT_DONE;
    fprintf(stderr, "gad inspect: %s: %s\n", path, strerror(errno));
    return EXIT_FAILED;
}

int results_check(const result_options *o)
{
    const char *const folders[] = {o->overlay, o->heatmap, o->json_dir, o->sorted};
    int code = EXIT_DONE;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !code; i++)
        code = make_folder(folders[i]);
    if (!code)
        code = outputs_check_file("inspect", o->html, page_mark, o->force);
    if (!code)
        code = outputs_check_file("inspect", o->csv, gad_inspection_csv_head(), o->force);
    return code ? code : outputs_check("inspect", o->log);
}

bool results_need_json(const result_options *o)
{
    return o->json_dir || o->log;
}

int results_open(results *r, const result_options *o, const answer_options *asked, const answerer *by, const paths *parts,
                 const char *settings)
{
    gad_error err;
    const gad_inspection_page_head head = {
        .path = o->html, .model = by->name, .guarantee = by->guarantee, .settings = settings};
    *r = (results){
        .o = o, .asked = asked, .by = by, .names = {parts, &by->refs.path, outputs_same_file(o->overlay, o->heatmap)}};
    if (o->html && gad_inspection_page_new(&head, &r->page, &err))
        return terminal_fail(&err);
    if (o->csv && !(r->csv = fopen(o->csv, "we"))) {
        fprintf(stderr, "gad inspect: %s: %s\n", o->csv, strerror(errno));
        return EXIT_FAILED;
    }
    if (r->csv)
        fprintf(r->csv, "%s\n", gad_inspection_csv_head());
    return EXIT_DONE;
}

/* ---- one part ------------------------------------------------------------------------------------------------------ */

typedef gad_status (*save_picture)(const gad_inspection *r, const gad_picture *part, const char *path, gad_error *err);

/* *path becomes where the drawing is; "" when none is wanted. */
static int draw(const results *r, const char *folder, const char *kind, save_picture save, const results_part *p,
                char path[4096])
{
    gad_error err;
    path[0] = 0;
    if (!folder)
        return EXIT_DONE;
    outputs_path(&r->names, folder, p->path, kind, r->o->picture, path, 4096);
    int code = outputs_check_file("inspect", path, picture_mark, r->o->force);
    return code ? code : save(p->result, p->part, path, &err) ? terminal_fail(&err) : EXIT_DONE;
}

static int add_card(results *r, const results_part *p, const char *overlay, const char *heatmap)
{
    gad_error err;
    gad_inspection_card card = {.name = p->path,
                                .truth = p->truth,
                                .wrong = p->wrong,
                                .overlay = *overlay ? overlay : NULL,
                                .heatmap = *heatmap ? heatmap : NULL,
                                .result = p->result,
                                .part = p->part};
    if (p->good_count) {
        card.good = p->good[0];
        card.good_path = p->good_path[0];
    }
    gad_status status = p->result ? gad_inspection_page_add(r->page, &card, &err)
                                  : gad_inspection_page_add_failure(r->page, p->path, p->why, &err);
    return status ? terminal_fail(&err) : EXIT_DONE;
}

static int add_line(results *r, const results_part *p)
{
    gad_error err;
    char *line = NULL;
    if (p->result ? gad_inspection_csv(p->result, p->path, &line, &err)
                  : gad_inspection_failure_csv(p->path, p->why, &line, &err))
        return terminal_fail(&err);
    bool failed = fprintf(r->csv, "%s\n", line) < 0 || fflush(r->csv);
    gad_text_free(line);
    if (failed)
        fprintf(stderr, "gad inspect: %s: %s\n", r->o->csv, strerror(errno));
    return failed ? EXIT_FAILED : EXIT_DONE;
}

/* A list of one file each: STEM.json. */
static int write_json(const results *r, const results_part *p)
{
    char path[4096];
    outputs_path(&r->names, r->o->json_dir, p->path, "json", "json", path, sizeof path);
    int code = outputs_check_file("inspect", path, json_mark, r->o->force);
    if (code)
        return code;
    FILE *file = fopen(path, "we");
    bool failed = !file || fprintf(file, "%s\n", p->json) < 0;
    failed = (file && fclose(file)) || failed;
    if (failed)
        fprintf(stderr, "gad inspect: %s: %s\n", path, strerror(errno));
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static int sort_part(const results *r, const results_part *p)
{
    gad_error err;
    const char *verdict = p->result ? gad_verdict_name(p->result->verdict) : "failed";
    if (!p->result && access(p->path, R_OK)) /* it failed since it is not there */
        return EXIT_DONE;
    gad_sort how = strcmp(r->o->sort, "link") ? GAD_SORT_COPY : GAD_SORT_LINK;
    return gad_sort_part(r->o->sorted, how, p->path, verdict, &err) ? terminal_fail(&err) : EXIT_DONE;
}

/* One line that holds all that is needed to ask again: docs/formats.md "Inspection log". */
static int append_log(const results *r, const results_part *p)
{
    static const char *const quantise[] = {GAD_QUANTISE_WORDS}, *const precision[] = {GAD_PRECISION_WORDS},
                             *const reason[] = {GAD_REASON_WORDS}, *const hints[] = {GAD_HINTS_WORDS};
    const gad_engine_options *e = &r->asked->engine;
    const gad_inspect_settings *s = &r->asked->s;
    const double given = r->by->settings.threshold;
    FILE *file = fopen(r->o->log, "ae");
    char stamp[32], threshold[32] = "null";
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    if (given >= 0)
        snprintf(threshold, sizeof threshold, "%.17g", given);
    bool failed = !file;
    if (file) {
        fprintf(
            file,
            "{\"time\": \"%s\", \"gad\": \"%s\", \"model_hash\": \"%s\", \"part_hash\": \"%s\", \"reference_hashes\": [",
            stamp, GAD_VERSION, r->by->engine ? gad_engine_hash(r->by->engine) : "",
            p->part ? gad_picture_hash(p->part) : "");
        for (int i = 0; i < p->good_count; i++)
            fprintf(file, "%s\"%s\"", i ? ", " : "", gad_picture_hash(p->good[i]));
        fprintf(file,
                "], \"quant\": \"%s\", \"precision\": \"%s\", \"reason\": \"%s\", \"max_tokens\": %lld, \"greedy\": %s, "
                "\"seed\": %lld, \"max_pixels\": %lld, \"evidence\": \"%s\", \"threshold\": %s, \"result\": %s}\n",
                quantise[e->compute.quantise], precision[e->compute.precision], reason[s->reason], (long long)s->max_tokens,
                s->greedy ? "true" : "false", (long long)s->seed, (long long)e->max_pixels, hints[s->hints], threshold,
                p->json);
        failed = fflush(file) || fsync(fileno(file));
        failed |= fclose(file) != 0;
    }
    if (failed)
        fprintf(stderr, "gad inspect: %s: %s\n", r->o->log, strerror(errno));
    return failed ? EXIT_FAILED : EXIT_DONE;
}

int results_add(results *r, const results_part *p)
{
    const result_options *o = r->o;
    char overlay[4096] = "", heatmap[4096] = "";
    int code = p->result ? draw(r, o->overlay, "overlay", gad_inspection_save_overlay, p, overlay) : EXIT_DONE;
    if (p->result && !code)
        code = draw(r, o->heatmap, "heatmap", gad_inspection_save_heatmap, p, heatmap);
    if (r->page && !code)
        code = add_card(r, p, overlay, heatmap);
    if (r->csv && !code)
        code = add_line(r, p);
    if (o->json_dir && !code)
        code = write_json(r, p);
    if (o->sorted && !code)
        code = sort_part(r, p);
    if (o->log && !code)
        code = append_log(r, p);
    return code;
}

int results_close(results *r)
{
    gad_error err;
    int code = r->page && gad_inspection_page_write(r->page, &err) ? terminal_fail(&err) : EXIT_DONE;
    gad_inspection_page_free(r->page);
    if (r->csv && fclose(r->csv)) {
        fprintf(stderr, "gad inspect: %s: %s\n", r->o->csv, strerror(errno));
        code = EXIT_FAILED;
    }
    *r = (results){0};
    return code;
}
