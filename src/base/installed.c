/* installed: see installed.h */
#include "base/installed.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* The program or shared library that this function is part of, without symbolic links. */
static bool own_file(char path[PATH_MAX])
{
    Dl_info info;
    struct link_map *map = NULL;
    void *here = (void *)(uintptr_t)own_file;
    if (!dladdr1(here, &info, (void **)&map, RTLD_DL_LINKMAP))
        return false;
    bool is_program = !map || !map->l_name[0]; /* only the program itself has no name in the list of loaded files */
    return realpath(is_program ? "/proc/self/exe" : map->l_name, path) != NULL;
}

bool gad_installed_find(const char *const *places, char *path, size_t path_bytes)
{
    char own[PATH_MAX];
    if (!own_file(own))
        return false;
    *strrchr(own, '/') = 0;
    for (; *places; places++) {
        int length = snprintf(path, path_bytes, "%s/%s", own, *places);
        if (length > 0 && (size_t)length < path_bytes && gad_file_exists(path))
            return true;
    }
    return false;
}
