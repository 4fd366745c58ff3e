/* page_fewshot: published detectors that learn from a few good parts, beside a run of one of ours (page.h). */
#include "report/page_sections.h"
#include "report/scoreboard.h"

#include <math.h>
#include <string.h>

static void add_row(gad_string *html, const gad_scoreboard_fewshot *row)
{
    static const char *const learning[] = {"training-free", "prompted", "trained on the good parts"};
    gad_string_add(html, "<tr><th>");
    gad_string_add_html(html, row->model);
    gad_string_add(html, "</th><td class=\"words\">");
    gad_string_add_html(html, row->backbone);
    gad_string_addf(html, "</td><td class=\"words\">%s</td><td class=\"num\" data-v=\"%d\">", learning[row->learning],
                    row->shots ? row->shots : 1000);
    if (row->shots)
        gad_string_addf(html, "%d</td>", row->shots);
    else
        gad_string_add(html, "all</td>");
    for (int i = 0; i < 2; i++) {
        gad_page_percent_cell(html, row->auroc[i] / 100, NAN, NAN);
        gad_page_percent_cell(html, row->aupro[i] / 100, NAN, NAN);
    }
    gad_string_add(html, "<td class=\"words\">");
    gad_string_add_html(html, row->note ? row->note : "its paper");
    gad_string_add(html, "</td></tr>\n");
}

void gad_page_fewshot(gad_string *html, const gad_report *report)
{
    const gad_record *record = report->run->record;
    if (strcmp(gad_record_text(record, "model.kind", ""), "product") != 0)
        return;
    size_t count;
    const gad_scoreboard_fewshot *row = gad_scoreboard_fewshot_rows(&count);
    gad_page_section(
        html, "fewshot", "Published detectors that learn from good parts",
        "Image AUROC and AUPRO, percent, as printed by the sources: the data sets' own test splits, the mean over "
        "all of their categories and over draws of the good parts. Comparable only with a run over a whole data "
        "set; none of them was measured on the MMR-AD sample.");
    gad_string_add(html, "<div class=\"wide\"><table class=\"sort dense\">\n<thead><tr><th>model</th><th>backbone</th>"
                         "<th>protocol</th><th class=\"num\">good parts</th><th class=\"num\">MVTec AD</th>"
                         "<th class=\"num\">AUPRO</th><th class=\"num\">VisA</th><th class=\"num\">AUPRO</th>"
                         "<th>source</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < count; i++)
        add_row(html, &row[i]);
    gad_string_add(html, "</tbody></table></div>\n");
    gad_page_end(html);
}
