/* error: fills the one gad_error that a failing call reports. In: what failed and why. Out: the status to return.
 * Knows nothing of what the failing code does. */
#ifndef GAD_BASE_ERROR_H
#define GAD_BASE_ERROR_H
#include "gad.h"

/* Fill `err` (may be NULL) and return `code`, so that a failing path is one statement:
 *     return gad_error_set(err, GAD_E_FORMAT, "read image", "convert it to PNG", "%s: not an image", path);
 * `hint` may be NULL. The cause names the file, tensor or option concerned. These are macros so
 * that the compiler sees that a failing path never returns GAD_OK. */
#define gad_error_set(err, code, ...) (gad_error_fill((err), (code), __VA_ARGS__), (gad_status)(code))
__attribute__((format(printf, 5, 6))) void gad_error_fill(gad_error *err, gad_status code, const char *operation,
                                                          const char *hint, const char *format, ...);

/* Out of memory while doing `operation`; `size_bytes` is what was asked for. */
#define gad_error_memory(err, operation, size_bytes)                                                                       \
    (gad_error_fill_memory((err), (operation), (size_bytes)), (gad_status)GAD_E_MEMORY)
void gad_error_fill_memory(gad_error *err, const char *operation, size_t size_bytes);

/* The operating system's error number as a cause: "path: No such file or directory". */
#define gad_error_system(err, operation, path, error_number)                                                               \
    (gad_error_fill_system((err), (operation), (path), (error_number)), (gad_status)GAD_E_IO)
void gad_error_fill_system(gad_error *err, const char *operation, const char *path, int error_number);

/* Put context in front of the cause while unwinding ("shard 2 of 4: ..."). Returns the code that `err` holds, or `code`
 * when err is NULL. */
__attribute__((format(printf, 3, 4))) gad_status gad_error_context(gad_error *err, gad_status code, const char *format,
                                                                   ...);
#endif
