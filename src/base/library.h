/* library: shared libraries that are loaded when they are first needed, so that a run that does not need them neither
 * starts them nor wants them installed. In: a file name. Out: its functions. Knows nothing of what they do. */
#ifndef GAD_BASE_LIBRARY_H
#define GAD_BASE_LIBRARY_H
#include "gad.h"

#include <pthread.h>

/* `hint` says what to install when it cannot be loaded. Libraries stay loaded until the process ends. */
gad_status gad_library_open(const char *file, const char *hint, void **library, gad_error *err);
/* `address` points to a pointer, to a function or to data, of the type that the library documents. */
gad_status gad_library_find(void *library, const char *name, void *address, gad_error *err);

/* A library whose functions are all looked up when it is first needed. */
typedef struct gad_library_function {
    const char *name;
    void *address; /* of the pointer that gets it */
} gad_library_function;
typedef struct gad_library {
    const char *file, *hint;
    const gad_library_function *function;
    size_t count;
    void (*ready)(void); /* called once, when all were found; NULL: nothing is to be done */
    pthread_mutex_t lock;
    bool loaded;
} gad_library;
/* From any thread, any number of times. */
gad_status gad_library_load(gad_library *library, gad_error *err);
#endif
