/* page: see page.h */
#include "report/page.h"

#include "base/html.h"
#include "report/report_css.h"
#include "report/report_js.h"

#include <math.h>
#include <stdio.h>

const char *gad_page_model(const gad_summary *summary)
{
    return gad_record_text(summary->record, "model.name", "?");
}

void gad_page_begin(gad_string *html, const char *title)
{
    char whole[256];
    snprintf(whole, sizeof whole, "%s - benchmark report", title);
    gad_html_begin(html, whole, report_css);
}

void gad_page_finish(gad_string *html, const char *note)
{
    gad_string_addf(html, "<footer>Written by gad %s. %s</footer>\n", GAD_VERSION, note);
    gad_html_end(html, report_js);
}

void gad_page_section(gad_string *html, const char *id, const char *title, const char *note)
{
    gad_string_addf(html, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
    if (note) {
        gad_html_element(html, "p", "class=\"note\"", note);
        gad_string_add(html, "\n");
    }
}

void gad_page_end(gad_string *html)
{
    gad_string_add(html, "</section>\n");
}

void gad_page_percent_cell(gad_string *html, double value, double low, double high)
{
    gad_string_add(html, "<td class=\"num\"");
    if (isfinite(low) && isfinite(high))
        gad_string_addf(html, " title=\"%.1f to %.1f\"", low * 100, high * 100);
    if (isfinite(value))
        gad_string_addf(html, " data-v=\"%.6f\"", value);
    else
        gad_string_add(html, " data-v=\"\"");
    gad_string_add(html, ">");
    gad_report_percent(html, value);
    gad_string_add(html, "</td>");
}

void gad_page_bar_cell(gad_string *html, double value, const char *tone)
{
    if (!isfinite(value)) {
        gad_string_add(html, "<td class=\"num\" data-v=\"\">-</td>");
        return;
    }
    gad_string_addf(html, "<td class=\"bar %s\" style=\"background-size:%.1f%% 70%%\" data-v=\"%.6f\">%.1f</td>", tone,
                    value * 100, value, value * 100);
}
