/* shortlist: which of very many candidates are worth an exact comparison: those whose brightness and colours lie most alike
 * over the image, exposure aside. In: block means of a query and of candidates. Out: candidates, in their order. Keeps the
 * cost of a query nearly the same however many there are. Knows nothing of histograms. */
#ifndef GAD_DATA_SHORTLIST_H
#define GAD_DATA_SHORTLIST_H
#include <stdbool.h>
#include <stddef.h>

enum {
    GAD_SHORTLIST_FROM = 2048,   /* candidates up to which all are compared */
    GAD_SHORTLIST_MOST = 512,    /* on the list otherwise */
    GAD_SHORTLIST_LOOKED = 16384 /* candidates that are looked at for it: evenly spaced ones of more */
};

/* Means of 3 planes of `blocks` numbers (exposure.h) around those of the image: centred[3][blocks]. */
void gad_shortlist_centre(const float *means, int blocks, float *centred);
/* Of the allowed candidates (all when NULL), whose centred means lie one behind the other, the numbers of those most like
 * the query: list[GAD_SHORTLIST_MOST], ascending; how many. Equal ones come in their order. */
size_t gad_shortlist_make(const float *query, const float *candidates, size_t count, int blocks,
                          const unsigned char *allowed, size_t *list);
#endif
