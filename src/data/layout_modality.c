/* layout_modality: see layout_modality.h */
#include "data/layout_modality.h"
#include "data/class_folders.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024 };

static size_t stem_length(const char *name)
{
    const char *extension = gad_file_extension(name);
    return strlen(name) - strlen(extension) - (extension[0] ? 1 : 0);
}

/* The mask with the same stem; else the only one whose stem starts like the image's up to `must_contain` (several lights
 * share one mask). */
static const char *find_mask(const gad_file_names *masks, const char *image, const char *must_contain)
{
    size_t length = stem_length(image);
    for (size_t i = 0; i < masks->count; i++)
        if (stem_length(masks->name[i]) == length && memcmp(masks->name[i], image, length) == 0)
            return masks->name[i];
    const char *mark = must_contain ? strstr(image, must_contain) : NULL;
    const char *found = NULL;
    for (size_t i = 0; mark && i < masks->count; i++)
        if (strncmp(masks->name[i], image, (size_t)(mark - image)) == 0) {
            if (found)
                return NULL; /* two fit: say nothing rather than the wrong thing */
            found = masks->name[i];
        }
    return found;
}

static gad_status read_type(gad_import *import, const char *class_name, const char *split, const char *type_path,
                            const char *type, const gad_layout_modality *layout, gad_error *err)
{
    char colour[2 * PATH_BYTES], truth[2 * PATH_BYTES], image[3 * PATH_BYTES], mask[3 * PATH_BYTES];
    gad_file_names names, masks = {0};
    snprintf(colour, sizeof colour, "%s/%s", type_path, layout->colour);
    snprintf(truth, sizeof truth, "%s/%s", type_path, layout->truth);
    gad_status status = gad_import_list(import, colour, &names, err);
    if (!status)
        status = gad_import_list(import, truth, &masks, err);
    if (!status && !names.count)
        status = gad_import_note(import, GAD_IMPORT_BAD_RECORD, colour, err, "no images: the folder is absent or empty");
    for (size_t i = 0; i < names.count && !status; i++) {
        const char *name = names.name[i], *list[2] = {NULL, NULL};
        if (!gad_import_is_image(name) || (layout->must_contain && !strstr(name, layout->must_contain)))
            continue;
        snprintf(image, sizeof image, "%s/%s", colour, name);
        gad_import_entry e = {.class_name = class_name,
                              .split = split,
                              .type = type,
                              .image = image,
                              .view = -1,
                              .threshold = layout->threshold};
        const char *mark = layout->view_mark ? strstr(name, layout->view_mark) : NULL;
        if (mark)
            e.view = atoi(mark + strlen(layout->view_mark));
        const char *found = find_mask(&masks, name, layout->must_contain);
        if (found) {
            snprintf(mask, sizeof mask, "%s/%s", truth, found);
            list[0] = mask;
            e.masks = list;
        } else if (type) {
            status = gad_import_note(import, GAD_IMPORT_MISSING_MASK, image, err,
                                     "expected a file with the same stem in %s", truth);
            e.no_truth = true;
        }
        if (!status)
            status = gad_import_add(import, &e, err);
    }
    gad_file_names_free(&names);
    gad_file_names_free(&masks);
    return status;
}

static gad_status read_split(gad_import *import, const char *class_name, const char *folder, const char *split,
                             const gad_layout_modality *layout, gad_error *err)
{
    gad_file_names types;
    char path[PATH_BYTES], type_path[PATH_BYTES + 256];
    snprintf(path, sizeof path, "%s/%s", class_name, folder);
    gad_status status = gad_import_list(import, path, &types, err);
    for (size_t i = 0; i < types.count && !status; i++) {
        bool good = strcmp(types.name[i], layout->good) == 0;
        snprintf(type_path, sizeof type_path, "%s/%s", path, types.name[i]);
        status = read_type(import, class_name, split, type_path, good ? NULL : types.name[i], layout, err);
    }
    gad_file_names_free(&types);
    return status;
}

static gad_status read_class(gad_import *import, const char *class_name, const void *user, gad_error *err)
{
    const gad_layout_modality *layout = user;
    gad_status status = GAD_OK;
    for (int s = 0; layout->splits[s] && !status; s++)
        status = read_split(import, class_name, layout->splits[s], layout->split_names[s], layout, err);
    return status;
}

gad_status gad_layout_modality_read(gad_import *import, const gad_catalog_entry *entry, const gad_layout_modality *layout,
                                    gad_error *err)
{
    return gad_class_folders_each(import, entry, read_class, layout, err);
}
