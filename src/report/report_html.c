/* report_html: a report as one page: its headline, and which sections follow in what order. See report.h. */
#include "base/error.h"
#include "base/html.h"
#include "report/page_sections.h"

#include <math.h>

typedef struct tile {
    const char *name, *help;
    gad_metric metric;
    bool flip; /* shown as 1 - value: errors instead of successes */
} tile;

/* A scale from 0 to 100 with the interval, the value, and the baselines as ticks. */
static void add_scale(gad_string *html, double value, double low, double high, double yes, double difference)
{
    gad_string_add(html, "<svg viewBox=\"0 0 200 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                         "<rect x=\"0\" y=\"5\" width=\"200\" height=\"4\" rx=\"2\" fill=\"var(--line)\"/>");
    if (isfinite(low) && isfinite(high))
        gad_string_addf(html, "<rect x=\"%.1f\" y=\"3\" width=\"%.1f\" height=\"8\" fill=\"var(--own)\" opacity=\".3\"/>",
                        low * 200, fmax(1, (high - low) * 200));
    if (isfinite(yes))
        gad_string_addf(html, "<rect x=\"%.1f\" y=\"0\" width=\"1.6\" height=\"14\" fill=\"var(--soft)\"/>",
                        fmin(198.4, yes * 200));
    if (isfinite(difference))
        gad_string_addf(html, "<rect x=\"%.1f\" y=\"0\" width=\"1.6\" height=\"14\" fill=\"var(--said)\"/>",
                        fmin(198.4, difference * 200));
    if (isfinite(value))
        gad_string_addf(html, "<rect x=\"%.1f\" y=\"1\" width=\"3\" height=\"12\" rx=\"1\" fill=\"var(--own)\"/>",
                        fmin(197, fmax(0, value * 200 - 1.5)));
    gad_string_add(html, "</svg>");
}

static double shown(double value, bool flip)
{
    return flip ? 1 - value : value;
}

static void add_tile(gad_string *html, const gad_report *report, const tile *t)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *all = &s->scope[s->datasets];
    double value = shown(all->metric.value.of[t->metric], t->flip);
    double a = shown(all->metric.low.of[t->metric], t->flip), b = shown(all->metric.high.of[t->metric], t->flip);
    double low = fmin(a, b), high = fmax(a, b), yes = shown(all->yes.of[t->metric], t->flip), difference = NAN;
    if (report->others)
        difference = shown(report->other[0]->scope[report->other[0]->datasets].metric.value.of[t->metric], t->flip);
    gad_string_addf(html, "<div class=\"tile\" title=\"%s\"><p class=\"name\">%s</p><p class=\"value\">", t->help, t->name);
    gad_report_percent(html, value);
    gad_string_add(html, isfinite(value) ? " <small>%</small></p><p class=\"range\">" : "</p><p class=\"range\">");
    if (isfinite(low))
        gad_string_addf(html, "%.1f to %.1f", low * 100, high * 100);
    else
        gad_string_add(html, isfinite(value) ? "&nbsp;" : "not available");
    gad_string_add(html, "</p>");
    add_scale(html, value, low, high, yes, difference);
    gad_string_add(html, "</div>\n");
}

/* Answers without a decision count as wrong: they are neither misses nor alarms, and are named beside them. */
static bool has_unreadable(const gad_summary *s)
{
    return s->choices.unparsable == GAD_SCORING_WRONG && s->scope[s->datasets].counts.unread > 0;
}

static void add_tiles(gad_string *html, const gad_report *report)
{
    const gad_scoring_choices *c = &report->run->choices;
    bool unreadable = has_unreadable(report->run);
    char place[2][64];
    for (int k = 0; k < 2; k++)
        snprintf(place[k], sizeof place[k], "Localisation, IoU %g", c->iou[k]);
    const tile tiles[] = {
        {"Detection accuracy", "share of images with the right Yes or No", GAD_METRIC_ACCURACY, false},
        {"Balanced accuracy", "mean of recall and specificity; 50 for any constant answer", GAD_METRIC_BALANCED, false},
        {place[0], "found / (found + missed + wrong boxes)", gad_report_local(c, GAD_METRIC_ONE), false},
        {place[1], "found / (found + missed + wrong boxes)", gad_report_local(c, (gad_metric)(GAD_METRIC_ONE + 3)), false},
        {unreadable ? "Defects missed or unreadable" : "Defects missed",
         unreadable ? "share of anomalous images called normal or answered without a decision"
                    : "share of anomalous images called normal",
         GAD_METRIC_RECALL, true},
        {unreadable ? "False alarms or unreadable" : "False alarms",
         unreadable ? "share of normal images called anomalous or answered without a decision"
                    : "share of normal images called anomalous",
         GAD_METRIC_SPECIFICITY, true},
        {"AUROC", "how well the score ranks anomalous above normal images", GAD_METRIC_AUROC, false},
        {"Mask IoU", "overlap of all predicted with all true boxes, mean over anomalous images", GAD_METRIC_MASK_IOU,
         false},
    };
    gad_string_add(html, "<div class=\"tiles\">\n");
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++)
        add_tile(html, report, &tiles[i]);
    gad_string_addf(html,
                    "</div>\n<p class=\"key\">Ranges are %g %% intervals. On each scale from 0 to 100:"
                    "<i style=\"background:var(--own)\"></i>this run<i style=\"background:var(--soft)\"></i>always Yes",
                    c->confidence * 100);
    if (report->others) {
        gad_string_add(html, "<i style=\"background:var(--said)\"></i>");
        gad_string_add_html(html, gad_page_model(report->other[0]));
    }
    gad_string_add(html, "</p>\n");
}

static void add_verdict(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *all = &s->scope[s->datasets];
    const double *v = all->metric.value.of;
    gad_string_add(html, "<p class=\"verdict\">On ");
    gad_report_count(html, all->counts.answered);
    gad_string_addf(html, " images of %d categor%s in %zu data set%s the model decides rightly in <b>", all->categories,
                    all->categories == 1 ? "y" : "ies", s->datasets, s->datasets == 1 ? "" : "s");
    gad_report_percent(html, v[GAD_METRIC_ACCURACY]);
    gad_string_add(html, " %</b> (a constant Yes: ");
    gad_report_percent(html, all->yes.of[GAD_METRIC_ACCURACY]);
    gad_string_add(html, " %)");
    if (isfinite(v[GAD_METRIC_SPECIFICITY]) && isfinite(v[GAD_METRIC_RECALL]))
        gad_string_addf(html, ", %s <b>%.1f %%</b> of the anomalous and %s <b>%.1f %%</b> of the normal ones",
                        has_unreadable(s) ? "misses, or gives no readable answer on," : "misses",
                        100 - v[GAD_METRIC_RECALL] * 100, has_unreadable(s) ? "alarms, or gives none, on" : "alarms on",
                        100 - v[GAD_METRIC_SPECIFICITY] * 100);
    double place = v[gad_report_local(&s->choices, GAD_METRIC_ONE)];
    if (isfinite(place))
        gad_string_addf(html, "; localisation accuracy is <b>%.1f %%</b> at IoU %g", place * 100, s->choices.iou[0]);
    gad_string_add(html, ". Percentages are means over categories, then over data sets.</p>\n");
}

static void add_chip(gad_string *html, const char *tone, const char *label, const char *value)
{
    gad_string_addf(html, "<li class=\"chip%s%s\">%s", *tone ? " " : "", tone, label);
    gad_string_add_html(html, value);
    gad_string_add(html, "</li>");
}

static void add_chips(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    const gad_record *r = s->record;
    const gad_summary_counts *c = &s->scope[s->datasets].counts;
    bool complete = c->answered == c->images;
    char text[96];
    gad_string_add(html, "<ul class=\"chips\">");
    snprintf(text, sizeof text, "%lld of %lld answered", (long long)c->answered, (long long)c->images);
    add_chip(html, complete ? "good" : "bad", complete ? "complete: " : "incomplete: ", text);
    if (c->unread) {
        snprintf(text, sizeof text, "%lld unreadable", (long long)c->unread);
        add_chip(html, "warn", "", text);
    }
    add_chip(html, "", "preset ", gad_record_text(r, "plan.preset", "-"));
    add_chip(html, "", "reference: ", gad_record_text(r, "plan.reference", "-"));
    if (gad_report_limit(r, text))
        add_chip(html, "warn", "", text);
    add_chip(html, "", "prompt ", gad_record_text(r, "prompt.id", "-"));
    if (json_is_true(json_object_get(json_object_get(r->run, "prompt"), "knowledge")))
        add_chip(html, "warn", "", "with domain knowledge");
    if (report->timing)
        add_chip(html, "", "", gad_record_text(r, "created", "-"));
    gad_string_add(html, "</ul>\n");
}

static void add_notice(gad_string *html, const char *text)
{
    gad_html_element(html, "p", "class=\"notice\"", text);
    gad_string_add(html, "\n");
}

/* What a reader must know before believing a number. */
static void add_notices(gad_string *html, const gad_report *report)
{
    const gad_summary *s = report->run;
    const gad_summary_scope *all = &s->scope[s->datasets];
    char text[512];
    if (all->counts.answered < all->counts.images) {
        snprintf(text, sizeof text,
                 "%lld of %lld images have no answer (%lld requests failed, %lld were not asked). They are left out, never "
                 "counted as No; run the command again to ask for them.",
                 (long long)(all->counts.images - all->counts.answered), (long long)all->counts.images,
                 (long long)all->counts.failed, (long long)all->counts.missing);
        add_notice(html, text);
    }
    if (isfinite(all->metric.low.of[GAD_METRIC_BALANCED]) && all->metric.low.of[GAD_METRIC_BALANCED] <= .5)
        add_notice(html,
                   "The interval of the balanced accuracy reaches 50 %: by its decisions this run cannot be told from a "
                   "constant answer.");
    if (!all->counts.normal)
        add_notice(html, "There are no normal images: specificity, balanced accuracy and AUROC are undefined, and accuracy "
                         "equals recall.");
    else if (all->counts.normal < 25 * all->categories)
        add_notice(html, "There are fewer than 25 normal images per category: rates on normal images are uncertain.");
    for (size_t i = 0; i < report->others; i++)
        if (!gad_report_same_items(s->record, report->other[i]->record)) {
            snprintf(
                text, sizeof text,
                "%.80s was not asked the same images as this run; its rows stand for its own images. gad bench compare "
                "takes those that both answered.",
                gad_page_model(report->other[i]));
            add_notice(html, text);
        }
    if (all->metric.high.of[GAD_METRIC_AUROC] < .5)
        add_notice(html, "The scores rank normal images above anomalous ones (AUROC under 50 %): do the normal images have "
                         "references as close as the anomalous ones have?");
    if (report->others) {
        const gad_summary *o = report->other[0];
        double own = all->metric.value.of[GAD_METRIC_AUROC],
               other = o->scope[o->datasets].metric.value.of[GAD_METRIC_AUROC];
        if (isfinite(own) && isfinite(other) && other > own && o->record != s->record) {
            snprintf(text, sizeof text, "The %s ranks images better than this model: AUROC %.1f against %.1f.",
                     gad_page_model(o), other * 100, own * 100);
            add_notice(html, text);
        }
    }
}

static void add_headline(gad_string *html, const gad_report *report)
{
    gad_string_add(html, "<header><div>\n<p class=\"over\">Benchmark report &middot; MMR-AD protocol</p>\n<h1>");
    gad_string_add_html(html, gad_page_model(report->run));
    gad_string_add(html, "</h1>\n");
    add_verdict(html, report);
    add_chips(html, report);
    add_notices(html, report);
    add_tiles(html, report);
    gad_string_add(html, "</div></header>\n");
}

/* ---- the whole page ---- */

static void add_navigation(gad_string *html)
{
    gad_string_add(html,
                   "<nav><div><a href=\"#datasets\">Data sets</a><a href=\"#published\">Published</a>"
                   "<a href=\"#scores\">Scores</a><a href=\"#categories\">Categories</a><a href=\"#types\">Defects</a>"
                   "<a href=\"#answers\">Answers</a>");
    gad_string_add(html, "<a href=\"#gallery\">Cases</a><a href=\"#protocol\">Protocol</a></div></nav>\n");
}

gad_status gad_report_html(const gad_report *report, const gad_log *log, gad_string *html, gad_error *err)
{
    const gad_record *r = report->mmad ? report->mmad->record : report->run->record;
    gad_status status = GAD_OK;
    gad_page_begin(html, gad_record_text(r, "model.name", "?"));
    if (report->mmad) {
        gad_page_mmad(html, report);
    } else {
        add_headline(html, report);
        add_navigation(html);
        gad_string_add(html, "<main>\n");
        gad_page_datasets(html, report);
        gad_page_scoreboard(html, report);
        gad_page_fewshot(html, report);
        gad_page_scores(html, report);
        gad_page_categories(html, report);
        gad_page_types(html, report);
        gad_page_answers(html, report);
        status = gad_page_gallery(html, report, log, err);
        gad_page_protocol(html, report);
        gad_string_add(html, "</main>\n");
    }
    gad_page_finish(html, "This page is self-contained; images are thumbnails.");
    if (!status && html->failed)
        status = gad_error_memory(err, "write a report", html->length);
    return status;
}
