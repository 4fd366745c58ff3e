/* truth: see truth.h */
#include "cli/truth.h"

#include <stdio.h>
#include <string.h>

void truth_of(const char *path, char name[TRUTH_LENGTH])
{
    const char *end = strrchr(path, '/'), *start = end;
    while (start && start > path && start[-1] != '/')
        start--;
    snprintf(name, TRUTH_LENGTH, "%.*s", start ? (int)(end - start) : 1, start ? start : ".");
}

static bool is_good(const char *truth)
{
    return !strcmp(truth, "good");
}

static bool is_rejected(gad_verdict verdict)
{
    return verdict == GAD_VERDICT_ANOMALOUS || verdict == GAD_VERDICT_UNFAMILIAR;
}

const char *truth_judge(const char *truth, gad_verdict verdict)
{
    if (is_good(truth))
        return is_rejected(verdict) ? "false alarm" : "";
    return is_rejected(verdict) ? "" : "missed";
}

void truth_count(truth_tally *tally, const char *truth, gad_verdict verdict, double seconds)
{
    int *const all = is_good(truth) ? &tally->good : &tally->defective;
    int *const rejected = is_good(truth) ? &tally->false_alarms : &tally->found;
    ++*all;
    *rejected += is_rejected(verdict);
    tally->seconds += seconds;
}

void truth_print(const truth_tally *tally)
{
    const int parts = tally->good + tally->defective;
    fprintf(stderr, "truth: found %d of %d, %d false alarms of %d, %.0f ms a part\n", tally->found, tally->defective,
            tally->false_alarms, tally->good, parts ? 1000 * tally->seconds / parts : 0);
}
