/* frames: JPEG pictures one after another in a stream of bytes, as cameras, ffmpeg and GStreamer write Motion JPEG. In:
 * bytes as they come. Out: whole pictures. What stands between two (headers of a multipart stream) and what is damaged is
 * passed over. Knows nothing of what a picture shows. */
#ifndef GAD_SERVE_FRAMES_H
#define GAD_SERVE_FRAMES_H
#include "base/string.h"

/* Starts as {0}. */
typedef struct gad_frames {
    gad_string bytes;
    size_t first, at; /* where the picture begins that is being read; what was looked at */
    bool begun;       /* there is one */
    bool coded;       /* within its entropy-coded data, else before a marker */
} gad_frames;

void gad_frames_add(gad_frames *frames, const char *bytes, size_t size_bytes);
/* The next whole picture, valid until bytes are added; false: more bytes are needed. */
bool gad_frames_next(gad_frames *frames, const char **jpeg, size_t *size_bytes);
void gad_frames_free(gad_frames *frames);
#endif
