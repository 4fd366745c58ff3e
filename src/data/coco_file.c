/* coco_file: see coco_file.h */
#include "data/coco_file.h"

#include "base/error.h"
#include "base/memory.h"
#include "data/rle.h"

#include <stdlib.h>
#include <string.h>

void gad_coco_file_free(gad_coco_file *file)
{
    gad_memory_free(file->images);
    gad_memory_free(file->annotations);
    json_decref(file->root);
    *file = (gad_coco_file){0};
}

static int compare_annotations(const void *a, const void *b)
{
    const gad_coco_annotation *p = a, *q = b;
    return p->image_id != q->image_id ? (p->image_id < q->image_id ? -1 : 1)
                                      : (p->object < q->object ? -1 : p->object > q->object);
}

static const char *category_name(const json_t *categories, int64_t id)
{
    size_t i;
    const json_t *item;
    json_array_foreach (categories, i, item) {
        if (json_integer_value(json_object_get(item, "id")) == id && json_is_string(json_object_get(item, "name")))
            return json_string_value(json_object_get(item, "name"));
    }
    return "anomaly";
}

static gad_status read_image(const json_t *item, const char *path, gad_coco_image *image, gad_error *err)
{
    int64_t width = 0, height = 0;
    image->object = item;
    gad_status status = gad_json_get_int(item, "id", path, -1, &image->id, err);
    if (!status)
        status = gad_json_get_string(item, "file_name", path, NULL, &image->file_name, err);
    if (!status)
        status = gad_json_get_int(item, "width", path, 0, &width, err);
    if (!status)
        status = gad_json_get_int(item, "height", path, 0, &height, err);
    if (!status && (!image->file_name || width < 0 || height < 0 || width > 1 << 24 || height > 1 << 24))
        status = gad_error_set(err, GAD_E_FORMAT, "read COCO annotations", NULL,
                               "%s: image %lld has no file_name or no sensible size", path, (long long)image->id);
    image->width = (int)width;
    image->height = (int)height;
    return status;
}

static gad_status read_annotation(const json_t *item, const json_t *categories, const char *path, gad_coco_annotation *a,
                                  gad_error *err)
{
    const json_t *box = json_object_get(item, "bbox");
    int64_t category = 0;
    double n[4] = {0};
    a->object = item;
    gad_status status = gad_json_get_int(item, "image_id", path, -1, &a->image_id, err);
    if (!status)
        status = gad_json_get_int(item, "category_id", path, 0, &category, err);
    bool good = json_array_size(box) == 4;
    for (size_t i = 0; i < 4 && good; i++) {
        good = json_is_number(json_array_get(box, i));
        n[i] = json_number_value(json_array_get(box, i));
    }
    if (!status && !good && !gad_rle_is(json_object_get(item, "segmentation")))
        status = gad_error_set(err, GAD_E_FORMAT, "read COCO annotations", NULL,
                               "%s: an annotation of image %lld has no bbox of four numbers", path, (long long)a->image_id);
    a->x = n[0];
    a->y = n[1];
    a->width = n[2];
    a->height = n[3];
    a->category = category_name(categories, category);
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t p = (*(gad_coco_image *const *)a)->id, q = (*(gad_coco_image *const *)b)->id;
    return p < q ? -1 : p > q;
}

/* Give each image its run of the sorted annotations. */
static gad_status attach(gad_coco_file *f, gad_error *err)
{
    gad_coco_image **order = gad_memory_alloc((size_t)f->image_count + 1, sizeof *order);
    if (!order)
        return gad_error_memory(err, "read COCO annotations", 0);
    for (int i = 0; i < f->image_count; i++)
        order[i] = &f->images[i];
    qsort(order, (size_t)f->image_count, sizeof *order, compare_ids);
    int at = 0;
    for (int i = 0; i < f->image_count; i++) {
        for (; at < f->annotation_count && f->annotations[at].image_id < order[i]->id; at++)
            f->orphans++;
        order[i]->first = at;
        while (at < f->annotation_count && f->annotations[at].image_id == order[i]->id)
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
    json_array_foreach (images, i, item) {
        if (!status)
            status = read_image(item, path, &f.images[f.image_count++], err);
    }
    json_array_foreach (annotations, i, item) {
        if (!status)
            status = read_annotation(item, categories, path, &f.annotations[f.annotation_count++], err);
    }
    if (!status) {
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
