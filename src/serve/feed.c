/* feed: see feed.h. A thread reads, so that a child never waits for an inspection: a network camera whose pictures are not
 * fetched falls behind, then drops the connection. */
#include "serve/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/frames.h"

static const char operation[] = "take pictures from the source";
enum { CHUNK_BYTES = 1 << 16, SAID_BYTES = 400, TICK_MS = 100, END_S = 2, LONGEST_PATH = 4096 };
static const double longest_pause_s = 60;
extern char **environ;

struct gad_feed {
    gad_feed_settings settings;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    gad_feed_item waiting;
    bool full, ended, closing;
    int64_t passed_over;
    gad_error why; /* of the end; GAD_OK: all was said */
    /* the thread's */
    gad_frames frames;
    gad_string line;       /* the beginning of a path */
    bool begun, paths;     /* bytes came; they are paths */
    int64_t pictures;      /* of this child */
    char said[SAID_BYTES]; /* the child's last line of errors */
    size_t said_length;
};

void gad_feed_item_free(gad_feed_item *item)
{
    gad_string_free(&item->jpeg);
    gad_string_free(&item->path);
}

static bool is_closing(gad_feed *f)
{
    pthread_mutex_lock(&f->lock);
    bool closing = f->closing;
    pthread_mutex_unlock(&f->lock);
    return closing;
}

/* ---- items --------------------------------------------------------------------------------------------------------- */

/* The item becomes the one that waits: at once in a live feed, else when there is room. False: nobody takes any more. */
static bool hand_over(gad_feed *f, gad_feed_item item)
{
    pthread_mutex_lock(&f->lock);
    while (f->full && !f->settings.live && !f->closing)
        pthread_cond_wait(&f->changed, &f->lock);
    bool taken = !f->closing;
    if (taken) {
        f->passed_over += f->full;
        gad_feed_item_free(&f->waiting);
        f->waiting = item;
        f->full = true;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->lock);
    if (!taken)
        gad_feed_item_free(&item);
    return taken;
}

static gad_status add_pictures(gad_feed *f, const char *bytes, size_t size, gad_error *err)
{
    const char *jpeg;
    size_t length;
    gad_frames_add(&f->frames, bytes, size);
    while (gad_frames_next(&f->frames, &jpeg, &length)) {
        gad_feed_item item = {0};
        gad_string_append(&item.jpeg, jpeg, length);
        bool complete = !item.jpeg.failed;
        f->pictures += complete;
        if (!hand_over(f, item))
            break;
        if (!complete)
            return gad_error_memory(err, operation, length);
    }
    return f->frames.bytes.failed ? gad_error_memory(err, operation, f->frames.bytes.length) : GAD_OK;
}

/* The line, without its end, is a path. */
static gad_status end_line(gad_feed *f, gad_error *err)
{
    gad_feed_item item = {.path = f->line};
    f->line = (gad_string){0};
    if (item.path.length && item.path.data[item.path.length - 1] == '\r')
        item.path.data[--item.path.length] = 0;
    if (item.path.failed || item.path.length > LONGEST_PATH) {
        gad_feed_item_free(&item);
        return gad_error_set(err, GAD_E_LIMIT, operation, "give JPEG pictures, or a path a line",
                             "a line of more than %d bytes is no path", LONGEST_PATH);
    }
    if (item.path.length)
        hand_over(f, item);
    else
        gad_feed_item_free(&item);
    return GAD_OK;
}

static gad_status add_paths(gad_feed *f, const char *bytes, size_t size, gad_error *err)
{
    gad_status status = GAD_OK;
    while (size && !status) {
        const char *end = memchr(bytes, '\n', size);
        size_t n = end ? (size_t)(end - bytes) : size;
        gad_string_append(&f->line, bytes, n);
        if (end || f->line.length > LONGEST_PATH)
            status = end_line(f, err);
        n += end != NULL;
        bytes += n;
        size -= n;
    }
    return status;
}

/* The first byte of a picture is none of UTF-8 text. */
static gad_status add_bytes(gad_feed *f, const char *bytes, size_t size, gad_error *err)
{
    if (!f->begun)
        f->paths = !f->settings.command && (unsigned char)bytes[0] != 0xFF;
    f->begun = true;
    return f->paths ? add_paths(f, bytes, size, err) : add_pictures(f, bytes, size, err);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

/* Keeps the last line that the child wrote to standard error. */
static void hear(gad_feed *f, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool ends = bytes[i] == '\n' || bytes[i] == '\r', ended = f->said_length == SAID_BYTES;
        if (!ends && ended)
            f->said_length = 0;
        if (ends && f->said_length)
            f->said_length = SAID_BYTES;
        else if (!ends && f->said_length < SAID_BYTES - 1) {
            f->said[f->said_length++] = bytes[i];
            f->said[f->said_length] = 0;
        }
    }
}

/* Until the pipe ends. `errors` < 0: there are none. */
static gad_status read_all(gad_feed *f, int file, int errors, gad_error *err)
{
    char bytes[CHUNK_BYTES];
    gad_status status = GAD_OK;
    bool open = true;
    while (open && !status && !is_closing(f)) {
        struct pollfd p[2] = {{.fd = file, .events = POLLIN}, {.fd = errors, .events = POLLIN}};
        if (poll(p, 2, TICK_MS) < 0 && errno != EINTR)
            return gad_error_system(err, operation, "pipe", errno);
        ssize_t n = p[1].revents ? read(errors, bytes, sizeof bytes) : 0;
        if (n > 0)
            hear(f, bytes, (size_t)n);
        else if (p[1].revents)
            errors = -1;
        n = p[0].revents ? read(file, bytes, sizeof bytes) : 1;
        if (p[0].revents && n > 0)
            status = add_bytes(f, bytes, (size_t)n, err);
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            status = gad_error_system(err, operation, "pipe", errno);
        open = n != 0;
    }
    for (ssize_t n; !open && errors >= 0 && (n = read(errors, bytes, sizeof bytes)) > 0;) /* why it ended */
        hear(f, bytes, (size_t)n);
    if (!open && !status && f->paths && f->line.length)
        status = end_line(f, err);
    return status;
}

/* ---- a child ------------------------------------------------------------------------------------------------------- */

/* With its standard output and error in *out and *errors, in a group of its own: Ctrl-C is for gad, which ends it. */
static gad_status start_child(const gad_feed *f, pid_t *child, int *out, int *errors, gad_error *err)
{
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC)) {
        int why = errno;
        for (int i = 0; i < 2; i++)
            if (pipes[0][i] >= 0)
                close(pipes[0][i]);
        return gad_error_system(err, operation, "pipe", why);
    }
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], 2);
    int why = posix_spawnp(child, f->settings.command[0], &actions, &attributes,
                           (char *const *)(uintptr_t)f->settings.command, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(pipes[0][1]);
    close(pipes[1][1]);
    *out = pipes[0][0];
    *errors = pipes[1][0];
    if (!why)
        return GAD_OK;
    close(*out);
    close(*errors);
    return gad_error_system(err, operation, f->settings.command[0], why);
}

/* It has ended by itself, or it is ended now. Its exit code; -1: a signal's. */
static int end_child(pid_t child, bool by_itself)
{
    int code = 0;
    pid_t done = 0;
    double until_s = gad_clock_seconds() + END_S;
    if (!by_itself)
        kill(-child, SIGTERM);
    while (!(done = waitpid(child, &code, WNOHANG)) && gad_clock_seconds() < until_s)
        usleep(TICK_MS * 100);
    if (!done) {
        kill(-child, SIGKILL);
        waitpid(child, &code, 0);
    }
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

/* What a child says names its source, perhaps with user and password: these are left out. */
static void hide_password(char *text)
{
    for (char *at = text; (at = strstr(at, "://"));) {
        at += 3;
        size_t length = strcspn(at, "/ \t'\""), user = 0;
        for (size_t i = 0; i < length; i++)
            user = at[i] == '@' ? i : user;
        if (user > 3) {
            memmove(at + 3, at + user, strlen(at + user) + 1);
            memcpy(at, "***", 3);
        }
    }
}

/* From its start to its end. *done: there will be no other. */
static gad_status run_child(gad_feed *f, bool *done, gad_error *err)
{
    pid_t child;
    int out, errors;
    f->pictures = 0;
    f->said_length = 0;
    f->said[0] = 0;
    gad_frames_free(&f->frames);
    *done = true; /* what cannot be started now cannot be started later */
    gad_status status = start_child(f, &child, &out, &errors, err);
    if (status)
        return status;
    status = read_all(f, out, errors, err);
    bool closing = is_closing(f);
    close(out);
    int code = end_child(child, !closing && !status);
    close(errors);
    if (closing || status)
        return status;
    hide_password(f->said);
    *done = !f->settings.live;
    if (code || *f->said || f->settings.live)
        gad_error_fill(err, GAD_E_IO, operation, "see whether the source is there, and what it needs",
                       "%s ended with code %d%s%s", f->settings.command[0], code, *f->said ? ": " : "", f->said);
    return code && *done ? GAD_E_IO : GAD_OK;
}

static void pause_feed(gad_feed *f, double pause_s)
{
    const double until_s = gad_clock_seconds() + pause_s;
    while (gad_clock_seconds() < until_s && !is_closing(f))
        usleep(TICK_MS * 1000);
}

/* A child after the other. One that gave pictures begins the pauses anew. */
static gad_status run_children(gad_feed *f, gad_error *err)
{
    const double longest = f->settings.longest_pause_s > 0 ? f->settings.longest_pause_s : longest_pause_s;
    bool done = false;
    gad_status status = GAD_OK;
    for (int failures = 0; !done && !status && !is_closing(f); failures++) {
        gad_error why = {0};
        status = run_child(f, &done, &why);
        if (status)
            *err = why;
        if (done || status || is_closing(f))
            break;
        failures = f->pictures ? 0 : failures;
        double pause_s = fmin(pow(2, failures), longest);
        gad_log_warning(f->settings.log, "%s; it is started again in %g s", why.cause, pause_s);
        pause_feed(f, pause_s);
    }
    return status;
}

static void *run(void *self)
{
    gad_feed *f = self;
    gad_error why = {0};
    if (f->settings.command)
        run_children(f, &why);
    else
        read_all(f, f->settings.file, -1, &why);
    pthread_mutex_lock(&f->lock);
    f->ended = true;
    f->why = why;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ---- for who takes the pictures ------------------------------------------------------------------------------------ */

gad_status gad_feed_open(const gad_feed_settings *settings, gad_feed **feed, gad_error *err)
{
    gad_feed *f = gad_memory_zero(1, sizeof *f);
    if (!f)
        return gad_error_memory(err, operation, sizeof *f);
    f->settings = *settings;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    if (pthread_create(&f->thread, NULL, run, f)) {
        pthread_cond_destroy(&f->changed);
        pthread_mutex_destroy(&f->lock);
        gad_memory_free(f);
        return gad_error_set(err, GAD_E_MEMORY, operation, NULL, "no thread can be started");
    }
    *feed = f;
    return GAD_OK;
}

gad_status gad_feed_next(gad_feed *f, double wait_s, gad_feed_item *item, bool *found, bool *ended, gad_error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    double seconds = floor(wait_s);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)(1e9 * (wait_s - seconds));
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&f->lock);
    for (int late = 0; !f->full && !f->ended && !late;)
        late = pthread_cond_timedwait(&f->changed, &f->lock, &until);
    *found = f->full;
    *ended = !f->full && f->ended;
    if (f->full) {
        *item = f->waiting;
        f->waiting = (gad_feed_item){0};
        f->full = false;
        pthread_cond_broadcast(&f->changed);
    }
    gad_status status = *ended ? f->why.code : GAD_OK;
    if (status && err)
        *err = f->why;
    pthread_mutex_unlock(&f->lock);
    return status;
}

int64_t gad_feed_passed_over(gad_feed *f)
{
    pthread_mutex_lock(&f->lock);
    int64_t passed_over = f->passed_over;
    pthread_mutex_unlock(&f->lock);
    return passed_over;
}

void gad_feed_close(gad_feed *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->closing = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    gad_feed_item_free(&f->waiting);
    gad_frames_free(&f->frames);
    gad_string_free(&f->line);
    gad_memory_free(f);
}
