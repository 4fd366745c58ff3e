/* export: see export.h. Here: the list of formats, the walk over the samples, and our own JSON lines. */
#include "data/export.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const NAMES[GAD_EXPORT_FORMATS] = {"jsonl", "mmr-ad",   "coco",          "label-studio",
                                                      "trl",   "ms-swift", "llama-factory", "llava"};

const char *gad_export_name(gad_export_format format)
{
    return NAMES[format];
}

gad_export_format gad_export_find(const char *name)
{
    int i = 0;
    while (i < GAD_EXPORT_FORMATS && strcmp(NAMES[i], name) != 0)
        i++;
    return (gad_export_format)i;
}

gad_export_settings gad_export_default(void)
{
    return (gad_export_settings){.filter = gad_store_everything(),
                                 .seed = 1,
                                 .domain_share = 0.3,
                                 .convention = GAD_BOX_CANVAS,
                                 .min_pixels = 3136,
                                 .max_pixels = 12845056,
                                 .factor = 28};
}

gad_status gad_export_each(gad_export_job *job,
                           gad_status (*each)(void *user, const gad_sample *sample, const char *root, gad_error *err),
                           void *user, gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_sample s = {0};
    char *root = NULL, *root_of = NULL;
    bool found = true;
    int64_t total = 0, done = 0;
    gad_status status = gad_store_count(job->store, &job->settings->filter, &total, err);
    gad_progress_meter meter = gad_progress_start(job->settings->progress, "export", total);
    if (!status && !total)
        status = gad_error_set(err, GAD_E_ARGUMENT, "export", "gad data stats shows what is there", "no samples fit");
    if (!status)
        status = gad_store_select(job->store, &job->settings->filter, &cursor, err);
    while (!status && found) {
        status = gad_store_next(cursor, &s, &found, err);
        if (status || !found)
            break;
        if (!root_of || strcmp(root_of, s.dataset) != 0) {
            gad_memory_free(root);
            root = NULL;
            status = gad_sample_set(&root_of, s.dataset) ? gad_store_root(job->store, s.dataset, &root, err)
                                                         : gad_error_memory(err, "export", 0);
        }
        if (!status)
            status = each(user, &s, root, err);
        if (!status && !gad_progress_update(&meter, ++done))
            status = gad_error_set(err, GAD_E_CANCELLED, "export", NULL, "cancelled; nothing was written");
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    gad_memory_free(root);
    gad_memory_free(root_of);
    return status;
}

/* ---- JSON lines ---- */

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
    gad_sqlite_statement *s = NULL;
    bool row = false;
    gad_status status = gad_sqlite_prepare(
        gad_store_database(l->job->store),
        "SELECT name,root,title,license,citation,home FROM dataset WHERE ?1 IS NULL OR name=?1 ORDER BY name", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, l->job->settings->filter.dataset);
    status = gad_sqlite_step(s, &row, err);
    while (!status && row) {
        gad_string_add(&l->line, "{\"schema\":\"mmrad/1-dataset\"");
        for (int i = 0; i < 6; i++) {
            const char *value = gad_sqlite_text(s, i);
            gad_string_addf(&l->line, ",\"%s\":", keys[i]);
            gad_string_add_json(&l->line, value ? value : "");
        }
        gad_string_add(&l->line, "}");
        status = put_line(l, err);
        if (!status)
            status = gad_sqlite_step(s, &row, err);
    }
    gad_sqlite_finish(s);
    return status;
}

static gad_status write_lines(gad_export_job *job, gad_error *err)
{
    gad_file_writer writer;
    lines l = {.job = job};
    gad_status status = gad_file_writer_open(&writer, job->settings->path, err);
    if (status)
        return status;
    l.stream = writer.stream;
    status = dataset_lines(&l, err);
    if (!status)
        status = gad_export_each(job, each_line, &l, err);
    gad_string_free(&l.line);
    if (status) {
        gad_file_writer_discard(&writer);
        return status;
    }
    return gad_file_writer_commit(&writer, err);
}

gad_status gad_export_run(gad_store *store, const gad_export_settings *settings, gad_export_report *report, gad_error *err)
{
    gad_export_job job = {store, settings, report};
    *report = (gad_export_report){0};
    if (!settings->path || !settings->path[0])
        return gad_error_set(err, GAD_E_ARGUMENT, "export", NULL, "no file name");
    switch (settings->format) {
    case GAD_EXPORT_JSONL: return write_lines(&job, err);
    case GAD_EXPORT_MMR_AD: return gad_export_folders(&job, err);
    case GAD_EXPORT_COCO:
    case GAD_EXPORT_LABEL_STUDIO: return gad_export_annotations(&job, err);
    default: return gad_export_chat(&job, err);
    }
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

static gad_status read_sample(gad_store *store, const json_t *o, const char *where, gad_export_report *report,
                              gad_error *err)
{
    gad_sample s = {0};
    gad_store_change change = GAD_STORE_ADDED;
    gad_status status = gad_sample_from_json(o, where, &s, err);
    if (!status)
        status = gad_store_put(store, &s, &change, err);
    if (!status) {
        report->samples++;
        report->boxes += (int64_t)s.box_count;
        report->anomalous += s.label;
        *(change == GAD_STORE_ADDED     ? &report->added
          : change == GAD_STORE_CHANGED ? &report->changed
                                        : &report->unchanged) += 1;
    }
    gad_sample_free(&s);
    return status;
}

static gad_status read_line(gad_store *store, const json_t *o, const char *where, const char *root,
                            gad_export_report *report, gad_error *err)
{
    const char *schema = "";
    gad_status status = gad_json_get_string(o, "schema", where, "", &schema, err);
    if (status)
        return status;
    return strcmp(schema, "mmrad/1-dataset") == 0 ? read_dataset(store, o, where, root, err)
                                                  : read_sample(store, o, where, report, err);
}

gad_status gad_export_read(gad_store *store, const char *path, const char *root, gad_export_report *report, gad_error *err)
{
    gad_json_lines input;
    json_t *o = NULL;
    *report = (gad_export_report){0};
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
