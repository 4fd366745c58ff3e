/* export_annotations: COCO and Label Studio JSON. See export.h. Written as a stream: COCO's two lists are two walks. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct writer {
    gad_export_job *job;
    FILE *stream;
    gad_string text;
    gad_sqlite_statement *category; /* number of a label */
    int64_t image, annotation;
} writer;

static gad_status flush(writer *w, gad_error *err)
{
    if (w->text.failed)
        return gad_error_memory(err, "export", w->text.length);
    if (w->text.length && fwrite(w->text.data, 1, w->text.length, w->stream) != w->text.length)
        return gad_error_system(err, "export", w->job->settings->path, errno);
    gad_string_clear(&w->text);
    return GAD_OK;
}

/* The path as the file itself can find it when it lies in the dataset's folder; with several datasets, from the root of the
 * file system. */
static void add_path(writer *w, const gad_sample *s, const char *root)
{
    gad_string path = {0};
    if (w->job->settings->filter.dataset)
        gad_string_add(&path, s->image);
    else
        gad_string_addf(&path, "%s/%s", root, s->image);
    gad_string_add_json(&w->text, gad_string_text(&path));
    gad_string_free(&path);
}

static gad_status coco_image(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    gad_string_addf(&w->text, "%s\n{\"id\":%lld,\"file_name\":", w->image ? "," : "", (long long)w->image + 1);
    w->image++;
    add_path(w, s, root);
    gad_string_addf(&w->text, ",\"width\":%d,\"height\":%d,\"license\":1,\"mmrad\":", s->width, s->height);
    gad_status status = gad_sample_to_json(s, &w->text, err);
    gad_string_add(&w->text, "}");
    w->job->report->samples++;
    return status ? status : flush(w, err);
}

static gad_status coco_boxes(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    (void)root;
    w->image++;
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_sample_box *b = &s->boxes[i];
        bool row = false;
        int width = b->x2 - b->x1, height = b->y2 - b->y1;
        gad_sqlite_bind_text(w->category, 1, b->label);
        gad_status status = gad_sqlite_step(w->category, &row, err);
        if (status)
            return status;
        long long category = row ? (long long)gad_sqlite_int(w->category, 0) : 1;
        gad_sqlite_reset(w->category);
        gad_string_addf(&w->text,
                        "%s\n{\"id\":%lld,\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[%d,%d,%d,%d],\"area\":%lld,"
                        "\"iscrowd\":0,\"segmentation\":[[%d,%d,%d,%d,%d,%d,%d,%d]]}",
                        w->annotation ? "," : "", (long long)w->annotation + 1, (long long)w->image, category, b->x1, b->y1,
                        width, height, (long long)(b->area ? b->area : (int64_t)width * height), b->x1, b->y1, b->x2, b->y1,
                        b->x2, b->y2, b->x1, b->y2);
        w->annotation++;
    }
    w->job->report->boxes += (int64_t)s->box_count;
    return flush(w, err);
}

static gad_status coco_categories(writer *w, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    bool row = false;
    int64_t n = 0;
    gad_status status =
        gad_sqlite_prepare(gad_store_database(w->job->store), "SELECT DISTINCT label FROM box ORDER BY label", &s, err);
    if (!status)
        status = gad_sqlite_step(s, &row, err);
    while (!status && row) {
        gad_string_addf(&w->text, "%s\n{\"id\":%lld,\"name\":", n ? "," : "", (long long)n + 1);
        n++;
        gad_string_add_json(&w->text, gad_sqlite_text(s, 0));
        gad_string_add(&w->text, ",\"supercategory\":\"anomaly\"}");
        status = gad_sqlite_step(s, &row, err);
    }
    gad_sqlite_finish(s);
    return status;
}

static gad_status write_coco(writer *w, gad_error *err)
{
    gad_string_add(&w->text, "{\"info\":{\"description\":\"exported by gad\"},\"licenses\":[{\"id\":1,\"name\":\"as each "
                             "sample says\"}],\"categories\":[");
    gad_status status = coco_categories(w, err);
    gad_string_add(&w->text, "],\n\"images\":[");
    if (!status)
        status = gad_export_each(w->job, coco_image, w, err);
    gad_string_add(&w->text, "],\n\"annotations\":[");
    w->image = 0;
    /* The place of a label in the sorted list is its category. */
    if (!status)
        status = gad_sqlite_prepare(gad_store_database(w->job->store),
                                    "SELECT count(DISTINCT label) FROM box WHERE label<=?", &w->category, err);
    if (!status)
        status = gad_export_each(w->job, coco_boxes, w, err);
    gad_string_add(&w->text, "]}\n");
    return status ? status : flush(w, err);
}

static gad_status studio_task(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    gad_string_addf(&w->text, "%s\n{\"id\":%lld,\"data\":{\"image\":", w->image ? "," : "", (long long)w->image + 1);
    w->image++;
    add_path(w, s, root);
    gad_string_add(&w->text, ",\"class\":");
    gad_string_add_json(&w->text, s->class_name);
    gad_string_add(&w->text, "},\"meta\":{\"mmrad\":");
    gad_status status = gad_sample_to_json(s, &w->text, err);
    gad_string_add(&w->text, "},\"annotations\":[{\"result\":[");
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_sample_box *b = &s->boxes[i];
        gad_string_addf(
            &w->text,
            "%s{\"id\":\"b%zu\",\"type\":\"rectanglelabels\",\"from_name\":\"label\",\"to_name\":\"image\",\"original_"
            "width\":%d,\"original_height\":%d,\"image_rotation\":0,"
            "\"value\":{\"x\":%.17g,\"y\":%.17g,\"width\":%.17g,\"height\":%.17g,\"rotation\":0,\"rectanglelabels\":[",
            i ? "," : "", i, s->width, s->height, 100.0 * b->x1 / s->width, 100.0 * b->y1 / s->height,
            100.0 * (b->x2 - b->x1) / s->width, 100.0 * (b->y2 - b->y1) / s->height);
        gad_string_add_json(&w->text, b->label);
        gad_string_add(&w->text, "]}}");
    }
    gad_string_add(&w->text, "]}]}");
    w->job->report->samples++;
    w->job->report->boxes += (int64_t)s->box_count;
    return status ? status : flush(w, err);
}

gad_status gad_export_annotations(gad_export_job *job, gad_error *err)
{
    gad_file_writer file;
    writer w = {.job = job};
    gad_status status = gad_file_writer_open(&file, job->settings->path, err);
    if (status)
        return status;
    w.stream = file.stream;
    if (job->settings->format == GAD_EXPORT_COCO) {
        status = write_coco(&w, err);
    } else {
        gad_string_add(&w.text, "[");
        status = gad_export_each(job, studio_task, &w, err);
        gad_string_add(&w.text, "]\n");
        if (!status)
            status = flush(&w, err);
    }
    gad_sqlite_finish(w.category);
    gad_string_free(&w.text);
    if (status) {
        gad_file_writer_discard(&file);
        return status;
    }
    return gad_file_writer_commit(&file, err);
}
