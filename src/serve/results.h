/* results: what the server inspected, kept on disk: a row, the picture as it came, the heat map. In: inspected parts,
 * reviews by people. Out: rows. One SQLite file and a folder of pictures; a row is written before its request is answered;
 * a loss of power may take the last ones. May be used by several threads. */
#ifndef GAD_SERVE_RESULTS_H
#define GAD_SERVE_RESULTS_H
#include "gad.h"

#include <jansson.h>

typedef struct gad_results gad_results;

/* `folder` is made when absent. `keep`: at most so many rows; older ones go first, reviewed ones last; 0: no bound. */
gad_status gad_results_open(const char *folder, int64_t keep, gad_results **results, gad_error *err);
void gad_results_close(gad_results *results);

/* One inspected part; everything is copied. */
typedef struct gad_results_part {
    const char *product, *name; /* name: of the file that was sent; "" when it had none */
    const char *verdict;        /* "normal", "anomalous", "unfamiliar", "unreadable", "failed" */
    double score, threshold;    /* NaN: none */
    const char *line;           /* the JSON line of the inspection */
    const void *picture, *heat; /* encoded bytes; heat: a grey PNG, a pixel a cell, NULL: none */
    size_t picture_bytes, heat_bytes;
} gad_results_part;
gad_status gad_results_add(gad_results *results, const gad_results_part *part, int64_t *id, gad_error *err);

/* A zeroed filter means all, newest first. */
typedef struct gad_results_filter {
    const char *product, *verdict, *review; /* review: "none", or what gad_results_review takes */
    bool rejects;                           /* all verdicts but "normal" */
    int64_t before, after;                  /* ids: older than, newer than; 0: any */
    int64_t limit;                          /* 0: 100 */
} gad_results_filter;
/* An array of {"id", "time", "product", "name", "verdict", "review", "score", "threshold", "result"}; the caller's
 * (json_decref). "result" is the inspection's line as an object. */
gad_status gad_results_list(gad_results *results, const gad_results_filter *filter, json_t **list, gad_error *err);
/* One of them; GAD_E_ARGUMENT when there is none. */
gad_status gad_results_get(gad_results *results, int64_t id, json_t **row, gad_error *err);

/* The oldest row after that id; *row NULL: there is none. */
gad_status gad_results_next(gad_results *results, int64_t after, json_t **row, gad_error *err);
/* The newest id, 0 without rows; how many rows come after an id. */
int64_t gad_results_last(gad_results *results);
gad_status gad_results_count(gad_results *results, int64_t after, int64_t *rows, gad_error *err);

/* Of a part, as a file that is there; the caller's (gad_memory_free). GAD_E_ARGUMENT when there is none. */
typedef enum gad_results_file { GAD_RESULTS_PICTURE, GAD_RESULTS_HEAT } gad_results_file;
gad_status gad_results_path(gad_results *results, int64_t id, gad_results_file which, char **path, gad_error *err);

/* What a person says of it: "normal", "anomalous", or NULL to take it back. */
gad_status gad_results_review(gad_results *results, int64_t id, const char *review, gad_error *err);
/* {"total": {verdict: n}, "reviewed": {"confirmed": n, "overruled": n}, "scores": [[id, time, score, verdict, review],
 * ...]}: of a product, the newest `limit` in order of time. */
gad_status gad_results_summary(gad_results *results, const char *product, int64_t limit, json_t **summary, gad_error *err);
#endif
