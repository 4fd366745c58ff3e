/* mpdd: painted metal parts in varying pose. The generic layout. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

static gad_status read_mpdd(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {
    "bracket_black", "bracket_brown", "bracket_white", "connector", "metal_plate", "tubes", NULL};

const gad_catalog_entry gad_mpdd = {
    .name = "mpdd",
    .title = "MPDD",
    .license = "CC BY-NC-SA 4.0",
    .citation = "Jezek et al., Deep learning-based defect detection of metal parts, ICUMT 2021",
    .home = "https://github.com/stepanje/MPDD",
    .benchmark = true,
    .images = 1346,
    .normal = 1064,
    .anomalous = 282,
    .mmr_images = 540,
    .mmr_boxes = 416,
    .mmr_categories = 6,
    .mmr_types = 10,
    .classes = CLASSES,
    .read = read_mpdd,
};
