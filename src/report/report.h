/* report: the numbers of a summary as files: JSON, CSV, Markdown, one HTML page. In: summaries. Out: text. Equal summaries,
 * equal bytes. Computes nothing. */
#ifndef GAD_REPORT_REPORT_H
#define GAD_REPORT_REPORT_H
#include "base/string.h"
#include "bench/mmad_score.h"
#include "bench/summary.h"

#include <jansson.h>

enum { GAD_REPORT_OTHERS = 8 };

typedef struct gad_report {
    const gad_summary *run;                      /* the subject; NULL for MMAD */
    const gad_summary *other[GAD_REPORT_OTHERS]; /* shown beside it: the pixel difference of the same items first */
    size_t others;
    const gad_mmad_summary *mmad; /* the subject of an MMAD report */
    bool timing;                  /* false: without what differs from machine to machine: times, date */
    size_t cases;                 /* pictures of the gallery per kind; 0: the default */
} gad_report;

/* New reference. */
gad_status gad_report_json(const gad_report *report, json_t **root, gad_error *err);
/* One line per scope, category, type and size with all metrics. */
gad_status gad_report_csv(const gad_report *report, gad_string *text, gad_error *err);
gad_status gad_report_markdown(const gad_report *report, gad_string *text, gad_error *err);
/* Self-contained: no network, images as thumbnails inside, links to the files. */
gad_status gad_report_html(const gad_report *report, const gad_log *log, gad_string *text, gad_error *err);
/* One JSON line per item: how its answer was read and what it counted. */
gad_status gad_report_scored(const gad_report *report, gad_string *text, gad_error *err);
#endif
