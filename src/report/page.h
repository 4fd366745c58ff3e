/* page: the pieces that the sections of an HTML report share: frame, headings, cells. In: numbers and text. Out: HTML.
 * Knows nothing of which sections there are. */
#ifndef GAD_REPORT_PAGE_H
#define GAD_REPORT_PAGE_H
#include "report/report_table.h"

/* Everything up to the body, and everything after it; `note` stands at the foot. */
void gad_page_begin(gad_string *html, const char *title);
void gad_page_finish(gad_string *html, const char *note);
/* <section id=... > with its heading; closed by gad_page_end. `note` is plain text under the heading; NULL: none. */
void gad_page_section(gad_string *html, const char *id, const char *title, const char *note);
void gad_page_end(gad_string *html);
/* "<td class=num>88.8</td>", with a tooltip of the interval when low is finite. */
void gad_page_percent_cell(gad_string *html, double value, double low, double high);
/* A cell with a bar of that share behind the number. `tone` is a class: "det", "loc". */
void gad_page_bar_cell(gad_string *html, double value, const char *tone);
/* The model's name as it appears everywhere. */
const char *gad_page_model(const gad_summary *summary);
#endif
