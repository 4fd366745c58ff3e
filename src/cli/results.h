/* results: what gad inspect leaves of each part in files: lists, drawings, a page, sorted folders, a log. In: inspections.
 * Out: files; nobody's are replaced that gad did not write. Messages go to stderr. */
#ifndef GAD_CLI_RESULTS_H
#define GAD_CLI_RESULTS_H
#include <stdio.h>

#include "cli/answerer.h"
#include "cli/outputs.h"

typedef struct result_options {
    const char *overlay, *heatmap, *picture, *html, *csv, *json_dir, *sorted, *sort, *log;
    bool force;
} result_options;
extern const option_table results_options;

typedef struct results {
    const result_options *o;
    const answer_options *asked;
    const answerer *by;
    outputs names;
    gad_inspection_page *page; /* NULL: none is wanted */
    FILE *csv;
} results;

/* One part's, and what they are said of. `result` NULL: it failed, `why` says so; `part` NULL: it was not read. */
typedef struct results_part {
    const char *path, *json;   /* `json` NULL: it is not needed */
    const char *truth, *wrong; /* as in gad_inspection_card */
    const gad_picture *part;
    gad_picture *const *good;
    const char *const *good_path;
    int good_count;
    const gad_inspection *result;
    const gad_error *why;
} results_part;

/* Before anything is opened: can all of it be written? An exit code, after a message, as of the others. */
int results_check(const result_options *o);
/* `settings` in words, for the page. */
int results_open(results *r, const result_options *o, const answer_options *asked, const answerer *by, const paths *parts,
                 const char *settings);
/* Whether it needs a part's JSON line. */
bool results_need_json(const result_options *o);
int results_add(results *r, const results_part *part);
/* Writes what is whole only now. */
int results_close(results *r);
#endif
