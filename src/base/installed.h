/* installed: where this copy of gad stands and what lies beside it: models, plugins. It works in a build folder, under any
 * prefix and after a move, because places count from the file that holds this code: the program, or the shared library. */
#ifndef GAD_BASE_INSTALLED_H
#define GAD_BASE_INSTALLED_H
#include <stdbool.h>
#include <stddef.h>

/* The first of the places (up to a NULL; relative to the folder of gad's own file) that exists, as an absolute path. */
bool gad_installed_find(const char *const *places, char *path, size_t path_bytes);
#endif
