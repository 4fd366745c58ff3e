/* manta: five views of a small object side by side in each file. Two layouts are around: the generic one below a domain
 * folder, and one with test-pixel/{good,TYPE,mask}. Each view becomes a sample. */
#include "data/adapter/adapter.h"
#include "data/class_folders.h"
#include "data/layout_mvtec.h"

#include <stdio.h>
#include <string.h>

static const char *const CLASSES[] = {"maize",
                                      "paddy",
                                      "soybean",
                                      "wheat",
                                      "block_inductor",
                                      "copper_standoff",
                                      "flat_nut",
                                      "led",
                                      "led_pad",
                                      "long_button",
                                      "power_inductor",
                                      "short_button",
                                      "thin_resistor",
                                      "type_c",
                                      "wafer_resistor",
                                      "coffee_beans",
                                      "goji_berries",
                                      "pistachios",
                                      "button",
                                      "gear",
                                      "nut",
                                      "nut_cap",
                                      "red_washer",
                                      "round_button_cap",
                                      "screw",
                                      "square_button_cap",
                                      "terminal",
                                      "wire_cap",
                                      "yellow_green_washer",
                                      "capsule",
                                      "coated_tablet",
                                      "embossed_tablet",
                                      "lettered_tablet",
                                      "oblong_tablet",
                                      "pink_tablet",
                                      "red_tablet",
                                      "white_tablet",
                                      "yellow_tablet",
                                      NULL};
static const char *const DOMAINS[] = {"agriculture", "electronics", "groceries", "mechanics", "medicine", NULL};

static gad_status read_class(gad_import *import, const char *folder, const void *unused, gad_error *err)
{
    (void)unused;
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    char path[512];
    layout.strips = 5;
    layout.soft_mask = true;
    layout.no_truth = true; /* most anomalous files have an image-level label only */
    snprintf(path, sizeof path, "%s/test-pixel", folder);
    if (gad_import_exists(import, path)) {
        layout.test = "test-pixel";
        layout.truth = "test-pixel/mask";
        layout.no_truth = false;
    }
    return gad_layout_mvtec_read_class(import, folder, &layout, err);
}

static gad_status read_manta(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    bool domains = false;
    gad_status status = GAD_OK;
    for (int d = 0; DOMAINS[d] && !status; d++) {
        gad_file_names classes;
        if (!gad_import_exists(import, DOMAINS[d]))
            continue;
        domains = true;
        status = gad_import_list(import, DOMAINS[d], &classes, err);
        for (size_t i = 0; i < classes.count && !status; i++) {
            char folder[512];
            snprintf(folder, sizeof folder, "%s/%s", DOMAINS[d], classes.name[i]);
            status = read_class(import, folder, NULL, err);
        }
        gad_file_names_free(&classes);
    }
    if (domains || status)
        return status;
    return gad_class_folders_each(import, entry, read_class, NULL, err);
}

const gad_catalog_entry gad_manta = {
    .name = "manta",
    .title = "MANTA",
    .license = "CC BY-NC-SA 4.0",
    .citation =
        "Fan et al., MANTA: A Large-Scale Multi-View and Visual-Text Anomaly Detection Dataset for Tiny Objects, CVPR 2025",
    .home = "https://grainnet.github.io/MANTA",
    .mmr_images = 35347,
    .mmr_boxes = 31824,
    .mmr_categories = 38,
    .mmr_types = 81,
    .classes = CLASSES,
    .read = read_manta,
};
