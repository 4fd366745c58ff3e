/* check: finds what is wrong with a store: broken pairs, boxes outside images, leaks between splits, duplicates. In: a
 * store. Out: findings by kind, with examples. Changes nothing. */
#ifndef GAD_DATA_CHECK_H
#define GAD_DATA_CHECK_H
#include "data/store.h"

typedef enum gad_check_kind {
    GAD_CHECK_IMAGE_MISSING,     /* the file is not there */
    GAD_CHECK_IMAGE_CHANGED,     /* its content is not what was imported (only with `hash`) */
    GAD_CHECK_REFERENCE_MISSING, /* the reference's file is neither in the store nor on disk */
    GAD_CHECK_REFERENCE_BAD,     /* the reference is the image itself, anomalous, or of another class */
    GAD_CHECK_BOX_OUTSIDE,
    GAD_CHECK_LABEL,      /* boxes of a normal image; an anomalous image without boxes and type */
    GAD_CHECK_GROUP_TORN, /* one group in two splits */
    GAD_CHECK_LEAK,       /* a training image with the content of one that is held out */
    GAD_CHECK_RESIZED,    /* a training image that is a copy of a benchmark's in another size (only with `similar`) */
    GAD_CHECK_DUPLICATE,  /* two samples with one content */
    GAD_CHECK_IMPORT,     /* noted by the import */
    GAD_CHECK_KINDS
} gad_check_kind;

typedef gad_data_check_settings gad_check_settings;

typedef struct gad_check_report {
    int64_t samples, found[GAD_CHECK_KINDS];
} gad_check_report;
/* Appends one line per example and per kind. */
gad_status gad_check_run(gad_store *store, const gad_check_settings *settings, gad_check_report *report, gad_string *text,
                         gad_error *err);
/* Findings that make training or measuring wrong; duplicates and import notes do not count. */
int64_t gad_check_errors(const gad_check_report *report);
#endif
