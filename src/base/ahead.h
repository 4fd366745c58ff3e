/* ahead: the next items of a sequence, made by a thread of its own while the caller works on the one before. In: a function
 * that makes item n. Out: items in the caller's order, each as it would have been made at once, errors in their place. At
 * most `capacity` items wait. Knows nothing of what they are. */
#ifndef GAD_BASE_AHEAD_H
#define GAD_BASE_AHEAD_H
#include "gad.h"

#include <stdint.h>

/* Item n into `item`, which is zeroed; what failed leaves nothing in it. Only one call runs at a time. */
typedef gad_status (*gad_ahead_make)(void *user, int64_t n, void *item, gad_error *err);
/* Free an item that nobody took. */
typedef void (*gad_ahead_drop)(void *item);

typedef struct gad_ahead_sequence {
    gad_ahead_make make;
    gad_ahead_drop drop;
    void *user;
    size_t item_bytes;
    int capacity;
    int64_t stride, end; /* after n comes n + stride, below end */
} gad_ahead_sequence;

typedef struct gad_ahead gad_ahead;
gad_status gad_ahead_open(const gad_ahead_sequence *sequence, gad_ahead **ahead, gad_error *err);
/* Item n; those after it are made from now on. Another n than the one that was to come next costs what was made. */
gad_status gad_ahead_take(gad_ahead *ahead, int64_t n, void *item, gad_error *err);
void gad_ahead_free(gad_ahead *ahead);
#endif
