/* 3cad: parts of consumer electronics. The generic layout with masks of equal stem; the first release had type folders in
 * pinyin, the second in English: both become the English name. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

#include <string.h>

/* Only names that are certain are translated; others stay as they are. */
static const struct {
    const char *pinyin, *english;
} TYPES[] = {{"aotu", "bump"},         {"huashang", "scratch"},     {"guashang", "scratch"},   {"zangwu", "dirt"},
             {"penshang", "bruise"},   {"pengshang", "bruise"},     {"yise", "discoloration"}, {"liewen", "crack"},
             {"quekou", "notch"},      {"bianxing", "deformation"}, {"maoci", "burr"},         {"shaguang", "sanding mark"},
             {"meta", "several types"}};

static const char *english_type(const char *folder)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].pinyin, folder) == 0)
            return TYPES[i].english;
    return folder;
}

static gad_status read_3cad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    layout.soft_mask = true;
    layout.type_name = english_type;
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {"Aluminum_Camera_Cover",
                                      "Aluminum_Ipad",
                                      "Aluminum_Middle_Frame",
                                      "Aluminum_New_Middle_Frame",
                                      "Aluminum_New_Ipad",
                                      "Aluminum_Pc",
                                      "Copper_Stator",
                                      "Iron_Stator",
                                      NULL};

const gad_catalog_entry gad_3cad = {
    .name = "3cad",
    .title = "3CAD",
    .license = "not stated",
    .citation =
        "Yang et al., 3CAD: A Large-Scale Real-World 3C Product Dataset for Unsupervised Anomaly Detection, AAAI 2025",
    .home = "https://github.com/EnquanYang2022/3CAD",
    .images = 27039,
    .normal = 15577,
    .anomalous = 11462,
    .mmr_images = 6470,
    .mmr_boxes = 6548,
    .mmr_categories = 8,
    .mmr_types = 34,
    .classes = CLASSES,
    .read = read_3cad,
};
