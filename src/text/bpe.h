/* bpe: byte-pair merging. In: a table of merges, then the symbols of one piece. Out: the symbols after all merges, always
 * the pair of lowest rank first, leftmost among equals, in n log n steps. Knows nothing of strings or files. */
#ifndef GAD_TEXT_BPE_H
#define GAD_TEXT_BPE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gad_bpe_slot {
    int32_t left, right; /* left is -1 in an empty slot */
    uint32_t rank;
    int32_t merged;
} gad_bpe_slot;

/* The merges: (left, right) -> (rank, merged symbol), open addressing, at most half full. */
typedef struct gad_bpe {
    gad_bpe_slot *slot;
    size_t mask; /* number of slots - 1 */
} gad_bpe;

/* Room for `merge_count` merges; false without memory. */
bool gad_bpe_make(gad_bpe *bpe, size_t merge_count);
/* Add a merge of symbols >= 0; false when the pair is there already. */
bool gad_bpe_add(gad_bpe *bpe, int32_t left, int32_t right, uint32_t rank, int32_t merged);
/* The slot of a pair, NULL when it does not merge. */
const gad_bpe_slot *gad_bpe_find(const gad_bpe *bpe, int32_t left, int32_t right);
void gad_bpe_free(gad_bpe *bpe);

/* Memory that pieces are merged in, reused from piece to piece; zero to begin with. */
typedef struct gad_bpe_scratch {
    int32_t *symbol; /* [capacity] the caller writes the piece here after gad_bpe_reserve; the result stands here too */
    uint32_t *previous, *next;
    struct gad_bpe_candidate *heap; /* [2 * capacity] */
    size_t capacity;
} gad_bpe_scratch;

/* Room for a piece of `count` symbols, fewer than 2^32; false without memory. */
bool gad_bpe_reserve(gad_bpe_scratch *scratch, size_t count);
/* Merge scratch->symbol[0..count); returns how many symbols remain, in order, at its beginning. */
size_t gad_bpe_merge(const gad_bpe *bpe, gad_bpe_scratch *scratch, size_t count);
void gad_bpe_scratch_free(gad_bpe_scratch *scratch);
#endif
