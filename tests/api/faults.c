/* faults: see faults.h */
#include "api/faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "api/counting.h"
#include "support/support.h"

const char *const faults_names[FAULTS_KINDS] = {"allocation", "read", "write", "unlink"};

static faults_kind armed = FAULTS_KINDS;
static size_t calls, fail_at;

static bool fails(faults_kind kind, int error)
{
    if (armed != kind || ++calls != fail_at)
        return false;
    errno = error;
    return true;
}

void faults_install(void)
{
    counting_install();
}

void faults_start(faults_kind kind, size_t n)
{
    calls = 0;
    fail_at = n;
    armed = kind;
    counting_start(&counting_own, kind == FAULTS_MEMORY ? n : 0);
}

bool faults_stop(void)
{
    bool hit = armed == FAULTS_MEMORY ? counting_own.calls >= fail_at : calls >= fail_at;
    armed = FAULTS_KINDS;
    counting_start(&counting_own, 0);
    return hit;
}

faults_kind faults_failing;

void faults_sweep(const faults_scene *s)
{
    for (int kind = 0; kind < FAULTS_KINDS; kind++) {
        size_t n = 1, tried = 0, step = s->step[kind] ? s->step[kind] : 1;
        for (bool hit = true; hit; n += step) {
            gad_error err = {0};
            faults_failing = (faults_kind)kind;
            if (s->before)
                s->before();
            faults_start((faults_kind)kind, n);
            gad_status status = s->call(&err);
            hit = faults_stop();
            if (status && (!hit || err.code != status || !err.cause[0] || !err.operation[0]))
                fail_msg("%s, %s %zu: %s: cannot %s: %s", s->name, faults_names[kind], n, gad_status_name(status),
                         err.operation, err.cause);
            s->after(status == GAD_OK);
            tried += hit;
        }
        print_message("%s: %zu faults of kind %s\n", s->name, tried, faults_names[kind]);
    }
}

/* ---- what the C library has under these names ---- */

/* Seen by the shared libraries too. */
#define SHOWN __attribute__((visibility("default")))
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* What ferror looks at, in glibc. */
static void mark_failed(FILE *stream)
{
    if (stream)
        stream->_flags |= 0x20;
}

SHOWN ssize_t read(int fd, void *bytes, size_t count)
{
    return fails(FAULTS_READ, EIO) ? -1 : NEXT(read)(fd, bytes, count);
}

SHOWN ssize_t pread64(int fd, void *bytes, size_t count, off64_t at)
{
    return fails(FAULTS_READ, EIO) ? -1 : NEXT(pread64)(fd, bytes, count, at);
}

SHOWN size_t fread(void *bytes, size_t size, size_t count, FILE *stream)
{
    if (!fails(FAULTS_READ, EIO))
        return NEXT(fread)(bytes, size, count, stream);
    mark_failed(stream);
    return 0;
}

SHOWN ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails(FAULTS_WRITE, ENOSPC) ? -1 : NEXT(write)(fd, bytes, count);
}

SHOWN ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    return fails(FAULTS_WRITE, ENOSPC) ? -1 : NEXT(pwrite64)(fd, bytes, count, at);
}

SHOWN size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream)
{
    if (!fails(FAULTS_WRITE, ENOSPC))
        return NEXT(fwrite)(bytes, size, count, stream);
    mark_failed(stream);
    return 0;
}

SHOWN int fflush(FILE *stream)
{
    if (!fails(FAULTS_WRITE, ENOSPC))
        return NEXT(fflush)(stream);
    mark_failed(stream);
    return EOF;
}

/* Nothing waits for the disk: a power cut is another test. */
SHOWN int fsync(int fd)
{
    (void)fd;
    return fails(FAULTS_WRITE, EIO) ? -1 : 0;
}

SHOWN int fdatasync(int fd)
{
    (void)fd;
    return fails(FAULTS_WRITE, EIO) ? -1 : 0;
}

SHOWN int rename(const char *from, const char *to)
{
    return fails(FAULTS_WRITE, EACCES) ? -1 : NEXT(rename)(from, to);
}

SHOWN int unlink(const char *path)
{
    return fails(FAULTS_UNLINK, EACCES) ? -1 : NEXT(unlink)(path);
}
