/* json: jansson behind our errors: a file or text in, a checked value out; the error names file, line and column. What
 * other programs write is read as they mean it (see json_text.h); of a repeated key the last value holds, as in Python. */
#ifndef GAD_BASE_JSON_H
#define GAD_BASE_JSON_H
#include "gad.h"

#include <jansson.h>
#include <stdio.h>

/* Parse a JSON file of at most 1 GiB, with or without a byte order mark. *root is the caller's (json_decref). */
gad_status gad_json_load(const char *path, json_t **root, gad_error *err);
/* Parse text; `name` says in errors where it came from. */
gad_status gad_json_parse(const char *text, size_t length, const char *name, json_t **root, gad_error *err);
/* Parse as the RFC has it, without repeated keys: for formats where two readers must not see two things. */
gad_status gad_json_parse_strict(const char *text, size_t length, const char *name, json_t **root, gad_error *err);
gad_status gad_json_load_strict(const char *path, json_t **root, gad_error *err);

/* A file of JSON lines. Blank lines are passed over. */
typedef struct gad_json_lines {
    FILE *file;
    const char *path; /* the caller's */
    char *line;
    size_t room;
    int64_t number; /* of the line that was read last, from 1 */
} gad_json_lines;
/* At most 4 GiB. Close it also when this failed. */
gad_status gad_json_lines_open(gad_json_lines *lines, const char *path, gad_error *err);
/* The next line without its end, valid until the following call; *text NULL at the end. */
gad_status gad_json_lines_text(gad_json_lines *lines, const char **text, size_t *length, gad_error *err);
/* The next line; *root NULL at the end. */
gad_status gad_json_lines_next(gad_json_lines *lines, json_t **root, gad_error *err);
void gad_json_lines_close(gad_json_lines *lines);
/* Write atomically, indented by two, keys sorted, with a newline at the end. */
gad_status gad_json_write(const char *path, const json_t *root, gad_error *err);

/* Members of an object; the fallback when absent or null. A value of another type is GAD_E_FORMAT, naming `name` (the
 * file) and the key. `object` may be NULL (as an absent object). */
gad_status gad_json_get_int(const json_t *object, const char *key, const char *name, int64_t fallback, int64_t *value,
                            gad_error *err);
gad_status gad_json_get_number(const json_t *object, const char *key, const char *name, double fallback, double *value,
                               gad_error *err);
gad_status gad_json_get_bool(const json_t *object, const char *key, const char *name, bool fallback, bool *value,
                             gad_error *err);
/* The string belongs to the object. */
gad_status gad_json_get_string(const json_t *object, const char *key, const char *name, const char *fallback,
                               const char **value, gad_error *err);
#endif
