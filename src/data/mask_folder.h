/* mask_folder: the masks of a folder and which images they are for. In: names of images, with the type of their defect.
 * Out: a mask, where exactly one image and it fit. Knows nothing of pixels. */
#ifndef GAD_DATA_MASK_FOLDER_H
#define GAD_DATA_MASK_FOLDER_H
#include "data/import.h"

typedef struct gad_mask_folder {
    struct gad_mask_folder_entry *entry;
    size_t count, capacity;
} gad_mask_folder;

/* Masks in `folder`, and in its type folders, with folders below, where `with_types`. Any image format, "000", "000_mask",
 * "000_gt", ...; without such a folder there are none. */
gad_status gad_mask_folder_open(gad_import *import, const char *folder, bool with_types, gad_mask_folder *masks,
                                gad_error *err);
/* Say for every image (a path or its name) that it is there, before the first take. `type` NULL: of no type folder. A mask
 * further down is for images whose path ends in the same folders. */
void gad_mask_folder_claim(gad_mask_folder *masks, const char *type, const char *image);
/* The mask of an image; NULL: none, or (*shared) one that fits other images too. */
const char *gad_mask_folder_take(const gad_mask_folder *masks, const char *type, const char *image, bool *shared);
/* Notes the masks that no image claimed. `images` says where these lie. */
gad_status gad_mask_folder_note(gad_import *import, const gad_mask_folder *masks, const char *images, gad_error *err);
void gad_mask_folder_free(gad_mask_folder *masks);
#endif
