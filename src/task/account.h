/* account: the reasoning of an answer about what was measured: a small grammar with a seed. In: regions, how far they are
 * from good parts, labels. Out: a few sentences with marks (pointer.h) for places, the product and what was measured, which
 * are put in when the answer is read. And the other way round: what a text states that the regions' words do not carry.
 * Knows no pictures. */
#ifndef GAD_TASK_ACCOUNT_H
#define GAD_TASK_ACCOUNT_H
#include "base/rng.h"
#include "task/measurement.h"
#include "task/pointer.h"

typedef struct gad_account_region {
    gad_words words;
    int mark;          /* which region it is: the number of its token */
    const char *label; /* of an anomalous one */
} gad_account_region;

typedef struct gad_account_facts {
    const gad_account_region *region; /* the anomalous ones; of a good part the one that deviates most, alone */
    int count;                        /* at least 1 */
    bool anomalous;
} gad_account_facts;

/* Append the text. Equal facts and equal state of `rng` give equal text. */
gad_status gad_account_write(const gad_account_facts *facts, gad_rng *rng, gad_string *text, gad_error *err);

/* What an account (marks expanded or not) gets wrong. */
typedef struct gad_account_faults {
    int broken;     /* words that the grammar does not have, beside those of `object` and the labels */
    int unmeasured; /* words of tone, colour, form, direction, structure, content or level that no region has */
    char first[32]; /* the first such word; "" when there is none */
} gad_account_faults;
/* words [count]: of the regions that the answer was shown. `object`: the product's name, `labels` what the answer calls its
 * boxes, separated by spaces; either may be NULL. */
gad_account_faults gad_account_check(const char *text, const gad_words *words, int count, const char *object,
                                     const char *labels);
#endif
