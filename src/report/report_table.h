/* report_table: what tables of all report formats share: which columns there are, how numbers look. */
#ifndef GAD_REPORT_REPORT_TABLE_H
#define GAD_REPORT_REPORT_TABLE_H
#include "base/string.h"
#include "report/report.h"

typedef struct gad_report_column {
    const char *title, *help; /* "Acc", and what it means */
    gad_metric metric;
} gad_report_column;

enum { GAD_REPORT_DETECTION = 7, GAD_REPORT_LOCALIZATION = 6 };
/* Accuracy, recall, precision, specificity, balanced accuracy, F1, AUROC. */
extern const gad_report_column gad_report_detection[GAD_REPORT_DETECTION];
/* Accuracy, recall, precision at both thresholds. The metric is that of the matching `one`; see gad_report_local. */
extern const gad_report_column gad_report_localization[GAD_REPORT_LOCALIZATION];
/* The metric of a localisation column under the chosen matching. */
gad_metric gad_report_local(const gad_scoring_choices *choices, gad_metric metric);

/* A share as percent with one digit ("88.8"); "-" when undefined. */
void gad_report_percent(gad_string *text, double value);
/* A number with `digits` digits after the point; "-" when undefined. */
void gad_report_number(gad_string *text, double value, int digits);
/* Seconds with a fitting unit: "840 ms", "12.3 s". */
void gad_report_seconds(gad_string *text, double seconds);
/* "a draw of 200, seed 1" when the run was limited; false when it was not. */
bool gad_report_limit(const gad_record *record, char text[64]);
/* Whether two runs were asked the same items. */
bool gad_report_same_items(const gad_record *a, const gad_record *b);
/* "1,234,567" */
void gad_report_count(gad_string *text, int64_t value);
#endif
