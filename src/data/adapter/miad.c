/* miad: rendered outdoor installations. The generic layout; type folders are not established, so any is accepted. */
#include "data/adapter/adapter.h"
#include "data/layout_mvtec.h"

static gad_status read_miad(gad_import *import, const gad_catalog_entry *entry, gad_error *err)
{
    gad_layout_mvtec layout = gad_layout_mvtec_default();
    return gad_layout_mvtec_read(import, entry, &layout, err);
}

static const char *const CLASSES[] = {"catenary_dropper",    "electrical_insulator", "metal_welding", "nut_and_bolt",
                                      "photovoltaic_module", "wind_turbine",         "witness_mark",  NULL};

const gad_catalog_entry gad_miad = {
    .name = "miad",
    .title = "MIAD",
    .license = "CC BY-NC-SA 4.0",
    .citation = "Bao et al., MIAD: A Maintenance Inspection Dataset for Unsupervised Anomaly Detection, ICCVW 2023",
    .home = "https://miad-2022.github.io",
    .images = 105000,
    .mmr_images = 16026,
    .mmr_boxes = 15349,
    .mmr_categories = 6,
    .mmr_types = 11,
    .classes = CLASSES,
    .read = read_miad,
};
