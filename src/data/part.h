/* part: what processes that share a job found out, each in a file of its own beside the store. In: a job's name, the key of
 * an item and its line of text. Out: the line of a key, whoever wrote it. A killed process loses the item it was at. Knows
 * nothing of what the lines say. */
#ifndef GAD_DATA_PART_H
#define GAD_DATA_PART_H
#include "base/hash.h"
#include "base/share.h"

typedef struct gad_part gad_part;

/* Read STORE.parts/JOB.K-of-N.lines of all that worked at the job; of a share its own is held for writing. A NULL part
 * stands for a job that nobody shares: it has no lines and takes none. */
gad_status gad_part_open(const char *store, const char *job, const gad_share *share, gad_part **part, gad_error *err);
/* Does the process work on a share only, and leave the store as it is? */
bool gad_part_is_share(const gad_part *part);
/* Is the next item this process's? Every process counts the same items. */
bool gad_part_takes(gad_part *part);
/* The line of a key without its end; NULL: nobody wrote one. Lives as long as the part. */
const char *gad_part_find(const gad_part *part, gad_hash key, size_t *length);
/* Write the line of an item, if this is a share. Any thread may. */
gad_status gad_part_add(const gad_part *part, gad_hash key, const char *line, size_t length, gad_error *err);
/* The store has all of it: the files go. */
gad_status gad_part_remove(gad_part *part, gad_error *err);
void gad_part_free(gad_part *part);

/* The time and size of a file, so that what was found out of another content under this name does not count. */
gad_hash gad_part_stamp(const char *path);
#endif
