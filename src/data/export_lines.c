/* export_lines: our own JSON lines: written, and read back (export.h). First a line per dataset, then one per sample. */
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "data/export_job.h"
#include "data/store_query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct lines {
    gad_export_job *job;
    FILE *stream;
    gad_string line;
} lines;

static gad_status put_line(lines *l, gad_error *err)
{
    gad_string_add(&l->line, "\n");
    if (l->line.failed)
        return gad_error_memory(err, "export", l->line.length);
    if (fwrite(l->line.data, 1, l->line.length, l->stream) != l->line.length)
        return gad_error_system(err, "export", l->job->settings->path, errno);
    gad_string_clear(&l->line);
    return GAD_OK;
}

static gad_status each_line(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    lines *l = user;
    (void)root;
    gad_status status = gad_sample_to_json(s, &l->line, err);
    l->job->report->samples++;
    l->job->report->boxes += (int64_t)s->box_count;
    return status ? status : put_line(l, err);
}

/* First a line per dataset: where its images are and whose they are. */
static gad_status dataset_lines(lines *l, gad_error *err)
{
    static const char *const keys[] = {"name", "root", "title", "license", "citation", "home"};
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(l->job->store, GAD_STORE_DATASETS, &rows, err);
    if (status)
        return status;
    gad_store_query_ask(rows, (const char *[GAD_STORE_VALUES]){l->job->settings->filter.dataset});
    status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        gad_string_add(&l->line, "{\"schema\":\"mmrad/1-dataset\"");
        for (int i = 0; i < 6; i++) {
            gad_string_addf(&l->line, ",\"%s\":", keys[i]);
            gad_string_add_json(&l->line, gad_store_query_text(rows, i));
        }
        gad_string_add(&l->line, "}");
        status = put_line(l, err);
        if (!status)
            status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

gad_status gad_export_lines(gad_export_job *job, gad_error *err)
{
    gad_file_writer writer;
    lines l = {.job = job};
    gad_status status = gad_file_writer_open(&writer, job->settings->path, err);
    if (status)
        return status;
    l.stream = writer.stream;
    status = dataset_lines(&l, err);
    if (!status)
        status = gad_export_job_each(job, each_line, &l, err);
    gad_string_free(&l.line);
    if (status) {
        gad_file_writer_discard(&writer);
        return status;
    }
    return gad_file_writer_commit(&writer, err);
}

/* ---- reading them back ---- */

static gad_status read_dataset(gad_store *store, const json_t *o, const char *where, const char *root, gad_error *err)
{
    gad_store_dataset d = {0};
    const char **const fields[] = {&d.name, &d.root, &d.title, &d.license, &d.citation, &d.home};
    static const char *const keys[] = {"name", "root", "title", "license", "citation", "home"};
    gad_status status = GAD_OK;
    for (int i = 0; i < 6 && !status; i++)
        status = gad_json_get_string(o, keys[i], where, "", fields[i], err);
    if (root)
        d.root = root;
    return status ? status : gad_store_put_dataset(store, &d, err);
}

static gad_status read_sample(gad_store *store, const json_t *o, const char *where, gad_data_imported *report,
                              gad_error *err)
{
    gad_sample s = {0};
    gad_store_change change = GAD_STORE_ADDED;
    gad_status status = gad_sample_from_json(o, where, &s, err);
    if (!status)
        status = gad_store_put(store, &s, &change, err);
    if (!status) {
        report->images++;
        report->boxes += (int64_t)s.box_count;
        *(s.label ? &report->anomalous : &report->normal) += 1;
        *(change == GAD_STORE_ADDED     ? &report->added
          : change == GAD_STORE_CHANGED ? &report->changed
                                        : &report->unchanged) += 1;
    }
    gad_sample_free(&s);
    return status;
}

static gad_status read_line(gad_store *store, const json_t *o, const char *where, const char *root,
                            gad_data_imported *report, gad_error *err)
{
    const char *schema = "";
    gad_status status = gad_json_get_string(o, "schema", where, "", &schema, err);
    if (status)
        return status;
    return strcmp(schema, "mmrad/1-dataset") == 0 ? read_dataset(store, o, where, root, err)
                                                  : read_sample(store, o, where, report, err);
}

gad_status gad_export_read(gad_store *store, const char *path, const char *root, gad_data_imported *report, gad_error *err)
{
    gad_json_lines input;
    json_t *o = NULL;
    *report = (gad_data_imported){0};
    gad_status status = gad_json_lines_open(&input, path, err);
    if (status || (status = gad_store_begin(store, err))) {
        gad_json_lines_close(&input);
        return status;
    }
    while (!status && !(status = gad_json_lines_next(&input, &o, err)) && o) {
        char where[700];
        snprintf(where, sizeof where, "%.600s: line %lld", path, (long long)input.number);
        status = read_line(store, o, where, root, report, err);
        json_decref(o);
    }
    gad_json_lines_close(&input);
    if (!status)
        return gad_store_commit(store, err);
    gad_store_rollback(store);
    return status;
}
