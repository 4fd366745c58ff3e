/* seen: names that are taken, and by whom. In: hashes of a name and of its owner. Out: whose it is. Knows nothing of what
 * the names are for. */
#ifndef GAD_DATA_SEEN_H
#define GAD_DATA_SEEN_H
#include "base/hash.h"

typedef struct gad_seen {
    struct gad_seen_slot *slot;
    size_t slots, count; /* slots: a power of two, or 0 */
} gad_seen;

/* The owner of a name: this one when nobody had it (*is_new). NULL without memory. Valid until the next claim. */
const gad_hash *gad_seen_claim(gad_seen *seen, gad_hash name, gad_hash owner, bool *is_new);
/* The owner of a name; NULL: nobody. Any number of threads may ask at once. */
const gad_hash *gad_seen_find(const gad_seen *seen, gad_hash name);
void gad_seen_free(gad_seen *seen);
#endif
