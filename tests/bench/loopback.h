/* loopback: a real HTTP server on 127.0.0.1 that speaks chat completions and misbehaves on demand. The last image of a
 * request says which item is asked: its first pixel is (index / 256, index % 256, 0). */
#ifndef GAD_TESTS_BENCH_LOOPBACK_H
#define GAD_TESTS_BENCH_LOOPBACK_H
#include "gad.h"

enum { LOOPBACK_ITEMS = 1024 };

typedef struct loopback_script {
    const char *text;   /* of a good answer; NULL: a body that is no JSON */
    const char *finish; /* NULL: "stop" */
    int fail_times;     /* so many requests fail first; -1: all */
    int fail_status;    /* 0: the connection is cut in the middle of the body */
    int delay_ms;
    double p_yes; /* > 0: token probabilities are sent */
} loopback_script;

/* `script` says how item `index` behaves; it is called from several threads. Returns the port. */
int loopback_start(loopback_script (*script)(int index));
void loopback_stop(void);
/* Requests that came for an item; good answers that were sent. */
int loopback_asked(int index);
int loopback_answered(int index);
/* The largest number of requests that were open at once. */
int loopback_most_open(void);
/* The body of the last request for an item; valid until the next one. */
const char *loopback_body(int index);

/* Write an image that names the item. */
void loopback_image(const char *path, int index);
#endif
