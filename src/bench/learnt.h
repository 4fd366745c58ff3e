/* learnt: the product of an item's good parts, learnt once for all items in a row that have the same. In: files of good
 * parts. Out: a product. Knows nothing of questions or answers. */
#ifndef GAD_BENCH_LEARNT_H
#define GAD_BENCH_LEARNT_H
#include "base/hash.h"
#include "gad_product.h"

/* Zeros: nothing yet. */
typedef struct gad_learnt {
    gad_product *product;
    gad_hash of; /* the files it was learnt from */
} gad_learnt;

/* learnt->product becomes that of these files. `name`: of the product; NULL: "product". */
gad_status gad_learnt_take(gad_learnt *learnt, const char *const *good, size_t count, const char *name,
                           const gad_learn_settings *settings, gad_error *err);
void gad_learnt_free(gad_learnt *learnt);
#endif
