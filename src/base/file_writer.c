/* file_writer: see file.h */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char operation[] = "write file", ending[] = ".XXXXXX.gad-tmp";

/* One link further; false where the path is no link. */
static bool follow(char *path, size_t size_bytes)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = 0;
    char *slash = strrchr(path, '/');
    size_t folder = target[0] == '/' || !slash ? 0 : (size_t)(slash - path) + 1;
    if (folder + (size_t)length >= size_bytes)
        return false;
    memcpy(path + folder, target, (size_t)length + 1);
    return true;
}

/* Where the links of a path lead to, also when nothing is there yet. *shared: through a descriptor that somebody opened
 * (/dev/stdout, /proc/self/fd/1), whose file is theirs. */
static gad_status resolve(const char *given, char *path, size_t size_bytes, bool *shared, gad_error *err)
{
    enum { MAX_LINKS = 40 }; /* as the kernel */
    int links = 0;
    if (strlen(given) >= size_bytes)
        return gad_error_system(err, operation, given, ENAMETOOLONG);
    strcpy(path, given);
    *shared = false;
    do
        *shared = *shared || strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
    while (!*shared && follow(path, size_bytes) && ++links < MAX_LINKS);
    return links == MAX_LINKS ? gad_error_system(err, operation, given, ELOOP) : GAD_OK;
}

static gad_status open_in_place(gad_file_writer *writer, const char *path, gad_error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    char *own_path = gad_memory_copy_string(path);
    FILE *stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (stream && own_path) {
        *writer = (gad_file_writer){stream, own_path, NULL};
        return GAD_OK;
    }
    gad_status status =
        stream ? gad_error_memory(err, operation, strlen(path)) : gad_error_system(err, operation, path, errno);
    if (stream)
        fclose(stream);
    else if (fd >= 0)
        close(fd);
    gad_memory_free(own_path);
    return status;
}

/* "folder/name.XXXXXX.gad-tmp"; a name is cut where the whole would be longer than file systems take. NULL without memory.
 */
static char *temporary_name(const char *path)
{
    size_t length = strlen(path), name = strlen(gad_file_name(path)), most = NAME_MAX - (sizeof ending - 1);
    size_t kept = name > most ? length - (name - most) : length;
    char *temporary = gad_memory_alloc(kept + sizeof ending, 1);
    if (temporary) {
        memcpy(temporary, path, kept);
        memcpy(temporary + kept, ending, sizeof ending);
    }
    return temporary;
}

/* A new file of the name with six characters put in. As mkostemps, but of the mode of an ordinary new file, which the
 * system makes of the umask: to ask for that would change it for all threads. */
static int open_new(char *temporary)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static atomic_uint made;
    enum { TRIES = 100, PLACES = 6 };
    const uint64_t mix = 0x9E3779B97F4A7C15u; /* odd, of the golden ratio */
    char *place = temporary + strlen(temporary) - (sizeof ending - 2);
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0 && (!i || errno == EEXIST); i++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        uint64_t n = ((uint64_t)getpid() << 42 ^ (uint64_t)now.tv_nsec << 12 ^ atomic_fetch_add(&made, 1)) * mix;
        n ^= n >> 32;
        for (int k = 0; k < PLACES; k++, n /= sizeof letters - 1)
            place[k] = letters[n % (sizeof letters - 1)];
        fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

/* The mode of the file that is replaced. */
static void give_mode(int fd, const struct stat *old)
{
    if (!old)
        return;
    (void)!fchown(fd, old->st_uid, old->st_gid);
    (void)!fchmod(fd, old->st_mode & 07777);
}

static gad_status open_beside(gad_file_writer *writer, const char *path, const struct stat *old, gad_error *err)
{
    char *own_path = gad_memory_copy_string(path), *temporary = temporary_name(path);
    if (!own_path || !temporary) {
        gad_memory_free(own_path);
        gad_memory_free(temporary);
        return gad_error_memory(err, operation, strlen(path));
    }
    int fd = open_new(temporary);
    FILE *stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!stream) {
        gad_status status = gad_error_system(err, operation, path, errno);
        if (fd >= 0) {
            close(fd);
            unlink(temporary);
        }
        gad_memory_free(own_path);
        gad_memory_free(temporary);
        return status;
    }
    give_mode(fd, old);
    *writer = (gad_file_writer){stream, own_path, temporary};
    return GAD_OK;
}

gad_status gad_file_writer_open(gad_file_writer *writer, const char *given, gad_error *err)
{
    char path[PATH_MAX];
    bool shared;
    struct stat info;
    *writer = (gad_file_writer){0};
    gad_status status = resolve(given, path, sizeof path, &shared, err);
    if (status)
        return status;
    bool there = stat(given, &info) == 0;
    if (there && S_ISDIR(info.st_mode))
        return gad_error_system(err, operation, given, EISDIR);
    if (there && (shared || !S_ISREG(info.st_mode)))
        return open_in_place(writer, given, err);
    if (there && access(given, W_OK))
        return gad_error_system(err, operation, given, errno);
    return open_beside(writer, path, there ? &info : NULL, err);
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
    int failed = fflush(writer->stream) || ferror(writer->stream) ? errno : 0;
    if (!failed && writer->temporary && fsync(fileno(writer->stream)))
        failed = errno;
    if (fclose(writer->stream) && !failed)
        failed = errno;
    writer->stream = NULL;
    if (!failed && writer->temporary && rename(writer->temporary, writer->path))
        failed = errno;
    if (failed) {
        gad_status status = gad_error_system(err, operation, writer->path, failed);
        gad_file_writer_discard(writer);
        return status;
    }
    if (writer->temporary)
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
        status = gad_error_system(err, operation, path, errno);
        gad_file_writer_discard(&writer);
        return status;
    }
    return gad_file_writer_commit(&writer, err);
}

gad_status gad_file_copy(const char *from, const char *to, gad_error *err)
{
    gad_file_map map;
    gad_status status = gad_file_map_open(from, &map, err);
    if (status)
        return status;
    status = gad_file_write(to, map.data, map.size_bytes, err);
    gad_file_map_close(&map);
    return status;
}
