/* export_annotations: COCO and Label Studio JSON. See export.h. Written as a stream: COCO's two lists are two walks. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/export_job.h"
#include "data/rle.h"
#include "data/store_query.h"
#include "io/image.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct writer {
    gad_export_job *job;
    FILE *stream;
    gad_string text;
    gad_store_rows *category; /* number of a label */
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
    w->text.failed = w->text.failed || path.failed;
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

/* The run lengths that an import kept, those of one label together. */
static gad_status kept_mask(const gad_sample *s, const char *label, unsigned char *mask, bool *found, gad_error *err)
{
    size_t i, pixels = (size_t)s->width * (size_t)s->height;
    const json_t *item;
    gad_error other_frame;
    json_t *meta = json_loads(s->meta, 0, NULL);
    unsigned char *one = gad_memory_alloc(pixels, 1);
    gad_status status = one ? GAD_OK : gad_error_memory(err, "export", pixels);
    json_array_foreach (json_object_get(meta, "segmentation"), i, item) {
        char name[128];
        const char *given = json_string_value(json_object_get(item, "label"));
        snprintf(name, sizeof name, "%s", given ? given : "");
        gad_sample_normalise(name);
        if (status || strcmp(name, label) != 0)
            continue;
        if (gad_rle_read(item, s->width, s->height, s->id, one, &other_frame))
            continue; /* of the picture before it was turned upright */
        for (size_t k = 0; k < pixels; k++)
            mask[k] |= one[k];
        *found = true;
    }
    gad_memory_free(one);
    json_decref(meta);
    return status;
}

/* The set pixels of a sample for one label: from its mask file, or as kept. *found false: there are none to be had (the
 * several files of MVTec LOCO are not kept). */
static gad_status load_mask(const gad_sample *s, const char *root, const char *label, unsigned char *mask, bool *found,
                            gad_error *err)
{
    size_t pixels = (size_t)s->width * (size_t)s->height;
    memset(mask, 0, pixels);
    *found = false;
    if (!s->mask)
        return s->meta ? kept_mask(s, label, mask, found, err) : GAD_OK;
    if (s->mask_encoding && strcmp(s->mask_encoding, "loco") == 0)
        return GAD_OK;
    gad_image image = {0};
    bool index = s->mask_encoding && strcmp(s->mask_encoding, "index") == 0;
    char *path = gad_file_join(root, s->mask);
    gad_status status =
        path ? gad_image_load_mask(path, index ? GAD_IMAGE_PALETTE_INDEX : GAD_IMAGE_PALETTE_COLOUR, &image, err)
             : gad_error_memory(err, "export", 0);
    int left = s->crop[2] > s->crop[0] ? s->crop[0] : 0, top = s->crop[2] > s->crop[0] ? s->crop[1] : 0;
    /* A mask of another size was resized for its boxes; here it says nothing exact. */
    bool fits = !status && left + s->width <= image.width && top + s->height <= image.height &&
                (s->crop[2] > s->crop[0] || (image.width == s->width && image.height == s->height));
    for (int y = 0; y < s->height && fits; y++)
        for (int x = 0; x < s->width; x++)
            mask[(size_t)y * (size_t)s->width + (size_t)x] =
                image.pixels[(int64_t)(y + top) * image.width + x + left] > s->mask_threshold;
    *found = fits;
    gad_image_free(&image);
    gad_memory_free(path);
    return status;
}

/* "segmentation": the box's outline, or the mask's run lengths inside the box. */
static gad_status add_segmentation(writer *w, const gad_sample *s, const gad_sample_box *b, const char *root,
                                   gad_error *err)
{
    const gad_box p = b->box;
    bool found = false;
    gad_status status = GAD_OK;
    gad_string_add(&w->text, ",\"segmentation\":");
    if (w->job->settings->masks) {
        size_t pixels = (size_t)s->width * (size_t)s->height;
        unsigned char *mask = gad_memory_alloc(pixels ? pixels : 1, 1);
        status = mask ? load_mask(s, root, b->label, mask, &found, err) : gad_error_memory(err, "export", pixels);
        if (!status && found)
            gad_rle_write(mask, s->width, s->height, b->box, &w->text);
        gad_memory_free(mask);
    }
    if (!status && !found)
        gad_string_addf(&w->text, "[[%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f]]", p.x1, p.y1, p.x2, p.y1, p.x2, p.y2, p.x1,
                        p.y2);
    return status;
}

static gad_status coco_boxes(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    w->image++;
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_sample_box *b = &s->boxes[i];
        bool row = false;
        gad_store_query_ask(w->category, (const char *[GAD_STORE_VALUES]){b->label});
        gad_status status = gad_store_query_next(w->category, &row, err);
        if (status)
            return status;
        long long category = row ? (long long)gad_store_query_number(w->category, 0) : 1;
        gad_string_addf(&w->text,
                        "%s\n{\"id\":%lld,\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[%.0f,%.0f,%.0f,%.0f],"
                        "\"area\":%.0f,\"iscrowd\":0",
                        w->annotation ? "," : "", (long long)w->annotation + 1, (long long)w->image, category, b->box.x1,
                        b->box.y1, b->box.x2 - b->box.x1, b->box.y2 - b->box.y1,
                        b->area ? (double)b->area : gad_box_area(b->box));
        w->annotation++;
        if ((status = add_segmentation(w, s, b, root, err)))
            return status;
        gad_string_add(&w->text, "}");
    }
    w->job->report->boxes += (int64_t)s->box_count;
    return flush(w, err);
}

static gad_status coco_categories(writer *w, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = false;
    int64_t n = 0;
    gad_status status = gad_store_query_open(w->job->store, GAD_STORE_LABELS, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        gad_string_addf(&w->text, "%s\n{\"id\":%lld,\"name\":", n ? "," : "", (long long)n + 1);
        n++;
        gad_string_add_json(&w->text, gad_store_query_text(rows, 0));
        gad_string_add(&w->text, ",\"supercategory\":\"anomaly\"}");
        status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

static gad_status write_coco(writer *w, gad_error *err)
{
    gad_string_add(&w->text, "{\"info\":{\"description\":\"exported by gad\"},\"licenses\":[{\"id\":1,\"name\":\"as each "
                             "sample says\"}],\"categories\":[");
    gad_status status = coco_categories(w, err);
    gad_string_add(&w->text, "],\n\"images\":[");
    if (!status)
        status = gad_export_job_each(w->job, coco_image, w, err);
    gad_string_add(&w->text, "],\n\"annotations\":[");
    w->image = 0;
    /* The place of a label in the sorted list is its category. */
    if (!status)
        status = gad_store_query_open(w->job->store, GAD_STORE_LABEL_NUMBER, &w->category, err);
    if (!status)
        status = gad_export_job_each(w->job, coco_boxes, w, err);
    gad_string_add(&w->text, "]}\n");
    return status ? status : flush(w, err);
}

/* The rectangle that was turned to give this box: an import from Label Studio kept it. */
static bool find_rotated(const json_t *meta, const gad_sample_box *b, double rectangle[5])
{
    static const char *const keys[5] = {"x", "y", "width", "height", "rotation"};
    const json_t *item;
    size_t i;
    json_array_foreach (json_object_get(meta, "rotated"), i, item) {
        double r[5], low[2] = {INFINITY, INFINITY};
        for (int k = 0; k < 5; k++)
            r[k] = json_number_value(json_object_get(item, keys[k]));
        double c = cos(r[4] * acos(-1) / 180), s = sin(r[4] * acos(-1) / 180);
        for (int corner = 0; corner < 4; corner++) {
            double u = corner & 1 ? r[2] : 0, v = corner & 2 ? r[3] : 0;
            low[0] = fmin(low[0], r[0] + u * c - v * s);
            low[1] = fmin(low[1], r[1] + u * s + v * c);
        }
        if (fabs(r[4] - b->rotation) < 1e-9 && fabs(fmax(low[0], 0) - b->box.x1) <= 1 &&
            fabs(fmax(low[1], 0) - b->box.y1) <= 1) {
            memcpy(rectangle, r, sizeof r);
            return true;
        }
    }
    return false;
}

static void studio_region(writer *w, const gad_sample *s, const json_t *meta, size_t i)
{
    const gad_sample_box *b = &s->boxes[i];
    double r[5] = {b->box.x1, b->box.y1, b->box.x2 - b->box.x1, b->box.y2 - b->box.y1, 0};
    if (b->rotation != 0)
        find_rotated(meta, b, r);
    gad_string_addf(&w->text,
                    "%s{\"id\":\"b%zu\",\"type\":\"rectanglelabels\",\"from_name\":\"label\",\"to_name\":\"image\","
                    "\"original_width\":%d,\"original_height\":%d,\"image_rotation\":0,"
                    "\"value\":{\"x\":%.17g,\"y\":%.17g,\"width\":%.17g,\"height\":%.17g,\"rotation\":%.17g,"
                    "\"rectanglelabels\":[",
                    i ? "," : "", i, s->width, s->height, 100.0 * r[0] / s->width, 100.0 * r[1] / s->height,
                    100.0 * r[2] / s->width, 100.0 * r[3] / s->height, r[4]);
    gad_string_add_json(&w->text, b->label);
    gad_string_add(&w->text, "]}}");
}

static gad_status studio_task(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    json_t *meta = s->meta ? json_loads(s->meta, 0, NULL) : NULL;
    gad_string_addf(&w->text, "%s\n{\"id\":%lld,\"data\":{\"image\":", w->image ? "," : "", (long long)w->image + 1);
    w->image++;
    add_path(w, s, root);
    gad_string_add(&w->text, ",\"class\":");
    gad_string_add_json(&w->text, s->class_name);
    gad_string_add(&w->text, "},\"meta\":{\"mmrad\":");
    gad_status status = gad_sample_to_json(s, &w->text, err);
    gad_string_add(&w->text, "},\"annotations\":[{\"result\":[");
    for (size_t i = 0; i < s->box_count; i++)
        studio_region(w, s, meta, i);
    json_decref(meta);
    /* An anomaly without a box would look like an annotated good part. */
    if (s->label && !s->box_count) {
        gad_string_add(&w->text, "{\"id\":\"c0\",\"type\":\"choices\",\"from_name\":\"verdict\",\"to_name\":\"image\","
                                 "\"value\":{\"choices\":[");
        gad_string_add_json(&w->text, s->type_count ? s->types[0] : "anomaly");
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
        status = gad_export_job_each(job, studio_task, &w, err);
        gad_string_add(&w.text, "]\n");
        if (!status)
            status = flush(&w, err);
    }
    gad_store_query_close(w.category);
    gad_string_free(&w.text);
    if (status) {
        gad_file_writer_discard(&file);
        return status;
    }
    return gad_file_writer_commit(&file, err);
}
