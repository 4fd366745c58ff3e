/* share: which items of a job a process works on when several work on it side by side. In: its place among them. Out: yes
 * or no for an item. Knows nothing of what an item is, and talks to no other process. */
#ifndef GAD_BASE_SHARE_H
#define GAD_BASE_SHARE_H
#include "gad_data.h"

#include <stddef.h>

/* Every count-th item from `index` on is this process's; a zeroed share is the whole. */
bool gad_share_has(const gad_share *share, int64_t item);
static inline bool gad_share_is_whole(const gad_share *share)
{
    return share->count <= 1;
}
/* "name.ext" for the whole, "name.2-of-4.ext" for a share (counted from 1). */
void gad_share_name(const gad_share *share, const char *name, const char *extension, char *to, size_t size);
#endif
