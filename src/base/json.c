/* json: see json.h */
#include "base/json.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT_BYTES = 1 << 30 };

static gad_status refuse(const char *name, int line, int column, const char *why, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read JSON", NULL, "%s: line %d, column %d: %s", name, line, column, why);
}

/* After a strict parser has refused the text: as it was meant, and errors at their places in the text as it is. */
static gad_status parse_mended(const char *text, size_t length, int first_line, const char *name, json_t **root,
                               gad_error *err)
{
    gad_string mended = {0}, before = {0};
    json_error_t where;
    int line, column;
    gad_json_text_mend(text, length, SIZE_MAX, &mended);
    if (mended.failed) {
        gad_string_free(&mended);
        return gad_error_memory(err, "read JSON", length);
    }
    *root = json_loadb(gad_string_text(&mended), mended.length, 0, &where);
    gad_string_free(&mended);
    if (*root)
        return GAD_OK;
    size_t at = gad_json_text_mend(text, length, (size_t)where.position, &before);
    gad_string_free(&before);
    gad_json_text_place(text, at, &line, &column);
    return refuse(name, first_line + line - 1, column, where.text, err);
}

static gad_status parse(const char *text, size_t length, int first_line, const char *name, json_t **root, gad_error *err)
{
    static const char mark[] = "\xEF\xBB\xBF";
    json_error_t where;
    if (length >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return gad_error_set(err, GAD_E_FORMAT, "read JSON", "save it again as UTF-8", "%s: is UTF-16", name);
    if (gad_json_text_is_blank(text, length))
        return gad_error_set(err, GAD_E_FORMAT, "read JSON", "copy the file again", "%s: is empty", name);
    *root = json_loadb(text, length, 0, &where);
    return *root ? GAD_OK : parse_mended(text, length, first_line, name, root, err);
}

gad_status gad_json_parse(const char *text, size_t length, const char *name, json_t **root, gad_error *err)
{
    return parse(text, length, 1, name, root, err);
}

gad_status gad_json_parse_strict(const char *text, size_t length, const char *name, json_t **root, gad_error *err)
{
    json_error_t where;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!value)
        return refuse(name, where.line, where.column, where.text, err);
    *root = value;
    return GAD_OK;
}

gad_status gad_json_lines_open(gad_json_lines *lines, const char *path, gad_error *err)
{
    static const off_t limit_bytes = (off_t)4 << 30; /* nor can a single line be longer */
    struct stat info;
    *lines = (gad_json_lines){.path = path};
    gad_status status = gad_file_open(path, &lines->file, err);
    if (status)
        return status;
    if (fstat(fileno(lines->file), &info) == 0 && info.st_size > limit_bytes)
        return gad_error_set(err, GAD_E_LIMIT, "read JSON lines", "split it", "%s: more than 4 GiB", path);
    return GAD_OK;
}

gad_status gad_json_lines_text(gad_json_lines *lines, const char **text, size_t *length, gad_error *err)
{
    ssize_t got;
    *text = NULL;
    errno = 0;
    while ((got = getline(&lines->line, &lines->room, lines->file)) >= 0) {
        lines->number++;
        if (gad_json_text_is_blank(lines->line, (size_t)got))
            continue;
        while (lines->line[got - 1] == '\n' || lines->line[got - 1] == '\r')
            got--; /* what is cut off ends on its own line */
        *text = lines->line;
        *length = (size_t)got;
        return GAD_OK;
    }
    return feof(lines->file) ? GAD_OK : gad_error_system(err, "read JSON lines", lines->path, errno);
}

gad_status gad_json_lines_next(gad_json_lines *lines, json_t **root, gad_error *err)
{
    const char *text;
    size_t length = 0;
    *root = NULL;
    gad_status status = gad_json_lines_text(lines, &text, &length, err);
    if (status || !text)
        return status;
    status = parse(text, length, (int)lines->number, lines->path, root, err);
    if (status == GAD_E_FORMAT && err && !err->hint[0])
        snprintf(err->hint, sizeof err->hint, "each line is one JSON object");
    return status;
}

void gad_json_lines_close(gad_json_lines *lines)
{
    if (lines->file)
        fclose(lines->file);
    free(lines->line); /* getline's own memory */
    *lines = (gad_json_lines){0};
}

typedef gad_status (*parser)(const char *text, size_t length, const char *name, json_t **root, gad_error *err);

static gad_status load(const char *path, parser parse_text, json_t **root, gad_error *err)
{
    char *text;
    size_t length;
    gad_status status = gad_file_read(path, FILE_LIMIT_BYTES, &text, &length, err);
    if (status)
        return status;
    status = parse_text(text, length, path, root, err);
    gad_memory_free(text);
    return status;
}

gad_status gad_json_load(const char *path, json_t **root, gad_error *err)
{
    return load(path, gad_json_parse, root, err);
}

gad_status gad_json_load_strict(const char *path, json_t **root, gad_error *err)
{
    return load(path, gad_json_parse_strict, root, err);
}

gad_status gad_json_write(const char *path, const json_t *root, gad_error *err)
{
    gad_file_writer writer;
    gad_status status = gad_file_writer_open(&writer, path, err);
    if (status)
        return status;
    if (json_dumpf(root, writer.stream, JSON_INDENT(2) | JSON_SORT_KEYS) || fputc('\n', writer.stream) == EOF) {
        gad_file_writer_discard(&writer);
        return gad_error_set(err, GAD_E_IO, "write JSON", "check the space on the disk", "%s: could not be written", path);
    }
    return gad_file_writer_commit(&writer, err);
}

static gad_status wrong_type(const char *key, const char *name, const char *expected, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read JSON", NULL, "%s: \"%s\" is not %s", name, key, expected);
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = object ? json_object_get(object, key) : NULL;
    return value && !json_is_null(value) ? value : NULL;
}

gad_status gad_json_get_int(const json_t *object, const char *key, const char *name, int64_t fallback, int64_t *value,
                            gad_error *err)
{
    const json_t *found = member(object, key);
    if (found && !json_is_integer(found))
        return wrong_type(key, name, "an integer", err);
    *value = found ? (int64_t)json_integer_value(found) : fallback;
    return GAD_OK;
}

gad_status gad_json_get_number(const json_t *object, const char *key, const char *name, double fallback, double *value,
                               gad_error *err)
{
    const json_t *found = member(object, key);
    if (found && !json_is_number(found))
        return wrong_type(key, name, "a number", err);
    *value = found ? json_number_value(found) : fallback;
    return GAD_OK;
}

gad_status gad_json_get_bool(const json_t *object, const char *key, const char *name, bool fallback, bool *value,
                             gad_error *err)
{
    const json_t *found = member(object, key);
    if (found && !json_is_boolean(found))
        return wrong_type(key, name, "true or false", err);
    *value = found ? json_is_true(found) : fallback;
    return GAD_OK;
}

gad_status gad_json_get_string(const json_t *object, const char *key, const char *name, const char *fallback,
                               const char **value, gad_error *err)
{
    const json_t *found = member(object, key);
    if (found && !json_is_string(found))
        return wrong_type(key, name, "a string", err);
    *value = found ? json_string_value(found) : fallback;
    return GAD_OK;
}
