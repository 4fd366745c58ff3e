/* json: jansson behind our errors: a file or text in, a checked value out; the error names file, line and column. */
#ifndef GAD_BASE_JSON_H
#define GAD_BASE_JSON_H
#include "gad.h"

#include <jansson.h>

/* Parse a JSON file of at most 1 GiB; nesting and duplicate keys are checked. *root is the caller's (json_decref). */
gad_status gad_json_load(const char *path, json_t **root, gad_error *err);
/* Parse text; `name` says in errors where it came from. */
gad_status gad_json_parse(const char *text, size_t length, const char *name, json_t **root, gad_error *err);
/* Parse line `number` (from 1) of a file of JSON lines, with or without its line end. */
gad_status gad_json_parse_line(const char *text, size_t length, const char *path, int64_t number, json_t **root,
                               gad_error *err);
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
