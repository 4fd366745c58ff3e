/* wfdd: woven fabric. The generic layout with antialiased masks. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

static gad_status read_wfdd(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    layout.soft_mask = true;
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {"grey_cloth", "grid_cloth", "yellow_cloth", "pink_flower", NULL};

const gad_catalog_entry gad_wfdd = {
    .name = "wfdd",
    .title = "WFDD",
    .license = "MIT (repository)",
    .citation = "Chen et al., A Unified Anomaly Synthesis Strategy with Gradient Ascent for Industrial Anomaly Detection "
                "and Localization, ECCV 2024",
    .home = "https://github.com/cqylunlun/GLASS",
    .images = 4101,
    .mmr_images = 291,
    .mmr_boxes = 252,
    .mmr_categories = 4,
    .mmr_types = 10,
    .classes = CLASSES,
    .read = read_wfdd,
};
