/* outbox: see outbox.h. A thread for each sink. How far one has come is a number of 20 digits that is overwritten in place:
 * a killed program leaves the old or the new one. */
#include "serve/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

static const char operation[] = "send results";
enum { MOST_SINKS = 4, DIGITS = 20, TICK_MS = 1000, CLOSE_S = 5, LONGEST_PAUSE_S = 60 };

typedef struct courier {
    gad_outbox *outbox;
    gad_sink sink;
    int state; /* file of `done` */
    int64_t done;
    int failures;        /* in a row */
    double not_before_s; /* gad_clock_seconds */
    bool running;
    pthread_t thread;
} courier;

struct gad_outbox {
    gad_outbox_source source;
    const gad_log *log;
    double per_second;
    int64_t bound;
    courier courier[MOST_SINKS];
    int count;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uint64_t wakes;
    double end_s; /* 0: go on; else the time to leave at */
};

/* ---- how far a sink has come --------------------------------------------------------------------------------------- */

static gad_status keep_done(courier *c, int64_t done, gad_error *err)
{
    char text[DIGITS + 2];
    int length = snprintf(text, sizeof text, "%0*lld\n", DIGITS, (long long)done);
    c->done = done;
    return pwrite(c->state, text, (size_t)length, 0) == length ? GAD_OK
                                                               : gad_error_system(err, operation, c->sink.kind, errno);
}

static gad_status open_state(courier *c, const char *folder, gad_error *err)
{
    char text[DIGITS + 2] = "";
    char *path = gad_file_join(folder, c->sink.kind);
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status && (c->state = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        status = gad_error_system(err, operation, path, errno);
    gad_memory_free(path);
    if (status)
        return status;
    bool known = pread(c->state, text, DIGITS, 0) == DIGITS;
    int64_t done = known ? strtoll(text, NULL, 10) : 0, last = 0;
    status = c->outbox->source.last(c->outbox->source.user, &last, err);
    done = known ? done : last;
    done = c->sink.done > done ? c->sink.done : done;
    return status ? status : keep_done(c, done < last ? done : last, err); /* results that were removed: begin again */
}

/* ---- sending ------------------------------------------------------------------------------------------------------- */

/* More waits than may: the oldest are passed over. */
static void bound_waiting(courier *c)
{
    const gad_outbox_source *s = &c->outbox->source;
    int64_t waiting = 0, passed = 0;
    if (!c->outbox->bound || s->waiting(s->user, c->done, &waiting, NULL) || waiting <= c->outbox->bound)
        return;
    bool found = true;
    while (waiting - passed > c->outbox->bound && found) {
        gad_sink_part part = {0};
        if (s->next(s->user, c->done, &part, &found, NULL))
            break;
        if (found && !keep_done(c, part.id, NULL))
            passed++;
        gad_sink_part_free(&part);
    }
    gad_log_warning(c->outbox->log, "%s: %lld parts wait for it; the oldest %lld are passed over", c->sink.kind,
                    (long long)waiting, (long long)passed);
}

static void fail(courier *c, const gad_error *why)
{
    double pause_s = fmin(pow(2, c->failures), LONGEST_PAUSE_S);
    if (!c->failures++)
        gad_log_warning(c->outbox->log, "%s: %s; it is tried again", c->sink.kind, why->cause);
    c->not_before_s = gad_clock_seconds() + pause_s;
    bound_waiting(c);
}

/* The next part, if there is one; *idle: there is nothing to do. */
static void send_next(courier *c, bool *idle)
{
    const gad_outbox_source *s = &c->outbox->source;
    gad_sink_part part = {0};
    gad_error why = {0};
    bool found = false;
    gad_status status = s->next(s->user, c->done, &part, &found, &why);
    *idle = !status && !found;
    if (!status && found && c->sink.once)
        status = keep_done(c, part.id, &why);
    if (!status && found) {
        status = c->sink.send(c->sink.self, &part, &why);
        if (status == GAD_E_ARGUMENT) {
            gad_log_warning(c->outbox->log, "%s: part %lld is passed over: %s", c->sink.kind, (long long)part.id,
                            why.cause);
            status = GAD_OK;
        }
        if (!status && !c->sink.once)
            status = keep_done(c, part.id, &why);
    }
    gad_sink_part_free(&part);
    if (status) {
        fail(c, &why);
        return;
    }
    if (found && c->failures)
        gad_log_warning(c->outbox->log, "%s: it is reached again", c->sink.kind);
    c->failures = found ? 0 : c->failures;
    if (found && c->outbox->per_second > 0)
        c->not_before_s = gad_clock_seconds() + 1 / c->outbox->per_second;
}

/* Until another part comes, a pause is over, or a second has passed. */
static void wait_for_more(courier *c, uint64_t seen, double until_s)
{
    struct timespec at;
    double left_s = fmin(fmax(until_s - gad_clock_seconds(), 0.01), 1e-3 * TICK_MS);
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += (long)(1e9 * left_s);
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    pthread_mutex_lock(&c->outbox->lock);
    if (c->outbox->wakes == seen || gad_clock_seconds() < c->not_before_s)
        pthread_cond_timedwait(&c->outbox->more, &c->outbox->lock, &at);
    pthread_mutex_unlock(&c->outbox->lock);
    if (c->sink.idle)
        c->sink.idle(c->sink.self);
}

static void *deliver(void *self)
{
    courier *c = self;
    for (;;) {
        pthread_mutex_lock(&c->outbox->lock);
        uint64_t seen = c->outbox->wakes;
        double end_s = c->outbox->end_s;
        pthread_mutex_unlock(&c->outbox->lock);
        double now = gad_clock_seconds();
        bool idle = now < c->not_before_s, paused = idle;
        if (end_s > 0 && now > end_s)
            return NULL;
        if (!paused)
            send_next(c, &idle);
        if (idle && end_s > 0 && !paused)
            return NULL;
        if (idle)
            wait_for_more(c, seen, paused ? c->not_before_s : now + 1);
    }
}

/* ---- opening and closing ------------------------------------------------------------------------------------------- */

static gad_status open_sinks(gad_outbox *o, const gad_sink_settings *s, gad_error *err)
{
    static gad_status (*const open[MOST_SINKS])(const gad_sink_settings *, gad_sink *, gad_error *) = {
        gad_sink_webhook_open, gad_sink_mqtt_open, gad_sink_csv_open, gad_sink_command_open};
    const char *const named[MOST_SINKS] = {s->webhook, s->mqtt, s->csv, s->command};
    gad_status status = GAD_OK;
    for (int i = 0; i < MOST_SINKS && !status; i++) {
        courier *c = &o->courier[o->count];
        if (!named[i])
            continue;
        *c = (courier){.outbox = o, .state = -1};
        status = open[i](s, &c->sink, err);
        o->count += !status;
    }
    return status;
}

gad_status gad_outbox_open(const gad_sink_settings *settings, const char *folder, const gad_outbox_source *source,
                           const gad_log *log, gad_outbox **outbox, gad_error *err)
{
    *outbox = NULL;
    if (!settings->webhook && !settings->mqtt && !settings->csv && !settings->command)
        return GAD_OK;
    gad_outbox *o = gad_memory_zero(1, sizeof *o);
    char *states = gad_file_join(folder, "outbox");
    if (!o || !states) {
        gad_memory_free(o);
        gad_memory_free(states);
        return gad_error_memory(err, operation, sizeof *o);
    }
    o->source = *source;
    o->log = log;
    o->per_second = settings->per_second;
    o->bound = settings->waiting;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    gad_status status = gad_file_make_directory(states, err);
    if (!status)
        status = open_sinks(o, settings, err);
    for (int i = 0; i < o->count && !status; i++)
        status = open_state(&o->courier[i], states, err);
    for (int i = 0; i < o->count && !status; i++) {
        o->courier[i].running = !pthread_create(&o->courier[i].thread, NULL, deliver, &o->courier[i]);
        if (!o->courier[i].running)
            status = gad_error_set(err, GAD_E_MEMORY, operation, NULL, "no thread can be started");
    }
    gad_memory_free(states);
    if (status)
        gad_outbox_close(o);
    else
        *outbox = o;
    return status;
}

void gad_outbox_wake(gad_outbox *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->wakes++;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
}

void gad_outbox_close(gad_outbox *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->end_s = gad_clock_seconds() + CLOSE_S;
    o->wakes++;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->count; i++) {
        courier *c = &o->courier[i];
        if (c->running)
            pthread_join(c->thread, NULL);
        c->sink.close(c->sink.self);
        if (c->state >= 0)
            close(c->state);
    }
    pthread_cond_destroy(&o->more);
    pthread_mutex_destroy(&o->lock);
    gad_memory_free(o);
}
