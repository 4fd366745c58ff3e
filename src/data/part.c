/* part: see part.h. A line is 32 hexadecimal digits of its key, a space, and the text; files are mapped and indexed once.
 */
#include "data/part.h"

#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/memory.h"
#include "base/string.h"
#include "data/seen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_DIGITS = 32 };
static const char operation[] = "share a job";

typedef struct part_file {
    char *path;
    gad_file_map map;
} part_file;

struct gad_part {
    char *folder, *job;
    gad_share share;
    int64_t next; /* item to be asked for */
    part_file *files;
    size_t count, capacity;
    gad_seen lines; /* key -> number of the file, offset of the text */
    int own;        /* descriptor of the file that a share writes; -1 */
    char *own_path;
};

static bool is_file_of(const char *job, const char *name)
{
    size_t length = strlen(job);
    long long k, n;
    char rest[16];
    return !strncmp(name, job, length) && name[length] == '.' &&
           sscanf(name + length + 1, "%lld-of-%lld.%15s", &k, &n, rest) == 3 && !strcmp(rest, "lines");
}

static bool read_key(const char *line, gad_hash *key)
{
    char text[KEY_DIGITS + 1], again[KEY_DIGITS + 1];
    unsigned long long high, low;
    memcpy(text, line, KEY_DIGITS);
    text[KEY_DIGITS] = 0;
    if (sscanf(text, "%16llx%16llx", &high, &low) != 2)
        return false;
    *key = (gad_hash){high, low};
    gad_hash_text(*key, again);
    return !strcmp(text, again);
}

/* Lines without an end or a key are what a killed process left, or somebody else's: they do not count. */
static gad_status index_lines(gad_part *part, size_t number, gad_error *err)
{
    const gad_file_map *map = &part->files[number].map;
    const char *start = (const char *)map->data, *at = start, *end;
    for (size_t left = map->size_bytes; left && (end = memchr(at, '\n', left));
         left -= (size_t)(end - at) + 1, at = end + 1) {
        gad_hash key;
        bool is_new;
        if (end - at <= KEY_DIGITS || at[KEY_DIGITS] != ' ' || !read_key(at, &key))
            continue;
        const gad_hash place = {number, (uint64_t)(at - start) + KEY_DIGITS + 1};
        if (!gad_seen_claim(&part->lines, key, place, &is_new))
            return gad_error_memory(err, operation, part->lines.count);
    }
    return GAD_OK;
}

static gad_status read_file(gad_part *part, const char *name, gad_error *err)
{
    if (!gad_memory_grow((void **)&part->files, &part->capacity, part->count, sizeof *part->files))
        return gad_error_memory(err, operation, 0);
    part_file *file = &part->files[part->count];
    *file = (part_file){.path = gad_file_join(part->folder, name)};
    if (!file->path)
        return gad_error_memory(err, operation, 0);
    part->count++;
    gad_status status = gad_file_map_open(file->path, &file->map, err);
    return status ? status : index_lines(part, part->count - 1, err);
}

static gad_status read_files(gad_part *part, gad_error *err)
{
    gad_file_names names = {0};
    gad_status status = gad_file_is_directory(part->folder) ? gad_file_list(part->folder, &names, err) : GAD_OK;
    for (size_t i = 0; i < names.count && !status; i++)
        if (is_file_of(part->job, names.name[i]))
            status = read_file(part, names.name[i], err);
    gad_file_names_free(&names);
    return status;
}

static gad_status open_own(gad_part *part, gad_error *err)
{
    char name[512];
    gad_share_name(&part->share, part->job, "lines", name, sizeof name);
    gad_status status = gad_file_make_directory(part->folder, err);
    if (!status && !(part->own_path = gad_file_join(part->folder, name)))
        status = gad_error_memory(err, operation, sizeof name);
    return status ? status : gad_file_resume_append(part->own_path, &part->own, err);
}

gad_status gad_part_open(const char *store, const char *job, const gad_share *share, gad_part **out, gad_error *err)
{
    gad_part *part = gad_memory_zero(1, sizeof *part);
    gad_string folder = {0};
    gad_string_addf(&folder, "%s.parts", store);
    if (!part || folder.failed || !(part->job = gad_memory_copy_string(job))) {
        gad_string_free(&folder);
        gad_memory_free(part);
        return gad_error_memory(err, operation, 0);
    }
    for (char *c = part->job; *c; c++)
        *c = *c == '/' ? '_' : *c;
    part->folder = folder.data;
    part->share = *share;
    part->own = -1;
    gad_status status = read_files(part, err);
    if (!status && gad_part_is_share(part))
        status = open_own(part, err);
    if (status) {
        gad_part_free(part);
        return status;
    }
    *out = part;
    return GAD_OK;
}

bool gad_part_is_share(const gad_part *part)
{
    return part && !gad_share_is_whole(&part->share);
}

bool gad_part_takes(gad_part *part)
{
    return !part || gad_share_has(&part->share, part->next++);
}

const char *gad_part_find(const gad_part *part, gad_hash key, size_t *length)
{
    const gad_hash *place = part ? gad_seen_find(&part->lines, key) : NULL;
    if (!place)
        return NULL;
    const gad_file_map *map = &part->files[place->high].map;
    const char *line = (const char *)map->data + place->low;
    *length = (size_t)((const char *)memchr(line, '\n', map->size_bytes - place->low) - line);
    return line;
}

gad_status gad_part_add(const gad_part *part, gad_hash key, const char *line, size_t length, gad_error *err)
{
    gad_string text = {0};
    char digits[KEY_DIGITS + 1];
    if (!gad_part_is_share(part))
        return GAD_OK;
    gad_hash_text(key, digits);
    gad_string_addf(&text, "%s ", digits);
    gad_string_append(&text, line, length);
    gad_string_add(&text, "\n");
    /* One write a line: what is appended at once lies together, whichever thread comes first. */
    gad_status status = text.failed ? gad_error_memory(err, operation, length)
                        : gad_file_resume_write(part->own, text.data, text.length)
                            ? GAD_OK
                            : gad_error_system(err, operation, part->own_path, errno);
    gad_string_free(&text);
    return status;
}

gad_status gad_part_remove(gad_part *part, gad_error *err)
{
    gad_status status = GAD_OK;
    for (size_t i = 0; part && i < part->count && !status; i++)
        status = gad_file_remove(part->files[i].path, err);
    if (part && part->count && !status)
        rmdir(part->folder); /* stays while another job has files in it */
    return status;
}

void gad_part_free(gad_part *part)
{
    if (!part)
        return;
    for (size_t i = 0; i < part->count; i++) {
        gad_file_map_close(&part->files[i].map);
        gad_memory_free(part->files[i].path);
    }
    gad_memory_free(part->files);
    gad_seen_free(&part->lines);
    if (part->own >= 0)
        close(part->own);
    gad_memory_free(part->own_path);
    gad_memory_free(part->folder);
    gad_memory_free(part->job);
    gad_memory_free(part);
}

gad_hash gad_part_stamp(const char *path)
{
    struct stat info;
    int64_t of[3] = {0};
    if (!stat(path, &info)) {
        of[0] = (int64_t)info.st_size;
        of[1] = (int64_t)info.st_mtim.tv_sec;
        of[2] = (int64_t)info.st_mtim.tv_nsec;
    }
    return gad_hash_bytes(of, sizeof of);
}
