/* sorter: see sorter.h */
#include "serve/sorter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

static const char operation[] = "sort the part";
enum { MOST_NAMES = 100000 };

const char *gad_sorter_bin(const char *verdict)
{
    return !strcmp(verdict, "normal") ? "ok" : !strcmp(verdict, "failed") ? "failed" : "ng";
}

/* A name that is free in the folder: "name", "name (2).ext", ...; the caller's. */
static char *free_name(const char *folder, const char *name)
{
    const char *extension = gad_file_extension(name);
    int stem = (int)(strlen(name) - strlen(extension) - (*extension != 0));
    char text[300];
    for (int i = 1; i < MOST_NAMES; i++) {
        if (i == 1)
            snprintf(text, sizeof text, "%s", name);
        else
            snprintf(text, sizeof text, "%.*s (%d)%s%s", stem < 230 ? stem : 230, name, i, *extension ? "." : "",
                     extension);
        char *path = gad_file_join(folder, text);
        struct stat there;
        if (!path || lstat(path, &there))
            return path;
        gad_memory_free(path);
    }
    return NULL;
}

/* Does the bin hold this very file already, from an earlier run? */
static bool is_sorted(const char *path, const char *to, gad_sort how)
{
    char *from = realpath(path, NULL), *there = realpath(to, NULL);
    gad_file_map a = {0}, b = {0};
    bool same = how == GAD_SORT_LINK && from && there && !strcmp(from, there);
    if (how == GAD_SORT_COPY && !gad_file_map_open(path, &a, NULL) && !gad_file_map_open(to, &b, NULL))
        same = a.size_bytes == b.size_bytes && !memcmp(a.data, b.data, a.size_bytes);
    gad_file_map_close(&a);
    gad_file_map_close(&b);
    free(from);
    free(there);
    return same;
}

/* The bin, made, and in it the path of that name (`own` may be NULL) and a free one; both are the caller's. */
static gad_status find_place(const char *folder, const char *name, const char *verdict, char **own, char **path,
                             gad_error *err)
{
    char *bin = gad_file_join(folder, gad_sorter_bin(verdict));
    gad_status status = bin ? gad_file_make_directory(bin, err) : gad_error_memory(err, operation, strlen(folder));
    if (!status && ((own && !(*own = gad_file_join(bin, name))) || !(*path = free_name(bin, name))))
        status = gad_error_memory(err, operation, strlen(name));
    gad_memory_free(bin);
    return status;
}

/* From one file system to another a file is copied, then removed. */
static gad_status move_file(const char *from, const char *to, gad_error *err)
{
    if (!rename(from, to))
        return GAD_OK;
    if (errno != EXDEV)
        return gad_error_system(err, operation, to, errno);
    gad_status status = gad_file_copy(from, to, err);
    return status ? status : gad_file_remove(from, err);
}

static gad_status link_file(const char *from, const char *to, gad_error *err)
{
    char *whole = realpath(from, NULL);
    gad_status status = whole && !symlink(whole, to) ? GAD_OK : gad_error_system(err, operation, to, errno);
    free(whole);
    return status;
}

gad_status gad_sorter_put(const char *folder, gad_sort how, const char *path, const char *verdict, gad_error *err)
{
    char *to = NULL, *own = NULL;
    if (how == GAD_SORT_STAY)
        return GAD_OK;
    gad_status status = find_place(folder, gad_file_name(path), verdict, &own, &to, err);
    if (!status && !is_sorted(path, own, how))
        status = how == GAD_SORT_MOVE   ? move_file(path, to, err)
                 : how == GAD_SORT_COPY ? gad_file_copy(path, to, err)
                                        : link_file(path, to, err);
    gad_memory_free(own);
    gad_memory_free(to);
    return status;
}

gad_status gad_sorter_write(const char *folder, const char *name, const void *bytes, size_t size_bytes, const char *verdict,
                            gad_error *err)
{
    char *to = NULL;
    gad_status status = find_place(folder, name, verdict, NULL, &to, err);
    if (!status)
        status = gad_file_write(to, bytes, size_bytes, err);
    gad_memory_free(to);
    return status;
}

char *gad_sorter_find(const char *folder, const char *name, int64_t size_bytes)
{
    static const char *const bins[] = {"ok", "ng", "failed"};
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) {
        struct stat s;
        char *bin = gad_file_join(folder, bins[i]);
        char *path = bin ? gad_file_join(bin, gad_file_name(name)) : NULL;
        gad_memory_free(bin);
        if (path && !stat(path, &s) && s.st_size == size_bytes)
            return path;
        gad_memory_free(path);
    }
    return NULL;
}
