/* compare: a picture against its references, one after the other: each registered onto it and in its light, and what
 * differs cell by cell. In: prepared pictures. Out: handcrafted channels of cells, residuals of px, references as they lie
 * on the picture. Knows nothing of tokens or weights. */
#ifndef GAD_EVIDENCE_COMPARE_H
#define GAD_EVIDENCE_COMPARE_H
#include "evidence/handcrafted.h"
#include "evidence/prepared.h"

typedef struct gad_compare_result {
    float *low;      /* [cells, GAD_EVIDENCE_CHANNELS] row by row: the best of the references */
    float *residual; /* [height][width], likewise */
} gad_compare_result;

/* A comparison on its way: working memory alone. */
typedef struct gad_compare {
    const gad_prepared *test;
    const gad_prepared *const *reference;
    int64_t count, cell_px;
    gad_similarity *place; /* [count]: of each reference, all found at once */
    float *moved, *covered, *scratch;
    gad_prepared resized; /* a reference of another size */
} gad_compare;

gad_status gad_compare_begin(const gad_prepared *test, const gad_prepared *const *reference, int64_t count, int64_t cell_px,
                             gad_compare *compare, gad_error *err);
/* Reference r into the result, r = 0, 1, .. count-1. *registered: it as it lies on the picture, [3][height][width], the
 * picture itself where it shows nothing; until the next call. */
gad_status gad_compare_reference(gad_compare *compare, int64_t r, const gad_compare_result *result,
                                 const float **registered, gad_error *err);
/* Completes the result and gives the working memory back; NULL: gives it back. */
void gad_compare_end(gad_compare *compare, const gad_compare_result *result);
#endif
