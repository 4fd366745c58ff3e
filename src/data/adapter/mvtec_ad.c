/* mvtec_ad: the reference dataset of the field; the generic layout, as it defined it. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

static gad_status read_mvtec_ad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {"bottle",     "cable",     "capsule", "carpet", "grid", "hazelnut",
                                      "leather",    "metal_nut", "pill",    "screw",  "tile", "toothbrush",
                                      "transistor", "wood",      "zipper",  NULL};

const gad_catalog_entry gad_mvtec_ad = {
    .name = "mvtec_ad",
    .title = "MVTec AD",
    .license = "CC BY-NC-SA 4.0",
    .citation =
        "Bergmann et al., MVTec AD: A Comprehensive Real-World Dataset for Unsupervised Anomaly Detection, CVPR 2019",
    .home = "https://www.mvtec.com/company/research/datasets/mvtec-ad",
    .benchmark = true,
    .images = 5354,
    .normal = 4096,
    .anomalous = 1258,
    .mmr_images = 2485,
    .mmr_boxes = 1588,
    .mmr_categories = 15,
    .mmr_types = 37,
    .classes = CLASSES,
    .read = read_mvtec_ad,
};
