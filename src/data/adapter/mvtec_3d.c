/* mvtec_3d: MVTec 3D-AD; only the colour images and masks are read. Good images have all-zero masks. */
#include "data/adapter/adapter.h"
#include "data/layout_modality.h"

static const char *const SPLITS[] = {"train", "validation", "test", NULL}, *const SPLIT_NAMES[] = {"train", "val", "test"};
static const char *const CLASSES[] = {"bagel", "cable_gland", "carrot", "cookie", "dowel", "foam",
                                      "peach", "potato",      "rope",   "tire",   NULL};

static gad_status read_mvtec_3d(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_modality layout = {
        .splits = SPLITS, .split_names = SPLIT_NAMES, .good = "good", .colour = "rgb", .truth = "gt", .threshold = 127};
    return gad_layout_modality_read(import, entry, &layout, err);
}

const gad_catalog_entry gad_mvtec_3d = {
    .name = "mvtec_3d",
    .title = "MVTec 3D-AD",
    .license = "CC BY-NC-SA 4.0",
    .citation =
        "Bergmann et al., The MVTec 3D-AD Dataset for Unsupervised 3D Anomaly Detection and Localization, VISAPP 2022",
    .home = "https://www.mvtec.com/company/research/datasets/mvtec-3d-ad",
    .benchmark = true,
    .images = 4147,
    .normal = 3199,
    .anomalous = 948,
    .mmr_images = 1176,
    .mmr_boxes = 1132,
    .mmr_categories = 10,
    .mmr_types = 26,
    .classes = CLASSES,
    .read = read_mvtec_3d,
};
