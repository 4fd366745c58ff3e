/* report_table: see report_table.h */
#include "report/report_table.h"

#include <math.h>
#include <string.h>

const gad_report_column gad_report_detection[GAD_REPORT_DETECTION] = {
    {"Acc", "share of images with the right Yes or No", GAD_METRIC_ACCURACY},
    {"R", "share of anomalous images called anomalous", GAD_METRIC_RECALL},
    {"P", "share of calls that are right", GAD_METRIC_PRECISION},
    {"Spec", "share of normal images called normal", GAD_METRIC_SPECIFICITY},
    {"BalAcc", "mean of recall and specificity: 50 for any constant answer", GAD_METRIC_BALANCED},
    {"F1", "harmonic mean of recall and precision", GAD_METRIC_F1},
    {"AUROC", "how well the score ranks anomalous above normal, without a threshold", GAD_METRIC_AUROC},
};

const gad_report_column gad_report_localization[GAD_REPORT_LOCALIZATION] = {
    {"Acc", "found / (found + missed + wrong boxes)", GAD_METRIC_ONE},
    {"R", "share of true boxes found", (gad_metric)(GAD_METRIC_ONE + 1)},
    {"P", "share of predicted boxes that are right", (gad_metric)(GAD_METRIC_ONE + 2)},
    {"Acc", "found / (found + missed + wrong boxes)", (gad_metric)(GAD_METRIC_ONE + 3)},
    {"R", "share of true boxes found", (gad_metric)(GAD_METRIC_ONE + 4)},
    {"P", "share of predicted boxes that are right", (gad_metric)(GAD_METRIC_ONE + 5)},
};

gad_metric gad_report_local(const gad_scoring_choices *choices, gad_metric metric)
{
    return choices->matching == GAD_SCORING_MANY ? (gad_metric)(metric - GAD_METRIC_ONE + GAD_METRIC_MANY) : metric;
}

void gad_report_percent(gad_string *text, double value)
{
    gad_report_number(text, value * 100, 1);
}

void gad_report_number(gad_string *text, double value, int digits)
{
    if (isfinite(value))
        gad_string_addf(text, "%.*f", digits, value);
    else
        gad_string_add(text, "-");
}

void gad_report_seconds(gad_string *text, double seconds)
{
    if (!isfinite(seconds))
        gad_string_add(text, "-");
    else if (seconds < 1)
        gad_string_addf(text, "%.0f ms", seconds * 1000);
    else
        gad_string_addf(text, "%.*f s", seconds < 100 ? 1 : 0, seconds);
}

bool gad_report_limit(const gad_record *record, char text[64])
{
    int64_t limit = gad_record_integer(record, "plan.limit", 0);
    snprintf(text, 64, "a draw of %lld, seed %lld", (long long)limit,
             (long long)gad_record_integer(record, "plan.seed", 0));
    return limit > 0;
}

bool gad_report_same_items(const gad_record *a, const gad_record *b)
{
    return !strcmp(gad_record_text(a, "items_hash", ""), gad_record_text(b, "items_hash", "-"));
}

void gad_report_count(gad_string *text, int64_t value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)(value < 0 ? -value : value));
    gad_string_add(text, value < 0 ? "-" : "");
    for (int i = 0; i < n; i++) {
        gad_string_add(text, i && (n - i) % 3 == 0 ? "," : "");
        gad_string_append(text, digits + i, 1);
    }
}
