/* error: see error.h */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *gad_status_name(gad_status code)
{
    static const char *const names[] = {"ok",    "argument", "memory",    "io",     "format",  "unsupported",
                                        "limit", "network",  "cancelled", "device", "internal"};
    return (unsigned)code < sizeof names / sizeof names[0] ? names[code] : "unknown";
}

void gad_error_fill(gad_error *err, gad_status code, const char *operation, const char *hint, const char *format, ...)
{
    if (!err)
        return;
    err->code = code;
    snprintf(err->operation, sizeof err->operation, "%s", operation);
    snprintf(err->hint, sizeof err->hint, "%s", hint ? hint : "");
    va_list args;
    va_start(args, format);
    vsnprintf(err->cause, sizeof err->cause, format, args);
    va_end(args);
}

void gad_error_fill_memory(gad_error *err, const char *operation, size_t size_bytes)
{
    gad_error_fill(err, GAD_E_MEMORY, operation, "close other programs, or use a smaller model or image",
                   "no memory for %.1f MiB more", (double)size_bytes / (1024.0 * 1024.0));
}

void gad_error_fill_system(gad_error *err, const char *operation, const char *path, int error_number)
{
    const char *hint = NULL;
    if (error_number == ENOSPC || error_number == EDQUOT)
        hint = "free some space on that disk, or write to another one";
    else if (error_number == EROFS || error_number == EACCES)
        hint = "check the permissions of the file and of its folder";
    gad_error_fill(err, GAD_E_IO, operation, hint, "%s: %s", path, strerror(error_number));
}

gad_status gad_error_context(gad_error *err, gad_status code, const char *format, ...)
{
    if (!err)
        return code;
    char cause[sizeof err->cause];
    memcpy(cause, err->cause, sizeof cause);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->cause, sizeof err->cause, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof err->cause)
        snprintf(err->cause + used, sizeof err->cause - (size_t)used, ": %s", cause);
    return err->code;
}
