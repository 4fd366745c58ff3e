/* layout_mvtec: see layout_mvtec.h */
#include "data/layout_mvtec.h"
#include "data/class_folders.h"

#include "data/mask_folder.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PATH_BYTES = 1024 };

gad_layout_mvtec gad_layout_mvtec_default(void)
{
    return (gad_layout_mvtec){
        .train = "train/good", .test = "test", .truth = "ground_truth", .good = "good", .threshold = 127};
}

static void stem_of(const char *name, char *stem, size_t size_bytes)
{
    const char *extension = gad_file_extension(name);
    size_t length = strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
    snprintf(stem, size_bytes, "%.*s", (int)length, name);
}

/* Images of one folder. `masks` NULL: normal images. */
static gad_status read_images(gad_import *import, const char *folder, const char *sub, const gad_layout_mvtec *layout,
                              const char *split, const char *type, gad_mask_folder *masks, gad_error *err)
{
    char directory[PATH_BYTES], image[PATH_BYTES + 256], group[160], stem[256];
    const char *class_name = layout->class_name ? layout->class_name(folder) : gad_file_name(folder);
    gad_file_names names;
    snprintf(directory, sizeof directory, "%s/%s", folder, sub);
    gad_status status = gad_import_list(import, directory, &names, err);
    for (size_t i = 0; i < names.count && masks; i++)
        if (gad_import_is_image(names.name[i]))
            gad_mask_folder_claim(masks, NULL, names.name[i]);
    for (size_t i = 0; i < names.count && !status; i++) {
        bool shared = false;
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
        list[0] = masks ? gad_mask_folder_take(masks, NULL, names.name[i], &shared) : NULL;
        e.masks = list[0] ? list : NULL;
        if (!list[0] && type && !layout->no_truth) {
            status = shared ? gad_import_note(import, GAD_IMPORT_MISSING_MASK, image, err,
                                              "its mask fits other images too: none gets it")
                            : gad_import_note(import, GAD_IMPORT_MISSING_MASK, image, err,
                                              "expected %s/%s/%s/%s_mask.png or %s.png", folder, layout->truth,
                                              gad_file_name(sub), stem, stem);
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
    gad_mask_folder masks;
    char sub[PATH_BYTES], truth[PATH_BYTES], images[PATH_BYTES];
    const char *type = layout->type_name ? layout->type_name(type_folder) : type_folder;
    snprintf(sub, sizeof sub, "%s/%s", layout->test, type_folder);
    snprintf(truth, sizeof truth, "%s/%s/%s", folder, layout->truth, type_folder);
    snprintf(images, sizeof images, "%s/%s", folder, sub);
    gad_status status = gad_mask_folder_open(import, truth, false, &masks, err);
    if (!status)
        status = read_images(import, folder, sub, layout, "test", type, &masks, err);
    if (!status)
        status = gad_mask_folder_note(import, &masks, images, err);
    gad_mask_folder_free(&masks);
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
        if (strcasecmp(types.name[i], layout->good) == 0)
            status = read_images(import, folder, sub, layout, "test", NULL, NULL, err);
        else
            status = read_type(import, folder, layout, types.name[i], err);
    }
    gad_file_names_free(&types);
    return status;
}

static gad_status read_class(gad_import *import, const char *class_name, const void *layout, gad_error *err)
{
    return gad_layout_mvtec_read_class(import, class_name, layout, err);
}

gad_status gad_layout_mvtec_read(gad_import *import, const gad_catalog_entry *entry, const gad_layout_mvtec *layout,
                                 gad_error *err)
{
    return gad_class_folders_each(import, entry, read_class, layout, err);
}
