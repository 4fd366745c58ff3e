/* page_mmad: the HTML report of an MMAD run: its table beside the published ones, detection in detail, how letters were
 * read (page.h). */
#include "report/page_sections.h"
#include "report/scoreboard.h"

#include <math.h>

static const char *const short_names[GAD_MMAD_TASKS] = {"Detection",    "Defect cls.", "Defect loc.", "Defect desc.",
                                                        "Defect anal.", "Object cls.", "Object anal."};

static void add_tile(gad_string *html, const char *name, double value, const char *range)
{
    gad_string_addf(html, "<div class=\"tile\"><p class=\"name\">%s</p><p class=\"value\">", name);
    gad_report_percent(html, value);
    gad_string_addf(html, "%s</p><p class=\"range\">%s</p></div>\n", isfinite(value) ? " <small>%</small>" : "", range);
}

static void add_headline(gad_string *html, const gad_mmad_summary *s)
{
    char range[64];
    gad_string_add(html, "<header><div>\n<p class=\"over\">Benchmark report &middot; MMAD</p>\n<h1>");
    gad_string_add_html(html, gad_record_text(s->record, "model.name", "?"));
    gad_string_add(html, "</h1>\n<p class=\"verdict\">The model answers <b>");
    gad_report_percent(html, s->all.mean);
    gad_string_addf(html,
                    " %%</b> of the questions rightly (mean over seven sub-tasks, then over %zu data set%s); chance is "
                    "28.6 %%, ordinary people reach 78.7 %%, experts 86.7 %%.</p>\n",
                    s->datasets, s->datasets == 1 ? "" : "s");
    int64_t shots = gad_record_integer(s->record, "plan.shots", 0);
    gad_string_addf(
        html, "<ul class=\"chips\"><li class=\"chip %s\">%lld of %lld answered</li><li class=\"chip\">%lld shot%s</li>",
        s->answered == s->questions ? "good" : "bad", (long long)s->answered, (long long)s->questions, (long long)shots,
        shots == 1 ? "" : "s");
    if (gad_report_limit(s->record, range))
        gad_string_addf(html, "<li class=\"chip warn\">%s</li>", range);
    gad_string_add(html, "</ul>\n");
    if (s->answered < s->questions)
        gad_string_addf(
            html,
            "<p class=\"notice\">%lld questions have no answer (%lld requests failed). They are left out, never "
            "counted as wrong.</p>\n",
            (long long)(s->questions - s->answered), (long long)s->failed);
    if (s->how[GAD_LETTER_NONE])
        gad_string_addf(html,
                        "<p class=\"notice\">%lld answers hold no readable letter: left out of the accuracies, wrong in "
                        "the strict mean.</p>\n",
                        (long long)s->how[GAD_LETTER_NONE]);
    gad_string_add(html, "<div class=\"tiles\">\n");
    snprintf(range, sizeof range, "%.1f to %.1f", s->low * 100, s->high * 100);
    add_tile(html, "Mean accuracy", s->all.mean, isfinite(s->low) ? range : "not available");
    add_tile(html, "Anomaly detection", s->all.task[0].accuracy, "mean of normal and anomalous");
    add_tile(html, "Defects missed", s->all.miss, "anomalous images called normal");
    add_tile(html, "Overkill", s->all.overkill, "normal images called anomalous");
    gad_string_add(html, "</div></div></header>\n");
}

static void add_head(gad_string *html, const char *first, const char *more)
{
    gad_string_addf(html, "<thead><tr><th>%s</th>", first);
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        gad_string_addf(html, "<th class=\"num\" title=\"%s\">%s</th>", gad_mmad_task_name(t), short_names[t]);
    gad_string_addf(html, "<th class=\"num\">mean</th>%s</tr></thead>\n<tbody>\n", more);
}

static void add_dataset_row(gad_string *html, const gad_mmad_dataset *d, const char *name, const char *tone)
{
    gad_string_addf(html, "<tr class=\"%s\"><th>", tone);
    gad_string_add_html(html, name);
    gad_string_add(html, "</th>");
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        gad_page_bar_cell(html, d->task[t].accuracy, "det");
    gad_page_bar_cell(html, d->mean, "loc");
    gad_page_percent_cell(html, d->recall, NAN, NAN);
    gad_page_percent_cell(html, d->precision, NAN, NAN);
    gad_page_percent_cell(html, d->f1, NAN, NAN);
    gad_page_percent_cell(html, d->strict_mean, NAN, NAN);
    gad_string_add(html, "</tr>\n");
}

static void add_results(gad_string *html, const gad_mmad_summary *s)
{
    gad_page_section(
        html, "datasets", "Results by data set",
        "Percent of right answers. Detection: mean of the accuracies on normal and on anomalous images. Strict: "
        "answers outside A-E count as wrong instead of being left out.");
    gad_string_add(html, "<div class=\"wide\"><table class=\"dense\">\n");
    add_head(html, "data set",
             "<th class=\"num\">det. R</th><th class=\"num\">det. P</th><th class=\"num\">det. F1</th>"
             "<th class=\"num\">strict mean</th>");
    add_dataset_row(html, &s->all, "mean over the data sets", "own");
    for (size_t k = 0; k < s->datasets; k++)
        add_dataset_row(html, &s->dataset[k], s->dataset[k].name, "");
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

static void add_published(gad_string *html, const gad_mmad_summary *s)
{
    size_t count;
    const gad_scoreboard_mmad *row = gad_scoreboard_mmad_rows(&count);
    gad_page_section(
        html, "published", "Published models",
        "Mean over the four data sets, percent, as printed. Models trained on MMAD images or on overlapping data "
        "are not zero-shot; the note says so where the source does.");
    gad_string_add(html, "<div class=\"wide\"><table class=\"sort dense\">\n");
    add_head(html, "model", "<th class=\"num\">shots</th><th>note</th>");
    gad_string_add(html, "<tr class=\"own\"><th>");
    gad_string_add_html(html, gad_record_text(s->record, "model.name", "?"));
    gad_string_add(html, "</th>");
    for (int t = 0; t < GAD_MMAD_TASKS; t++)
        gad_page_percent_cell(html, s->all.task[t].accuracy, NAN, NAN);
    gad_page_percent_cell(html, s->all.mean, NAN, NAN);
    gad_string_add(html, "<td class=\"num\"></td><td>this run</td></tr>\n");
    for (size_t i = 0; i < count; i++) {
        gad_string_add(html, "<tr><th>");
        gad_string_add_html(html, row[i].model);
        gad_string_add(html, "</th>");
        for (int t = 0; t < GAD_MMAD_TASKS; t++)
            gad_page_percent_cell(html, row[i].task[t] / 100, NAN, NAN);
        gad_page_percent_cell(html, row[i].mean / 100, NAN, NAN);
        gad_string_addf(html, "<td class=\"num\" data-v=\"%d\">%d</td><td class=\"words\">", row[i].shots, row[i].shots);
        gad_string_add_html(html, row[i].note ? row[i].note : "MMAD repository");
        gad_string_add(html, "</td></tr>\n");
    }
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

static void add_letters(gad_string *html, const gad_mmad_summary *s)
{
    static const char *const names[] = {"a bare letter", "the last lone letter of a longer text", "the most similar option",
                                        "nothing"};
    gad_page_section(
        html, "answers", "How letters were read",
        "The published rule takes the last of the letters A to E that stands alone; the article A in a sentence "
        "matches too. What was not a bare letter deserves a look at the raw answers.");
    gad_string_add(html, "<div class=\"wide\"><table>\n<thead><tr><th>read as</th><th class=\"num\">answers</th>"
                         "<th class=\"num\">%</th></tr></thead>\n<tbody>\n");
    for (int h = 0; h < 4; h++) {
        gad_string_addf(html, "<tr><th>%s</th><td class=\"num\">%lld</td>", names[h], (long long)s->how[h]);
        gad_page_bar_cell(html, s->answered ? (double)s->how[h] / (double)s->answered : NAN, "det");
        gad_string_add(html, "</tr>\n");
    }
    if (s->choices.official_compat)
        gad_string_addf(html, "<tr><th>hidden by official-compat</th><td class=\"num\">%lld</td><td></td></tr>\n",
                        (long long)s->skipped);
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}

void gad_page_mmad(gad_string *html, const gad_report *report)
{
    add_headline(html, report->mmad);
    gad_string_add(html, "<nav><div><a href=\"#datasets\">Data sets</a><a href=\"#published\">Published</a>"
                         "<a href=\"#answers\">Answers</a><a href=\"#protocol\">Protocol</a></div></nav>\n<main>\n");
    add_results(html, report->mmad);
    add_published(html, report->mmad);
    add_letters(html, report->mmad);
    gad_page_protocol(html, report);
    gad_string_add(html, "</main>\n");
}
