/* source: which program writes a camera's pictures to a pipe, and how it is called. In: an address (a URL, /dev/video0, a
 * video file) or a command of the user's. Out: arguments. ffmpeg is taken where it is installed, else GStreamer. Runs
 * nothing. */
#ifndef GAD_SERVE_SOURCE_H
#define GAD_SERVE_SOURCE_H
#include "gad.h"

enum { GAD_SOURCE_ARGUMENTS = 32 };

typedef struct gad_source {
    const char *argument[GAD_SOURCE_ARGUMENTS]; /* up to NULL; some are `own`'s, `address` and `command` are borrowed */
    char own[4200], rate[48];
    bool live; /* it has no end of its own */
} gad_source;

/* `command`, for the shell, comes before `address`; one is NULL. per_second 0: every picture. The struct holds what it
 * points to, so it is not copied. */
gad_status gad_source_make(const char *address, const char *command, double per_second, gad_source *source, gad_error *err);
#endif
