/* feed: pictures that come through a pipe: from standard input (JPEG pictures one after another, or a path a line), or from
 * a child process that a camera's pictures come from (ffmpeg, GStreamer, any command). In: bytes. Out: pictures and paths,
 * one at a time. A child of a live source that ends is started again, after 1, 2, 4, ... 60 s. Of a live source that is
 * faster than who takes its pictures only the newest waits. */
#ifndef GAD_SERVE_FEED_H
#define GAD_SERVE_FEED_H
#include "base/string.h"
#include "gad.h"

typedef struct gad_feed_settings {
    const char *const *command; /* arguments of the child, up to NULL; NULL: bytes come from `file` */
    int file;                   /* a descriptor, which stays the caller's */
    bool live;                  /* the child's end is no end, and pictures do not wait */
    double longest_pause_s;     /* before a child is started again; 0: 60 s */
    const gad_log *log;         /* the feed's own thread writes too */
} gad_feed_settings;

typedef struct gad_feed gad_feed;

/* Exactly one of the two holds something; starts as {0}. */
typedef struct gad_feed_item {
    gad_string jpeg, path;
} gad_feed_item;
void gad_feed_item_free(gad_feed_item *item);

gad_status gad_feed_open(const gad_feed_settings *settings, gad_feed **feed, gad_error *err);
/* The child ends with it. */
void gad_feed_close(gad_feed *feed);
/* Waits at most that long. *found: there is an item, which is the caller's. *ended: there is none, and there will be none.
 * A child that failed and is not started again is an error, with what it said. */
gad_status gad_feed_next(gad_feed *feed, double wait_s, gad_feed_item *item, bool *found, bool *ended, gad_error *err);
/* Pictures that were passed over so far, since a newer one had come. */
int64_t gad_feed_passed_over(gad_feed *feed);
#endif
