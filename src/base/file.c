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

static gad_status open_regular(const char *path, int *descriptor, size_t *size_bytes, gad_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gad_error_system(err, "open file", path, errno);
    struct stat info;
    if (fstat(fd, &info) != 0) {
        gad_status status = gad_error_system(err, "open file", path, errno);
        close(fd);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return gad_error_set(err, GAD_E_IO, "open file", NULL, "%s: is not a regular file", path);
    }
    *descriptor = fd;
    *size_bytes = (size_t)info.st_size;
    return GAD_OK;
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

gad_status gad_file_writer_open(gad_file_writer *writer, const char *path, gad_error *err)
{
    *writer = (gad_file_writer){0};
    size_t size = strlen(path) + sizeof ".XXXXXX.gad-tmp";
    char *own_path = gad_memory_copy_string(path);
    char *temporary = gad_memory_alloc(size, 1);
    if (!own_path || !temporary) {
        gad_memory_free(own_path);
        gad_memory_free(temporary);
        return gad_error_memory(err, "write file", size);
    }
    snprintf(temporary, size, "%s.XXXXXX.gad-tmp", path);
    int fd = mkostemps(temporary, (int)sizeof ".gad-tmp" - 1, O_CLOEXEC);
    FILE *stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!stream) {
        gad_status status = gad_error_system(err, "write file", path, errno);
        if (fd >= 0) {
            close(fd);
            unlink(temporary);
        }
        gad_memory_free(own_path);
        gad_memory_free(temporary);
        return status;
    }
    mode_t mask = umask(0); /* mkostemps makes private files; give the mode an ordinary new file gets */
    umask(mask);
    (void)!fchmod(fd, 0666 & ~mask);
    *writer = (gad_file_writer){stream, own_path, temporary};
    return GAD_OK;
}

/* `path` is cut down to its folder: a copy could fail after the file is in its place. */
static void sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path ? 1 : 0] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

gad_status gad_file_writer_commit(gad_file_writer *writer, gad_error *err)
{
    int failed = fflush(writer->stream) || ferror(writer->stream) || fsync(fileno(writer->stream)) ? errno : 0;
    if (fclose(writer->stream) && !failed)
        failed = errno;
    writer->stream = NULL;
    if (!failed && rename(writer->temporary, writer->path))
        failed = errno;
    if (failed) {
        gad_status status = gad_error_system(err, "write file", writer->path, failed);
        gad_file_writer_discard(writer);
        return status;
    }
    sync_parent(writer->path);
    gad_memory_free(writer->temporary);
    writer->temporary = NULL;
    gad_file_writer_discard(writer);
    return GAD_OK;
}

void gad_file_writer_discard(gad_file_writer *writer)
{
    if (writer->stream)
        fclose(writer->stream);
    if (writer->temporary)
        unlink(writer->temporary);
    gad_memory_free(writer->temporary);
    gad_memory_free(writer->path);
    *writer = (gad_file_writer){0};
}

gad_status gad_file_write(const char *path, const void *data, size_t size_bytes, gad_error *err)
{
    gad_file_writer writer;
    gad_status status = gad_file_writer_open(&writer, path, err);
    if (status)
        return status;
    if (size_bytes && fwrite(data, 1, size_bytes, writer.stream) != size_bytes) {
        status = gad_error_system(err, "write file", path, errno);
        gad_file_writer_discard(&writer);
        return status;
    }
    return gad_file_writer_commit(&writer, err);
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
