/* page: the pieces of the HTML report, each of which appends one section. In: a report. Out: HTML. Internal to the report's
 * files; gad_report_html puts them together. */
#ifndef GAD_BENCH_PAGE_H
#define GAD_BENCH_PAGE_H
#include "bench/report_table.h"

/* Style sheet and script, constant. */
const char *gad_page_style(void);
const char *gad_page_script(void);

/* ---- small pieces (page.c) ---- */

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

/* ---- sections ---- */
void gad_page_headline(gad_string *html, const gad_report *report);   /* title, verdict, tiles */
void gad_page_datasets(gad_string *html, const gad_report *report);   /* page_tables.c */
void gad_page_scoreboard(gad_string *html, const gad_report *report); /* page_tables.c */
void gad_page_categories(gad_string *html, const gad_report *report);
void gad_page_types(gad_string *html, const gad_report *report);
void gad_page_scores(gad_string *html, const gad_report *report);  /* page_charts.c: ROC, distribution, reliability */
void gad_page_answers(gad_string *html, const gad_report *report); /* form, flags, tokens, time */
gad_status gad_page_gallery(gad_string *html, const gad_report *report, const gad_log *log, gad_error *err);
void gad_page_protocol(gad_string *html, const gad_report *report);
void gad_page_mmad(gad_string *html, const gad_report *report);
#endif
