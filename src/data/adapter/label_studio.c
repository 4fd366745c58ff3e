/* label_studio: Label Studio JSON exports (rectangles in per cent) in a folder with their images. Tasks that gad exported
 * carry whole samples and come back without loss. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"

#include <stdio.h>
#include <string.h>

enum { MOST_BOXES = 512 };

/* The file that a task's image value means: "/data/local-files/?d=a/b.png", "/data/upload/1/b.png", an URL, or a path. */
static const char *find_image(const gad_import *import, const char *value, char *path, size_t size_bytes)
{
    const char *local = strstr(value, "?d=");
    const char *candidate = local ? local + 3 : value;
    for (const char *at = candidate; at; at = strchr(at, '/')) {
        at += *at == '/';
        snprintf(path, size_bytes, "%s", at);
        if (at[0] && gad_import_exists(import, path))
            return path;
        snprintf(path, size_bytes, "images/%s", at);
        if (at[0] && gad_import_exists(import, path))
            return path;
    }
    /* An upload gets a hash in front of its name: "3f2a1b-part7.png". */
    const char *name = gad_file_name(candidate), *dash = strchr(name, '-');
    snprintf(path, size_bytes, "%s", dash ? dash + 1 : name);
    if (gad_import_exists(import, path))
        return path;
    snprintf(path, size_bytes, "%s", name);
    return path;
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static int read_result(const json_t *result, gad_import_box *boxes, int *width, int *height)
{
    int count = 0;
    size_t i;
    const json_t *item;
    json_array_foreach (result, i, item) {
        const json_t *value = json_object_get(item, "value"), *labels = json_object_get(value, "rectanglelabels");
        const json_t *type = json_object_get(item, "type");
        if (count == MOST_BOXES || !json_is_string(type) || strcmp(json_string_value(type), "rectanglelabels") != 0)
            continue;
        double w = number_of(item, "original_width"), h = number_of(item, "original_height");
        *width = w > 0 && w < 1 << 24 ? (int)w : 0;
        *height = h > 0 && h < 1 << 24 ? (int)h : 0;
        double x = number_of(value, "x") * w / 100, y = number_of(value, "y") * h / 100,
               bw = number_of(value, "width") * w / 100, bh = number_of(value, "height") * h / 100;
        const json_t *first = json_array_get(labels, 0);
        /* Percentages come with rounding errors: a thousandth of a pixel must not push a box outwards by one. */
        boxes[count++] = (gad_import_box){x + 1e-3,
                                          y + 1e-3,
                                          x + bw - 1e-3,
                                          y + bh - 1e-3,
                                          json_is_string(first) ? json_string_value(first) : "anomaly",
                                          "manual",
                                          NULL,
                                          number_of(value, "rotation"),
                                          0};
    }
    return count;
}

static const char *choice_of(const json_t *task, const char *key)
{
    const json_t *value = json_object_get(json_object_get(task, "data"), key);
    return json_is_string(value) ? json_string_value(value) : NULL;
}

static gad_status add_task(gad_import *import, const json_t *task, const char *where, gad_error *err)
{
    const json_t *whole = json_object_get(json_object_get(task, "meta"), "mmrad");
    if (json_is_object(whole)) {
        gad_sample sample = {0};
        gad_status status = gad_sample_from_json(whole, where, &sample, err);
        if (!status)
            status = gad_import_put(import, &sample, err);
        gad_sample_free(&sample);
        return status;
    }
    gad_import_box boxes[MOST_BOXES];
    char path[900];
    int width = 0, height = 0;
    const char *image = choice_of(task, "image"), *class_name = choice_of(task, "class");
    const json_t *annotations = json_object_get(task, "annotations");
    if (!image)
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, where, err, "a task without data.image");
    if (!json_array_size(annotations))
        return gad_import_note(import, GAD_IMPORT_BAD_RECORD, image, err, "not annotated yet: the task was left out");
    int count = read_result(json_object_get(json_array_get(annotations, 0), "result"), boxes, &width, &height);
    gad_import_entry e = {.class_name = class_name ? class_name : gad_file_name(gad_import_folder(import)),
                          .split = "train",
                          .type = count ? boxes[0].label : NULL,
                          .image = find_image(import, image, path, sizeof path),
                          .view = -1,
                          .boxes = boxes,
                          .box_count = count,
                          .width = width,
                          .height = height};
    return gad_import_add(import, &e, err);
}

static gad_status read_label_studio(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_file_names names;
    int read = 0;
    gad_status status = gad_import_list(import, "", &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        json_t *root = NULL, *task;
        size_t k;
        if (!gad_file_has_extension(names.name[i], "json"))
            continue;
        char *path = gad_file_join(gad_import_folder(import), names.name[i]);
        status = path ? gad_json_load(path, &root, err) : gad_error_memory(err, "import a dataset", 0);
        if (!status && !json_is_array(root))
            status = gad_error_set(err, GAD_E_FORMAT, "import a dataset", "export from Label Studio as JSON",
                                   "%s: not a list of tasks", path);
        gad_memory_free(path);
        json_array_foreach (root, k, task) {
            if (!status)
                status = add_task(import, task, names.name[i], err);
        }
        json_decref(root);
        read++;
    }
    gad_file_names_free(&names);
    if (!status && !read)
        status = gad_guess_refuse(import, entry, "put the exported JSON file beside the images", err, "no JSON file");
    return status;
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
