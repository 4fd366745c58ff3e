/* export: a store, or a part of it, in the formats of other programs. In: a filter, a format. Out: files. What a format
 * cannot say is carried along under the key "mmrad", so that gad reads its own exports back without loss. */
#ifndef GAD_DATA_EXPORT_H
#define GAD_DATA_EXPORT_H
#include "data/store.h"
#include "task/box.h"

typedef enum gad_export_format {
    GAD_EXPORT_JSONL,  /* our own lines: the whole truth */
    GAD_EXPORT_MMR_AD, /* folders of the MMR-AD release */
    GAD_EXPORT_COCO,
    GAD_EXPORT_LABEL_STUDIO,
    GAD_EXPORT_TRL, /* chat messages with image parts */
    GAD_EXPORT_MS_SWIFT,
    GAD_EXPORT_LLAMA_FACTORY, /* sharegpt messages and dataset_info.json */
    GAD_EXPORT_LLAVA,
    GAD_EXPORT_FORMATS
} gad_export_format;
const char *gad_export_name(gad_export_format format);

typedef struct gad_export_settings {
    gad_export_format format;
    gad_store_filter filter;
    const char *path;    /* a file, or a folder for MMR_AD and LLAMA_FACTORY */
    bool keep_foreign;   /* refuse to replace files that gad did not write */
    bool copy;           /* MMR_AD: copy images instead of linking to them */
    bool masks;          /* COCO: run lengths of the masks instead of the boxes' outlines */
    bool single;         /* chat formats: no reference image */
    bool without_answer; /* chat formats: prompts only, the truth in a column of its own (for RL) */
    double domain_share; /* chat formats: share of prompts that name the class's anomaly types */
    uint64_t seed;
    /* chat formats: coordinates of the boxes in the answers */
    gad_box_convention convention;
    int64_t min_pixels, max_pixels;
    int factor; /* of GAD_BOX_INPUT: the trainer's own image processor settings */
    const gad_log *log;
    const gad_progress *progress;
} gad_export_settings;
gad_export_settings gad_export_default(void);

typedef struct gad_export_report {
    int64_t samples, boxes, left_out;             /* left out: without text (chat formats), unreadable */
    int64_t anomalous, added, changed, unchanged; /* of reading */
} gad_export_report;
gad_status gad_export_run(gad_store *store, const gad_export_settings *settings, gad_export_report *report, gad_error *err);

/* Read lines that GAD_EXPORT_JSONL wrote. Roots are those of the file unless `root` is given (for all datasets in it). */
gad_status gad_export_read(gad_store *store, const char *path, const char *root, gad_export_report *report, gad_error *err);
#endif
