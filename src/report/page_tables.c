/* page_tables: the tables of the HTML report: data sets with baselines, published models, categories, defect types and
 * sizes (page.h). */
#include "report/page_sections.h"
#include "report/scoreboard.h"

#include <math.h>
#include <string.h>

/* ---- data sets ---- */

static void add_threshold_head(gad_string *html, const gad_scoring_choices *c, const char *first)
{
    gad_string_addf(html, "<thead><tr><th rowspan=\"2\">%s</th><th class=\"group\" colspan=\"%d\">Detection</th>", first,
                    GAD_REPORT_DETECTION);
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++)
        gad_string_addf(html, "<th class=\"group\" colspan=\"3\">Localisation, IoU &ge; %g</th>", c->iou[k]);
    gad_string_add(html, "</tr><tr>");
    for (int i = 0; i < GAD_REPORT_DETECTION; i++)
        gad_string_addf(html, "<th class=\"num%s\" title=\"%s\">%s</th>", i ? "" : " edge", gad_report_detection[i].help,
                        gad_report_detection[i].title);
    for (int i = 0; i < GAD_REPORT_LOCALIZATION; i++)
        gad_string_addf(html, "<th class=\"num%s\" title=\"%s\">%s</th>", i % 3 ? "" : " edge",
                        gad_report_localization[i].help, gad_report_localization[i].title);
    gad_string_add(html, "</tr></thead>\n");
}

/* `interval` NULL: no tooltips. */
static void add_model_row(gad_string *html, const char *tone, const char *model, const gad_scoring_choices *c,
                          const gad_metric_values *v, const gad_interval *interval)
{
    gad_string_addf(html, "<tr class=\"%s\"><th>", tone);
    gad_string_add_html(html, model);
    gad_string_add(html, "</th>");
    for (int i = 0; i < GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION; i++) {
        gad_metric m = i < GAD_REPORT_DETECTION
                           ? gad_report_detection[i].metric
                           : gad_report_local(c, gad_report_localization[i - GAD_REPORT_DETECTION].metric);
        gad_page_percent_cell(html, v->of[m], interval ? interval->low.of[m] : NAN, interval ? interval->high.of[m] : NAN);
    }
    gad_string_add(html, "</tr>\n");
}

/* The run's interval as a line of its own, so that it can be read without a mouse and on paper. */
static void add_interval_row(gad_string *html, const gad_scoring_choices *c, const gad_interval *interval)
{
    gad_string_addf(html, "<tr class=\"mute\"><th>%g %% interval</th>", c->confidence * 100);
    for (int i = 0; i < GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION; i++) {
        gad_metric m = i < GAD_REPORT_DETECTION
                           ? gad_report_detection[i].metric
                           : gad_report_local(c, gad_report_localization[i - GAD_REPORT_DETECTION].metric);
        if (isfinite(interval->low.of[m]))
            gad_string_addf(html, "<td class=\"num\">%.1f&ndash;%.1f</td>", interval->low.of[m] * 100,
                            interval->high.of[m] * 100);
        else
            gad_string_add(html, "<td class=\"num\">-</td>");
    }
    gad_string_add(html, "</tr>\n");
}

static void add_scope(gad_string *html, const gad_report *report, size_t k)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *scope = &s->scope[k];
    gad_string_addf(html, "<tr class=\"band\"><th colspan=\"%d\">", 1 + GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION);
    gad_string_add_html(html, k == s->datasets ? "Mean over the data sets" : scope->name);
    gad_string_add(html, " <span style=\"font-weight:400\">&middot; ");
    gad_report_count(html, scope->counts.normal);
    gad_string_add(html, " normal, ");
    gad_report_count(html, scope->counts.anomalous);
    gad_string_add(html, " anomalous, ");
    gad_report_count(html, scope->counts.boxes);
    gad_string_addf(html, " boxes, %d categor%s</span></th></tr>\n", scope->categories,
                    scope->categories == 1 ? "y" : "ies");
    if (!scope->counts.answered) {
        gad_string_addf(html, "<tr class=\"mute\"><th colspan=\"%d\">no answers</th></tr>\n",
                        1 + GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION);
        return;
    }
    add_model_row(html, "own", gad_page_model(s), &s->choices, &scope->metric.value, &scope->metric);
    add_interval_row(html, &s->choices, &scope->metric);
    for (size_t i = 0; i < report->others; i++)
        for (size_t j = 0; j <= report->other[i]->datasets; j++)
            if (!strcmp(report->other[i]->scope[j].name, scope->name))
                add_model_row(html, "", gad_page_model(report->other[i]), &s->choices,
                              &report->other[i]->scope[j].metric.value, &report->other[i]->scope[j].metric);
    add_model_row(html, "mute", "always Yes", &s->choices, &scope->yes, NULL);
    add_model_row(html, "mute", "always No", &s->choices, &scope->no, NULL);
}

void gad_page_datasets(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    char note[256];
    snprintf(
        note, sizeof note,
        "Percent. Each value is the mean over the categories of a data set. Boxes are matched %s. A cell's tooltip shows "
        "its %g %% interval.",
        s->choices.matching == GAD_SCORING_MANY ? "many to many" : "one to one", s->choices.confidence * 100);
    gad_page_section(html, "datasets", "Results by data set", note);
    gad_string_add(html, "<div class=\"wide\"><table class=\"dense\">\n");
    add_threshold_head(html, &s->choices, "model");
    gad_string_add(html, "<tbody>\n");
    if (s->datasets > 1)
        add_scope(html, report, s->datasets);
    for (size_t k = 0; k < s->datasets; k++)
        add_scope(html, report, k);
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

/* ---- published models ---- */

/* Which benchmarks the table shows and where the run's own numbers are. */
typedef struct shown {
    const gad_summary_scope *scope[GAD_SCOREBOARD_BENCHMARKS]; /* NULL: not in the run */
    bool any;
    int group; /* of the run; -1: neither */
} shown;

static shown find_benchmarks(const gad_summary *s)
{
    shown w = {.group = -1};
    const char *preset = gad_record_text(s->record, "plan.preset", "");
    w.group = !strcmp(preset, "source") ? GAD_SCOREBOARD_SOURCE : !strcmp(preset, "mmrad") ? GAD_SCOREBOARD_MMRAD : -1;
    for (size_t k = 0; k < s->datasets; k++) {
        int b = gad_scoreboard_find(s->scope[k].name);
        if (b >= 0) {
            w.scope[b] = &s->scope[k];
            w.any = true;
        }
    }
    return w;
}

static bool is_shown(const shown *w, int b)
{
    return !w->any || w->scope[b];
}

static void add_published_head(gad_string *html, const shown *w)
{
    gad_string_add(html, "<thead><tr><th rowspan=\"2\">model</th><th rowspan=\"2\">test mix</th>");
    for (int b = 0; b < GAD_SCOREBOARD_BENCHMARKS; b++)
        if (is_shown(w, b))
            gad_string_addf(html, "<th class=\"group\" colspan=\"3\">%s</th>",
                            gad_scoreboard_name((gad_scoreboard_benchmark)b));
    gad_string_add(html, "</tr><tr>");
    for (int b = 0; b < GAD_SCOREBOARD_BENCHMARKS; b++)
        if (is_shown(w, b))
            gad_string_add(html, "<th class=\"num edge\">Acc</th><th class=\"num\">R</th><th class=\"num\">P</th>");
    gad_string_add(html, "</tr></thead>\n<tbody>\n");
}

static void add_both(gad_string *html, double detection, double localization, bool edge, bool comparable)
{
    gad_string_addf(html, "<td class=\"num%s\">", edge ? " edge" : "");
    gad_string_add(html, comparable ? "" : "<span style=\"opacity:.5\">");
    gad_report_number(html, detection, 1);
    gad_string_add(html, comparable ? " / " : "</span> / ");
    gad_report_number(html, localization, 1);
    gad_string_add(html, "</td>");
}

static void add_published_row(gad_string *html, const shown *w, const gad_scoreboard_row *row)
{
    bool comparable = w->group < 0 || w->group == (int)row->group;
    gad_string_add(html, "<tr><th>");
    gad_string_add_html(html, row->model);
    gad_string_addf(html, "%s</th><td>%s</td>", row->uncertain ? " ?" : "",
                    row->group == GAD_SCOREBOARD_SOURCE ? "source" : "mmrad");
    for (int b = 0; b < GAD_SCOREBOARD_BENCHMARKS; b++) {
        const gad_scoreboard_triple *d = &row->cell[b].detection, *l = &row->cell[b].localization_10;
        if (!is_shown(w, b))
            continue;
        add_both(html, d->accuracy, l->accuracy, true, comparable);
        add_both(html, d->recall, l->recall, false, comparable);
        add_both(html, d->precision, l->precision, false, comparable);
    }
    gad_string_add(html, "</tr>\n");
}

static void add_own_row(gad_string *html, const gad_summary *s, const shown *w)
{
    gad_string_add(html, "<tr class=\"own\"><th>");
    gad_string_add_html(html, gad_page_model(s));
    gad_string_addf(html, "</th><td>%s</td>",
                    w->group < 0                        ? "own"
                    : w->group == GAD_SCOREBOARD_SOURCE ? "source"
                                                        : "mmrad");
    for (int b = 0; b < GAD_SCOREBOARD_BENCHMARKS; b++) {
        if (!is_shown(w, b))
            continue;
        const double *v = w->scope[b] ? w->scope[b]->metric.value.of : NULL;
        int place = (int)gad_report_local(&s->choices, GAD_METRIC_ONE);
        static const int detection[3] = {GAD_METRIC_ACCURACY, GAD_METRIC_RECALL, GAD_METRIC_PRECISION};
        for (int i = 0; i < 3; i++)
            add_both(html, v ? v[detection[i]] * 100 : NAN, v ? v[place + i] * 100 : NAN, i == 0, true);
    }
    gad_string_add(html, "</tr>\n");
}

static void add_published_table(gad_string *html, const gad_summary *s, const shown *w)
{
    static const char *const kinds[] = {"Commercial", "Full-shot detectors, trained on the category: a yardstick",
                                        "Open general models, one reference", "Trained for anomaly detection"};
    size_t count, columns = 2;
    const gad_scoreboard_row *row = gad_scoreboard_rows(&count);
    for (int b = 0; b < GAD_SCOREBOARD_BENCHMARKS; b++)
        columns += is_shown(w, b) ? 3 : 0;
    gad_string_add(html, "<div class=\"wide\"><table>\n");
    add_published_head(html, w);
    if (w->any)
        add_own_row(html, s, w);
    for (size_t i = 0; i < count; i++) {
        if (!i || row[i].kind != row[i - 1].kind)
            gad_string_addf(html, "<tr class=\"band\"><th colspan=\"%zu\">%s</th></tr>\n", columns, kinds[row[i].kind]);
        add_published_row(html, w, &row[i]);
    }
    gad_string_add(html, "</tbody></table></div>\n");
}

void gad_page_scoreboard(gad_string *html, const gad_report *report)
{
    shown w = find_benchmarks(report->run);
    gad_page_section(html, "published", "Published models", NULL);
    gad_string_add(html,
                   "<p class=\"note\">Each cell: detection / localisation at IoU 0.1, percent, as printed by the "
                   "sources. The published rows were measured on two different mixes of normal and anomalous images "
                   "(&ldquo;source&rdquo;: original test splits; &ldquo;mmrad&rdquo;: the MMR-AD sample). Localisation "
                   "may be compared across both, detection only with rows of this run&rsquo;s own mix; the others are "
                   "pale. A question mark: the order of some cells is uncertain in our source.</p>\n");
    if (w.any) {
        if (w.group < 0)
            gad_string_add(html, "<p class=\"notice\">This run uses neither preset, so none of the detection values may be "
                                 "compared.</p>\n");
        add_published_table(html, report->run, &w);
    } else {
        gad_string_add(html,
                       "<details><summary>None of the four benchmarks is in this run, so nothing here may be compared; "
                       "show the published table for orientation</summary>\n");
        add_published_table(html, report->run, &w);
        gad_string_add(html, "</details>\n");
    }
    gad_page_end(html);
}

/* ---- categories ---- */

static void add_category_row(gad_string *html, const gad_summary *s, const gad_summary_category *c, bool pixels)
{
    const double *v = c->value.of;
    gad_string_add(html, "<tr><th>");
    gad_string_add_html(html, s->scope[c->dataset].name);
    gad_string_add(html, "</th><th>");
    gad_string_add_html(html, c->name);
    gad_string_addf(html, "</th><td class=\"num\" data-v=\"%lld\">%lld</td><td class=\"num\" data-v=\"%lld\">%lld</td>",
                    (long long)c->counts.normal, (long long)c->counts.normal, (long long)c->counts.anomalous,
                    (long long)c->counts.anomalous);
    gad_page_bar_cell(html, v[GAD_METRIC_ACCURACY], "det");
    gad_page_bar_cell(html, v[GAD_METRIC_BALANCED], "det");
    gad_page_percent_cell(html, 1 - v[GAD_METRIC_RECALL], NAN, NAN);
    gad_page_percent_cell(html, 1 - v[GAD_METRIC_SPECIFICITY], NAN, NAN);
    gad_page_percent_cell(html, v[GAD_METRIC_AUROC], NAN, NAN);
    gad_page_bar_cell(html, v[gad_report_local(&s->choices, GAD_METRIC_ONE)], "loc");
    gad_page_bar_cell(html, v[gad_report_local(&s->choices, (gad_metric)(GAD_METRIC_ONE + 3))], "loc");
    gad_page_percent_cell(html, v[GAD_METRIC_MASK_IOU], NAN, NAN);
    if (pixels) {
        gad_page_percent_cell(html, c->pixels.auroc, NAN, NAN);
        gad_page_percent_cell(html, c->pixels.aupro, NAN, NAN);
    }
    gad_string_add(html, "</tr>\n");
}

void gad_page_categories(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    bool pixels = s->map_images > 0;
    gad_page_section(html, "categories", "Categories",
                     "Click a heading to sort. Missed and alarms: share of anomalous images "
                     "called normal, and of normal images called anomalous; where answers without a decision count as "
                     "wrong, they are in both.");
    gad_string_addf(html,
                    "<div class=\"wide\"><table class=\"sort dense\">\n<thead><tr><th>data set</th><th>category</th>"
                    "<th class=\"num\">normal</th><th class=\"num\">anom.</th><th class=\"num\">accuracy</th>"
                    "<th class=\"num\">balanced</th><th class=\"num\">missed</th><th class=\"num\">alarms</th>"
                    "<th class=\"num\">AUROC</th><th class=\"num\">loc. %g</th><th class=\"num\">loc. %g</th>"
                    "<th class=\"num\">mask IoU</th>%s</tr></thead>\n<tbody>\n",
                    s->choices.iou[0], s->choices.iou[1],
                    pixels ? "<th class=\"num\" title=\"pixel AUROC of the heat map\">px AUROC</th><th class=\"num\" "
                             "title=\"per-region overlap of the heat map, false positive rates up to 0.3\">AUPRO</th>"
                           : "");
    for (size_t k = 0; k < s->categories; k++)
        add_category_row(html, s, &s->category[k], pixels);
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

/* ---- defect types and sizes ---- */

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void add_type_table(gad_string *html, const gad_summary *s)
{
    gad_string_addf(
        html,
        "<div><h3>By kind of defect</h3><div class=\"wide\"><table class=\"sort dense\">\n<thead><tr><th>data set</th>"
        "<th>kind</th><th class=\"num\">images</th><th class=\"num\">detected</th><th class=\"num\">boxes</th>"
        "<th class=\"num\">found, %g</th><th class=\"num\">found, %g</th></tr></thead>\n<tbody>\n",
        s->choices.iou[0], s->choices.iou[1]);
    for (size_t k = 0; k < s->types; k++) {
        const gad_summary_type *t = &s->type[k];
        gad_string_add(html, "<tr><th>");
        gad_string_add_html(html, t->dataset);
        gad_string_add(html, "</th><th style=\"white-space:normal\">");
        gad_string_add_html(html, t->name);
        gad_string_addf(html, "</th><td class=\"num\" data-v=\"%lld\">%lld</td>", (long long)t->images,
                        (long long)t->images);
        gad_page_bar_cell(html, ratio(t->found, t->images), "det");
        gad_string_addf(html, "<td class=\"num\" data-v=\"%lld\">%lld</td>", (long long)t->truths, (long long)t->truths);
        gad_page_bar_cell(html, ratio(t->matched[0], t->truths), "loc");
        gad_page_bar_cell(html, ratio(t->matched[1], t->truths), "loc");
        gad_string_add(html, "</tr>\n");
    }
    gad_string_add(html, "</tbody></table></div></div>\n");
}

static void add_size_table(gad_string *html, const gad_summary *s)
{
    gad_string_addf(
        html,
        "<div><h3>By size of the true box</h3><div class=\"wide\"><table>\n<thead><tr><th>share of the image</th>"
        "<th class=\"num\">boxes</th><th class=\"num\">found, %g</th><th class=\"num\">found, %g</th></tr></thead>"
        "\n<tbody>\n",
        s->choices.iou[0], s->choices.iou[1]);
    for (int b = 0; b < GAD_SCORING_SIZES; b++) {
        gad_string_addf(html, "<tr><th>%s</th><td class=\"num\">%lld</td>", gad_scoring_size_name(b),
                        (long long)s->size_truths[b]);
        gad_page_bar_cell(html, ratio(s->size_found[0][b], s->size_truths[b]), "loc");
        gad_page_bar_cell(html, ratio(s->size_found[1][b], s->size_truths[b]), "loc");
        gad_string_add(html, "</tr>\n");
    }
    gad_string_add(html, "</tbody></table></div></div>\n");
}

void gad_page_types(gad_string *html, const gad_report *report)
{
    gad_page_section(
        html, "types", "Which defects are found",
        "Over anomalous images. Detected: called anomalous. Found: true boxes matched one to one at that IoU.");
    gad_string_add(html, "<div class=\"pair two-one\">\n");
    add_type_table(html, report->run);
    add_size_table(html, report->run);
    gad_string_add(html, "</div>\n");
    gad_page_end(html);
}
