/* sorter: where a part's file goes by its verdict: ok/, ng/ or failed/ of a folder, as a file of a name that is free there.
 * In: files, verdicts. Knows nothing of how they came about. */
#ifndef GAD_SERVE_SORTER_H
#define GAD_SERVE_SORTER_H
#include "gad_serve.h"

/* "ok", "ng", "failed". */
const char *gad_sorter_bin(const char *verdict);
/* The file at `path` under its own name; GAD_SORT_STAY does nothing. */
gad_status gad_sorter_put(const char *folder, gad_sort how, const char *path, const char *verdict, gad_error *err);
/* A picture that is no file yet. */
gad_status gad_sorter_write(const char *folder, const char *name, const void *bytes, size_t size_bytes, const char *verdict,
                            gad_error *err);
/* Where the file of that name and size lies in one of them; the caller's, NULL: in none. */
char *gad_sorter_find(const char *folder, const char *name, int64_t size_bytes);
#endif
