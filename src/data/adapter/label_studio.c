/* label_studio: Label Studio JSON exports in a folder with their images. An image counts as annotated when a person's
 * annotation of it was not cancelled and all of it can be read. Tasks that gad exported carry whole samples: these come
 * back without loss, with the regions as they are now. */
#include "data/adapter/label_studio.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/find.h"
#include "data/guess.h"
#include "io/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024 };

/* ---- the image ---- */

/* The image that a task is about: data.image, else the only text in data that names a file. *why stays NULL for one. */
static gad_status find_picture(const gad_import *import, const json_t *data, char *path, size_t size_bytes,
                               const char **why, gad_error *err)
{
    const json_t *value = json_object_get(data, "image");
    const char *key;
    char other[PATH_BYTES];
    int count = 0;
    bool found;
    gad_status status = GAD_OK;
    if (json_is_string(value))
        return gad_find_image(import, json_string_value(value), NULL, path, size_bytes, &found, err);
    json_object_foreach ((json_t *)(uintptr_t)data, key, value) {
        if (!json_is_string(value) || status)
            continue;
        status = gad_find_image(import, json_string_value(value), NULL, other, sizeof other, &found, err);
        if (status || !found || !gad_import_is_image(other))
            continue;
        count++;
        snprintf(path, size_bytes, "%s", other);
    }
    if (count != 1)
        *why = count ? "several images in data: which is annotated is not known"
                     : "nothing in data names an image that is there";
    return status;
}

static int side(const json_t *item, const char *key)
{
    double value = json_number_value(json_object_get(item, key));
    return value > 0 && value < 1 << 24 ? (int)value : 0;
}

/* The size that percentages refer to: that of the file as it is seen, but the one that the annotation says when the file
 * was turned for it (EXIF). `stated` gets what the annotation says. */
static void find_size(const gad_import *import, const char *image, const json_t *result, int size[2], int stated[2])
{
    int64_t width = 0, height = 0;
    gad_error ignored;
    size_t i;
    const json_t *item;
    char *path = gad_file_join(gad_import_folder(import), image);
    stated[0] = stated[1] = 0;
    json_array_foreach (result, i, item) {
        if (!stated[0] || !stated[1]) {
            stated[0] = side(item, "original_width");
            stated[1] = side(item, "original_height");
        }
    }
    if (!path || gad_image_probe(path, &width, &height, &ignored))
        width = height = 0; /* the import says what is wrong with the file */
    gad_memory_free(path);
    bool use_stated = !width || (stated[0] == height && stated[1] == width);
    size[0] = use_stated && stated[0] ? stated[0] : (int)width;
    size[1] = use_stated && stated[1] ? stated[1] : (int)height;
}

/* ---- which annotations count ---- */

static const char *stamp_of(const json_t *annotation)
{
    const char *updated = json_string_value(json_object_get(annotation, "updated_at")),
               *created = json_string_value(json_object_get(annotation, "created_at"));
    return updated ? updated : created ? created : "";
}

/* The regions of the latest annotation that was not cancelled, or of all; a new reference. NULL: there is none. */
static json_t *counting_result(const gad_import *import, const json_t *task)
{
    const json_t *annotations = json_object_get(task, "annotations"), *annotation, *latest = NULL;
    json_t *all = NULL;
    size_t i;
    if (!json_is_array(annotations))
        annotations = json_object_get(task, "completions"); /* before version 1.0 */
    json_array_foreach (annotations, i, annotation) {
        const json_t *result = json_object_get(annotation, "result");
        if (json_is_true(json_object_get(annotation, "was_cancelled")) || !json_is_array(result))
            continue;
        if (!latest || strcmp(stamp_of(annotation), stamp_of(latest)) >= 0)
            latest = annotation;
        all = all ? all : json_array();
        if (gad_import_takes_every_annotation(import))
            json_array_extend(all, (json_t *)(uintptr_t)result);
    }
    if (latest && !gad_import_takes_every_annotation(import))
        json_array_extend(all, json_object_get(latest, "result"));
    return all;
}

/* ---- the verdict ---- */

static bool says_nothing(const char *choice)
{
    static const char *const words[] = {"unknown", "unsure", "not sure", "unclear", "skip", "uncertain"};
    char word[64];
    snprintf(word, sizeof word, "%s", choice);
    gad_sample_normalise(word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* The name of the defect; NULL: normal. */
static const char *type_of(const gad_label_studio_regions *r)
{
    if (r->count)
        return r->box[0].label;
    if (r->point_label)
        return r->point_label;
    return r->choice && !gad_sample_says_normal(r->choice) ? r->choice : NULL;
}

static gad_status note_regions(gad_import *import, const gad_label_studio_regions *r, const char *image, gad_error *err)
{
    gad_status status = GAD_OK;
    if (r->point_label)
        status = gad_import_note(import, GAD_IMPORT_BAD_BOX, image, err,
                                 "a key point has no extent: the image is anomalous without a box for it");
    if (!status && r->choice && gad_sample_says_normal(r->choice) && type_of(r))
        status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err,
                                 "\"%.60s\" was chosen, but defects are drawn: these count", r->choice);
    return status;
}

/* ---- tasks ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static gad_status add_regions(gad_import *import, const json_t *task, const char *image, const int stated[2],
                              const gad_label_studio_regions *r, const char *where, gad_error *err)
{
    const json_t *whole = json_object_get(json_object_get(task, "meta"), "mmrad");
    const char *class_name = text_of(json_object_get(task, "data"), "class");
    bool used = false;
    gad_import_truth truth = {r->box, (int)r->count, type_of(r) ? 1 : 0};
    gad_status status = json_is_object(whole) ? gad_import_put_whole(import, whole, &truth, where, &used, err) : GAD_OK;
    if (status || used)
        return status;
    if (!class_name)
        class_name = json_is_object(whole) ? text_of(whole, "class") : gad_file_name(gad_import_folder(import));
    char *meta = r->meta ? json_dumps(r->meta, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (r->meta && !meta)
        return gad_error_memory(err, "import a dataset", 0);
    gad_import_entry e = {.class_name = class_name ? class_name : "part",
                          .split = "train",
                          .type = type_of(r),
                          .image = image,
                          .view = -1,
                          .boxes = r->box,
                          .box_count = (int)r->count,
                          .no_truth = true,
                          .width = stated[0],
                          .height = stated[1],
                          .meta = meta};
    status = note_regions(import, r, image, err);
    if (!status)
        status = gad_import_add(import, &e, err);
    free(meta); /* jansson's own memory */
    return status;
}

static gad_status add_task(gad_import *import, const json_t *task, const char *where, gad_error *err)
{
    const json_t *data = json_object_get(task, "data");
    gad_label_studio_regions regions = {0};
    char image[PATH_BYTES];
    const char *why = NULL;
    int size[2], stated[2];
    gad_status status = find_picture(import, data, image, sizeof image, &why, err);
    if (status)
        return status;
    if (why)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, where, err, "task %lld: %s",
                               (long long)json_integer_value(json_object_get(task, "id")), why);
    json_t *result = counting_result(import, task);
    if (!result)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err,
                               "not annotated yet, or cancelled: the task was left out");
    find_size(import, image, result, size, stated);
    status = gad_label_studio_region_read(result, size[0], size[1], &regions, err);
    if (!status && !regions.unreadable[0] && regions.choice && says_nothing(regions.choice))
        snprintf(regions.unreadable, sizeof regions.unreadable, "\"%.60s\" was chosen", regions.choice);
    if (!status && regions.unreadable[0])
        status =
            gad_import_note(import, GAD_IMPORT_UNLABELLED, image, err, "%s: the image was left out", regions.unreadable);
    else if (!status)
        status = add_regions(import, task, image, stated, &regions, where, err);
    gad_label_studio_region_free(&regions);
    json_decref(result);
    return status;
}

/* ---- files ---- */

static gad_status check_form(const json_t *root, const char *path, gad_error *err)
{
    static const char hint[] = "export from Label Studio as JSON";
    const json_t *first = json_array_get(root, 0);
    if (!json_is_array(root))
        return gad_error_set(err, GAD_E_FORMAT, "import a dataset", hint, "%s: not a list of tasks", path);
    if (first && !json_is_object(json_object_get(first, "data")))
        return gad_error_set(err, GAD_E_FORMAT, "import a dataset", hint, "%s: %s", path,
                             json_object_get(first, "annotation_id") || json_object_get(first, "annotator")
                                 ? "looks like Label Studio's JSON-MIN, which does not say what shapes are"
                                 : "its entries are no tasks (they have no data)");
    return GAD_OK;
}

/* A file that is no export is `wrong`; it says so there. */
static gad_status read_file(gad_import *import, const char *name, gad_error *wrong, gad_error *err)
{
    json_t *root = NULL, *task;
    size_t k;
    char *path = gad_file_join(gad_import_folder(import), name);
    if (!path)
        return gad_error_memory(err, "import a dataset", 0);
    gad_status status = gad_json_load(path, &root, wrong), added = GAD_OK;
    if (!status)
        status = check_form(root, path, wrong);
    gad_memory_free(path);
    json_array_foreach (root, k, task) {
        if (!status && !added)
            added = add_task(import, task, name, err);
    }
    json_decref(root);
    if (status == GAD_E_MEMORY)
        return gad_error_memory(err, "import a dataset", 0);
    if (status)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, name, err, "left out: %.300s", wrong->cause);
    return added;
}

static gad_status read_label_studio(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_file_names names;
    gad_error first = {0};
    int files = 0, wrong_files = 0;
    gad_status status = gad_import_list(import, "", &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        gad_error wrong = {0};
        if (!gad_file_has_extension(names.name[i], "json"))
            continue;
        status = read_file(import, names.name[i], &wrong, err);
        files++;
        wrong_files += wrong.code != GAD_OK;
        first = wrong_files == 1 && wrong.code ? wrong : first;
    }
    gad_file_names_free(&names);
    if (status)
        return status;
    if (!files)
        return gad_guess_refuse(import, entry, "put the exported JSON file beside the images", err, "no JSON file");
    if (files == wrong_files) {
        if (err)
            *err = first;
        return first.code;
    }
    return GAD_OK;
}

const gad_catalog_entry gad_label_studio = {
    .name = "label-studio",
    .title = "folder with Label Studio JSON",
    .license = "your own",
    .citation = "",
    .home = "",
    .generic = true,
    .read = read_label_studio,
};
