/* page_charts: ROC, distribution of the score and reliability as SVG, and the section about the form of the answers
 * (page.h). */
#include "report/page_sections.h"

#include <math.h>

/* A plot of 300 x 240 with its data area at (36, 8), 252 x 196. */
enum { LEFT = 36, TOP = 8, WIDTH = 252, HEIGHT = 196 };

static double at_x(double share)
{
    return LEFT + share * WIDTH;
}

static double at_y(double share)
{
    return TOP + (1 - share) * HEIGHT;
}

static void open_plot(gad_string *html, const char *title, const char *x_name, const char *y_name)
{
    gad_string_addf(html, "<figure class=\"chart\"><h3>%s</h3><svg viewBox=\"0 0 300 240\" role=\"img\" aria-label=\"%s\">",
                    title, title);
    gad_string_addf(html, "<rect class=\"axis\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", LEFT, TOP, WIDTH, HEIGHT);
    gad_string_addf(html, "<text x=\"%d\" y=\"236\" text-anchor=\"middle\">%s</text>", LEFT + WIDTH / 2, x_name);
    gad_string_addf(html, "<text transform=\"translate(10 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>",
                    TOP + HEIGHT / 2, y_name);
}

static void close_plot(gad_string *html, const char *caption)
{
    gad_string_addf(html, "</svg><figcaption>%s</figcaption></figure>\n", caption);
}

/* Ticks at 0, 25, ... 100 % on both axes, with a faint grid. */
static void add_percent_grid(gad_string *html)
{
    for (int i = 0; i <= 4; i++) {
        double x = at_x(i / 4.), y = at_y(i / 4.);
        if (i > 0 && i < 4)
            gad_string_addf(html, "<path class=\"axis\" d=\"M%.1f %d V%d M%d %.1f H%d\"/>", x, TOP, TOP + HEIGHT, LEFT, y,
                            LEFT + WIDTH);
        gad_string_addf(html, "<text x=\"%.1f\" y=\"218\" text-anchor=\"middle\">%d</text>", x, i * 25);
        gad_string_addf(html, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d</text>", LEFT - 4, y + 4, i * 25);
    }
    gad_string_addf(html, "<path d=\"M%d %d L%d %d\" stroke=\"var(--soft)\" stroke-dasharray=\"2 4\" fill=\"none\"/>", LEFT,
                    TOP + HEIGHT, LEFT + WIDTH, TOP);
}

/* At most about 400 corners: more cannot be seen. */
static void add_curve(gad_string *html, const gad_summary_scope *scope, const char *colour, bool dashed)
{
    size_t step = scope->corners > 400 ? scope->corners / 400 : 1;
    if (scope->corners < 2)
        return;
    gad_string_addf(html, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s d=\"M", colour,
                    dashed ? " stroke-dasharray=\"5 3\"" : "");
    for (size_t i = 0; i < scope->corners; i += step)
        gad_string_addf(html, "%.1f %.1f ", at_x(scope->fpr[i]), at_y(scope->tpr[i]));
    gad_string_addf(html, "%.1f %.1f\"/>", at_x(1), at_y(1));
}

/* Where the Yes and No of the answers lie, over all images together. */
static void add_operating_point(gad_string *html, const gad_summary *s)
{
    double called[2] = {0}, images[2] = {0};
    for (size_t i = 0; i < s->record->items.count; i++)
        if (s->scored[i].counted) {
            images[s->scored[i].outcome.anomalous]++;
            called[s->scored[i].outcome.anomalous] += s->scored[i].outcome.called;
        }
    if (images[0] > 0 && images[1] > 0)
        gad_string_addf(html,
                        "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"var(--own)\" stroke=\"var(--paper)\" "
                        "stroke-width=\"1.5\"/>",
                        at_x(called[0] / images[0]), at_y(called[1] / images[1]));
}

static void add_roc(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *all = &s->scope[s->datasets];
    gad_string caption = {0};
    open_plot(html, "ROC", "false alarms, % of normal images", "detected, % of anomalous");
    add_percent_grid(html);
    if (report->others)
        add_curve(html, &report->other[0]->scope[report->other[0]->datasets], "var(--said)", true);
    add_curve(html, all, "var(--own)", false);
    add_operating_point(html, s);
    gad_string_add(&caption, "Dot: the Yes or No of the answers. ");
    if (isfinite(all->pooled_auroc))
        gad_string_addf(&caption, "Curve: score over all images together, AUROC %.1f (mean over categories %.1f). ",
                        all->pooled_auroc * 100, all->metric.value.of[GAD_METRIC_AUROC] * 100);
    else
        gad_string_add(&caption, "The model gives no continuous score, so there is no curve. ");
    if (report->others && report->other[0]->scope[report->other[0]->datasets].corners > 1) {
        gad_string_add(&caption, "Dashed: ");
        gad_string_add_html(&caption, gad_page_model(report->other[0]));
        gad_string_add(&caption, ". ");
    }
    gad_string_add(&caption, "Dotted: chance.");
    close_plot(html, gad_string_text(&caption));
    gad_string_free(&caption);
}

static void add_distribution(gad_string *html, const gad_summary *s)
{
    int64_t total[2] = {0};
    double highest = 0;
    for (int k = 0; k < 2; k++)
        for (int b = 0; b < GAD_SUMMARY_HISTOGRAM; b++)
            total[k] += s->histogram[k][b];
    for (int k = 0; k < 2; k++)
        for (int b = 0; b < GAD_SUMMARY_HISTOGRAM; b++)
            highest = total[k] ? fmax(highest, (double)s->histogram[k][b] / (double)total[k]) : highest;
    open_plot(html, "Score of normal and anomalous images", "score", "share of images, %");
    for (int b = 0; b < GAD_SUMMARY_HISTOGRAM && highest > 0; b++)
        for (int k = 0; k < 2; k++) {
            double part = total[k] ? (double)s->histogram[k][b] / (double)total[k] / highest : 0,
                   wide = .5 / GAD_SUMMARY_HISTOGRAM;
            gad_string_addf(html, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>",
                            at_x((double)b / GAD_SUMMARY_HISTOGRAM + k * wide) + .5, at_y(part), wide * WIDTH - .6,
                            part * HEIGHT, k ? "var(--said)" : "var(--own)");
        }
    for (int i = 0; i <= 2; i++)
        gad_string_addf(html, "<text x=\"%.1f\" y=\"218\" text-anchor=\"middle\">%.3g</text>", at_x(i / 2.),
                        s->score_low + (s->score_high - s->score_low) * i / 2);
    gad_string_addf(html,
                    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">0"
                    "</text>",
                    LEFT - 4, TOP + 9, highest * 100, LEFT - 4, TOP + HEIGHT);
    close_plot(html,
               "<span style=\"color:var(--own)\">&#9632;</span> normal, <span style=\"color:var(--said)\">&#9632;</span> "
               "anomalous, each as a share of its own kind. The less they overlap, the better a threshold can work.");
}

static void add_reliability(gad_string *html, const gad_summary *s)
{
    const gad_metric_calibration *c = &s->scope[s->datasets].calibration;
    gad_string caption = {0};
    int64_t most = 1;
    for (int b = 0; b < GAD_METRIC_BINS; b++)
        most = c->count[b] > most ? c->count[b] : most;
    open_plot(html, "Reliability", "score, %", "anomalous, %");
    add_percent_grid(html);
    for (int b = 0; b < GAD_METRIC_BINS; b++)
        if (c->count[b])
            gad_string_addf(html,
                            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"var(--own)\" fill-opacity=\".55\" "
                            "stroke=\"var(--own)\"/>",
                            at_x(c->confidence[b]), at_y(c->frequency[b]),
                            2 + 7 * sqrt((double)c->count[b] / (double)most));
    gad_string_addf(&caption,
                    "Each dot is a fifteenth of the score's range, its area the number of images. On the dotted line a "
                    "score means what it says. Expected calibration error %.3f, Brier score %.3f.",
                    c->error, c->brier);
    if (c->outside)
        gad_string_addf(&caption, " %lld scores outside 0 to 1 are left out.", (long long)c->outside);
    close_plot(html, gad_string_text(&caption));
    gad_string_free(&caption);
}

void gad_page_scores(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    gad_page_section(html, "scores", "Trade-off between misses and false alarms", NULL);
    gad_string_add(html, "<div class=\"charts\">\n");
    add_roc(html, report);
    if (s->scores) {
        add_distribution(html, s);
        if (s->scope[s->datasets].calibration.brier >= 0)
            add_reliability(html, s);
    }
    gad_string_add(html, "</div>\n");
    gad_page_end(html);
}

/* ---- the answers themselves ---- */

static void add_share_row(gad_string *html, const char *name, const char *help, int64_t part, int64_t whole)
{
    double share = whole ? (double)part / (double)whole : NAN;
    gad_string_addf(html, "<tr><th>%s</th><td class=\"num\">%lld</td>", name, (long long)part);
    gad_page_bar_cell(html, share, "det");
    gad_string_addf(html, "<td style=\"white-space:normal\">%s</td></tr>\n", help);
}

static void add_form_table(gad_string *html, const gad_summary *s)
{
    static const char *const help[GAD_ANSWER_FLAGS] = {
        "cut off: no closing tag, or a box that ends in the middle",
        "no answer tags: the decision was searched in the text",
        "no decision could be read: counts as wrong",
        "boxes without Yes or No: read as Yes",
        "double quotes, a list or a code fence around the boxes",
        "a box under another key or in another shape than bbox_2d: [x1, y1, x2, y2]",
        "coordinates with decimals",
        "a side more than one pixel outside the image: clamped",
        "a box without area: a wrong prediction",
        "No, but with boxes: the boxes are not scored",
        "something that means a box could not be read"};
    int64_t n = s->scope[s->datasets].counts.answered;
    gad_string_add(html, "<div><h3>Form</h3><div class=\"wide\"><table>\n<thead><tr><th></th><th class=\"num\">answers</th>"
                         "<th class=\"num\">%</th><th></th></tr></thead>\n<tbody>\n");
    add_share_row(html, "Yes", "called anomalous", s->decisions[GAD_ANSWER_YES], n);
    add_share_row(html, "No", "called normal", s->decisions[GAD_ANSWER_NO], n);
    add_share_row(html, "strict", "exactly the asked form", s->strict, n);
    for (int f = 0; f < GAD_ANSWER_FLAGS; f++)
        if (s->flags[f])
            add_share_row(html, gad_answer_flag_name(f), help[f], s->flags[f], n);
    add_share_row(html, "token limit", "the model did not stop by itself", s->cut, n);
    gad_string_add(html, "</tbody></table></div></div>\n");
}

static void add_spread_row(gad_string *html, const char *name, const gad_summary_spread *s, bool seconds)
{
    const double value[] = {s->mean, s->p50, s->p90, s->p99, s->most};
    if (!s->count)
        return;
    gad_string_addf(html, "<tr><th>%s</th>", name);
    for (int i = 0; i < 5; i++) {
        gad_string_add(html, "<td class=\"num\">");
        if (seconds)
            gad_report_seconds(html, value[i]);
        else
            gad_report_number(html, value[i], 0);
        gad_string_add(html, "</td>");
    }
    gad_string_add(html, "</tr>\n");
}

static void add_effort_table(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    gad_string_add(html, "<div><h3>Effort per answer</h3><div class=\"wide\"><table>\n<thead><tr><th></th>"
                         "<th class=\"num\">mean</th><th class=\"num\">median</th><th class=\"num\">90 %</th>"
                         "<th class=\"num\">99 %</th><th class=\"num\">most</th></tr></thead>\n<tbody>\n");
    if (report->timing) {
        add_spread_row(html, "time", &s->latency_s, true);
        add_spread_row(html, "time to the first token", &s->first_s, true);
    }
    add_spread_row(html, "tokens read", &s->prompt_tokens, false);
    add_spread_row(html, "tokens written", &s->answer_tokens, false);
    gad_string_add(html, "</tbody></table></div>\n<p class=\"note\">Boxes drawn on normal images: ");
    gad_report_number(html, s->scope[s->datasets].metric.value.of[GAD_METRIC_BOXES_ON_NORMAL], 2);
    gad_string_add(html, " per image.</p></div>\n");
}

void gad_page_answers(gad_string *html, const gad_report *report)
{
    gad_page_section(html, "answers", "How the model answers", NULL);
    gad_string_add(html, "<div class=\"pair\">\n");
    add_form_table(html, report->run);
    add_effort_table(html, report);
    gad_string_add(html, "</div>\n");
    gad_page_end(html);
}
