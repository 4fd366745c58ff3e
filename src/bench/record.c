/* record: see record.h */
#include "bench/record.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <string.h>

static const char operation[] = "open a run";

static gad_status check_schema(const json_t *run, const char *path, gad_error *err)
{
    const char *schema = json_string_value(json_object_get(run, "schema"));
    if (!schema || strcmp(schema, GAD_RECORD_SCHEMA) != 0)
        return gad_error_set(err, GAD_E_FORMAT, operation, "make one with: gad bench run",
                             "%s: not a benchmark run (schema \"%s\")", path, schema ? schema : "");
    return GAD_OK;
}

char *gad_record_items_path(const char *folder, const json_t *run)
{
    const char *items = json_string_value(json_object_get(run, "items"));
    return gad_file_join(folder, items ? items : "items.jsonl");
}

gad_status gad_record_open(const char *folder, gad_record *record, gad_error *err)
{
    gad_record r = {.folder = gad_memory_copy_string(folder)};
    char *path = gad_file_join(folder, "run.json"), *items = NULL;
    gad_status status = GAD_OK;
    if (!path || !r.folder)
        status = gad_error_memory(err, operation, strlen(folder));
    else if (!gad_file_exists(path))
        status = gad_error_set(err, GAD_E_IO, operation, "give the folder that gad bench run wrote (--out)",
                               "%s: no such file", path);
    if (!status)
        status = gad_json_load(path, &r.run, err);
    if (!status)
        status = check_schema(r.run, path, err);
    if (!status && !(items = gad_record_items_path(folder, r.run)))
        status = gad_error_memory(err, operation, strlen(folder));
    if (!status)
        status = gad_item_read(items, &r.items, err);
    if (!status)
        status = gad_row_read(folder, &r.items, &r.rows, err);
    gad_memory_free(path);
    gad_memory_free(items);
    if (status)
        gad_record_free(&r);
    else
        *record = r;
    return status;
}

void gad_record_free(gad_record *record)
{
    gad_memory_free(record->folder);
    json_decref(record->run);
    gad_item_free(&record->items);
    gad_row_free(&record->rows);
    *record = (gad_record){0};
}

static const json_t *find_leaf(const gad_record *record, const char *path)
{
    const json_t *at = record->run;
    char key[64];
    while (at && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = 0;
        at = json_object_get(at, key);
        path += n + (path[n] == '.');
    }
    return at;
}

const char *gad_record_text(const gad_record *record, const char *path, const char *fallback)
{
    const char *text = json_string_value(find_leaf(record, path));
    return text ? text : fallback;
}

int64_t gad_record_integer(const gad_record *record, const char *path, int64_t fallback)
{
    const json_t *at = find_leaf(record, path);
    return json_is_integer(at) ? (int64_t)json_integer_value(at) : fallback;
}

gad_status gad_record_choices(const gad_record *record, gad_scoring_choices *choices, gad_error *err)
{
    gad_scoring_choices c = gad_scoring_default();
    const char *convention = gad_record_text(record, "adapter.coordinates", "canvas");
    if (!gad_box_convention_parse(convention, &c.convention))
        return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s/run.json: unknown coordinates \"%s\"", record->folder,
                             convention);
    c.order = strcmp(gad_record_text(record, "adapter.order", "xy"), "yx") == 0 ? GAD_BOX_YX : GAD_BOX_XY;
    *choices = c;
    return GAD_OK;
}
