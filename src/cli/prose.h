/* prose: an answer as it is written, shown as a text to read: without the tags of the answer form (docs/formats.md), and
 * without what stands in <answer>, which the verdict says. In: pieces of the answer. Out: lines on a stream. */
#ifndef GAD_CLI_PROSE_H
#define GAD_CLI_PROSE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Starts as {0}. */
typedef struct prose {
    char held[16]; /* the beginning of what may become a tag */
    size_t held_count;
    bool within; /* a paragraph: white space counts */
    bool ended;  /* what follows is the result */
    char last;   /* character that was shown; 0: none */
} prose;

void prose_put(prose *p, FILE *stream, const char *piece);
/* The answer is whole: ends its last line, and is ready for another. */
void prose_end(prose *p, FILE *stream);
#endif
