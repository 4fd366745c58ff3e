/* alike: the file that a path means when it is written otherwise: in another letter case (Windows and macOS take both for
 * one), in another Unicode form (macOS decomposes umlauts). In: a folder, relative paths. Out: a path as it is on disk. The
 * lists of some folders are kept. Knows nothing of data sets. */
#ifndef GAD_DATA_ALIKE_H
#define GAD_DATA_ALIKE_H
#include <stdbool.h>
#include <stddef.h>

#include "gad.h"

typedef struct gad_alike gad_alike;

gad_status gad_alike_open(const char *folder, gad_alike **alike, gad_error *err);
void gad_alike_free(gad_alike *alike);
/* `path` becomes that of the one file it can mean; *found false, and the path as it was, where there is none or where
 * several fit equally well. */
gad_status gad_alike_find(gad_alike *alike, char *path, size_t size_bytes, bool *found, gad_error *err);

/* Paths as they are on disk in place of those that are given, also for "./a" and "a\b"; what is not there stays. They are
 * the alike's, until the next begin. `list` ends with NULL; NULL: none. */
void gad_alike_begin(gad_alike *alike);
gad_status gad_alike_spell(gad_alike *alike, const char **path, gad_error *err);
gad_status gad_alike_spell_list(gad_alike *alike, const char *const **list, gad_error *err);
#endif
