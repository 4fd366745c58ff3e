/* row: see row.h */
#include "bench/row.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_SIDE_LIMIT = 4096 };
static const double sync_every_s = 0.5;

enum { NAME_BYTES = 64 };
static void rows_name(const gad_share *part, char name[NAME_BYTES])
{
    gad_share_name(part, "rows", "jsonl", name, NAME_BYTES);
}
static void maps_name(const gad_share *part, char name[NAME_BYTES])
{
    gad_share_name(part, "maps", "f32", name, NAME_BYTES);
}

bool gad_row_cut(const gad_row *row)
{
    return row->finish && (!strcasecmp(row->finish, "length") || !strcasecmp(row->finish, "max_tokens"));
}

/* ---- reading ---- */

static gad_status parse_row(const json_t *root, const char *name, gad_row *row, gad_error *err)
{
    const struct {
        const char *key, **to;
    } text[] = {{"id", &row->id}, {"text", &row->text}, {"error", &row->error}, {"finish", &row->finish}};
    const struct {
        const char *key;
        int64_t *to;
    } whole[] = {{"prompt_tokens", &row->prompt_tokens}, {"answer_tokens", &row->answer_tokens},
                 {"attempts", &row->attempts},           {"input_width", &row->input_width},
                 {"input_height", &row->input_height},   {"map_offset", &row->map_offset},
                 {"map_width", &row->map_width},         {"map_height", &row->map_height}};
    const struct {
        const char *key;
        double *to;
    } number[] = {{"score", &row->score}, {"latency_s", &row->latency_s}, {"first_s", &row->first_s}};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < sizeof text / sizeof *text && !status; i++)
        status = gad_json_get_string(root, text[i].key, name, NULL, text[i].to, err);
    for (size_t i = 0; i < sizeof whole / sizeof *whole && !status; i++)
        status = gad_json_get_int(root, whole[i].key, name, -1, whole[i].to, err);
    for (size_t i = 0; i < sizeof number / sizeof *number && !status; i++)
        status = gad_json_get_number(root, number[i].key, name, NAN, number[i].to, err);
    if (status)
        return status;
    row->answered = row->text != NULL;
    if (!row->id || row->answered == (row->error != NULL))
        return gad_error_set(err, GAD_E_FORMAT, "read the rows of a run", NULL, "%s: needs an id, and a text or an error",
                             name);
    return GAD_OK;
}

static const char *keep_text(gad_arena *arena, const char *text, bool *failed)
{
    const char *copy = text ? gad_arena_copy(arena, text) : NULL;
    *failed = *failed || (text && !copy);
    return copy;
}

static gad_status store_row(gad_rows *rows, size_t index, gad_row row, const char *id, gad_error *err)
{
    gad_row *old = &rows->of[index];
    bool failed = false;
    const bool same_file = old->part.index == row.part.index && old->part.count == row.part.count;
    if (old->id && old->answered && !row.answered && !same_file) {
        rows->superseded++;
        return GAD_OK;
    }
    if (old->id) {
        rows->superseded++;
        rows->repeated += old->answered;
        *(old->answered ? &rows->answered : &rows->failed) -= 1;
    }
    row.id = id;
    row.text = keep_text(&rows->arena, row.text, &failed);
    row.error = keep_text(&rows->arena, row.error, &failed);
    row.finish = keep_text(&rows->arena, row.finish, &failed);
    if (failed)
        return gad_error_memory(err, "read the rows of a run", 0);
    *(row.answered ? &rows->answered : &rows->failed) += 1;
    *old = row;
    return GAD_OK;
}

static bool map_is_stored(const gad_row *row, int64_t map_file_bytes)
{
    if (row->map_offset < 0)
        return true;
    if (row->map_width < 1 || row->map_height < 1 || row->map_width > MAP_SIDE_LIMIT || row->map_height > MAP_SIDE_LIMIT)
        return false;
    return row->map_offset <= map_file_bytes - row->map_width * row->map_height * (int64_t)sizeof(float);
}

/* One file of rows and the size of its maps. */
typedef struct row_file {
    gad_share part;
    char *path;
    int64_t map_bytes;
} row_file;

static gad_status read_line(const char *line, size_t length, const char *name, const row_file *file, gad_items *items,
                            gad_rows *rows, gad_error *err)
{
    json_t *root = NULL;
    gad_row row = {.part = file->part};
    int64_t index = -1;
    gad_status status = gad_json_parse(line, length, name, &root, err);
    if (!status)
        status = parse_row(root, name, &row, err);
    if (!status)
        status = gad_item_find(items, row.id, &index, err);
    if (!status && index < 0)
        status = gad_error_set(err, GAD_E_FORMAT, "read the rows of a run", NULL, "%s: id %s is not in items.jsonl", name,
                               row.id);
    if (!status && map_is_stored(&row, file->map_bytes))
        status = store_row(rows, (size_t)index, row, items->item[index].id, err);
    json_decref(root);
    return status;
}

static int64_t file_bytes(const char *path)
{
    struct stat info;
    return stat(path, &info) ? 0 : (int64_t)info.st_size;
}

static gad_status read_mapped(gad_file_map map, const row_file *file, gad_items *items, gad_rows *rows, gad_error *err)
{
    const char *text = (const char *)map.data;
    size_t left = map.size_bytes;
    gad_status status = GAD_OK;
    for (int64_t number = 1; left && !status; number++) {
        const char *end = memchr(text, '\n', left);
        if (!end) {
            rows->torn = true;
            break;
        }
        char name[512];
        snprintf(name, sizeof name, "%s, line %lld", file->path, (long long)number);
        status = read_line(text, (size_t)(end - text), name, file, items, rows, err);
        left -= (size_t)(end - text) + 1;
        text = end + 1;
    }
    return status;
}

static gad_status read_part(const char *folder, const gad_share *part, gad_items *items, gad_rows *rows, gad_error *err)
{
    char name[NAME_BYTES], maps_file[NAME_BYTES];
    gad_file_map map = {0};
    rows_name(part, name);
    maps_name(part, maps_file);
    row_file file = {.part = *part, .path = gad_file_join(folder, name)};
    char *maps = gad_file_join(folder, maps_file);
    gad_status status = GAD_OK;
    if (!file.path || !maps)
        status = gad_error_memory(err, "read the rows of a run", NAME_BYTES);
    else if (gad_file_exists(file.path))
        status = gad_file_map_open(file.path, &map, err);
    if (!status && map.size_bytes) {
        file.map_bytes = file_bytes(maps);
        status = read_mapped(map, &file, items, rows, err);
    }
    gad_file_map_close(&map);
    gad_memory_free(file.path);
    gad_memory_free(maps);
    return status;
}

/* Whether a file of the folder is that of a part's rows. */
static bool is_part(const char *name, gad_share *part)
{
    char again[NAME_BYTES];
    long long k, n;
    if (sscanf(name, "rows.%lld-of-%lld.jsonl", &k, &n) != 2)
        return false;
    *part = (gad_share){k - 1, n};
    rows_name(part, again);
    return !strcmp(name, again);
}

gad_status gad_row_read(const char *folder, gad_items *items, gad_rows *rows, gad_error *err)
{
    gad_rows r = {.count = items->count};
    gad_file_names names = {0};
    r.of = gad_memory_zero(items->count, sizeof *r.of);
    gad_status status = r.of ? read_part(folder, &(gad_share){0}, items, &r, err)
                             : gad_error_memory(err, "read the rows of a run", items->count * sizeof *r.of);
    if (!status && gad_file_is_directory(folder))
        status = gad_file_list(folder, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        gad_share part;
        if (is_part(names.name[i], &part))
            status = read_part(folder, &part, items, &r, err);
    }
    gad_file_names_free(&names);
    if (status)
        gad_row_free(&r);
    else
        *rows = r;
    return status;
}

void gad_row_free(gad_rows *rows)
{
    gad_memory_free(rows->of);
    gad_arena_free(&rows->arena);
    *rows = (gad_rows){0};
}

/* ---- appending ---- */

gad_status gad_row_open(gad_row_writer *writer, const char *folder, const gad_share *part, gad_error *err)
{
    static const char operation[] = "open the rows of a run";
    char rows_file[NAME_BYTES], maps_file[NAME_BYTES];
    rows_name(part, rows_file);
    maps_name(part, maps_file);
    gad_row_writer w = {.rows = -1, .maps = -1, .synced_s = gad_clock_seconds(), .path = gad_file_join(folder, rows_file)};
    char *maps_path = gad_file_join(folder, maps_file);
    gad_status status =
        w.path && maps_path ? gad_file_resume_append(w.path, &w.rows, err) : gad_error_memory(err, operation, NAME_BYTES);
    if (!status) {
        w.maps = open(maps_path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
        if (w.maps < 0)
            status = gad_error_system(err, operation, maps_path, errno);
        else
            w.map_bytes = lseek(w.maps, 0, SEEK_END);
    }
    gad_memory_free(maps_path);
    if (!status) {
        *writer = w;
        return GAD_OK;
    }
    if (w.rows >= 0)
        close(w.rows);
    gad_memory_free(w.path);
    return status;
}

static void add_text(gad_string *s, const char *key, const char *text)
{
    if (!text)
        return;
    gad_string_addf(s, ",\"%s\":", key);
    gad_string_add_json(s, text);
}

static void add_whole(gad_string *s, const char *key, int64_t value)
{
    if (value >= 0)
        gad_string_addf(s, ",\"%s\":%lld", key, (long long)value);
}

static void add_number(gad_string *s, const char *key, double value, int digits)
{
    if (isfinite(value))
        gad_string_addf(s, ",\"%s\":%.*g", key, digits, value);
}

static void add_row(gad_string *s, const gad_row *row)
{
    gad_string_add(s, "{\"id\":");
    gad_string_add_json(s, row->id);
    add_text(s, "text", row->answered ? row->text : NULL);
    add_text(s, "error", row->answered ? NULL : row->error);
    add_text(s, "finish", row->finish);
    add_whole(s, "prompt_tokens", row->prompt_tokens);
    add_whole(s, "answer_tokens", row->answer_tokens);
    add_whole(s, "attempts", row->attempts);
    add_number(s, "score", row->score, 17);
    add_number(s, "latency_s", row->latency_s, 6);
    add_number(s, "first_s", row->first_s, 6);
    add_whole(s, "input_width", row->input_width);
    add_whole(s, "input_height", row->input_height);
    if (row->map_offset >= 0) {
        add_whole(s, "map_offset", row->map_offset);
        add_whole(s, "map_width", row->map_width);
        add_whole(s, "map_height", row->map_height);
    }
    gad_string_add(s, "}\n");
}

static gad_status sync_files(gad_row_writer *writer, gad_error *err)
{
    writer->synced_s = gad_clock_seconds();
    if (fdatasync(writer->maps) != 0 || fdatasync(writer->rows) != 0)
        return gad_error_system(err, "write the rows of a run", writer->path, errno);
    return GAD_OK;
}

gad_status gad_row_append(gad_row_writer *writer, const gad_row *row, const float *map, gad_error *err)
{
    static const char operation[] = "write the rows of a run";
    gad_row stored = *row;
    gad_string line = {0};
    gad_status status = GAD_OK;
    stored.map_offset = map ? writer->map_bytes : -1;
    if (map) {
        size_t bytes = (size_t)row->map_width * (size_t)row->map_height * sizeof *map;
        if (!gad_file_resume_write(writer->maps, map,
                                   bytes)) /* before its row, so that a row never names a map that is not there */
            return gad_error_system(err, operation, writer->path, errno);
        writer->map_bytes += (int64_t)bytes;
    }
    add_row(&line, &stored);
    if (line.failed)
        status = gad_error_memory(err, operation, line.length);
    else if (!gad_file_resume_write(writer->rows, line.data, line.length))
        status = gad_error_system(err, operation, writer->path, errno);
    gad_string_free(&line);
    if (!status && gad_clock_seconds() - writer->synced_s >= sync_every_s)
        status = sync_files(writer, err);
    return status;
}

gad_status gad_row_close(gad_row_writer *writer, gad_error *err)
{
    if (!writer->path)
        return GAD_OK;
    gad_status status = sync_files(writer, err);
    close(writer->rows);
    close(writer->maps);
    gad_memory_free(writer->path);
    *writer = (gad_row_writer){.rows = -1, .maps = -1};
    return status;
}

gad_status gad_row_map(const char *folder, const gad_row *row, float **map, gad_error *err)
{
    static const char operation[] = "read a heat map";
    size_t count = (size_t)(row->map_width * row->map_height), bytes = count * sizeof **map;
    char name[NAME_BYTES];
    maps_name(&row->part, name);
    char *path = gad_file_join(folder, name);
    float *value = gad_memory_alloc(count, sizeof *value);
    gad_status status = GAD_OK;
    int descriptor = -1;
    if (!path || !value)
        status = gad_error_memory(err, operation, bytes);
    else if ((descriptor = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        status = gad_error_system(err, operation, path, errno);
    else if (pread(descriptor, value, bytes, row->map_offset) != (ssize_t)bytes)
        status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: shorter than its rows say", path);
    if (descriptor >= 0)
        close(descriptor);
    gad_memory_free(path);
    if (status)
        gad_memory_free(value);
    else
        *map = value;
    return status;
}
