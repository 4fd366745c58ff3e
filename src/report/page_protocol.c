/* page_protocol: everything that must be known to repeat or to doubt the numbers: settings of the run, choices of the
 * scoring, decisions where the papers are silent (page.h). */
#include "report/page_sections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_term(gad_string *html, const char *name, const char *value)
{
    gad_string_add(html, "<dt>");
    gad_string_add_html(html, name);
    gad_string_add(html, "</dt><dd>");
    gad_string_add_html(html, value);
    gad_string_add(html, "</dd>\n");
}

/* Every leaf of a JSON value as a term "a.b.c". */
static void add_leaves(gad_string *html, const char *prefix, const json_t *value, bool timing)
{
    const char *key;
    json_t *inner;
    if (json_is_object(value)) {
        json_object_foreach ((json_t *)(uintptr_t)value, key, inner) {
            char path[160];
            snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key);
            if (!strcmp(path, "prompt.text") || (!timing && (!strcmp(path, "created") || !strcmp(path, "model.endpoint"))))
                continue;
            add_leaves(html, path, inner, timing);
        }
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
    add_term(html, prefix, json_is_string(value) ? json_string_value(value) : text ? text : "?");
    free(text);
}

static void add_settings(gad_string *html, const gad_record *record, bool timing)
{
    gad_string_add(html, "<div><h3>Run</h3><dl>\n");
    add_leaves(html, "", record->run, timing);
    gad_string_add(html, "</dl>\n<details><summary>prompt</summary><pre>");
    gad_string_add_html(html, gad_record_text(record, "prompt.text", ""));
    gad_string_add(html, "</pre></details></div>\n");
}

static void add_choices(gad_string *html, const gad_scoring_choices *c)
{
    char text[160];
    gad_string_add(html, "<div><h3>Scoring</h3><dl>\n");
    add_term(html, "decision", isnan(c->threshold) ? "the first Yes or No of the answer" : "Yes from this score on");
    if (!isnan(c->threshold)) {
        snprintf(text, sizeof text, "%.6g", c->threshold);
        add_term(html, "threshold", text);
    }
    add_term(html, "answer without a decision",
             c->unparsable == GAD_SCORING_WRONG ? "counts as wrong"
             : c->unparsable == GAD_SCORING_NO  ? "counts as No"
                                                : "left out");
    add_term(html, "failed request", "left out, never counted as No");
    snprintf(text, sizeof text, "%g and %g, inclusive; areas (x2-x1)(y2-y1), original pixels", c->iou[0], c->iou[1]);
    add_term(html, "IoU thresholds", text);
    add_term(html, "matching",
             c->matching == GAD_SCORING_MANY ? "many to many: found if any box reaches the threshold"
                                             : "one to one, by falling IoU; many to many is in the JSON file");
    add_term(html, "localisation accuracy", "TP / (TP + FP + FN), boxes pooled over the anomalous images of a category");
    add_term(html, "coordinates", gad_box_convention_name(c->convention));
    add_term(html, "axis order", c->order == GAD_BOX_YX ? "y before x" : "x before y");
    add_term(html, "degenerate box", "a wrong prediction");
    add_term(html, "precision without a positive call", "0");
    add_term(html, "label of a box", "not compared");
    add_term(html, "mean", "over categories, then over data sets, unweighted; undefined values are left out");
    snprintf(text, sizeof text,
             "%g %%, percentile bootstrap, %lld resamples of images inside each category and truth, seed %llu",
             c->confidence * 100, (long long)c->resamples, (unsigned long long)c->seed);
    add_term(html, "intervals", text);
    gad_string_add(html, "</dl></div>\n");
}

void gad_page_protocol(gad_string *html, const gad_report *report)
{
    const gad_record *record = report->mmad ? report->mmad->record : report->run->record;
    gad_page_section(
        html, "protocol", "How this was measured",
        "Each choice that the publications leave open is listed. The raw answers are kept beside this report: gad "
        "bench rescore repeats the scoring with other choices, without the model.");
    gad_string_add(html, "<div class=\"pair\">\n");
    add_settings(html, record, report->timing);
    if (!report->mmad)
        add_choices(html, &report->run->choices);
    gad_string_add(html, "</div>\n");
    gad_page_end(html);
}
