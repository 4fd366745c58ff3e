/* texture_ad: cloth and wafers; train and test show different products by design. The inner layout is not established: the
 * generic one is expected, directly or below one folder per material, and anything else is said clearly. */
#include "data/adapter/adapter.h"
#include "data/class_folders.h"
#include "data/layout_mvtec.h"

#include <stdio.h>

static gad_status read_texture_ad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    gad_file_names folders, inner;
    layout.soft_mask = true;
    gad_status status = gad_class_folders_list(import, entry, &folders, err);
    if (status)
        return status;
    for (size_t i = 0; i < folders.count && !status; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/test", folders.name[i]);
        if (gad_import_exists(import, path)) {
            status = gad_layout_mvtec_read_class(import, folders.name[i], &layout, err);
            continue;
        }
        status = gad_import_list(import, folders.name[i], &inner, err);
        for (size_t k = 0; k < inner.count && !status; k++) {
            snprintf(path, sizeof path, "%s/%s/test", folders.name[i], inner.name[k]);
            bool product = gad_import_exists(import, path);
            snprintf(path, sizeof path, "%s/%s", folders.name[i], inner.name[k]);
            status = product ? gad_layout_mvtec_read_class(import, path, &layout, err)
                             : gad_import_note(import, GAD_IMPORT_BAD_RECORD, path, err,
                                               "not a product folder: it has no test folder");
        }
        gad_file_names_free(&inner);
    }
    gad_file_names_free(&folders);
    return status;
}

const gad_catalog_entry gad_texture_ad = {
    .name = "texture_ad",
    .title = "Texture-AD",
    .license = "Apache-2.0 (tag of the hosted copy)",
    .citation = "Lei et al., Texture-AD: An Anomaly Detection Dataset and Benchmark for Real Algorithm Development, 2024 "
                "(arXiv 2409.06367)",
    .home = "https://huggingface.co/datasets/texture-ad/Texture-AD-Benchmark",
    .images = 43120,
    .mmr_images = 1876,
    .mmr_boxes = 1292,
    .mmr_categories = 24,
    .mmr_types = 24,
    .read = read_texture_ad,
};
