/* produce: synthetic pairs as files and samples. In: settings, a folder, perhaps a dataset whose normals are the material.
 * Out: images, masks and samples.jsonl in the folder, and samples with text in the store. */
#ifndef GAD_DATA_PRODUCE_H
#define GAD_DATA_PRODUCE_H
#include "data/store.h"
#include "synth/synth.h"

typedef struct gad_produce_settings {
    gad_synth_settings synth;
    const char *folder;
    const char *dataset; /* its name in the store */
    const char *from;    /* take normals of this dataset as photographs; NULL: procedural scenes */
    int64_t count;
    uint64_t seed, first; /* pairs first .. first+count-1 */
    int jpeg;             /* quality; 0: PNG */
    bool keep_foreign;    /* refuse to replace a set of other settings, or files of somebody else */
    const gad_log *log;
    const gad_progress *progress;
} gad_produce_settings;
gad_produce_settings gad_produce_default(void);

typedef gad_data_synthesised gad_produce_report;
gad_status gad_produce_run(gad_store *store, const gad_produce_settings *settings, gad_produce_report *report,
                           gad_error *err);
#endif
