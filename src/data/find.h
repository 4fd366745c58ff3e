/* find: the file that somebody else's annotation means. In: a path, URL or name as other programs write it. Out: a path in
 * the dataset's folder. Knows nothing of annotation formats. */
#ifndef GAD_DATA_FIND_H
#define GAD_DATA_FIND_H
#include "data/import.h"

/* Looks for `given` (a path with either slash, absolute on another machine, percent-encoded, an URL with or without a
 * signature, Label Studio's ?d= and fileuri=, a name in another letter case or Unicode form), first below `folders` (ends
 * with NULL; may be NULL), then at the top and in images/; of a longer path the last components count. Fills `path` and
 * says whether there is such a file; else `path` is the cleaned name. */
gad_status gad_find_image(const gad_import *import, const char *given, const char *const *folders, char *path,
                          size_t size_bytes, bool *found, gad_error *err);
#endif
