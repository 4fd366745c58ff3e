/* coco: COCO JSON files in a folder (or in its annotations/) with their images beside them. Files that gad exported carry
 * whole samples and come back without loss. */
#include "base/error.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/coco_file.h"
#include "data/guess.h"

#include <stdio.h>
#include <string.h>

enum { MOST_BOXES = 512 };

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
    gad_import_box boxes[MOST_BOXES];
    char path[900];
    int count = image->count < MOST_BOXES ? image->count : MOST_BOXES;
    for (int i = 0; i < count; i++) {
        const gad_coco_annotation *a = &file->annotations[image->first + i];
        boxes[i] = (gad_import_box){a->x, a->y, a->x + a->width, a->y + a->height, a->category, "coco", NULL, 0};
    }
    gad_import_entry e = {.class_name = gad_file_name(gad_import_folder(import)),
                          .split = split_of(gad_file_name(where)),
                          .type = count ? boxes[0].label : NULL,
                          .image = find_image(import, image->file_name, path, sizeof path),
                          .view = -1,
                          .boxes = boxes,
                          .box_count = count,
                          .width = image->width,
                          .height = image->height};
    return gad_import_add(import, &e, err);
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
