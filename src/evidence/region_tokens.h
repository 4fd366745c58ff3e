/* region_tokens: regions as numbers that a language model reads off, a token for each edge. In: the regions of a heat map.
 * Out: a table, a row for a token. Knows nothing of weights or devices. */
#ifndef GAD_EVIDENCE_REGION_TOKENS_H
#define GAD_EVIDENCE_REGION_TOKENS_H
#include "evidence/regions.h"
#include "model/config.h"
#include "task/measurement.h"

enum {
    GAD_REGION_TOKEN_CHARS = 4,  /* of an edge's place, 0 to 1000 */
    GAD_REGION_TOKEN_LEVELS = 33 /* of a logit, in halves */
};
_Static_assert(GAD_REGION_TOKEN_WIDTH ==
                   GAD_REGIONS_MAX + 4 + 11 * GAD_REGION_TOKEN_CHARS + 2 * GAD_REGION_TOKEN_LEVELS + GAD_REGIONS_MAX + 1,
               "the width that parameters are built for");

/* values [tokens, gad_config_region_width] of an image whose map has `count` regions. Tokens 4k to 4k + 3 carry region k,
 * an edge each (x1, y1, x2, y2), in the order in which an answer writes numbers: which region and edge it is, the
 * characters of its place from 0 to 1000 (ten digits, or none), the level of the region's peak. A language model can copy
 * that; a place that is one number would have to be turned into digits by it. Every token carries the level of the whole
 * map's peak and the number of regions. */
/* words (NULL: none are shown, rows have GAD_REGION_TOKEN_WIDTH numbers): what was measured of each region, on all of its
 * tokens; where the count is 0, of the first, the strongest place, on tokens 0 to 3. */
void gad_region_tokens_write(const gad_region *region, const gad_words *words, int count, float peak, int64_t tokens,
                             float *values);
#endif
