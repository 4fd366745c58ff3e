/* 3cad: parts of consumer electronics. The generic layout with masks of equal stem; the first release had type folders in
 * pinyin, the second in English: both become the English name. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

#include <string.h>

/* The list of the first release is not published: these are the words that inspection uses, as far as their pinyin has one
 * meaning. Others stay as they are. */
static const struct {
    const char *pinyin, *english;
} TYPES[] = {{"aotu", "bump"},
             {"aoxian", "dent"},
             {"baidian", "white spot"},
             {"bianxing", "deformation"},
             {"cashang", "abrasion"},
             {"duanlie", "fracture"},
             {"guashang", "scratch"},
             {"heidian", "black spot"},
             {"huashang", "scratch"},
             {"kongdong", "hole"},
             {"liewen", "crack"},
             {"maoci", "burr"},
             {"mosun", "wear"},
             {"pengshang", "bruise"},
             {"penshang", "bruise"},
             {"posun", "damage"},
             {"qipao", "bubble"},
             {"quekou", "notch"},
             {"secha", "colour difference"},
             {"shaguang", "sanding mark"},
             {"shuiyin", "water stain"},
             {"tuoqi", "paint loss"},
             {"yashang", "press mark"},
             {"yise", "discoloration"},
             {"yiwu", "foreign object"},
             {"zangwu", "dirt"},
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
