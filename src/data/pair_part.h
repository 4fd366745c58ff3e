/* pair_part: what processes that share a pairing leave for each other: features of images, and who goes with whom. In: a
 * key and the numbers. Out: a line of a part, and the same numbers again. Knows nothing of samples. */
#ifndef GAD_DATA_PAIR_PART_H
#define GAD_DATA_PAIR_PART_H
#include "data/align.h"
#include "data/part.h"

/* A feature that somebody measured, the caller's (gad_memory_free); NULL: nobody has. */
uint16_t *gad_pair_part_feature(const gad_part *part, gad_hash key, size_t bytes);
/* Of a share; a feature NULL leaves nothing. */
gad_status gad_pair_part_add_feature(const gad_part *part, gad_hash key, const uint16_t *feature, size_t bytes);
/* Matches that somebody found, at most `most`, among so many candidates; false: nobody has. */
bool gad_pair_part_matches(const gad_part *part, gad_hash key, size_t candidates, int most, gad_align_match *best,
                           int *found);
gad_status gad_pair_part_add_matches(const gad_part *part, gad_hash key, const gad_align_match *best, int found);
#endif
