/* gad_base.h - what every call of gad speaks with: errors, log, progress, memory. The conventions of gad.h hold. */
#ifndef GAD_BASE_H
#define GAD_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GAD_API __attribute__((visibility("default")))

/* ---- errors ------------------------------------------------------------------------------------------------------- */

typedef enum gad_status {
    GAD_OK = 0,
    GAD_E_ARGUMENT,    /* the caller asked for something that makes no sense */
    GAD_E_MEMORY,      /* memory could not be had, or would not be enough */
    GAD_E_IO,          /* the operating system refused: missing file, full disk, no permission */
    GAD_E_FORMAT,      /* a file or a message is malformed */
    GAD_E_UNSUPPORTED, /* well formed, but not something gad implements */
    GAD_E_LIMIT,       /* over a bound that protects the process (image size, context length) */
    GAD_E_NETWORK,     /* a remote endpoint failed */
    GAD_E_CANCELLED,   /* the caller asked to stop */
    GAD_E_DEVICE,      /* the accelerator failed; its engine is dead */
    GAD_E_INTERNAL     /* a defect in gad */
} gad_status;

typedef struct gad_error {
    gad_status code;
    char operation[64]; /* what was being done: "read image" */
    char cause[1024];   /* what went wrong, with the file or tensor name */
    char hint[512];     /* what the user can do; may be empty */
} gad_error;

/* A constant word for a status: "format", "memory". */
GAD_API const char *gad_status_name(gad_status code);

/* ---- talking to the caller ---------------------------------------------------------------------------------------- */

typedef enum gad_log_level { GAD_LOG_DEBUG, GAD_LOG_INFO, GAD_LOG_WARNING } gad_log_level;

/* A log sink. `write` may be called from the thread that called gad only. A NULL gad_log pointer is a silent log. */
typedef struct gad_log {
    void (*write)(void *user, gad_log_level level, const char *message);
    void *user;
} gad_log;

/* How far a long call is. `total` is 0 when unknown. */
typedef struct gad_progress_state {
    const char *what;
    int64_t done, total;
    double elapsed_s, left_s; /* left_s < 0 when unknown */
} gad_progress_state;

/* Progress is described, never drawn; NULL: nobody watches. `update` returns false to cancel the call (GAD_E_CANCELLED). */
typedef struct gad_progress {
    bool (*update)(void *user, const gad_progress_state *state);
    void *user;
} gad_progress;

/* Replace the allocator of the whole process (NULL restores malloc). Call it before anything else; it is how memory is
 * counted and how running out of it is tested. `allocate` behaves like malloc, `resize` like realloc. */
typedef struct gad_allocator {
    void *(*allocate)(void *user, size_t size_bytes);
    void *(*resize)(void *user, void *old, size_t size_bytes);
    void (*release)(void *user, void *old);
    void *user;
} gad_allocator;
GAD_API void gad_use_allocator(const gad_allocator *allocator);

#ifdef __cplusplus
}
#endif
#endif
