/* compare_page: a comparison as one self-contained HTML page (compare.h), in the style of the report. */
#include "base/error.h"
#include "report/compare.h"
#include "report/page.h"

#include <math.h>

enum { CASES_SHOWN = 400 };

static const char *verdict_of(const gad_compare *c)
{
    return c->mcnemar_p >= 1 - c->a->choices.confidence ? "the decisions are not settled to differ"
           : c->a_right > c->b_right                    ? "A decides better"
                                                        : "B decides better";
}

static void add_headline(gad_string *html, const gad_compare *c)
{
    gad_string_add(html, "<header><div>\n<p class=\"over\">Benchmark comparison &middot; MMR-AD protocol</p>\n<h1>A: ");
    gad_string_add_html(html, gad_page_model(c->a));
    gad_string_add(html, "<br>B: ");
    gad_string_add_html(html, gad_page_model(c->b));
    gad_string_add(html, "</h1>\n<p class=\"verdict\">On ");
    gad_report_count(html, c->common);
    gad_string_addf(html,
                    " images that both answered, A alone is right <b>%lld</b> times and B alone <b>%lld</b> times: by "
                    "McNemar's exact test (p = %.4g) <b>%s</b>.</p>\n",
                    (long long)c->a_right, (long long)c->b_right, c->mcnemar_p, verdict_of(c));
    gad_string_addf(html,
                    "<ul class=\"chips\"><li class=\"chip\">only A answered: %lld</li><li class=\"chip\">only B "
                    "answered: %lld</li>",
                    (long long)c->only_a, (long long)c->only_b);
    gad_string_addf(html, "<li class=\"chip\">%lld resamples, seed %llu</li></ul>\n</div></header>\n",
                    (long long)c->a->choices.resamples, (unsigned long long)c->a->choices.seed);
}

static void add_decisions(gad_string *html, const gad_compare *c)
{
    gad_page_section(html, "decisions", "Decisions", "Images of all data sets together.");
    gad_string_addf(
        html,
        "<div class=\"wide\" style=\"max-width:420px\"><table>\n<thead><tr><th></th><th class=\"num\">B right</th>"
        "<th class=\"num\">B wrong</th></tr></thead>\n<tbody><tr><th>A right</th><td class=\"num\">%lld</td>"
        "<td class=\"num\">%lld</td></tr>\n<tr><th>A wrong</th><td class=\"num\">%lld</td><td class=\"num\">%lld"
        "</td></tr></tbody></table></div>\n",
        (long long)c->both_right, (long long)c->a_right, (long long)c->b_right, (long long)c->both_wrong);
    gad_page_end(html);
}

/* ---- differences ---- */

/* The metrics of the tables, in their order; *title names one. */
static gad_metric metric_at(const gad_compare *c, int i, char title[48])
{
    const gad_scoring_choices *choices = &c->a->choices;
    if (i < GAD_REPORT_DETECTION) {
        snprintf(title, 48, "%s", gad_report_detection[i].title);
        return gad_report_detection[i].metric;
    }
    i -= GAD_REPORT_DETECTION;
    if (i == GAD_REPORT_LOCALIZATION) {
        snprintf(title, 48, "Mask IoU");
        return GAD_METRIC_MASK_IOU;
    }
    snprintf(title, 48, "Localisation %s, IoU %g", gad_report_localization[i].title, choices->iou[i / 3]);
    return gad_report_local(choices, gad_report_localization[i].metric);
}
enum { METRICS = GAD_REPORT_DETECTION + GAD_REPORT_LOCALIZATION + 1 };

/* The interval as a bar around zero, on a scale of -reach to +reach. */
static void add_interval(gad_string *html, double low, double value, double high, double reach)
{
    double k = 95 / reach;
    gad_string_addf(
        html,
        "<td style=\"min-width:200px\"><svg viewBox=\"-100 0 200 14\" preserveAspectRatio=\"none\" style=\"display:"
        "block;width:100%%;height:14px\" aria-hidden=\"true\"><path class=\"axis\" d=\"M-100 7H100M0 0V14\"/>"
        "<rect x=\"%.2f\" y=\"4\" width=\"%.2f\" height=\"6\" fill=\"var(--%s)\" opacity=\".45\"/>"
        "<rect x=\"%.2f\" y=\"1\" width=\"1.6\" height=\"12\" fill=\"var(--%s)\"/></svg></td>",
        low * k, fmax((high - low) * k, .4), low > 0 || high < 0 ? "own" : "soft", value * k - .8,
        low > 0 || high < 0 ? "own" : "soft");
}

static void add_row(gad_string *html, const gad_compare *c, const gad_interval *s, int i, double reach)
{
    char title[48];
    gad_metric m = metric_at(c, i, title);
    double value = s->value.of[m], low = s->low.of[m], high = s->high.of[m];
    if (!isfinite(value))
        return;
    gad_string_addf(html, "<tr><th>%s</th><td class=\"num\">%+.1f</td><td class=\"num\">%+.1f to %+.1f</td>", title,
                    value * 100, low * 100, high * 100);
    add_interval(html, low, value, high, reach);
    gad_string_addf(html, "<td class=\"num\">%.3f</td><td>%s</td></tr>\n", gad_compare_bootstrap_p(c, s, (int)m),
                    low > 0    ? "A higher"
                    : high < 0 ? "B higher"
                               : "not settled");
}

static void add_scope(gad_string *html, const gad_compare *c, size_t k)
{
    const gad_interval *s = &c->scope[k];
    double reach = .01;
    char title[48];
    for (int i = 0; i < METRICS; i++) {
        gad_metric m = metric_at(c, i, title);
        if (isfinite(s->value.of[m]))
            reach = fmax(reach, fmax(fabs(s->low.of[m]), fabs(s->high.of[m])));
    }
    gad_string_add(html, "<h3>");
    gad_string_add_html(html, k + 1 == c->scopes ? "Mean over the data sets" : c->name[k]);
    gad_string_addf(
        html,
        "</h3>\n<div class=\"wide\"><table class=\"dense\">\n<thead><tr><th>metric</th><th class=\"num\">A &minus; "
        "B, points</th><th class=\"num\">%g %% interval</th><th>&minus;%.0f to +%.0f</th><th class=\"num\">p</th>"
        "<th></th></tr></thead>\n<tbody>\n",
        c->a->choices.confidence * 100, ceil(reach * 100), ceil(reach * 100));
    for (int i = 0; i < METRICS; i++)
        add_row(html, c, s, i, ceil(reach * 100) / 100 * .95);
    gad_string_add(html, "</tbody></table></div>\n");
}

static void add_differences(gad_string *html, const gad_compare *c)
{
    gad_page_section(html, "differences", "Differences",
                     "Means over categories, then over data sets, on the common images. Intervals and p from a paired "
                     "bootstrap inside each category and truth; for each metric by itself.");
    add_scope(html, c, c->scopes - 1);
    for (size_t k = 0; k + 1 < c->scopes && c->scopes > 2; k++)
        add_scope(html, c, k);
    gad_page_end(html);
}

/* ---- disagreements ---- */

static void add_case(gad_string *html, const gad_compare *c, const gad_compare_case *differ)
{
    const gad_item *item = &c->a->record->items.item[differ->a];
    const gad_outcome *a = &c->a->scored[differ->a].outcome, *b = &c->b->scored[differ->b].outcome;
    gad_string_addf(html, "<tr><th>%s</th><td>", a->called == item->anomalous ? "A" : "B");
    gad_string_add_html(html, item->anomalous ? item->type ? item->type : "anomalous" : "normal");
    gad_string_addf(html,
                    "</td><td>%s</td><td>%s</td><td class=\"words\"><a "
                    "href=\"file://",
                    a->called ? "Yes" : "No", b->called ? "Yes" : "No");
    gad_string_add_html(html, item->image);
    gad_string_add(html, "\">");
    gad_string_add_html(html, item->id);
    gad_string_add(html, "</a></td></tr>\n");
}

static void add_disagreements(gad_string *html, const gad_compare *c)
{
    char note[160];
    snprintf(note, sizeof note, "%zu images%s.", c->differ_count,
             c->differ_count > CASES_SHOWN ? ", of which the first 400 are shown; all are in the JSON file" : "");
    gad_page_section(html, "disagreements", "Where one is right and the other wrong", note);
    gad_string_add(html,
                   "<div class=\"wide\"><table class=\"dense\">\n<thead><tr><th>right</th><th>truth</th><th>A says</th>"
                   "<th>B says</th><th>image</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < c->differ_count && i < CASES_SHOWN; i++)
        add_case(html, c, &c->differ[i]);
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

gad_status gad_compare_html(const gad_compare *c, gad_string *html, gad_error *err)
{
    gad_page_begin(html, "comparison");
    add_headline(html, c);
    gad_string_add(html, "<main>\n");
    add_decisions(html, c);
    add_differences(html, c);
    if (c->differ_count)
        add_disagreements(html, c);
    gad_string_add(html, "</main>\n");
    gad_page_finish(html, "This page is self-contained.");
    return html->failed ? gad_error_memory(err, "write a comparison", html->length) : GAD_OK;
}
