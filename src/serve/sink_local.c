/* sink_local: see sink.h: results to this machine: lines of a CSV file, a command that is run for each part. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "serve/sink.h"

static const char operation[] = "send a result";
extern char **environ;

/* ---- a CSV file ---------------------------------------------------------------------------------------------------- */

static const char csv_head[] = "id,time,product,name,verdict,score,threshold\n";
enum { CSV_BYTES = 1 << 30, COMMAND_S = 10, TICK_US = 2000, VARIABLES = 5, VARIABLE_BYTES = 300 };

typedef struct csv {
    int file;
    char *path;
} csv;

static void close_csv(void *self)
{
    csv *c = self;
    if (c->file >= 0)
        close(c->file);
    gad_memory_free(c->path);
    gad_memory_free(c);
}

static gad_status append_csv(const csv *c, const gad_string *line, gad_error *err)
{
    if (line->failed)
        return gad_error_memory(err, operation, line->length);
    off_t before = lseek(c->file, 0, SEEK_END);
    ssize_t n = write(c->file, line->data, line->length);
    if (n == (ssize_t)line->length)
        return GAD_OK;
    int why = n < 0 ? errno : ENOSPC;
    if (n > 0 && before >= 0 && ftruncate(c->file, before))
        why = errno;
    return gad_error_system(err, operation, c->path, why);
}

static gad_status send_csv(void *self, const gad_sink_part *part, gad_error *err)
{
    gad_string line = {0};
    gad_string_addf(&line, "%lld,%s,", (long long)part->id, gad_sink_text(part, "time"));
    gad_csv_add_text(&line, gad_sink_text(part, "product"));
    gad_string_add(&line, ",");
    gad_csv_add_text(&line, gad_sink_text(part, "name"));
    gad_string_addf(&line, ",%s,", gad_sink_text(part, "verdict"));
    gad_csv_add_json(&line, json_object_get(part->row, "score"));
    gad_string_add(&line, ",");
    gad_csv_add_json(&line, json_object_get(part->row, "threshold"));
    gad_string_add(&line, "\n");
    gad_status status = append_csv(self, &line, err);
    gad_string_free(&line);
    return status;
}

/* The file says itself which part came last; a line that a crash tore is cut off. */
static gad_status find_last(csv *c, int64_t *done, gad_error *err)
{
    char *text = NULL;
    size_t size = 0;
    gad_status status = gad_file_exists(c->path) ? gad_file_read(c->path, CSV_BYTES, &text, &size, err) : GAD_OK;
    size_t end = size;
    while (end && text[end - 1] != '\n')
        end--;
    size_t first = end ? end - 1 : 0;
    while (first && text[first - 1] != '\n')
        first--;
    if (end)
        *done = strtoll(text + first, NULL, 10);
    if (!status && end < size && ftruncate(c->file, (off_t)end))
        status = gad_error_system(err, operation, c->path, errno);
    gad_memory_free(text);
    gad_string head = {0};
    gad_string_add(&head, csv_head);
    if (!status && !end)
        status = append_csv(c, &head, err);
    gad_string_free(&head);
    return status;
}

gad_status gad_sink_csv_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err)
{
    csv *c = gad_memory_zero(1, sizeof *c);
    int64_t done = 0;
    if (!c)
        return gad_error_memory(err, operation, sizeof *c);
    c->path = gad_memory_copy_string(settings->csv);
    c->file = open(settings->csv, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    gad_status status = !c->path      ? gad_error_memory(err, operation, strlen(settings->csv))
                        : c->file < 0 ? gad_error_system(err, operation, settings->csv, errno)
                                      : find_last(c, &done, err);
    if (status)
        close_csv(c);
    else
        *sink = (gad_sink){.kind = "csv", .self = c, .send = send_csv, .close = close_csv, .done = done};
    return status;
}

/* ---- a command ----------------------------------------------------------------------------------------------------- */

/* The variables of a part before those of this process; *list is the caller's. */
static gad_status make_environment(const gad_sink_part *part, char text[VARIABLES][VARIABLE_BYTES], char ***list,
                                   gad_error *err)
{
    size_t count = 0;
    while (environ[count])
        count++;
    *list = gad_memory_alloc(count + VARIABLES + 1, sizeof **list);
    if (!*list)
        return gad_error_memory(err, operation, count * sizeof **list);
    snprintf(text[0], VARIABLE_BYTES, "GAD_VERDICT=%s", gad_sink_text(part, "verdict"));
    snprintf(text[1], VARIABLE_BYTES, "GAD_PRODUCT=%s", gad_sink_text(part, "product"));
    snprintf(text[2], VARIABLE_BYTES, "GAD_NAME=%s", gad_sink_text(part, "name"));
    snprintf(text[3], VARIABLE_BYTES, "GAD_ID=%lld", (long long)part->id);
    snprintf(text[4], VARIABLE_BYTES, "GAD_SCORE=%.6f", json_number_value(json_object_get(part->row, "score")));
    for (int i = 0; i < VARIABLES; i++)
        (*list)[i] = text[i];
    memcpy(*list + VARIABLES, environ, (count + 1) * sizeof **list);
    return GAD_OK;
}

/* Waits for the command, at most COMMAND_S. */
static gad_status await(pid_t child, gad_error *err)
{
    int code = 0;
    double end_s = gad_clock_seconds() + COMMAND_S;
    pid_t done = 0;
    while (!(done = waitpid(child, &code, WNOHANG)) && gad_clock_seconds() < end_s)
        usleep(TICK_US);
    if (!done) {
        kill(-child, SIGKILL);
        waitpid(child, &code, 0);
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the command took more than %d s", COMMAND_S);
    }
    if (done < 0 || !WIFEXITED(code) || WEXITSTATUS(code))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the command failed with code %d",
                             WIFEXITED(code) ? WEXITSTATUS(code) : -1);
    return GAD_OK;
}

/* A signal that comes late is no signal: whatever becomes of the command, it is run once for a part. */
static gad_status send_command(void *self, const gad_sink_part *part, gad_error *err)
{
    char text[VARIABLES][VARIABLE_BYTES], **environment = NULL, shell[] = "/bin/sh", option[] = "-c";
    char *arguments[] = {shell, option, self, NULL};
    pid_t child;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    gad_status status = make_environment(part, text, &environment, err);
    if (status)
        return status;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* a group of its own, to end all of it */
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    int why = posix_spawn(&child, shell, &actions, &attributes, arguments, environment);
    status = why ? gad_error_system(err, operation, shell, why) : await(child, err);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    gad_memory_free(environment);
    return status;
}

gad_status gad_sink_command_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err)
{
    char *command = gad_memory_copy_string(settings->command);
    if (!command)
        return gad_error_memory(err, operation, strlen(settings->command));
    *sink = (gad_sink){.kind = "command", .self = command, .send = send_command, .close = gad_memory_free, .once = true};
    return GAD_OK;
}
