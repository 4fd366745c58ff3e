/* watch: see watch.h. Files are complete when their writer closes them or renames them into the folder (inotify(7)); the
 * folder is read again now and then, for file systems without such events. The journal comes before the sorting: after a
 * crash between the two, the file is found with a result and only sorted. A picture without a file is kept first. */
#include "serve/watch.h"

#include <errno.h>
#include <math.h>
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
#include "serve/feed.h"
#include "serve/journal.h"
#include "serve/outbox.h"
#include "serve/sorter.h"
#include "serve/source.h"

static const char operation[] = "watch";
enum { EVENT_BYTES = 1 << 14, TICK_MS = 200, STAMP_BYTES = 40 };
static const double scan_every_s = 5;

typedef struct watcher {
    const gad_watch_settings *settings;
    gad_watch_judge judge;
    gad_watch_report *report;
    gad_journal *journal;
    gad_outbox *outbox; /* NULL: there are no sinks */
    char *out;
    int events; /* inotify; -1: the folder is only read */
} watcher;

gad_watch_settings gad_watch_settings_default(void)
{
    return (gad_watch_settings){.settle_s = 2, .sinks = gad_sink_settings_default()};
}

static bool cancelled(const watcher *w)
{
    return w->settings->is_cancelled && w->settings->is_cancelled(w->settings->user);
}

/* ---- one part ------------------------------------------------------------------------------------------------------ */

static void count(gad_watch_report *report, const json_t *result, const char *verdict)
{
    const char *bin = gad_sorter_bin(verdict);
    const json_t *threshold = json_object_get(result, "threshold");
    report->normal += !strcmp(bin, "ok");
    report->rejected += !strcmp(bin, "ng");
    report->failed += !strcmp(bin, "failed");
    report->unfamiliar += !strcmp(verdict, gad_verdict_name(GAD_VERDICT_UNFAMILIAR));
    if (json_is_number(threshold))
        report->threshold = json_number_value(threshold);
}

/* The result of a part that could not be inspected; NULL without memory. */
static json_t *failed_result(const gad_error *why)
{
    return json_pack("{s:s, s:s, s:s}", "verdict", "failed", "error", why->cause, "hint", why->hint);
}

static const char *text_of(const json_t *result, const char *key)
{
    const char *text = json_string_value(json_object_get(result, key));
    return text ? text : "";
}

static void tell(const watcher *w, const char *name, const char *verdict, const json_t *result)
{
    const json_t *score = json_object_get(result, "score");
    char *line = w->settings->on_result ? json_dumps(result, JSON_COMPACT) : NULL;
    if (line)
        w->settings->on_result(
            w->settings->user,
            &(gad_watch_result){.name = name,
                                .verdict = verdict,
                                .line = line,
                                .reasoning = text_of(result, "reasoning"),
                                .error = text_of(result, "error"),
                                .score = json_is_number(score) ? json_number_value(score) : (double)NAN});
    free(line);
}

/* Pictures that were no files: passed ones are many and alike, so they are kept on demand. */
static gad_status keep_picture(const watcher *w, const gad_watch_part *part, const char *verdict, gad_error *err)
{
    if (!part->bytes || (w->settings->sort == GAD_SORT_STAY && !strcmp(gad_sorter_bin(verdict), "ok")))
        return GAD_OK;
    return gad_sorter_write(w->out, part->path, part->bytes, part->size_bytes, verdict, err);
}

static gad_status inspect_part(watcher *w, const gad_watch_part *part, const gad_journal_part *entry, gad_error *err)
{
    json_t *result = NULL;
    gad_error why = {0};
    gad_status status = w->judge.inspect(w->judge.user, part, &result, &why);
    if (status == GAD_E_MEMORY || status == GAD_E_DEVICE || status == GAD_E_CANCELLED) {
        *err = why;
        return status;
    }
    if (status)
        result = failed_result(&why);
    if (!result)
        return gad_error_memory(err, operation, 1024);
    const char *said = json_string_value(json_object_get(result, "verdict")), *verdict = said ? said : "failed";
    status = keep_picture(w, part, verdict, err);
    if (!status)
        status = gad_journal_add(w->journal, entry, result, err);
    if (!status) {
        count(w->report, result, verdict);
        gad_outbox_wake(w->outbox);
        tell(w, entry->name, verdict, result);
        if (!part->bytes && !access(part->path, F_OK)) /* it may have failed since it has gone */
            status = gad_sorter_put(w->out, w->settings->sort, part->path, verdict, err);
    }
    json_decref(result);
    return status;
}

/* The file is complete, and perhaps new; `name` is what it is known by. */
static gad_status take_complete(watcher *w, const char *path, const char *name, const struct stat *s, gad_error *err)
{
    const gad_watch_part part = {.path = path};
    const gad_journal_part entry = {name, s->st_size, (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec};
    const char *verdict = gad_journal_find(w->journal, &entry);
    w->report->known += verdict != NULL;
    if (!verdict)
        return inspect_part(w, &part, &entry, err);
    if (w->settings->sort == GAD_SORT_MOVE) /* a crash came between its result and its sorting */
        return gad_sorter_put(w->out, w->settings->sort, path, verdict, err);
    return GAD_OK;
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
    if (there && (closed || age_s >= w->settings->settle_s || age_s < -60))
        status = take_complete(w, path, name, &s, err);
    gad_memory_free(path);
    return status;
}

/* ---- sinks --------------------------------------------------------------------------------------------------------- */

/* Where the part's picture is now: in the folder, or where it was sorted to; NULL when it is neither. The caller's. */
static char *find_picture(const watcher *w, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "file"));
    const json_int_t size = json_integer_value(json_object_get(line, "size"));
    struct stat s;
    if (!name)
        return NULL;
    char *path = w->settings->folder ? gad_file_join(w->settings->folder, name) : gad_memory_copy_string(name);
    if (path && !stat(path, &s) && s.st_size == size)
        return path;
    gad_memory_free(path);
    return gad_sorter_find(w->out, name, size);
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

/* ---- a folder ------------------------------------------------------------------------------------------------------ */

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

static gad_status watch_folder(watcher *w, gad_error *err)
{
    if (!w->settings->once) {
        w->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->events < 0 ||
            inotify_add_watch(w->events, w->settings->folder,
                              IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR) < 0)
            gad_log_warning(w->settings->log, "no events for %s (%s): it is read every %g s", w->settings->folder,
                            strerror(errno), scan_every_s);
    }
    gad_status status = look_after(w, err);
    if (w->events >= 0)
        close(w->events);
    return status;
}

/* ---- a feed -------------------------------------------------------------------------------------------------------- */

/* A path that standard input names. What is no file is a part that failed. */
static gad_status take_path(watcher *w, const char *path, gad_error *err)
{
    struct stat s = {0};
    bool there = !stat(path, &s);
    if (there && S_ISREG(s.st_mode))
        return take_complete(w, path, path, &s, err);
    const gad_watch_part part = {.path = path};
    const gad_journal_part entry = {.name = path, .size_bytes = s.st_size};
    return gad_journal_find(w->journal, &entry) ? GAD_OK : inspect_part(w, &part, &entry, err);
}

/* A picture is known by the time it came: "20260131T123456.123456.jpg". */
static gad_status take_picture(watcher *w, const gad_string *jpeg, gad_error *err)
{
    char name[STAMP_BYTES], day[STAMP_BYTES];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(day, sizeof day, "%Y%m%dT%H%M%S", gmtime_r(&now.tv_sec, &utc));
    snprintf(name, sizeof name, "%s.%06ld.jpg", day, now.tv_nsec / 1000);
    const gad_watch_part part = {name, jpeg->data, jpeg->length};
    const gad_journal_part entry = {name, (int64_t)jpeg->length, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec};
    return inspect_part(w, &part, &entry, err);
}

static gad_status watch_feed(watcher *w, gad_error *err)
{
    const gad_watch_settings *s = w->settings;
    gad_source source;
    gad_feed *feed = NULL;
    gad_feed_settings settings = {.file = STDIN_FILENO, .log = s->log};
    bool found, ended = false;
    gad_status status = GAD_OK;
    if (!s->from_stdin) {
        status = gad_source_make(s->source, s->source_command, s->per_second, &source, err);
        settings.command = source.argument;
        settings.live = source.live;
    }
    if (!status)
        status = gad_feed_open(&settings, &feed, err);
    while (!status && !ended && !cancelled(w)) {
        gad_feed_item item = {0};
        status = gad_feed_next(feed, 1e-3 * TICK_MS, &item, &found, &ended, err);
        if (!status && found)
            status = item.path.data ? take_path(w, item.path.data, err) : take_picture(w, &item.jpeg, err);
        gad_feed_item_free(&item);
    }
    w->report->passed_over = feed ? gad_feed_passed_over(feed) : 0;
    gad_feed_close(feed);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static gad_status check_settings(const gad_watch_settings *s, gad_error *err)
{
    const int places = (s->folder != NULL) + s->from_stdin + (s->source || s->source_command);
    if (places != 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give a folder, standard input, or a source",
                             "parts come from %s", places ? "more than one place" : "nowhere");
    if (s->folder && !gad_file_is_directory(s->folder))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s is not a folder", s->folder);
    if (!s->folder && !s->out)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give the folder that results go to", "there is no folder");
    return GAD_OK;
}

gad_status gad_watch_run(const gad_watch_settings *settings, gad_watch_judge judge, gad_watch_report *report,
                         gad_error *err)
{
    gad_watch_report counted = {.threshold = -1};
    watcher w = {.settings = settings, .judge = judge, .report = &counted, .events = -1};
    gad_error why = {0};
    gad_status status = check_settings(settings, &why);
    if (!status) {
        w.out = settings->out ? gad_memory_copy_string(settings->out) : gad_file_join(settings->folder, "results");
        status = w.out ? gad_journal_open(w.out, &w.journal, &why) : gad_error_memory(&why, operation, 64);
    }
    const gad_outbox_source source = {.next = next_part, .last = last_part, .waiting = count_waiting, .user = &w};
    if (!status)
        status = gad_outbox_open(&settings->sinks, w.out, &source, settings->log, &w.outbox, &why);
    if (!status)
        status = settings->folder ? watch_folder(&w, &why) : watch_feed(&w, &why);
    gad_outbox_close(w.outbox);
    gad_journal_close(w.journal);
    gad_memory_free(w.out);
    if (status && err)
        *err = why;
    else if (!status)
        *report = counted;
    return status;
}
