/* journal: see journal.h. results.jsonl is the truth; results.csv is made from it again when their numbers of lines differ.
 */
#include "serve/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"

static const char operation[] = "keep the journal";
enum { VERDICT_BYTES = 16 };
static const char csv_head[] = "time,file,verdict,score,threshold,error\n";

typedef struct entry {
    gad_hash of; /* zero: empty */
    char verdict[VERDICT_BYTES];
} entry;

struct gad_journal {
    char *lines_path, *csv_path;
    int lines, csv; /* descriptors for appending */
    int reading;    /* of the lines */
    entry *slot;    /* open addressing, a power of two, at most half full */
    size_t slots, count;
    int64_t rows; /* of results.jsonl when it was opened */
};

/* ---- the set ------------------------------------------------------------------------------------------------------- */

/* A file's name as JSON can hold it: bytes that are no UTF-8 become U+FFFD. NULL without memory. */
static json_t *name_of(const gad_journal_part *part)
{
    json_t *name = json_string(part->name);
    gad_string text = {0};
    if (name)
        return name;
    gad_string_add_json(&text, part->name);
    name = text.failed ? NULL : json_loads(text.data, JSON_DECODE_ANY, NULL);
    gad_string_free(&text);
    return name;
}

/* Of the name as the journal holds it, so that it is found again. */
static gad_hash hash_of(const gad_journal_part *part)
{
    const int64_t numbers[2] = {part->size_bytes, part->modified_ns};
    json_t *name = name_of(part);
    const char *text = name ? json_string_value(name) : part->name;
    gad_hash hash = gad_hash_combine(gad_hash_bytes(text, strlen(text)), gad_hash_bytes(numbers, sizeof numbers));
    json_decref(name);
    return hash;
}

static entry *slot_of(entry *slot, size_t slots, gad_hash of)
{
    size_t i = (size_t)of.low & (slots - 1);
    while ((slot[i].of.low || slot[i].of.high) && !gad_hash_equal(slot[i].of, of))
        i = (i + 1) & (slots - 1);
    return &slot[i];
}

static gad_status remember(gad_journal *j, const gad_journal_part *part, const char *verdict, gad_error *err)
{
    if (2 * (j->count + 1) > j->slots) {
        size_t slots = j->slots ? 2 * j->slots : 256;
        entry *larger = gad_memory_zero(slots, sizeof *larger);
        if (!larger)
            return gad_error_memory(err, operation, slots * sizeof *larger);
        for (size_t i = 0; i < j->slots; i++)
            if (j->slot[i].of.low || j->slot[i].of.high)
                *slot_of(larger, slots, j->slot[i].of) = j->slot[i];
        gad_memory_free(j->slot);
        j->slot = larger;
        j->slots = slots;
    }
    entry *e = slot_of(j->slot, j->slots, hash_of(part));
    j->count += !(e->of.low || e->of.high);
    e->of = hash_of(part);
    snprintf(e->verdict, sizeof e->verdict, "%s", verdict);
    return GAD_OK;
}

const char *gad_journal_find(const gad_journal *j, const gad_journal_part *part)
{
    const entry *e = j->slots ? slot_of(j->slot, j->slots, hash_of(part)) : NULL;
    return e && (e->of.low || e->of.high) ? e->verdict : NULL;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

static gad_status append(int fd, const char *path, const gad_string *text, gad_error *err)
{
    if (text->failed)
        return gad_error_memory(err, operation, text->length);
    off_t before = lseek(fd, 0, SEEK_END);
    size_t at = 0;
    while (at < text->length) {
        ssize_t n = write(fd, text->data + at, text->length - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* a full disk: nothing half-written stays */
            int why = errno;
            if (before >= 0 && ftruncate(fd, before))
                why = errno;
            return gad_error_system(err, operation, path, why);
        }
        at += (size_t)n;
    }
    return GAD_OK;
}

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void add_csv(gad_string *line, const json_t *row)
{
    gad_string_addf(line, "%s,", member(row, "time"));
    gad_csv_add_text(line, member(row, "file"));
    gad_string_addf(line, ",%s,", member(row, "verdict"));
    gad_csv_add_json(line, json_object_get(row, "score"));
    gad_string_add(line, ",");
    gad_csv_add_json(line, json_object_get(row, "threshold"));
    gad_string_add(line, ",");
    gad_csv_add_text(line, member(row, "error"));
    gad_string_add(line, "\n");
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* Each whole line of results.jsonl to `take`; *whole: how many bytes these have. */
static gad_status read_lines(const gad_journal *j, gad_status (*take)(void *user, const json_t *row, gad_error *err),
                             void *user, size_t *whole, gad_error *err)
{
    gad_file_map map = {0};
    char where[600];
    int64_t number = 0;
    *whole = 0;
    gad_status status = gad_file_exists(j->lines_path) ? gad_file_map_open(j->lines_path, &map, err) : GAD_OK;
    const char *text = (const char *)map.data;
    for (const char *end; !status && *whole < map.size_bytes; *whole = (size_t)(end - text) + 1) {
        json_t *row = NULL;
        end = memchr(text + *whole, '\n', map.size_bytes - *whole);
        if (!end)
            break;
        snprintf(where, sizeof where, "%s: line %lld", j->lines_path, (long long)++number);
        status = gad_json_parse(text + *whole, (size_t)(end - text) - *whole, where, &row, err);
        if (!status)
            status = take(user, row, err);
        json_decref(row);
        if (status)
            break;
    }
    gad_file_map_close(&map);
    return status;
}

static gad_status learn_row(void *user, const json_t *row, gad_error *err)
{
    gad_journal *j = user;
    const gad_journal_part part = {member(row, "file"), json_integer_value(json_object_get(row, "size")),
                                   json_integer_value(json_object_get(row, "modified"))};
    j->rows++;
    return remember(j, &part, member(row, "verdict"), err);
}

/* What is known; a last line without its end is cut off. */
static gad_status learn_lines(gad_journal *j, gad_error *err)
{
    size_t whole;
    gad_status status = read_lines(j, learn_row, j, &whole, err);
    if (!status && gad_file_exists(j->lines_path) && truncate(j->lines_path, (off_t)whole))
        status = gad_error_system(err, operation, j->lines_path, errno);
    return status;
}

/* Of a file whose last line is whole, else -1. */
static int64_t count_lines(const char *path)
{
    gad_file_map map = {0};
    int64_t lines = 0;
    if (gad_file_map_open(path, &map, NULL))
        return -1;
    for (size_t i = 0; i < map.size_bytes; i++)
        lines += map.data[i] == '\n';
    lines = map.size_bytes && map.data[map.size_bytes - 1] != '\n' ? -1 : lines;
    gad_file_map_close(&map);
    return lines;
}

static gad_status write_csv_row(void *user, const json_t *row, gad_error *err)
{
    const gad_file_writer *writer = user;
    gad_string line = {0};
    add_csv(&line, row);
    gad_status status = line.failed ? gad_error_memory(err, operation, line.length) : GAD_OK;
    if (!status && fwrite(line.data, 1, line.length, writer->stream) != line.length)
        status = gad_error_system(err, operation, writer->path, errno);
    gad_string_free(&line);
    return status;
}

/* results.csv has a line for each of results.jsonl, or is written again. */
static gad_status mend_csv(const gad_journal *j, gad_error *err)
{
    gad_file_writer writer;
    size_t whole;
    if (count_lines(j->csv_path) == j->rows + 1)
        return GAD_OK;
    gad_status status = gad_file_writer_open(&writer, j->csv_path, err);
    if (status)
        return status;
    if (fputs(csv_head, writer.stream) < 0)
        status = gad_error_system(err, operation, j->csv_path, errno);
    if (!status)
        status = read_lines(j, write_csv_row, &writer, &whole, err);
    if (!status)
        status = gad_file_writer_commit(&writer, err);
    gad_file_writer_discard(&writer);
    return status;
}

static gad_status open_append(const char *path, int *fd, gad_error *err)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return *fd >= 0 ? GAD_OK : gad_error_system(err, operation, path, errno);
}

gad_status gad_journal_open(const char *folder, gad_journal **journal, gad_error *err)
{
    gad_journal *j = gad_memory_zero(1, sizeof *j);
    if (!j)
        return gad_error_memory(err, operation, sizeof *j);
    j->lines = j->csv = j->reading = -1;
    j->lines_path = gad_file_join(folder, "results.jsonl");
    j->csv_path = gad_file_join(folder, "results.csv");
    gad_status status = j->lines_path && j->csv_path ? GAD_OK : gad_error_memory(err, operation, 64);
    if (!status)
        status = gad_file_make_directory(folder, err);
    if (!status)
        status = learn_lines(j, err);
    if (!status)
        status = mend_csv(j, err);
    if (!status)
        status = open_append(j->lines_path, &j->lines, err);
    if (!status)
        status = open_append(j->csv_path, &j->csv, err);
    if (!status && (j->reading = open(j->lines_path, O_RDONLY | O_CLOEXEC)) < 0)
        status = gad_error_system(err, operation, j->lines_path, errno);
    if (status)
        gad_journal_close(j);
    else
        *journal = j;
    return status;
}

void gad_journal_close(gad_journal *j)
{
    if (!j)
        return;
    if (j->lines >= 0)
        close(j->lines);
    if (j->csv >= 0)
        close(j->csv);
    if (j->reading >= 0)
        close(j->reading);
    gad_memory_free(j->lines_path);
    gad_memory_free(j->csv_path);
    gad_memory_free(j->slot);
    gad_memory_free(j);
}

gad_status gad_journal_add(gad_journal *j, const gad_journal_part *part, json_t *result, gad_error *err)
{
    char time[32];
    gad_string line = {0}, csv = {0};
    gad_clock_stamp(time, sizeof time);
    json_object_set_new(result, "file", name_of(part));
    json_object_set_new(result, "size", json_integer(part->size_bytes));
    json_object_set_new(result, "modified", json_integer(part->modified_ns));
    json_object_set_new(result, "time", json_string(time));
    char *text = json_dumps(result, JSON_COMPACT);
    gad_status status = text ? GAD_OK : gad_error_memory(err, operation, 1024);
    if (!status) {
        gad_string_addf(&line, "%s\n", text);
        status = append(j->lines, j->lines_path, &line, err);
    }
    free(text);
    if (!status)
        status = remember(j, part, member(result, "verdict"), err);
    add_csv(&csv, result);
    if (!status)
        status = append(j->csv, j->csv_path, &csv, err);
    gad_string_free(&line);
    gad_string_free(&csv);
    return status;
}

/* ---- reading by place ---------------------------------------------------------------------------------------------- */

/* The line that begins at that place, with its end; nothing when it is not whole. */
static gad_status read_line(const gad_journal *j, int64_t at, gad_string *line, gad_error *err)
{
    char buffer[4096];
    for (;;) {
        ssize_t n = pread(j->reading, buffer, sizeof buffer, (off_t)at + (off_t)line->length);
        if (n < 0)
            return gad_error_system(err, operation, j->lines_path, errno);
        const char *end = n ? memchr(buffer, '\n', (size_t)n) : NULL;
        gad_string_append(line, buffer, end ? (size_t)(end - buffer) + 1 : (size_t)n);
        if (line->failed)
            return gad_error_memory(err, operation, line->length);
        if (end)
            return GAD_OK;
        if (!n) {
            gad_string_clear(line);
            return GAD_OK;
        }
    }
}

gad_status gad_journal_next(const gad_journal *j, int64_t after, int64_t *place, json_t **row, gad_error *err)
{
    gad_string line = {0};
    *row = NULL;
    gad_status status = read_line(j, after, &line, err);
    if (!status && line.length) {
        *place = after + (int64_t)line.length;
        status = gad_json_parse(line.data, line.length, j->lines_path, row, err);
    }
    gad_string_free(&line);
    return status;
}

int64_t gad_journal_last(const gad_journal *j)
{
    off_t end = lseek(j->reading, 0, SEEK_END);
    return end > 0 ? (int64_t)end : 0;
}

gad_status gad_journal_count_after(const gad_journal *j, int64_t after, int64_t *lines, gad_error *err)
{
    char buffer[1 << 14];
    ssize_t n;
    *lines = 0;
    for (off_t at = (off_t)after; (n = pread(j->reading, buffer, sizeof buffer, at)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            *lines += buffer[i] == '\n';
    return n < 0 ? gad_error_system(err, operation, j->lines_path, errno) : GAD_OK;
}
