/* file_resume: see file_resume.h */
#include "base/file_resume.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char operation[] = "open the folder of a run";

gad_status gad_file_resume_hold(const char *folder, int *descriptor, gad_error *err)
{
    *descriptor = -1;
    gad_status status = gad_file_make_directory(folder, err);
    if (status)
        return status;
    int held = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0)
        return gad_error_system(err, operation, folder, errno);
    if (flock(held, LOCK_EX | LOCK_NB) == 0) {
        *descriptor = held;
        return GAD_OK;
    }
    bool taken = errno == EWOULDBLOCK;
    status = taken ? gad_error_set(err, GAD_E_ARGUMENT, operation, "wait for it, or choose another folder with --out",
                                   "%s: another run is writing here", folder)
                   : gad_error_system(err, operation, folder, errno);
    close(held);
    return status;
}

void gad_file_resume_tidy(const char *folder)
{
    gad_file_names names = {0};
    if (gad_file_list(folder, &names, NULL))
        return;
    for (size_t i = 0; i < names.count; i++) {
        char *path = gad_file_has_extension(names.name[i], "gad-tmp") ? gad_file_join(folder, names.name[i]) : NULL;
        if (path && !gad_file_is_directory(path))
            gad_file_remove(path, NULL); /* one that stays harms nobody */
        gad_memory_free(path);
    }
    gad_file_names_free(&names);
}

bool gad_file_resume_cut(int descriptor)
{
    char piece[4096];
    off_t end = lseek(descriptor, 0, SEEK_END), keep = end;
    while (keep > 0) {
        off_t from = keep > (off_t)sizeof piece ? keep - (off_t)sizeof piece : 0;
        ssize_t n = pread(descriptor, piece, (size_t)(keep - from), from);
        if (n != keep - from)
            return false;
        while (n > 0 && piece[n - 1] != '\n')
            n--;
        keep = from + n;
        if (n > 0)
            break;
    }
    return end >= 0 && (keep == end || ftruncate(descriptor, keep) == 0);
}

gad_status gad_file_resume_append(const char *path, int *descriptor, gad_error *err)
{
    static const char opening[] = "open a file of lines";
    gad_status status = GAD_OK;
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
    if (opened < 0)
        return gad_error_system(err, opening, path, errno);
    if (flock(opened, LOCK_EX | LOCK_NB) != 0)
        status = gad_error_set(err, GAD_E_ARGUMENT, opening, "wait for it, or choose another folder with --out",
                               "%s: another run is writing here", path);
    else if (!gad_file_resume_cut(opened))
        status = gad_error_system(err, opening, path, errno);
    if (status)
        close(opened);
    else
        *descriptor = opened;
    return status;
}

bool gad_file_resume_write(int descriptor, const void *data, size_t length)
{
    const char *at = data;
    while (length) {
        ssize_t n = write(descriptor, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}
