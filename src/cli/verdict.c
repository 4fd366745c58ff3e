/* verdict: see verdict.h */
#include "cli/verdict.h"

#include <string.h>

void verdict_put(FILE *stream, const char *verdict)
{
    static const struct {
        const char *name, *word;
        terminal_colour colour;
    } known[] = {{"normal", "normal", TERMINAL_GREEN},
                 {"anomalous", "ANOMALOUS", TERMINAL_RED},
                 {"unfamiliar", "UNFAMILIAR", TERMINAL_MAGENTA},
                 {"unreadable", "UNREADABLE", TERMINAL_YELLOW},
                 {"failed", "FAILED", TERMINAL_YELLOW}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(verdict, known[i].name))
            terminal_put_coloured(stream, known[i].word, known[i].colour);
}

void verdict_print(const gad_inspection *r, const char *part, const char *truth, const char *wrong)
{
    terminal_put(stdout, part, false);
    fputs(": ", stdout);
    verdict_put(stdout, gad_verdict_name(r->verdict));
    if (r->score >= 0)
        printf(", score %.3f", r->score);
    if (truth)
        terminal_printf(stdout, ", truth: %s%s%s", truth, *wrong ? ": " : "", wrong);
    printf("\n");
    if (r->verdict == GAD_VERDICT_UNFAMILIAR)
        printf("  does not look like the good part: distance %.2f, limit %.2f\n", r->distance, r->distance_limit);
    if (r->disagreement)
        printf("  (the reasoned answer disagrees)\n");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        fputs("  ", stdout);
        terminal_put(stdout, d->label[0] ? d->label : "anomaly", false);
        printf(" at %.0f,%.0f - %.0f,%.0f%s\n", d->x1, d->y1, d->x2, d->y2, d->valid ? "" : " (no area)");
    }
    for (const char *line = r->found ? r->found : ""; *line; line += strcspn(line, "\n"), line += *line == '\n')
        terminal_printf(stdout, "  %.*s\n", (int)strcspn(line, "\n"), line);
    if (r->truncated)
        printf("  (the answer was cut off; raise --max-tokens)\n");
}

void verdict_print_failure(const char *part, const gad_error *why)
{
    terminal_put(stdout, part, false);
    fputs(": ", stdout);
    verdict_put(stdout, "failed");
    terminal_printf(stdout, ": %s\n", why->cause);
}

void verdict_count(verdict_tally *t, gad_verdict verdict)
{
    t->ok += verdict == GAD_VERDICT_NORMAL;
    t->rejected += verdict == GAD_VERDICT_ANOMALOUS;
    t->unfamiliar += verdict == GAD_VERDICT_UNFAMILIAR;
    t->unreadable += verdict == GAD_VERDICT_UNREADABLE;
}

bool verdict_rejects(const verdict_tally *t)
{
    return t->rejected || t->unfamiliar;
}

void verdict_sum_up(const verdict_tally *t)
{
    const int64_t done = t->ok + t->rejected + t->unfamiliar + t->unreadable + t->failed;
    fprintf(stderr, "%lld ok, %lld rejected", (long long)t->ok, (long long)t->rejected);
    if (t->unfamiliar)
        fprintf(stderr, ", %lld unfamiliar", (long long)t->unfamiliar);
    if (t->unreadable)
        fprintf(stderr, ", %lld whose answer could not be read", (long long)t->unreadable);
    if (t->failed)
        fprintf(stderr, ", %lld failed", (long long)t->failed);
    if (t->threshold >= 0)
        fprintf(stderr, "; threshold %.3f", t->threshold);
    if (*t->guarantee)
        fprintf(stderr, " (%s)", t->guarantee);
    if (t->seconds > 0)
        fprintf(stderr, "; %.3g parts/s", (double)done / t->seconds);
    fputc('\n', stderr);
}
