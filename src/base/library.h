/* library: shared libraries that are loaded when they are first needed, so that a run that does not need them neither
 * starts them nor wants them installed. In: a file name. Out: its functions. Knows nothing of what they do. */
#ifndef GAD_BASE_LIBRARY_H
#define GAD_BASE_LIBRARY_H
#include "gad.h"

/* `hint` says what to install when it cannot be loaded. Libraries stay loaded until the process ends. */
gad_status gad_library_open(const char *file, const char *hint, void **library, gad_error *err);
/* `address` points to a pointer, to a function or to data, of the type that the library documents. */
gad_status gad_library_find(void *library, const char *name, void *address, gad_error *err);
#endif
