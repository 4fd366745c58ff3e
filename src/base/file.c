/* file: see file.h */
#include "base/file.h"

#include "base/error.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a device"
           : S_ISBLK(mode)  ? "a disk"
                            : "something else";
}

static gad_status refuse_special(const char *path, mode_t mode, gad_error *err)
{
    return gad_error_set(err, GAD_E_IO, "open file", NULL, "%s: is not a regular file but %s", path, kind_of(mode));
}

gad_status gad_file_check_regular(const char *path, gad_error *err)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) ? refuse_special(path, info.st_mode, err) : GAD_OK;
}

/* Looked at before it is opened: opening a FIFO waits, and opening a device may do something. */
static gad_status open_regular(const char *path, int *descriptor, size_t *size_bytes, gad_error *err)
{
    struct stat info;
    gad_status refused = gad_file_check_regular(path, err);
    if (refused)
        return refused;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return gad_error_system(err, "open file", path, errno);
    if (fstat(fd, &info) != 0) {
        gad_status status = gad_error_system(err, "open file", path, errno);
        close(fd);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return refuse_special(path, info.st_mode, err);
    }
    *descriptor = fd;
    *size_bytes = (size_t)info.st_size;
    return GAD_OK;
}

gad_status gad_file_open(const char *path, FILE **stream, gad_error *err)
{
    int fd;
    size_t size;
    gad_status status = open_regular(path, &fd, &size, err);
    if (status)
        return status;
    *stream = fdopen(fd, "rb");
    if (*stream)
        return GAD_OK;
    status = gad_error_system(err, "open file", path, errno);
    close(fd);
    return status;
}

gad_status gad_file_map_open(const char *path, gad_file_map *map, gad_error *err)
{
    int fd;
    size_t size;
    gad_status status = open_regular(path, &fd, &size, err);
    if (status)
        return status;
    void *data = NULL;
    if (size) {
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            status = gad_error_system(err, "map file", path, errno);
            data = NULL;
        }
    }
    close(fd);
    if (!status)
        *map = (gad_file_map){data, size};
    return status;
}

void gad_file_map_close(gad_file_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size_bytes);
    *map = (gad_file_map){0};
}

gad_status gad_file_read(const char *path, size_t limit_bytes, char **data, size_t *size_bytes, gad_error *err)
{
    int fd;
    size_t size;
    gad_status status = open_regular(path, &fd, &size, err);
    if (status)
        return status;
    char *buffer = NULL;
    if (size > limit_bytes) {
        status = gad_error_set(err, GAD_E_LIMIT, "read file", NULL, "%s: %zu bytes, more than the limit of %zu", path, size,
                               limit_bytes);
        goto done;
    }
    buffer = gad_memory_alloc(size + 1, 1);
    if (!buffer) {
        status = gad_error_memory(err, "read file", size);
        goto done;
    }
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, buffer + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = gad_error_system(err, "read file", path, errno);
            goto done;
        }
        if (n == 0)
            break;
        have += (size_t)n;
    }
    buffer[have] = 0;
    *data = buffer;
    *size_bytes = have;
    buffer = NULL;
done:
    gad_memory_free(buffer);
    close(fd);
    return status;
}

bool gad_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool gad_file_is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

gad_status gad_file_make_directory(const char *path, gad_error *err)
{
    char *copy = gad_memory_copy_string(path);
    if (!copy)
        return gad_error_memory(err, "make directory", strlen(path));
    gad_status status = GAD_OK;
    for (char *end = copy + 1; !status; end++) {
        bool last = *end == 0;
        if (last || *end == '/') {
            *end = 0;
            if (mkdir(copy, 0777) && !(errno == EEXIST && gad_file_is_directory(copy)))
                status = gad_error_system(err, "make directory", copy, errno);
            if (last)
                break;
            *end = '/';
        }
    }
    gad_memory_free(copy);
    return status;
}

gad_status gad_file_remove(const char *path, gad_error *err)
{
    struct stat info;
    if (lstat(path, &info))
        return errno == ENOENT ? GAD_OK : gad_error_system(err, "remove", path, errno);
    if (!S_ISDIR(info.st_mode))
        return unlink(path) ? gad_error_system(err, "remove", path, errno) : GAD_OK;
    DIR *directory = opendir(path);
    if (!directory)
        return gad_error_system(err, "remove", path, errno);
    gad_status status = GAD_OK;
    struct dirent *entry;
    while (!status && (entry = readdir(directory))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        char *child = gad_file_join(path, entry->d_name);
        status = child ? gad_file_remove(child, err) : gad_error_memory(err, "remove", strlen(path));
        gad_memory_free(child);
    }
    closedir(directory);
    if (!status && rmdir(path))
        status = gad_error_system(err, "remove", path, errno);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

gad_status gad_file_list(const char *directory, gad_file_names *names, gad_error *err)
{
    gad_file_names found = {0};
    DIR *stream = opendir(directory);
    if (!stream)
        return gad_error_system(err, "list directory", directory, errno);
    gad_status status = GAD_OK;
    struct dirent *entry;
    while ((entry = readdir(stream))) {
        if (entry->d_name[0] == '.')
            continue;
        char *copy = gad_memory_copy_string(entry->d_name);
        if (!copy || !gad_memory_grow((void **)&found.name, &found.capacity, found.count, sizeof *found.name)) {
            gad_memory_free(copy);
            status = gad_error_memory(err, "list directory", found.count * sizeof *found.name);
            break;
        }
        found.name[found.count++] = copy;
    }
    closedir(stream);
    if (status) {
        gad_file_names_free(&found);
        return status;
    }
    if (found.count)
        qsort(found.name, found.count, sizeof *found.name, compare_names);
    *names = found;
    return GAD_OK;
}

void gad_file_names_free(gad_file_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        gad_memory_free(names->name[i]);
    gad_memory_free(names->name);
    *names = (gad_file_names){0};
}

char *gad_file_join(const char *directory, const char *name)
{
    size_t length = strlen(directory), size = length + strlen(name) + 2;
    char *path = gad_memory_alloc(size, 1);
    if (path)
        snprintf(path, size, "%s%s%s", directory, length && directory[length - 1] == '/' ? "" : "/", name);
    return path;
}

bool gad_file_stays_inside(const char *relative)
{
    for (const char *at = relative;; at++) {
        size_t n = strcspn(at, "/");
        if (!n || (at[0] == '.' && (n == 1 || (n == 2 && at[1] == '.'))))
            return false;
        at += n;
        if (!*at)
            return true;
    }
}

const char *gad_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *gad_file_extension(const char *path)
{
    const char *name = gad_file_name(path);
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot + 1 : "";
}

bool gad_file_has_extension(const char *path, const char *extension)
{
    return strcasecmp(gad_file_extension(path), extension) == 0;
}
