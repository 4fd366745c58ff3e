/* layout_mvtec: see layout_mvtec.h */
#include "data/layout_mvtec.h"
#include "data/class_folders.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024 };

gad_layout_mvtec gad_layout_mvtec_default(void)
{
    return (gad_layout_mvtec){
        .train = "train/good", .test = "test", .truth = "ground_truth", .good = "good", .threshold = 127};
}

/* The masks of one type folder and which of them were used. */
typedef struct mask_folder {
    char path[PATH_BYTES];
    gad_file_names names;
    unsigned char *used;
} mask_folder;

static gad_status open_masks(gad_import *import, const char *folder, const gad_layout_mvtec *layout, const char *type,
                             mask_folder *masks, gad_error *err)
{
    *masks = (mask_folder){0};
    snprintf(masks->path, sizeof masks->path, "%s/%s/%s", folder, layout->truth, type);
    gad_status status = gad_import_list(import, masks->path, &masks->names, err);
    if (!status && !(masks->used = gad_memory_zero(masks->names.count + 1, 1)))
        status = gad_error_memory(err, "import a dataset", masks->names.count);
    return status;
}

static void close_masks(mask_folder *masks)
{
    gad_file_names_free(&masks->names);
    gad_memory_free(masks->used);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "<stem>_mask.png", "<stem>.png", then the same with other extensions. */
static const char *find_mask(mask_folder *masks, const char *stem)
{
    static const char *const endings[] = {"_mask.png",  ".png",  "_mask.bmp", ".bmp", "_mask.jpg",  ".jpg",
                                          "_mask.jpeg", ".jpeg", "_mask.tif", ".tif", "_mask.tiff", ".tiff",
                                          "_mask.PNG",  ".PNG",  "_mask.JPG", ".JPG"};
    char name[320], *key = name;
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
        snprintf(name, sizeof name, "%s%s", stem, endings[e]);
        char **found = bsearch(&key, masks->names.name, masks->names.count, sizeof key, compare_names); /* in byte order */
        if (found) {
            masks->used[found - masks->names.name] = 1;
            return *found;
        }
    }
    return NULL;
}

static void stem_of(const char *name, char *stem, size_t size_bytes)
{
    const char *extension = gad_file_extension(name);
    size_t length = strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
    snprintf(stem, size_bytes, "%.*s", (int)length, name);
}

/* Images of one folder. `masks` NULL: normal images. */
static gad_status read_images(gad_import *import, const char *folder, const char *sub, const gad_layout_mvtec *layout,
                              const char *split, const char *type, mask_folder *masks, gad_error *err)
{
    char directory[PATH_BYTES], image[PATH_BYTES + 256], mask[PATH_BYTES + 256], group[160], stem[256];
    const char *class_name = layout->class_name ? layout->class_name(folder) : gad_file_name(folder);
    gad_file_names names;
    snprintf(directory, sizeof directory, "%s/%s", folder, sub);
    gad_status status = gad_import_list(import, directory, &names, err);
    for (size_t i = 0; i < names.count && !status; i++) {
        if (!gad_import_is_image(names.name[i]))
            continue;
        stem_of(names.name[i], stem, sizeof stem);
        snprintf(image, sizeof image, "%s/%s", directory, names.name[i]);
        const char *list[2] = {NULL, NULL};
        gad_import_entry e = {.class_name = class_name,
                              .split = split,
                              .type = type,
                              .image = image,
                              .view = -1,
                              .strips = layout->strips,
                              .threshold = layout->threshold,
                              .soft_mask = layout->soft_mask,
                              .no_truth = layout->no_truth};
        if (layout->group) {
            layout->group(class_name, stem, group, sizeof group);
            e.group = group[0] ? group : NULL;
        }
        const char *found = masks ? find_mask(masks, stem) : NULL;
        if (found) {
            snprintf(mask, sizeof mask, "%s/%s", masks->path, found);
            list[0] = mask;
            e.masks = list;
        } else if (type && !layout->no_truth) {
            status = gad_import_note(import, GAD_IMPORT_MISSING_MASK, image, err, "expected %s/%s_mask.png or %s.png",
                                     masks ? masks->path : layout->truth, stem, stem);
            e.no_truth = true; /* said once */
        }
        if (!status)
            status = gad_import_add(import, &e, err);
    }
    gad_file_names_free(&names);
    return status;
}

static gad_status read_type(gad_import *import, const char *folder, const gad_layout_mvtec *layout, const char *type_folder,
                            gad_error *err)
{
    mask_folder masks;
    char sub[PATH_BYTES];
    const char *type = layout->type_name ? layout->type_name(type_folder) : type_folder;
    snprintf(sub, sizeof sub, "%s/%s", layout->test, type_folder);
    gad_status status = open_masks(import, folder, layout, type_folder, &masks, err);
    if (!status)
        status = read_images(import, folder, sub, layout, "test", type, &masks, err);
    for (size_t i = 0; i < masks.names.count && !status; i++)
        if (!masks.used[i] && gad_import_is_image(masks.names.name[i])) {
            char path[PATH_BYTES + 256];
            snprintf(path, sizeof path, "%s/%s", masks.path, masks.names.name[i]);
            status =
                gad_import_note(import, GAD_IMPORT_UNUSED_MASK, path, err, "no image in %s/%s has this stem", folder, sub);
        }
    close_masks(&masks);
    return status;
}

gad_status gad_layout_mvtec_read_class(gad_import *import, const char *folder, const gad_layout_mvtec *layout,
                                       gad_error *err)
{
    char test[PATH_BYTES];
    gad_file_names types;
    gad_status status = read_images(import, folder, layout->train, layout, "train", NULL, NULL, err);
    if (!status && layout->validation)
        status = read_images(import, folder, layout->validation, layout, "val", NULL, NULL, err);
    if (status)
        return status;
    snprintf(test, sizeof test, "%s/%s", folder, layout->test);
    status = gad_import_list(import, test, &types, err);
    if (!status && !types.count)
        status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, test, err, "no test images: the folder is absent or empty");
    for (size_t i = 0; i < types.count && !status; i++) {
        char sub[PATH_BYTES];
        snprintf(sub, sizeof sub, "%s/%s", layout->test, types.name[i]);
        if (strcmp(types.name[i], "mask") == 0 || gad_import_is_image(types.name[i]))
            continue;
        if (strcmp(types.name[i], layout->good) == 0)
            status = read_images(import, folder, sub, layout, "test", NULL, NULL, err);
        else
            status = read_type(import, folder, layout, types.name[i], err);
    }
    gad_file_names_free(&types);
    return status;
}

gad_status gad_layout_mvtec_read(gad_import *import, const gad_catalog_entry *entry, const gad_layout_mvtec *layout,
                                 gad_error *err)
{
    gad_file_names classes;
    gad_status status = gad_class_folders_list(import, entry, &classes, err);
    if (status)
        return status;
    for (size_t i = 0; i < classes.count && !status; i++)
        status = gad_layout_mvtec_read_class(import, classes.name[i], layout, err);
    gad_file_names_free(&classes);
    return status;
}
