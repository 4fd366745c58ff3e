/* account: the reasoning of an answer from what was measured: a small grammar with a seed that says only what the words of
 * the regions say (measurement.h). In: regions, their words, labels. Out: a few sentences with region tokens (pointer.h)
 * for places and the product. And the other way round: what an account states that the words do not carry. Knows no
 * pictures.
 */
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

/* Where measured words stand in a text, bytes from..to. */
enum { GAD_ACCOUNT_SPANS = 64 };
typedef struct gad_account_spans {
    size_t from[GAD_ACCOUNT_SPANS], to[GAD_ACCOUNT_SPANS];
    int count;
} gad_account_spans;

/* Append the text. Equal facts and equal state of `rng` give equal text. `spans` may be NULL. */
gad_status gad_account_write(const gad_account_facts *facts, gad_rng *rng, gad_string *text, gad_account_spans *spans,
                             gad_error *err);

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
