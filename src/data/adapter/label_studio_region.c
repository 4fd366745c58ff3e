/* label_studio_region: see label_studio.h. Coordinates are per cent of the image's sides; a rectangle turns about its top
 * left corner, clockwise, an ellipse about its centre. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/label_studio.h"
#include "data/rle.h"
#include "task/mask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PIXELS = 200000000 };

typedef struct reader {
    const json_t *result;
    int width, height;
    gad_label_studio_regions *out;
    gad_error *err;
} reader;

static bool number(const json_t *object, const char *key, double *value)
{
    const json_t *found = json_object_get(object, key);
    *value = json_number_value(found);
    return json_is_number(found);
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool ends_with(const char *word, const char *end)
{
    size_t n = strlen(word), m = strlen(end);
    return n >= m && strcmp(word + n - m, end) == 0;
}

/* The first label of a value: of whichever of its members is a list of labels. NULL: none. */
static const char *label_in(const json_t *value)
{
    const char *key, *label = NULL;
    json_t *list;
    json_object_foreach ((json_t *)(uintptr_t)value, key, list)
        if (!label && ends_with(key, "labels"))
            label = json_string_value(json_array_get(list, 0));
    return label && label[0] ? label : NULL;
}

/* Labels may be an item of their own with the id of the shape. */
static const char *label_of(const reader *r, const json_t *item)
{
    const char *label = label_in(json_object_get(item, "value")), *id = text(item, "id");
    size_t i;
    const json_t *other;
    json_array_foreach (r->result, i, other) {
        const char *same = id && !label ? text(other, "id") : NULL;
        if (same && strcmp(id, same) == 0)
            label = label_in(json_object_get(other, "value"));
    }
    return label ? label : "anomaly";
}

/* Whether an item says something of a shape that another item with the same id has. */
static bool has_shape_elsewhere(const reader *r, const json_t *item)
{
    const char *id = text(item, "id");
    size_t i;
    const json_t *other;
    json_array_foreach (r->result, i, other) {
        const char *same = id && other != item ? text(other, "id") : NULL, *type = text(other, "type");
        if (same && type && strcmp(id, same) == 0 && strcmp(type, "labels") != 0 && strcmp(type, "choices") != 0 &&
            strcmp(type, "textarea") != 0 && strcmp(type, "rating") != 0 && strcmp(type, "number") != 0)
            return true;
    }
    return false;
}

static gad_status unreadable(const reader *r, const json_t *item, const char *why)
{
    const char *type = text(item, "type");
    if (!r->out->unreadable[0])
        snprintf(r->out->unreadable, sizeof r->out->unreadable, "a region (%.40s): %s", type ? type : "without type", why);
    return GAD_OK;
}

static json_t *meta_list(reader *r, const char *key)
{
    if (!r->out->meta)
        r->out->meta = json_object();
    json_t *list = json_object_get(r->out->meta, key);
    if (!list && json_object_set_new(r->out->meta, key, json_array()) == 0)
        list = json_object_get(r->out->meta, key);
    return list;
}

static gad_status add_box(reader *r, gad_import_box box)
{
    gad_label_studio_regions *out = r->out;
    if (!gad_memory_grow((void **)&out->box, &out->capacity, out->count, sizeof *out->box))
        return gad_error_memory(r->err, "read Label Studio", out->count * sizeof *out->box);
    out->box[out->count++] = box;
    return GAD_OK;
}

/* The box around points. Percentages come with rounding errors: a thousandth of a pixel must not push it outwards by one.
 */
static gad_status add_hull(reader *r, const json_t *item, const double (*point)[2], size_t count, double rotation)
{
    double low[2] = {point[0][0], point[0][1]}, high[2] = {point[0][0], point[0][1]};
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], point[i][k]);
            high[k] = fmax(high[k], point[i][k]);
        }
    if (!isfinite(low[0] + low[1] + high[0] + high[1]))
        return unreadable(r, item, "its coordinates are not numbers");
    return add_box(r, (gad_import_box){.box = {low[0] + 1e-3, low[1] + 1e-3, high[0] - 1e-3, high[1] - 1e-3},
                                       .label = label_of(r, item),
                                       .source = "manual",
                                       .rotation = rotation});
}

static gad_status read_rectangle(reader *r, const json_t *item, const json_t *value)
{
    const double degree = acos(-1) / 180;
    double x, y, width, height, rotation;
    if (!number(value, "x", &x) || !number(value, "y", &y) || !number(value, "width", &width) ||
        !number(value, "height", &height))
        return unreadable(r, item, "its coordinates are not numbers");
    number(value, "rotation", &rotation);
    x *= r->width / 100.0, width *= r->width / 100.0;
    y *= r->height / 100.0, height *= r->height / 100.0;
    double c = cos(rotation * degree), s = sin(rotation * degree), corner[4][2];
    for (int i = 0; i < 4; i++) {
        double u = i & 1 ? width : 0, v = i & 2 ? height : 0; /* from the top left corner; a size may be negative */
        corner[i][0] = x + u * c - v * s;
        corner[i][1] = y + u * s + v * c;
    }
    if (rotation != 0 &&
        json_array_append_new(meta_list(r, "rotated"), json_pack("{s:f,s:f,s:f,s:f,s:f}", "x", x, "y", y, "width", width,
                                                                 "height", height, "rotation", rotation)))
        return gad_error_memory(r->err, "read Label Studio", 0);
    return add_hull(r, item, corner, 4, rotation);
}

static gad_status read_ellipse(reader *r, const json_t *item, const json_t *value)
{
    double x, y, a, b, rotation;
    if (!number(value, "x", &x) || !number(value, "y", &y) || !number(value, "radiusX", &a) ||
        !number(value, "radiusY", &b))
        return unreadable(r, item, "its coordinates are not numbers");
    number(value, "rotation", &rotation);
    double turn = rotation * acos(-1) / 180, c = cos(turn), s = sin(turn);
    x *= r->width / 100.0, a *= r->width / 100.0;
    y *= r->height / 100.0, b *= r->height / 100.0;
    double half_width = hypot(a * c, b * s), half_height = hypot(a * s, b * c);
    const double corner[2][2] = {{x - half_width, y - half_height}, {x + half_width, y + half_height}};
    return add_hull(r, item, corner, 2, rotation);
}

static gad_status read_polygon(reader *r, const json_t *item, const json_t *points)
{
    size_t count = json_array_size(points), i;
    const json_t *pair;
    if (count < 2)
        return unreadable(r, item, "a polygon of fewer than two points");
    double(*point)[2] = gad_memory_alloc(count, sizeof *point);
    if (!point)
        return gad_error_memory(r->err, "read Label Studio", count * sizeof *point);
    json_array_foreach (points, i, pair) {
        const json_t *x = json_is_array(pair) ? json_array_get(pair, 0) : json_object_get(pair, "x"),
                     *y = json_is_array(pair) ? json_array_get(pair, 1) : json_object_get(pair, "y");
        point[i][0] = json_is_number(x) ? json_number_value(x) * r->width / 100 : NAN;
        point[i][1] = json_is_number(y) ? json_number_value(y) * r->height / 100 : NAN;
    }
    bool good = true;
    for (i = 0; i < count; i++)
        good = good && isfinite(point[i][0]) && isfinite(point[i][1]);
    gad_status status =
        good ? add_hull(r, item, (const double(*)[2])point, count, 0) : unreadable(r, item, "its points are not numbers");
    gad_memory_free(point);
    return status;
}

/* ---- brushes ---- */

/* The run lengths of a mask, for exports: they have no file. */
static gad_status keep_mask(reader *r, const char *label, const unsigned char *mask, int width, int height)
{
    gad_string runs = {0};
    const gad_box all = {0, 0, width, height};
    json_error_t ignored;
    gad_rle_write(mask, width, height, all, &runs);
    json_t *kept = runs.failed ? NULL : json_loadb(runs.data, runs.length, 0, &ignored);
    gad_string_free(&runs);
    if (!kept || json_object_set_new(kept, "label", json_string(label)) ||
        json_array_append(meta_list(r, "segmentation"), kept)) {
        json_decref(kept);
        return gad_error_memory(r->err, "read Label Studio", 0);
    }
    json_decref(kept);
    return GAD_OK;
}

static gad_status boxes_of_mask(reader *r, const json_t *item, const unsigned char *mask, int width, int height)
{
    gad_mask_rule rule = gad_mask_rule_default();
    gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
    int count = 0;
    gad_status status = gad_mask_boxes(mask, width, height, &rule, boxes, &count, NULL, r->err);
    if (!status && !count)
        return unreadable(r, item, "a brush that painted nothing");
    double sx = (double)r->width / width, sy = (double)r->height / height;
    for (int i = 0; i < count && !status; i++) {
        const gad_box b = boxes[i].box;
        status = add_box(r, (gad_import_box){.box = {b.x1 * sx, b.y1 * sy, b.x2 * sx, b.y2 * sy},
                                             .label = label_of(r, item),
                                             .source = "manual",
                                             .area = width == r->width && height == r->height ? boxes[i].area : 0});
    }
    return !status && width == r->width && height == r->height ? keep_mask(r, label_of(r, item), mask, width, height)
                                                               : status;
}

static gad_status read_brush(reader *r, const json_t *item, const json_t *runs)
{
    double w = r->width, h = r->height;
    size_t count = json_array_size(runs), i;
    const json_t *byte;
    if (!number(item, "original_width", &w) || !number(item, "original_height", &h)) {
        w = r->width;
        h = r->height;
    }
    if (!(w >= 1 && h >= 1 && w * h <= MAX_PIXELS) || !count)
        return unreadable(r, item, "run lengths without a size");
    int width = (int)w, height = (int)h;
    unsigned char *bytes = gad_memory_alloc(count, 1), *mask = gad_memory_alloc((size_t)width * (size_t)height, 1);
    gad_status status = bytes && mask ? GAD_OK : gad_error_memory(r->err, "read Label Studio", count);
    bool good = true;
    if (!status)
        json_array_foreach (runs, i, byte) {
            int64_t value = json_is_integer(byte) ? json_integer_value(byte) : -1;
            good = good && value >= 0 && value <= 255;
            bytes[i] = (unsigned char)(value & 255);
        }
    if (!status)
        status = good && gad_label_studio_brush_read(bytes, count, width, height, mask)
                     ? boxes_of_mask(r, item, mask, width, height)
                     : unreadable(r, item, "its run lengths do not fill the image");
    gad_memory_free(bytes);
    gad_memory_free(mask);
    return status;
}

/* ---- items ---- */

static gad_status read_choice(reader *r, const json_t *item, const json_t *value)
{
    const json_t *choices = json_object_get(value, "choices");
    const char *choice =
        json_is_string(choices) ? json_string_value(choices) : json_string_value(json_array_get(choices, 0));
    if (choice && !r->out->choice && !has_shape_elsewhere(r, item))
        r->out->choice = choice;
    return GAD_OK;
}

static gad_status read_item(reader *r, const json_t *item)
{
    const json_t *value = json_object_get(item, "value");
    const char *type = text(item, "type");
    double turned, ignored;
    static const char *const words[] = {"textarea", "rating", "number", "relation", "datetime", "pairwise", "taxonomy"};
    if (!type || !json_is_object(value))
        return type && strcmp(type, "relation") == 0 ? GAD_OK : unreadable(r, item, "it has no value");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(type, words[i]) == 0)
            return GAD_OK; /* says nothing of where */
    if (strcmp(type, "choices") == 0)
        return read_choice(r, item, value);
    if (strcmp(type, "labels") == 0 && has_shape_elsewhere(r, item))
        return GAD_OK;
    if (number(item, "image_rotation", &turned) && turned != 0)
        return unreadable(r, item, "the image was turned while it was annotated");
    if (json_is_array(json_object_get(value, "rle")))
        return read_brush(r, item, json_object_get(value, "rle"));
    if (json_is_array(json_object_get(value, "points")))
        return read_polygon(r, item, json_object_get(value, "points"));
    if (json_is_array(json_object_get(value, "vertices")))
        return read_polygon(r, item, json_object_get(value, "vertices"));
    if (json_object_get(value, "radiusX"))
        return read_ellipse(r, item, value);
    if (strncmp(type, "keypoint", 8) == 0 && number(value, "x", &ignored) && number(value, "y", &ignored)) {
        r->out->point_label = label_of(r, item);
        return GAD_OK;
    }
    if (json_object_get(value, "width") && json_object_get(value, "height"))
        return read_rectangle(r, item, value);
    return unreadable(r, item, "its shape is not known");
}

gad_status gad_label_studio_region_read(const json_t *result, int width, int height, gad_label_studio_regions *regions,
                                        gad_error *err)
{
    reader r = {.result = result, .width = width, .height = height, .out = regions, .err = err};
    gad_status status = GAD_OK;
    size_t i;
    const json_t *item;
    json_array_foreach (result, i, item) {
        if (!status)
            status = read_item(&r, item);
    }
    return status;
}

void gad_label_studio_region_free(gad_label_studio_regions *regions)
{
    gad_memory_free(regions->box);
    json_decref(regions->meta);
    *regions = (gad_label_studio_regions){0};
}
