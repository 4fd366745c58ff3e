/* compare: two runs on the same images: paired differences with intervals, and where they disagree. In: two summaries. Out:
 * numbers, Markdown, JSON. Knows nothing of models. */
#ifndef GAD_REPORT_COMPARE_H
#define GAD_REPORT_COMPARE_H
#include "base/string.h"
#include "bench/summary.h"

typedef struct gad_compare_case {
    size_t a, b; /* item indices in the two runs */
} gad_compare_case;

typedef struct gad_compare {
    const gad_summary *a, *b;
    int64_t common, only_a, only_b;                   /* items counted in both, in one */
    int64_t both_right, a_right, b_right, both_wrong; /* decisions; a_right: only A */
    double mcnemar_p;    /* exact two-sided binomial test that a_right and b_right are equally likely */
    gad_interval *scope; /* A - B: data sets of A that have common items, then all */
    const char **name;   /* of the scopes */
    size_t scopes;
    gad_compare_case *differ; /* decisions of which one is right and the other wrong, in item order */
    size_t differ_count;
} gad_compare;

/* Items are paired by id; the truth must agree (GAD_E_ARGUMENT). Choices (resamples, seed, confidence) are those of `a`.
 * The summaries must outlive the comparison. */
gad_status gad_compare_make(const gad_summary *a, const gad_summary *b, gad_compare *compare, gad_error *err);
void gad_compare_free(gad_compare *compare);
gad_status gad_compare_markdown(const gad_compare *compare, gad_string *text, gad_error *err);
/* A self-contained page. */
gad_status gad_compare_html(const gad_compare *compare, gad_string *html, gad_error *err);
gad_status gad_compare_json(const gad_compare *compare, json_t **root, gad_error *err);

/* Two-sided, from the share of resamples of a scope's metric on either side of zero; never 0, because they are finite. */
double gad_compare_bootstrap_p(const gad_compare *compare, const gad_interval *scope, int metric);
#endif
