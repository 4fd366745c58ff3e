/* error: fills the one gad_error that a failing call reports. In: what failed and why. Out: the status to return.
 * Knows nothing of what the failing code does. */
#ifndef GAD_BASE_ERROR_H
#define GAD_BASE_ERROR_H
#include "gad.h"

/* Fill `err` (may be NULL) and return `code`, so that a failing path is one statement:
 *     return gad_error_set(err, GAD_E_FORMAT, "read image", "convert it to PNG", "%s: not an image", path);
 * `hint` may be NULL. The cause names the file, tensor or option concerned. */
__attribute__((format(printf, 5, 6))) gad_status gad_error_set(gad_error *err, gad_status code, const char *operation,
                                                               const char *hint, const char *format, ...);

/* Out of memory while doing `operation`; `size_bytes` is what was asked for. */
gad_status gad_error_memory(gad_error *err, const char *operation, size_t size_bytes);

/* The operating system's error number as a cause: "path: No such file or directory". */
gad_status gad_error_system(gad_error *err, const char *operation, const char *path, int error_number);

/* Put context in front of the cause while unwinding ("shard 2 of 4: ..."). Returns the code that `err` holds, or `code`
 * when err is NULL. */
__attribute__((format(printf, 3, 4))) gad_status gad_error_context(gad_error *err, gad_status code, const char *format,
                                                                   ...);
#endif
