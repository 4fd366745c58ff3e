/* produce: synthetic pairs as files and samples. In: settings, a folder, perhaps a dataset whose normals are the material.
 * Out: images, masks and samples.jsonl in the folder, and samples with text in the store. */
#ifndef GAD_DATA_PRODUCE_H
#define GAD_DATA_PRODUCE_H
#include "data/store.h"
#include "synth/synth.h"

/* Kinds and families are those of settings->synth; the lists of names are the caller's to read. */
gad_status gad_produce_run(gad_store *store, const gad_data_synth_settings *settings, gad_data_synthesised *report,
                           gad_error *err);
#endif
