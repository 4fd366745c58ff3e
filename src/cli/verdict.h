/* verdict: a part's result as lines for people, coloured, and how many parts there were of each kind. In: an inspection, or
 * why there is none. Out: text on a stream. */
#ifndef GAD_CLI_VERDICT_H
#define GAD_CLI_VERDICT_H
#include "cli/terminal.h"

/* "normal", "anomalous", "unfamiliar", "unreadable" or "failed", as people see it. */
void verdict_put(FILE *stream, const char *verdict);
/* `truth` NULL: not known; `wrong`: what is wrong with the verdict in its light, or "". */
void verdict_print(const gad_inspection *r, const char *part, const char *truth, const char *wrong);
void verdict_print_failure(const char *part, const gad_error *why);

typedef struct verdict_tally {
    int64_t ok, rejected, unfamiliar, unreadable, failed;
    double threshold, seconds; /* threshold < 0 or NaN: none */
    const char *guarantee;     /* what the threshold is worth; "": not known */
} verdict_tally;

void verdict_count(verdict_tally *tally, gad_verdict verdict);
/* Neither may go on to where good parts go. */
bool verdict_rejects(const verdict_tally *tally);
/* The last line of a run, on stderr. */
void verdict_sum_up(const verdict_tally *tally);
#endif
