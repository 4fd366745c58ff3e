/* goodsad: supermarket goods, 3000 x 3000. The generic layout; a name is PRODUCT_SERIAL, and references come from the same
 * product. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

#include <stdio.h>
#include <string.h>

static void product_group(const char *class_name, const char *stem, char *group, size_t size_bytes)
{
    const char *bar = strchr(stem, '_');
    snprintf(group, size_bytes, "%s/product%.*s", class_name, (int)(bar ? bar - stem : (long)strlen(stem)), stem);
}

static gad_status read_goodsad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    layout.group = product_group;
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {"cigarette_box", "drink_bottle", "drink_can", "food_bottle",
                                      "food_box",      "food_package", NULL};

const gad_catalog_entry gad_goodsad = {
    .name = "goodsad",
    .title = "GoodsAD",
    .license = "not stated for the images (repository: GPL-3.0)",
    .citation = "Zhang et al., PKU-GoodsAD: A Supermarket Goods Dataset for Unsupervised Anomaly Detection and "
                "Segmentation, RA-L 2024",
    .home = "https://github.com/jianzhang96/GoodsAD",
    .images = 6124,
    .normal = 4464,
    .anomalous = 1660,
    .mmr_images = 2028,
    .mmr_boxes = 1705,
    .mmr_categories = 6,
    .mmr_types = 13,
    .classes = CLASSES,
    .read = read_goodsad,
};
