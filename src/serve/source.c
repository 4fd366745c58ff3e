/* source: see source.h */
#include "serve/source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

static const char operation[] = "find the source";

static bool is_installed(const char *program)
{
    char path[4096];
    const char *at = getenv("PATH");
    for (size_t n; at && *at; at += n + (at[n] == ':')) {
        n = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)n, at, program);
        if (n && n < sizeof path && !access(path, X_OK))
            return true;
    }
    return false;
}

static void add(gad_source *s, const char *const *argument)
{
    int count = 0;
    while (s->argument[count])
        count++;
    for (; *argument && count < GAD_SOURCE_ARGUMENTS - 1; argument++)
        s->argument[count++] = *argument;
}
#define ADD(source, ...) add(source, (const char *const[]){__VA_ARGS__, NULL})

typedef enum kind { KIND_FILE, KIND_DEVICE, KIND_RTSP, KIND_URL } kind;

static kind kind_of(const char *address)
{
    return !strncmp(address, "rtsp://", 7) || !strncmp(address, "rtsps://", 8) ? KIND_RTSP
           : strstr(address, "://")                                            ? KIND_URL
           : !strncmp(address, "/dev/", 5)                                     ? KIND_DEVICE
                                                                               : KIND_FILE;
}

/* ffmpeg(1): pictures of quality 2 (of 2, best, to 31) in one pipe. */
static void make_ffmpeg(kind of, const char *address, double per_second, gad_source *s)
{
    ADD(s, "ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error");
    if (of == KIND_RTSP)
        ADD(s, "-rtsp_transport", "tcp"); /* pictures without holes */
    if (of == KIND_DEVICE)
        ADD(s, "-f", "v4l2");
    ADD(s, "-i", address, "-an");
    if (per_second > 0) {
        snprintf(s->rate, sizeof s->rate, "fps=%.9g", per_second);
        ADD(s, "-vf", s->rate);
    }
    ADD(s, "-c:v", "mjpeg", "-q:v", "2", "-f", "image2pipe", "pipe:1");
}

/* gst-launch-1.0(1) */
static void make_gstreamer(kind of, const char *address, double per_second, gad_source *s)
{
    snprintf(s->own, sizeof s->own, "%s=%s", of == KIND_DEVICE ? "device" : of == KIND_FILE ? "location" : "uri", address);
    ADD(s, "gst-launch-1.0", "-q");
    if (of == KIND_DEVICE)
        ADD(s, "v4l2src", s->own);
    else if (of == KIND_FILE)
        ADD(s, "filesrc", s->own, "!", "decodebin");
    else
        ADD(s, "uridecodebin", s->own);
    if (per_second > 0) {
        snprintf(s->rate, sizeof s->rate, "video/x-raw,framerate=%lld/1000", (long long)llround(1000 * per_second));
        ADD(s, "!", "videorate", "!", s->rate);
    }
    ADD(s, "!", "videoconvert", "!", "jpegenc", "quality=92", "!", "fdsink", "fd=1");
}

gad_status gad_source_make(const char *address, const char *command, double per_second, gad_source *s, gad_error *err)
{
    *s = (gad_source){.live = true};
    if (command) {
        ADD(s, "/bin/sh", "-c", command);
        return GAD_OK;
    }
    kind of = kind_of(address);
    if (of == KIND_FILE && !gad_file_exists(address))
        return gad_error_set(err, GAD_E_IO, operation, "give a URL, a device such as /dev/video0, or a video file",
                             "%s is not there", address);
    s->live = of != KIND_FILE;
    if (is_installed("ffmpeg"))
        make_ffmpeg(of, address, per_second, s);
    else if (is_installed("gst-launch-1.0"))
        make_gstreamer(of, address, per_second, s);
    else
        return gad_error_set(err, GAD_E_IO, operation,
                             "install ffmpeg or GStreamer, or give --source-command one that writes JPEG pictures",
                             "neither ffmpeg nor gst-launch-1.0 is installed");
    return GAD_OK;
}
