/* page_sections: the sections of an HTML report, each in the page_*.c that its comment names. In: a report. Out: HTML, one
 * section appended. gad_report_html puts them together. */
#ifndef GAD_REPORT_PAGE_SECTIONS_H
#define GAD_REPORT_PAGE_SECTIONS_H
#include "report/page.h"

void gad_page_datasets(gad_string *html, const gad_report *report);   /* page_tables.c */
void gad_page_scoreboard(gad_string *html, const gad_report *report); /* page_tables.c */
void gad_page_fewshot(gad_string *html, const gad_report *report);    /* page_fewshot.c: of runs that learn */
void gad_page_categories(gad_string *html, const gad_report *report); /* page_tables.c */
void gad_page_types(gad_string *html, const gad_report *report);      /* page_tables.c */
void gad_page_scores(gad_string *html, const gad_report *report);     /* page_charts.c: ROC, distribution, reliability */
void gad_page_answers(gad_string *html, const gad_report *report);    /* page_charts.c: form, flags, tokens, time */
gad_status gad_page_gallery(gad_string *html, const gad_report *report, const gad_log *log, gad_error *err);
void gad_page_protocol(gad_string *html, const gad_report *report);
void gad_page_mmad(gad_string *html, const gad_report *report);
#endif
