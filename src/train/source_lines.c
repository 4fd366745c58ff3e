/* source_lines: see source_lines.h */
#include "train/source_lines.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

static const char operation[] = "read training samples";
enum { MOST_IMAGES = 9, MOST_BOXES = 64 };
static const size_t limit_bytes = (size_t)4 << 30;

struct gad_source_lines {
    const gad_lesson_maker *maker;
    char *path, *folder;
    json_t **line;
    size_t count, capacity;
};

/* ---- lines --------------------------------------------------------------------------------------------------------- */

static gad_status bad_line(const gad_source_lines *l, size_t line, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, "docs/formats.md describes the lines", "%s: sample %zu: %s", l->path,
                         line + 1, what);
}

static bool is_box(const json_t *box)
{
    const json_t *corners = json_object_get(box, "bbox_2d");
    if (json_array_size(corners) != 4 || !json_is_string(json_object_get(box, "label")))
        return false;
    double v[4];
    for (size_t i = 0; i < 4; i++) {
        if (!json_is_number(json_array_get(corners, i)))
            return false;
        v[i] = json_number_value(json_array_get(corners, i));
    }
    return v[0] >= 0 && v[1] >= 0 && v[2] > v[0] && v[3] > v[1];
}

static gad_status check_line(const gad_source_lines *l, size_t index, const json_t *line, gad_error *err)
{
    const json_t *images = json_object_get(line, "images"), *boxes = json_object_get(line, "boxes"), *entry;
    const json_t *anomalous = json_object_get(line, "anomalous");
    size_t i;
    if (json_array_size(images) < 1 || json_array_size(images) > MOST_IMAGES)
        return bad_line(l, index, "\"images\" must name 1 to 9 files, the image to inspect last", err);
    json_array_foreach (images, i, entry) {
        if (!json_is_string(entry))
            return bad_line(l, index, "\"images\" holds something that is no path", err);
    }
    if (!json_is_boolean(anomalous))
        return bad_line(l, index, "\"anomalous\" must be true or false", err);
    if (json_array_size(boxes) > MOST_BOXES || (json_array_size(boxes) && !json_is_true(anomalous)))
        return bad_line(l, index, "more than 64 boxes, or boxes without anomaly", err);
    json_array_foreach (boxes, i, entry) {
        if (!is_box(entry))
            return bad_line(l, index, "a box needs \"bbox_2d\": [x1, y1, x2, y2] in pixels with area, and a \"label\"",
                            err);
    }
    return GAD_OK;
}

static gad_status read_lines(gad_source_lines *l, char *data, size_t size, gad_error *err)
{
    gad_status status = GAD_OK;
    for (char *at = data; at < data + size && !status;) {
        char *end = memchr(at, '\n', (size_t)(data + size - at));
        size_t length = (size_t)((end ? end : data + size) - at);
        if (length && strspn(at, " \t\r") < length) {
            json_t *line = NULL;
            status = gad_json_parse(at, length, l->path, &line, err);
            if (!status)
                status = check_line(l, l->count, line, err);
            if (!status && !gad_memory_grow((void **)&l->line, &l->capacity, l->count, sizeof(json_t *)))
                status = gad_error_memory(err, operation, sizeof(json_t *));
            if (status)
                json_decref(line);
            else
                l->line[l->count++] = line;
        }
        at += length + 1;
    }
    if (!status && !l->count)
        status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: holds no samples", l->path);
    return status;
}

gad_status gad_source_lines_open(const gad_lesson_maker *maker, const char *path, gad_source_lines **lines, gad_error *err)
{
    char *data = NULL;
    size_t size = 0;
    gad_source_lines *l = gad_memory_zero(1, sizeof *l);
    if (!l)
        return gad_error_memory(err, operation, sizeof *l);
    l->maker = maker;
    l->path = gad_memory_copy_string(path);
    l->folder = gad_memory_copy_string(path);
    gad_status status = l->path && l->folder ? gad_file_read(path, limit_bytes, &data, &size, err)
                                             : gad_error_memory(err, operation, strlen(path));
    if (!status) {
        char *slash = strrchr(l->folder, '/');
        snprintf(slash ? slash : l->folder, 2, "%s", slash ? "" : ".");
        status = read_lines(l, data, size, err);
    }
    gad_memory_free(data);
    if (status)
        gad_source_lines_free(l);
    else
        *lines = l;
    return status;
}

void gad_source_lines_free(gad_source_lines *lines)
{
    if (!lines)
        return;
    for (size_t i = 0; i < lines->count; i++)
        json_decref(lines->line[i]);
    gad_memory_free(lines->line);
    gad_memory_free(lines->path);
    gad_memory_free(lines->folder);
    gad_memory_free(lines);
}

/* ---- samples ------------------------------------------------------------------------------------------------------- */

static gad_status load_file(const gad_source_lines *l, const char *name, bool mask, gad_image *image, gad_error *err)
{
    char *path = *name == '/' ? gad_memory_copy_string(name) : gad_file_join(l->folder, name);
    if (!path)
        return gad_error_memory(err, operation, strlen(name));
    gad_status status =
        mask ? gad_image_load_mask(path, GAD_IMAGE_PALETTE_INDEX, image, err) : gad_image_load(path, image, err);
    gad_memory_free(path);
    return status;
}

static void read_boxes(const json_t *line, gad_lesson *lesson, gad_lesson_box *box)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (json_object_get(line, "boxes"), i, entry) {
        const json_t *v = json_object_get(entry, "bbox_2d");
        box[i] = (gad_lesson_box){{json_number_value(json_array_get(v, 0)), json_number_value(json_array_get(v, 1)),
                                   json_number_value(json_array_get(v, 2)), json_number_value(json_array_get(v, 3))},
                                  json_string_value(json_object_get(entry, "label"))};
    }
    lesson->box = box;
    lesson->box_count = json_array_size(json_object_get(line, "boxes"));
}

static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    const gad_source_lines *l = user;
    const json_t *line = l->line[index], *images = json_object_get(line, "images");
    gad_image image[MOST_IMAGES] = {0}, mask = {0};
    gad_lesson_box box[MOST_BOXES];
    int count = (int)json_array_size(images);
    const char *mask_name = json_string_value(json_object_get(line, "mask"));
    gad_status status = GAD_OK;
    for (int i = 0; i < count && !status; i++)
        status = load_file(l, json_string_value(json_array_get(images, (size_t)i)), false, &image[i], err);
    if (!status && mask_name)
        status = load_file(l, mask_name, true, &mask, err);
    const gad_image *last = &image[count - 1];
    if (!status && mask_name && (mask.width != last->width || mask.height != last->height))
        status = bad_line(l, (size_t)index, "mask and image differ in size", err);
    gad_lesson lesson = {.image = image,
                         .count = count,
                         .mask = mask.pixels,
                         .anomalous = json_is_true(json_object_get(line, "anomalous")),
                         .class_name = json_string_value(json_object_get(line, "class")),
                         .think = json_string_value(json_object_get(line, "think"))};
    read_boxes(line, &lesson, box);
    if (!status)
        status = gad_lesson_make(l->maker, &lesson, example, err);
    for (int i = 0; i < count; i++)
        gad_image_free(&image[i]);
    gad_image_free(&mask);
    return status ? gad_error_context(err, status, "%s: sample %lld", l->path, (long long)index + 1) : GAD_OK;
}

gad_source gad_source_lines_source(gad_source_lines *lines)
{
    return (gad_source){(int64_t)lines->count, get, lines};
}
