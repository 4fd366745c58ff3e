/* json: see json.h */
#include "base/json.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum { FILE_LIMIT_BYTES = 1 << 30 };

gad_status gad_json_parse(const char *text, size_t length, const char *name, json_t **root, gad_error *err)
{
    json_error_t where;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!value)
        return gad_error_set(err, GAD_E_FORMAT, "read JSON", NULL, "%s: line %d, column %d: %s", name, where.line,
                             where.column, where.text);
    *root = value;
    return GAD_OK;
}

gad_status gad_json_parse_line(const char *text, size_t length, const char *path, int64_t number, json_t **root,
                               gad_error *err)
{
    json_error_t where;
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        length--;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    if (!value)
        return gad_error_set(err, GAD_E_FORMAT, "read JSON lines", "each line is one JSON object",
                             "%s: line %lld, column %d: %s", path, (long long)number, where.column, where.text);
    *root = value;
    return GAD_OK;
}

gad_status gad_json_load(const char *path, json_t **root, gad_error *err)
{
    char *text;
    size_t length;
    gad_status status = gad_file_read(path, FILE_LIMIT_BYTES, &text, &length, err);
    if (status)
        return status;
    status = gad_json_parse(text, length, path, root, err);
    gad_memory_free(text);
    return status;
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
