/* adapter: the catalogue entries of all datasets, one file each; data/catalog.c lists them. */
#ifndef GAD_DATA_ADAPTER_ADAPTER_H
#define GAD_DATA_ADAPTER_ADAPTER_H
#include "data/catalog_entry.h"

extern const gad_catalog_entry gad_mvtec_ad, gad_mvtec_3d, gad_visa, gad_mpdd, gad_mvtec_loco, gad_goodsad, gad_real_iad,
    gad_real_iad_d3, gad_manta, gad_miad, gad_cableinspect, gad_wfdd, gad_texture_ad, gad_3cad;
/* Forms rather than datasets: the MMR-AD release, good/bad folders, COCO, Label Studio, our own JSON lines. */
extern const gad_catalog_entry gad_mmr_ad, gad_plain, gad_coco, gad_label_studio, gad_gad_jsonl;
#endif
