/* library: see library.h */
#include "base/library.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

gad_status gad_library_open(const char *file, const char *hint, void **library, gad_error *err)
{
    /* global: the parts that Open MPI loads in turn look its symbols up in the whole process */
    void *opened = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
    if (!opened)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "load library", hint, "%s", dlerror());
    *library = opened;
    return GAD_OK;
}

gad_status gad_library_find(void *library, const char *name, void *address, gad_error *err)
{
    void *found = dlsym(library, name);
    if (!found)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "load library", "install a newer one", "%s", dlerror());
    memcpy(address, &found, sizeof found);
    return GAD_OK;
}

static gad_status find_all(gad_library *l, gad_error *err)
{
    void *opened = NULL;
    gad_status status = gad_library_open(l->file, l->hint, &opened, err);
    for (size_t i = 0; i < l->count && !status; i++)
        status = gad_library_find(opened, l->function[i].name, l->function[i].address, err);
    if (!status && l->ready)
        l->ready();
    return status;
}

gad_status gad_library_load(gad_library *l, gad_error *err)
{
    pthread_mutex_lock(&l->lock);
    gad_status status = l->loaded ? GAD_OK : find_all(l, err);
    l->loaded = !status;
    pthread_mutex_unlock(&l->lock);
    return status;
}
