/* watch: see watch.h. Files are complete when their writer closes them or renames them into the folder (inotify(7)); the
 * folder is read again now and then, for file systems without such events. The journal comes before the sorting: after a
 * crash between the two, the file is found with a result and only sorted. */
#include "serve/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/image.h"
#include "serve/journal.h"
#include "serve/outbox.h"

static const char operation[] = "watch the folder";
enum { EVENT_BYTES = 1 << 14, TICK_MS = 200, SORTS = 3 };
static const double scan_every_s = 5;

typedef struct watcher {
    const gad_watch_settings *settings;
    gad_watch_inspector inspector;
    gad_watch_report *report;
    gad_journal *journal;
    gad_outbox *outbox; /* NULL: there are no sinks */
    char *out;
    int events; /* inotify; -1: the folder is only read */
} watcher;

const char *gad_watch_sort_name(gad_watch_sort sort)
{
    static const char *const names[SORTS] = {"stay", "move", "link"};
    return (unsigned)sort < SORTS ? names[sort] : NULL;
}

gad_watch_settings gad_watch_settings_default(void)
{
    return (gad_watch_settings){.settle_s = 2, .sinks = gad_sink_settings_default()};
}

static bool cancelled(const watcher *w)
{
    return w->settings->is_cancelled && w->settings->is_cancelled(w->settings->user);
}

/* ---- sorting ------------------------------------------------------------------------------------------------------- */

static const char *bin_of(const char *verdict)
{
    return !strcmp(verdict, "normal") ? "ok" : !strcmp(verdict, "failed") ? "failed" : "ng";
}

/* A name that is free in the folder: "name", "name (2).ext", ...; the caller's. */
static char *free_name(const char *folder, const char *name)
{
    const char *extension = gad_file_extension(name);
    int stem = (int)(strlen(name) - strlen(extension) - (*extension != 0));
    char text[300];
    for (int i = 1; i < 100000; i++) {
        if (i == 1)
            snprintf(text, sizeof text, "%s", name);
        else
            snprintf(text, sizeof text, "%.*s (%d)%s%s", stem < 230 ? stem : 230, name, i, *extension ? "." : "",
                     extension);
        char *path = gad_file_join(folder, text);
        struct stat there;
        if (!path || lstat(path, &there))
            return path;
        gad_memory_free(path);
    }
    return NULL;
}

/* From one file system to another a file is copied, then removed. */
static gad_status move_file(const char *from, const char *to, gad_error *err)
{
    gad_file_map map;
    if (!rename(from, to))
        return GAD_OK;
    if (errno != EXDEV)
        return gad_error_system(err, operation, to, errno);
    gad_status status = gad_file_map_open(from, &map, err);
    if (status)
        return status;
    status = gad_file_write(to, map.data, map.size_bytes, err);
    gad_file_map_close(&map);
    return status ? status : gad_file_remove(from, err);
}

static gad_status link_file(const char *from, const char *to, gad_error *err)
{
    char *whole = realpath(from, NULL);
    gad_status status = whole && !symlink(whole, to) ? GAD_OK : gad_error_system(err, operation, to, errno);
    free(whole);
    return status;
}

static gad_status sort_file(const watcher *w, const char *path, const char *name, const char *verdict, gad_error *err)
{
    if (w->settings->sort == GAD_WATCH_STAY)
        return GAD_OK;
    char *folder = gad_file_join(w->out, bin_of(verdict)), *to = NULL;
    gad_status status = folder ? gad_file_make_directory(folder, err) : gad_error_memory(err, operation, 64);
    if (!status) {
        to = free_name(folder, name);
        status = !to                                   ? gad_error_memory(err, operation, 64)
                 : w->settings->sort == GAD_WATCH_MOVE ? move_file(path, to, err)
                                                       : link_file(path, to, err);
    }
    gad_memory_free(folder);
    gad_memory_free(to);
    return status;
}

/* ---- one file ------------------------------------------------------------------------------------------------------ */

static void count(gad_watch_report *report, const char *verdict)
{
    const char *bin = bin_of(verdict);
    report->normal += !strcmp(bin, "ok");
    report->rejected += !strcmp(bin, "ng");
    report->failed += !strcmp(bin, "failed");
}

/* The result of a part that could not be inspected; NULL without memory. */
static json_t *failed_result(const gad_error *why)
{
    return json_pack("{s:s, s:s, s:s}", "verdict", "failed", "error", why->cause, "hint", why->hint);
}

static void tell(const watcher *w, const char *name, const json_t *result)
{
    char *line = w->settings->on_result ? json_dumps(result, JSON_COMPACT) : NULL;
    if (line)
        w->settings->on_result(w->settings->user, name, line);
    free(line);
}

static gad_status inspect_file(watcher *w, const char *path, const gad_journal_part *part, gad_error *err)
{
    json_t *result = NULL;
    gad_error why = {0};
    gad_status status = w->inspector.inspect(w->inspector.user, path, &result, &why);
    if (status == GAD_E_MEMORY || status == GAD_E_DEVICE || status == GAD_E_CANCELLED) {
        *err = why;
        return status;
    }
    if (status)
        result = failed_result(&why);
    if (!result)
        return gad_error_memory(err, operation, 1024);
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    status = gad_journal_add(w->journal, part, result, err);
    if (!status) {
        count(w->report, verdict ? verdict : "failed");
        gad_outbox_wake(w->outbox);
        tell(w, part->name, result);
        status = sort_file(w, path, part->name, verdict ? verdict : "failed", err);
    }
    json_decref(result);
    return status;
}

/* A file that may be new. `closed`: its writer is done; else it has to be old enough. */
static gad_status take_file(watcher *w, const char *name, bool closed, gad_error *err)
{
    struct stat s;
    struct timespec now;
    char *path = gad_file_join(w->settings->folder, name);
    if (!path)
        return gad_error_memory(err, operation, strlen(name));
    clock_gettime(CLOCK_REALTIME, &now);
    bool there = gad_picture_is_name(name) && !stat(path, &s) && S_ISREG(s.st_mode);
    double age_s = there ? (double)(now.tv_sec - s.st_mtim.tv_sec) : 0;
    gad_status status = GAD_OK;
    if (there && (closed || age_s >= w->settings->settle_s || age_s < -60)) {
        gad_journal_part part = {name, s.st_size, (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec};
        const char *verdict = gad_journal_find(w->journal, &part);
        if (!verdict)
            status = inspect_file(w, path, &part, err);
        else if (w->settings->sort == GAD_WATCH_MOVE) /* a crash came between its result and its sorting */
            status = sort_file(w, path, name, verdict, err);
        w->report->known += verdict != NULL;
    }
    gad_memory_free(path);
    return status;
}

/* ---- sinks --------------------------------------------------------------------------------------------------------- */

/* Where the part's picture is now: in the folder, or where it was sorted to; NULL when it is neither. The caller's. */
static char *find_picture(const watcher *w, const json_t *line)
{
    static const char *const bins[] = {NULL, "ok", "ng", "failed"};
    const char *name = json_string_value(json_object_get(line, "file"));
    struct stat s;
    for (size_t i = 0; name && i < sizeof bins / sizeof *bins; i++) {
        char *folder = bins[i] ? gad_file_join(w->out, bins[i]) : gad_memory_copy_string(w->settings->folder);
        char *path = folder ? gad_file_join(folder, name) : NULL;
        gad_memory_free(folder);
        if (path && !stat(path, &s) && s.st_size == json_integer_value(json_object_get(line, "size")))
            return path;
        gad_memory_free(path);
    }
    return NULL;
}

/* A line of the journal in the form of the server's rows. */
static gad_status next_part(void *self, int64_t after, gad_sink_part *part, bool *found, gad_error *err)
{
    const watcher *w = self;
    json_t *line = NULL;
    gad_status status = gad_journal_next(w->journal, after, &part->id, &line, err);
    *found = !status && line;
    if (!*found)
        return status;
    static const char *const keys[] = {"time", "verdict", "score", "threshold"};
    part->picture = find_picture(w, line);
    part->row =
        json_pack("{s:I, s:s, s:O*, s:O}", "id", (json_int_t)part->id, "product",
                  w->settings->product ? w->settings->product : "", "name", json_object_get(line, "file"), "result", line);
    for (size_t i = 0; part->row && i < sizeof keys / sizeof *keys; i++)
        json_object_set(part->row, keys[i], json_object_get(line, keys[i]));
    json_decref(line);
    return part->row ? GAD_OK : gad_error_memory(err, operation, 1024);
}

static gad_status last_part(void *self, int64_t *id, gad_error *err)
{
    (void)err;
    *id = gad_journal_last(((watcher *)self)->journal);
    return GAD_OK;
}

static gad_status count_waiting(void *self, int64_t after, int64_t *parts, gad_error *err)
{
    return gad_journal_count_after(((watcher *)self)->journal, after, parts, err);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------ */

static gad_status scan(watcher *w, gad_error *err)
{
    gad_file_names names = {0};
    gad_status status = gad_file_list(w->settings->folder, &names, err);
    for (size_t i = 0; i < names.count && !status && !cancelled(w); i++)
        status = take_file(w, names.name[i], false, err);
    gad_file_names_free(&names);
    return status;
}

/* Events that wait, at most TICK_MS for the first. *lost: the kernel dropped some, so the folder has to be read. */
static gad_status take_events(watcher *w, bool *lost, gad_error *err)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    struct pollfd p = {.fd = w->events, .events = POLLIN};
    if (poll(&p, w->events >= 0, TICK_MS) <= 0)
        return GAD_OK;
    ssize_t length = read(w->events, buffer, sizeof buffer);
    gad_status status = GAD_OK;
    for (ssize_t at = 0; at < length && !status;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        at += (ssize_t)(sizeof *event + event->len);
        if (event->mask & IN_Q_OVERFLOW)
            *lost = true;
        else if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
            status = gad_error_set(err, GAD_E_IO, operation, NULL, "%s: the folder has gone", w->settings->folder);
        else if (event->len && !(event->mask & IN_ISDIR) && event->name[0] != '.')
            status = take_file(w, event->name, true, err);
    }
    return status;
}

static gad_status look_after(watcher *w, gad_error *err)
{
    double scanned_s = gad_clock_seconds();
    gad_status status = scan(w, err);
    while (!status && !w->settings->once && !cancelled(w)) {
        bool lost = false;
        status = take_events(w, &lost, err);
        if (!status && (lost || gad_clock_seconds() - scanned_s > scan_every_s)) {
            int64_t known = w->report->known;
            status = scan(w, err);
            w->report->known = known; /* of this run's own parts */
            scanned_s = gad_clock_seconds();
        }
    }
    return status;
}

gad_status gad_watch_run(const gad_watch_settings *settings, gad_watch_inspector inspector, gad_watch_report *report,
                         gad_error *err)
{
    gad_watch_report counted = {0};
    watcher w = {.settings = settings, .inspector = inspector, .report = &counted, .events = -1};
    gad_error why = {0};
    w.out = settings->out ? gad_memory_copy_string(settings->out) : gad_file_join(settings->folder, "results");
    gad_status status = w.out ? GAD_OK : gad_error_memory(&why, operation, 64);
    if (!status && !gad_file_is_directory(settings->folder))
        status = gad_error_set(&why, GAD_E_ARGUMENT, operation, NULL, "%s is not a folder", settings->folder);
    if (!status)
        status = gad_journal_open(w.out, &w.journal, &why);
    if (!status && !settings->once) {
        w.events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w.events < 0 ||
            inotify_add_watch(w.events, settings->folder,
                              IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
            gad_log_warning(settings->log, "no events for %s (%s): it is read every %g s", settings->folder,
                            strerror(errno), scan_every_s);
    }
    const gad_outbox_source source = {next_part, last_part, count_waiting, &w};
    if (!status)
        status = gad_outbox_open(&settings->sinks, w.out, &source, settings->log, &w.outbox, &why);
    if (!status)
        status = look_after(&w, &why);
    gad_outbox_close(w.outbox);
    if (w.events >= 0)
        close(w.events);
    gad_journal_close(w.journal);
    gad_memory_free(w.out);
    if (status && err)
        *err = why;
    else if (!status)
        *report = counted;
    return status;
}
