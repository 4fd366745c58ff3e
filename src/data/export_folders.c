/* export_folders: the folders of the MMR-AD release: DATASET/CLASS/{train_good,test_good,test/TYPE,ground_truth/TYPE} with
 * bbox_annos.json, text_annos.json, reference.json. See export.h. Images are links unless copies are wanted; boxes are on
 * the annotation canvas, and every entry carries the whole sample besides. */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/canvas_image.h"
#include "data/export_check.h"
#include "data/export_job.h"
#include "data/seen.h"
#include "data/store_query.h"
#include "task/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

/* The class that is being written: one at a time, as samples come class by class. */
typedef struct writer {
    gad_export_job *job;
    char *dataset, *class_name;
    json_t *boxes, *texts, *references;
    gad_seen names; /* of files, each with the hash of the id that it was given to */
} writer;

static gad_status write_json(const writer *w, const char *name, const json_t *value, gad_error *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s/%s/%s", w->job->settings->path, w->dataset, w->class_name, name);
    gad_status status = w->job->settings->force ? GAD_OK : gad_export_check(path, err);
    return status ? status : gad_json_write(path, value, err);
}

static gad_status close_class(writer *w, gad_error *err)
{
    gad_status status = GAD_OK;
    if (w->class_name) {
        status = write_json(w, "bbox_annos.json", w->boxes, err);
        if (!status)
            status = write_json(w, "text_annos.json", w->texts, err);
        if (!status)
            status = write_json(w, "reference.json", w->references, err);
    }
    json_decref(w->boxes);
    json_decref(w->texts);
    json_decref(w->references);
    w->boxes = w->texts = w->references = NULL;
    gad_sample_set(&w->dataset, NULL);
    gad_sample_set(&w->class_name, NULL);
    return status;
}

static gad_status open_class(writer *w, const gad_sample *s, gad_error *err)
{
    if (w->class_name && strcmp(w->dataset, s->dataset) == 0 && strcmp(w->class_name, s->class_name) == 0)
        return GAD_OK;
    gad_status status = close_class(w, err);
    if (status)
        return status;
    w->boxes = json_array();
    w->texts = json_array();
    w->references = json_object();
    if (!w->boxes || !w->texts || !w->references || !gad_sample_set(&w->dataset, s->dataset) ||
        !gad_sample_set(&w->class_name, s->class_name))
        return gad_error_memory(err, "export", 0);
    return GAD_OK;
}

static gad_hash hash_text(const char *text)
{
    return gad_hash_bytes(text, strlen(text));
}

/* The name of a file for what an id has after split and type. Two ids that would get one name are told apart by a hash. */
static gad_status name_of(writer *w, const gad_sample *s, const char *folder, char *name, size_t size_bytes, gad_error *err)
{
    char full[2 * PATH_BYTES];
    bool is_new;
    size_t before = strlen(s->dataset) + strlen(s->class_name) + 2;
    const char *rest = strlen(s->id) > before ? s->id + before : gad_file_name(s->id),
               *extension = s->crop[2] > s->crop[0] ? "png" : gad_file_extension(s->image);
    for (int i = 0; i < 2 && strchr(rest, '/'); i++)
        rest = strchr(rest, '/') + 1;
    gad_hash owner = hash_text(s->id);
    snprintf(name, size_bytes, "%.400s.%s", rest, extension);
    for (char *c = name; *c; c++)
        *c = *c == '/' || *c == '#' ? '_' : *c;
    snprintf(full, sizeof full, "%s/%s/%s/%s", s->dataset, s->class_name, folder, name);
    const gad_hash *given = gad_seen_claim(&w->names, hash_text(full), owner, &is_new);
    if (!given)
        return gad_error_memory(err, "export", w->names.count);
    if (!gad_hash_equal(*given, owner)) {
        char *end = name + strlen(name) - strlen(extension) - 1;
        snprintf(end, size_bytes - (size_t)(end - name), "_%08x.%s", (unsigned)owner.low, extension);
    }
    return GAD_OK;
}

/* The folder of a sample inside its class, and its name there: "test/dent", "000.png". */
static gad_status place(writer *w, const gad_sample *s, char *folder, char *name, size_t size_bytes, gad_error *err)
{
    const char *type = s->type_count ? s->types[0] : "anomaly";
    if (s->label)
        snprintf(folder, size_bytes, "test/%s", type);
    else
        snprintf(folder, size_bytes,
                 strcmp(s->split, "train") == 0 || strcmp(s->split, "val") == 0 || strcmp(s->split, "reference") == 0
                     ? "train_good"
                     : "test_good");
    for (char *c = folder + (s->label ? 5 : 0); *c; c++)
        *c = *c == ' ' || *c == '/' ? '_' : *c;
    gad_status status = name_of(w, s, folder, name, size_bytes, err);
    const char *const parts[4] = {s->dataset, s->class_name, folder, name};
    for (int i = 0; i < 4 && !status; i++)
        if (!gad_file_stays_inside(parts[i]))
            status = gad_error_set(err, GAD_E_FORMAT, "export", "correct it in the data set and import it again",
                                   "%s: \"%s\" is no name for a file or folder", s->id, parts[i]);
    return status;
}

static bool same_content(const char *a, const char *b)
{
    gad_hash x, y;
    return !gad_hash_file(a, &x, NULL) && !gad_hash_file(b, &y, NULL) && gad_hash_equal(x, y);
}

/* Bring a file to its place: a view is cut out, else a link or a copy. */
static gad_status bring(const writer *w, const gad_sample *s, const char *root, const char *relative, const char *to,
                        gad_error *err)
{
    char from[PATH_BYTES];
    snprintf(from, sizeof from, "%s/%s", root, relative);
    if (s->crop[2] > s->crop[0]) {
        gad_image image = {0};
        gad_status status = gad_canvas_image_load(root, relative, s->crop, 0, &image, err);
        if (!status)
            status = gad_image_save_png(&image, to, err);
        gad_image_free(&image);
        return status;
    }
    struct stat info;
    bool there = lstat(to, &info) == 0, link = there && S_ISLNK(info.st_mode);
    if (there && !link && !w->job->settings->force && !same_content(from, to))
        return gad_error_set(err, GAD_E_ARGUMENT, "export", "give another folder, or --force to replace it",
                             "%s: is there already, and is not the image that goes there", to);
    if (there)
        unlink(to);
    if (w->job->settings->copy)
        return gad_file_copy(from, to, err);
    return symlink(from, to) ? gad_error_system(err, "link an image", to, errno) : GAD_OK;
}

static json_t *whole_sample(const gad_sample *s)
{
    gad_string line = {0};
    gad_error ignored;
    json_t *value = gad_sample_to_json(s, &line, &ignored) ? NULL : json_loads(line.data, 0, NULL);
    gad_string_free(&line);
    return value;
}

static gad_status add_annotations(writer *w, const gad_sample *s, const char *folder, const char *name, gad_error *err)
{
    char key[PATH_BYTES], path[PATH_BYTES];
    const char *type = s->label ? folder + 5 : folder;
    int canvas_w = 0, canvas_h = 0;
    gad_box_canvas(s->width, s->height, &canvas_w, &canvas_h);
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, s->width, s->height, 0, 0);
    gad_answer_item items[64];
    size_t n = s->box_count < 64 ? s->box_count : 64;
    json_t *boxes = json_array();
    for (size_t i = 0; i < n; i++) {
        const gad_sample_box *b = &s->boxes[i];
        items[i] = (gad_answer_item){gad_box_to_model(&frame, b->box), b->label};
        const double *v = items[i].box.value;
        json_array_append_new(boxes, json_pack("{s:[i,i,i,i],s:s}", "bbox_2d", (int)v[0], (int)v[1], (int)v[2], (int)v[3],
                                               "label", b->label));
    }
    snprintf(key, sizeof key, "%s-%s", type, name);
    snprintf(path, sizeof path, "%s/%s/%s", gad_file_name(s->class_name), folder, name);
    json_t *entry = json_pack("{s:s,s:o,s:i,s:i,s:o*}", "name", key, "bboxes", boxes, "resized_width", canvas_w,
                              "resized_height", canvas_h, "mmrad", whole_sample(s));
    gad_status status = !entry || json_array_append_new(w->boxes, entry) ? gad_error_memory(err, "export", 0) : GAD_OK;
    if (!status && s->think && (!s->label || n)) {
        gad_string text = {0};
        status = gad_answer_write(s->think, s->label == 1, items, n, &text, err);
        if (!status &&
            json_array_append_new(w->texts, json_pack("{s:s,s:s,s:s}", "name", key, "ref-name",
                                                      s->reference_count ? gad_file_name(s->references[0].path) : "",
                                                      "text", text.data)))
            status = gad_error_memory(err, "export", text.length);
        gad_string_free(&text);
    }
    return status;
}

/* References as paths of the exported tree; those that are not in the store cannot be named. */
static gad_status add_references(writer *w, const gad_sample *s, const char *folder, const char *name, gad_error *err)
{
    char path[PATH_BYTES], other_folder[PATH_BYTES / 2], other_name[PATH_BYTES / 2], view[16];
    gad_store_rows *rows = NULL;
    json_t *list = json_array();
    gad_status status = gad_store_query_open(w->job->store, GAD_STORE_IMAGE, &rows, err);
    snprintf(view, sizeof view, "%d", s->view);
    for (size_t i = 0; i < s->reference_count && !status; i++) {
        bool row = false;
        gad_store_query_ask(rows, (const char *[GAD_STORE_VALUES]){s->dataset, s->class_name, s->references[i].path, view});
        status = gad_store_query_next(rows, &row, err);
        if (!status && row) {
            gad_sample other = {.id = (char *)gad_store_query_text(rows, 0),
                                .split = (char *)gad_store_query_text(rows, 1),
                                .dataset = s->dataset,
                                .class_name = s->class_name,
                                .image = s->references[i].path};
            memcpy(other.crop, s->crop, sizeof other.crop);
            status = place(w, &other, other_folder, other_name, sizeof other_folder, err);
            snprintf(path, sizeof path, "%s/%s/%s", gad_file_name(s->class_name), other_folder, other_name);
            if (!status && json_array_append_new(list, json_string(path)))
                status = gad_error_memory(err, "export", 0);
        }
    }
    gad_store_query_close(rows);
    snprintf(path, sizeof path, "%s/%s/%s", gad_file_name(s->class_name), folder, name);
    if (json_array_size(list))
        json_object_set(w->references, path, list);
    json_decref(list);
    return status;
}

static gad_status each_sample(void *user, const gad_sample *s, const char *root, gad_error *err)
{
    writer *w = user;
    char folder[PATH_BYTES / 2], name[PATH_BYTES / 2], path[2 * PATH_BYTES];
    gad_status status = open_class(w, s, err);
    if (!status)
        status = place(w, s, folder, name, sizeof folder, err);
    if (status)
        return status;
    snprintf(path, sizeof path, "%s/%s/%s/%s", w->job->settings->path, s->dataset, s->class_name, folder);
    if (!status)
        status = gad_file_make_directory(path, err);
    snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
    if (!status)
        status = bring(w, s, root, s->image, path, err);
    if (!status && s->mask && s->label && !(s->crop[2] > s->crop[0])) {
        size_t stem = strlen(name) - strlen(gad_file_extension(name)) - 1;
        snprintf(path, sizeof path, "%s/%s/%s/ground_truth/%s", w->job->settings->path, s->dataset, s->class_name,
                 folder + 5);
        status = gad_file_make_directory(path, err);
        snprintf(path + strlen(path), sizeof path - strlen(path), "/%.*s_mask.%s", (int)stem, name,
                 gad_file_extension(s->mask));
        if (!status)
            status = bring(w, s, root, s->mask, path, err);
    }
    if (!status)
        status = add_annotations(w, s, folder, name, err);
    if (!status && s->reference_count)
        status = add_references(w, s, folder, name, err);
    w->job->report->samples++;
    w->job->report->boxes += (int64_t)s->box_count;
    return status;
}

gad_status gad_export_folders(gad_export_job *job, gad_error *err)
{
    writer w = {.job = job};
    gad_export_settings by_class = *job->settings;
    gad_export_job ordered = {job->store, &by_class, job->report};
    by_class.filter.by_class = true;
    gad_status status = gad_export_job_each(&ordered, each_sample, &w, err);
    gad_status closed = close_class(&w, status ? NULL : err);
    gad_seen_free(&w.names);
    return status ? status : closed;
}
