/* coco_file: see coco_file.h */
#include "data/coco_file.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gad_coco_file_free(gad_coco_file *file)
{
    gad_memory_free(file->images);
    gad_memory_free(file->annotations);
    json_decref(file->root);
    *file = (gad_coco_file){0};
}

static int compare_hashes(gad_hash a, gad_hash b)
{
    return a.high != b.high ? (a.high < b.high ? -1 : 1) : (a.low > b.low) - (a.low < b.low);
}

/* Ids are whole numbers, but pandas writes them as reals and other programs as texts. False: there is none. */
static bool read_id(const json_t *value, gad_hash *id)
{
    char text[64];
    const char *key = text;
    double real = json_number_value(value);
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value) && real == floor(real) && fabs(real) < 9e18)
        snprintf(text, sizeof text, "%lld", (long long)real);
    else if (json_is_real(value))
        snprintf(text, sizeof text, "%.17g", real);
    else
        key = json_string_value(value);
    if (!key || !key[0])
        return false;
    *id = gad_hash_bytes(key, strlen(key));
    return true;
}

static const char *category_name(const json_t *categories, const json_t *id)
{
    size_t i;
    const json_t *item;
    gad_hash wanted, other;
    if (!read_id(id, &wanted))
        return "anomaly";
    json_array_foreach (categories, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && name[0] && read_id(json_object_get(item, "id"), &other) && gad_hash_equal(wanted, other))
            return name;
    }
    return "anomaly";
}

static int read_side(const json_t *value)
{
    double n = json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
    return n >= 1 && n <= 1 << 24 ? (int)n : 0;
}

static void read_image(const json_t *item, gad_coco_image *image)
{
    *image = (gad_coco_image){.object = item,
                              .file_name = json_string_value(json_object_get(item, "file_name")),
                              .width = read_side(json_object_get(item, "width")),
                              .height = read_side(json_object_get(item, "height"))};
    image->nameless = !read_id(json_object_get(item, "id"), &image->id);
}

static bool read_box(const json_t *box, gad_coco_annotation *a)
{
    double n[4];
    if (json_array_size(box) != 4)
        return false;
    for (size_t i = 0; i < 4; i++) {
        const json_t *item = json_array_get(box, i);
        if (!json_is_number(item) || !isfinite(n[i] = json_number_value(item)))
            return false;
    }
    if (!(n[2] > 0 && n[3] > 0))
        return false;
    a->x = n[0];
    a->y = n[1];
    a->width = n[2];
    a->height = n[3];
    return true;
}

/* Widens low and high by the x, y, x, y, ... of a polygon; the lists of several may lie one in another. */
static void add_points(const json_t *list, double low[2], double high[2], int depth)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item) {
        if (json_is_array(item) && depth < 3)
            add_points(item, low, high, depth + 1);
        if (!json_is_number(item))
            continue;
        low[i & 1] = fmin(low[i & 1], json_number_value(item));
        high[i & 1] = fmax(high[i & 1], json_number_value(item));
    }
}

static void read_polygons(const json_t *segmentation, gad_coco_annotation *a)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    add_points(segmentation, low, high, 0);
    if (!(high[0] > low[0] && high[1] > low[1]))
        return;
    a->x = low[0];
    a->y = low[1];
    a->width = high[0] - low[0];
    a->height = high[1] - low[1];
}

/* False: it names no image. */
static bool read_annotation(const json_t *item, const json_t *categories, int order, gad_coco_annotation *a)
{
    *a = (gad_coco_annotation){
        .object = item, .order = order, .category = category_name(categories, json_object_get(item, "category_id"))};
    if (!read_box(json_object_get(item, "bbox"), a))
        read_polygons(json_object_get(item, "segmentation"), a);
    return read_id(json_object_get(item, "image_id"), &a->image_id);
}

static int compare_annotations(const void *a, const void *b)
{
    const gad_coco_annotation *p = a, *q = b;
    int order = compare_hashes(p->image_id, q->image_id);
    return order ? order : p->order - q->order;
}

static int compare_images(const void *a, const void *b)
{
    const gad_coco_image *p = *(gad_coco_image *const *)a, *q = *(gad_coco_image *const *)b;
    int order = compare_hashes(p->id, q->id);
    return order ? order : (p > q) - (p < q);
}

/* Give each image its run of the sorted annotations. */
static gad_status attach(gad_coco_file *f, gad_error *err)
{
    gad_coco_image **order = gad_memory_alloc((size_t)f->image_count + 1, sizeof *order);
    int at = 0, named = 0;
    if (!order)
        return gad_error_memory(err, "read COCO annotations", 0);
    for (int i = 0; i < f->image_count; i++)
        if (!f->images[i].nameless)
            order[named++] = &f->images[i];
    qsort(order, (size_t)named, sizeof *order, compare_images);
    for (int i = 0; i < named; i++) {
        if (i && gad_hash_equal(order[i]->id, order[i - 1]->id)) {
            order[i]->repeated = true;
            continue;
        }
        for (; at < f->annotation_count && compare_hashes(f->annotations[at].image_id, order[i]->id) < 0; at++)
            f->orphans++;
        order[i]->first = at;
        while (at < f->annotation_count && gad_hash_equal(f->annotations[at].image_id, order[i]->id))
            at++;
        order[i]->count = at - order[i]->first;
    }
    f->orphans += f->annotation_count - at;
    gad_memory_free(order);
    return GAD_OK;
}

gad_status gad_coco_file_load(const char *path, gad_coco_file *file, gad_error *err)
{
    gad_coco_file f = {0};
    size_t i;
    const json_t *item;
    gad_status status = gad_json_load(path, &f.root, err);
    if (status)
        return status;
    const json_t *images = json_object_get(f.root, "images"), *annotations = json_object_get(f.root, "annotations"),
                 *categories = json_object_get(f.root, "categories");
    if (!json_is_array(images) || !json_is_array(annotations))
        status = gad_error_set(err, GAD_E_FORMAT, "read COCO annotations", "expected the keys images and annotations",
                               "%s: not a COCO file", path);
    f.images = gad_memory_zero(json_array_size(images) + 1, sizeof *f.images);
    f.annotations = gad_memory_zero(json_array_size(annotations) + 1, sizeof *f.annotations);
    if (!status && (!f.images || !f.annotations))
        status = gad_error_memory(err, "read COCO annotations", 0);
    if (!status) {
        json_array_foreach (images, i, item)
            read_image(item, &f.images[f.image_count++]);
        json_array_foreach (annotations, i, item) {
            if (read_annotation(item, categories, (int)i, &f.annotations[f.annotation_count]))
                f.annotation_count++;
            else
                f.orphans++;
        }
        if (f.annotation_count)
            qsort(f.annotations, (size_t)f.annotation_count, sizeof *f.annotations, compare_annotations);
        status = attach(&f, err);
    }
    if (status) {
        gad_coco_file_free(&f);
        return status;
    }
    *file = f;
    return GAD_OK;
}
