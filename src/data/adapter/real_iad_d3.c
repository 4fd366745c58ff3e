/* real_iad_d3: Real-IAD D3; only the colour image of the fifth light is read, as the authors' loader does. */
#include "data/adapter/adapter.h"
#include "data/layout_modality.h"

static const char *const SPLITS[] = {"train", "val", "test", NULL}, *const SPLIT_NAMES[] = {"train", "val", "test"};
static const char *const CLASSES[] = {"audio_jack_socket",
                                      "common_mode_filter",
                                      "connector_housing-female",
                                      "crimp_st_cable_mount_box",
                                      "dc_power_connector",
                                      "ethernet_connector",
                                      "ferrite_bead",
                                      "fork_crimp_terminal",
                                      "fuse_holder",
                                      "headphone_jack_socket",
                                      "humidity_sensor",
                                      "knob-cap",
                                      "lattice_block_plug",
                                      "lego_pin_connector_plate",
                                      "lego_propeller",
                                      "limit-switch",
                                      "miniature_lifting_motor",
                                      "power_jack",
                                      "purple-clay-pot",
                                      "telephone_spring_switch",
                                      NULL};

static gad_status read_real_iad_d3(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_modality layout = {.splits = SPLITS,
                                  .split_names = SPLIT_NAMES,
                                  .good = "GOOD",
                                  .colour = "rgb",
                                  .truth = "gt/rgb",
                                  .threshold = 127,
                                  .must_contain = "L05"};
    return gad_layout_modality_read(import, entry, &layout, err);
}

const gad_catalog_entry gad_real_iad_d3 = {
    .name = "real_iad_d3",
    .title = "Real-IAD D3",
    .license = "not established (the Real-IAD family is non-commercial)",
    .citation = "Zhu et al., Real-IAD D3: A Real-World 2D/Pseudo-3D/3D Dataset for Industrial Anomaly Detection, CVPR 2025 "
                "(arXiv 2504.14221)",
    .home = "https://realiad4ad.github.io/Real-IAD_D3",
    .images = 8450,
    .mmr_images = 3632,
    .mmr_boxes = 2961,
    .mmr_categories = 20,
    .mmr_types = 17,
    .classes = CLASSES,
    .read = read_real_iad_d3,
};
