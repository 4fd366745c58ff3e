/* coco: COCO JSON files in a folder (or in its annotations/) with their images beside them. Boxes are made of masks where
 * these are run lengths, else bbox holds. Files that gad exported carry whole samples and come back without loss. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/coco_file.h"
#include "data/guess.h"
#include "data/rle.h"
#include "task/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BOXES = 512, MAX_PIXELS = 200000000 };

static const char *find_image(const gad_import *import, const char *name, char *path, size_t size_bytes)
{
    static const char *const folders[] = {"", "images/", "train/", "val/", "test/"};
    for (int i = 0; i < 5; i++) {
        snprintf(path, size_bytes, "%s%s", folders[i], name);
        if (gad_import_exists(import, path))
            return path;
    }
    return name;
}

/* train, val or test from the name of the annotation file; train otherwise. */
static const char *split_of(const char *file)
{
    return strstr(file, "test") ? "test" : strstr(file, "val") ? "val" : "train";
}

/* The boxes of one image, given or made of masks. */
typedef struct found {
    gad_import *import;
    const gad_coco_file *file;
    const gad_coco_image *image;
    const char *where;
    gad_import_box *boxes;
    int count;
    bool masks;
    json_t *kept; /* {"segmentation": [{label, size, counts}]}: run lengths have no file, so the sample keeps them */
} found;

static gad_status keep_runs(found *f, const gad_coco_annotation *a, const json_t *runs, gad_error *err)
{
    if (!f->kept)
        f->kept = json_pack("{s:[]}", "segmentation");
    json_t *copy = json_pack("{s:s, s:O, s:O}", "label", a->category, "size", json_object_get(runs, "size"), "counts",
                             json_object_get(runs, "counts"));
    if (!f->kept || !copy || json_array_append(json_object_get(f->kept, "segmentation"), copy)) {
        json_decref(copy);
        return gad_error_memory(err, "import a dataset", 0);
    }
    json_decref(copy);
    return GAD_OK;
}

/* Boxes of one annotation's run lengths. *used false when they are wrong: that is noted, and its bbox serves. */
static gad_status boxes_of_runs(found *f, const gad_coco_annotation *a, bool *used, gad_error *err)
{
    const json_t *runs = json_object_get(a->object, "segmentation"), *size = json_object_get(runs, "size");
    int64_t width = f->image->width ? f->image->width : json_integer_value(json_array_get(size, 1)),
            height = f->image->height ? f->image->height : json_integer_value(json_array_get(size, 0));
    gad_mask_rule rule = gad_mask_rule_default();
    gad_mask_box boxes[GAD_MASK_BOX_LIMIT];
    gad_error wrong;
    int count = 0;
    *used = false;
    if (width < 1 || height < 1 || width > MAX_PIXELS / height)
        return gad_import_note(f->import, GAD_IMPORT_UNREADABLE_MASK, f->image->file_name, err,
                               "run lengths for %lld x %lld", (long long)width, (long long)height);
    unsigned char *mask = gad_memory_alloc((size_t)(width * height), 1);
    if (!mask)
        return gad_error_memory(err, "import a dataset", (size_t)(width * height));
    gad_status status = gad_rle_read(runs, (int)width, (int)height, f->image->file_name, mask, &wrong);
    bool readable = !status;
    if (!readable)
        status = gad_import_note(f->import, GAD_IMPORT_UNREADABLE_MASK, f->image->file_name, err, "%.300s", wrong.cause);
    else
        status = gad_mask_boxes(mask, (int)width, (int)height, &rule, boxes, &count, NULL, err);
    gad_memory_free(mask);
    if (!status && readable && !count)
        status =
            gad_import_note(f->import, GAD_IMPORT_EMPTY_MASK, f->image->file_name, err, "run lengths without a set pixel");
    for (int i = 0; i < count && !status && f->count < MAX_BOXES; i++)
        f->boxes[f->count++] = (gad_import_box){.x1 = boxes[i].x1,
                                                .y1 = boxes[i].y1,
                                                .x2 = boxes[i].x2,
                                                .y2 = boxes[i].y2,
                                                .label = a->category,
                                                .source = "mask",
                                                .area = boxes[i].area};
    *used = count > 0;
    return status || !count ? status : keep_runs(f, a, runs, err);
}

static gad_status find_boxes(found *f, gad_error *err)
{
    gad_status status = GAD_OK;
    for (int i = 0; i < f->image->count && f->count < MAX_BOXES && !status; i++) {
        const gad_coco_annotation *a = &f->file->annotations[f->image->first + i];
        bool used = false;
        if (gad_rle_is(json_object_get(a->object, "segmentation")))
            status = boxes_of_runs(f, a, &used, err);
        f->masks = f->masks || used;
        if (!used)
            f->boxes[f->count++] = (gad_import_box){.x1 = a->x,
                                                    .y1 = a->y,
                                                    .x2 = a->x + a->width,
                                                    .y2 = a->y + a->height,
                                                    .label = a->category,
                                                    .source = "coco"};
    }
    return status;
}

static gad_status add_image(gad_import *import, const gad_coco_file *file, const gad_coco_image *image, const char *where,
                            gad_error *err)
{
    const json_t *whole = json_object_get(image->object, "mmrad");
    if (json_is_object(whole)) {
        gad_sample sample = {0};
        gad_status status = gad_sample_from_json(whole, where, &sample, err);
        if (!status)
            status = gad_import_put(import, &sample, err);
        gad_sample_free(&sample);
        return status;
    }
    found f = {.import = import, .file = file, .image = image, .where = where};
    char path[900], rule[160];
    f.boxes = gad_memory_alloc(MAX_BOXES, sizeof *f.boxes);
    if (!f.boxes)
        return gad_error_memory(err, "import a dataset", MAX_BOXES * sizeof *f.boxes);
    gad_status status = find_boxes(&f, err);
    gad_mask_rule default_rule = gad_mask_rule_default();
    gad_mask_rule_text(&default_rule, rule, sizeof rule);
    gad_import_entry e = {.class_name = gad_file_name(gad_import_folder(import)),
                          .split = split_of(gad_file_name(where)),
                          .type = f.count ? f.boxes[0].label : NULL,
                          .image = find_image(import, image->file_name, path, sizeof path),
                          .view = -1,
                          .boxes = f.boxes,
                          .box_count = f.count,
                          .box_rule = f.masks ? rule : NULL,
                          .width = image->width,
                          .height = image->height};
    char *meta = f.kept ? json_dumps(f.kept, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    e.meta = meta;
    if (!status && f.kept && !meta)
        status = gad_error_memory(err, "import a dataset", 0);
    if (!status)
        status = gad_import_add(import, &e, err);
    free(meta); /* jansson's own memory */
    json_decref(f.kept);
    gad_memory_free(f.boxes);
    return status;
}

static gad_status read_file(gad_import *import, const char *relative, gad_error *err)
{
    gad_coco_file file;
    char *path = gad_file_join(gad_import_folder(import), relative);
    gad_status status = path ? gad_coco_file_load(path, &file, err) : gad_error_memory(err, "import a dataset", 0);
    gad_memory_free(path);
    if (status)
        return status;
    if (file.orphans)
        status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, relative, err, "%d annotations belong to no image",
                                 file.orphans);
    for (int i = 0; i < file.image_count && !status; i++)
        status = add_image(import, &file, &file.images[i], relative, err);
    gad_coco_file_free(&file);
    return status;
}

static gad_status read_coco(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    static const char *const folders[] = {"", "annotations"};
    int read = 0;
    gad_status status = GAD_OK;
    for (int f = 0; f < 2 && !status; f++) {
        gad_file_names names;
        status = gad_import_list(import, folders[f], &names, err);
        for (size_t i = 0; i < names.count && !status; i++) {
            char path[400];
            if (!gad_file_has_extension(names.name[i], "json"))
                continue;
            snprintf(path, sizeof path, "%s%s%.250s", folders[f], f ? "/" : "", names.name[i]);
            status = read_file(import, path, err);
            read++;
        }
        gad_file_names_free(&names);
    }
    if (!status && !read)
        status = gad_guess_refuse(import, entry, "put the COCO JSON file beside the images or into annotations/", err,
                                  "no JSON file");
    return status;
}

const gad_catalog_entry gad_coco = {
    .name = "coco",
    .title = "folder with COCO JSON",
    .license = "your own",
    .citation = "",
    .home = "",
    .generic = true,
    .read = read_coco,
};
