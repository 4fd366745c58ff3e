/* truth: what is known of inspected parts, from the folders that they lie in as in MVTec AD (test/good, test/scratch),
 * against what was said of them. Prints to stderr; knows nothing of how a part is inspected. */
#ifndef GAD_CLI_TRUTH_H
#define GAD_CLI_TRUTH_H
#include <stdbool.h>

#include "gad.h"

enum { TRUTH_LENGTH = 64 };

typedef struct truth_tally {
    int defective, found; /* an unfamiliar part is found as well: it does not go to where good parts go */
    int good, false_alarms;
    double seconds; /* of all parts */
} truth_tally;

/* The name of the folder that the file lies in: "good", or a defect. */
void truth_of(const char *path, char name[TRUTH_LENGTH]);
/* "", or what is wrong with the verdict in that light. */
const char *truth_judge(const char *truth, gad_verdict verdict);
/* A part without a verdict counts as GAD_VERDICT_UNREADABLE: neither found nor a false alarm. */
void truth_count(truth_tally *tally, const char *truth, gad_verdict verdict, double seconds);
void truth_print(const truth_tally *tally);
#endif
