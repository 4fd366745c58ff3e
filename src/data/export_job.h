/* export_job: what the writers of all formats share: the job and the walk over its samples. In: a store and a filter. Out:
 * one call per sample. */
#ifndef GAD_DATA_EXPORT_JOB_H
#define GAD_DATA_EXPORT_JOB_H
#include "data/export.h"

typedef struct gad_export_job {
    gad_store *store;
    const gad_export_settings *settings;
    gad_export_report *report;
} gad_export_job;
/* Calls `each` for every sample of the filter with its dataset's root. */
gad_status gad_export_job_each(gad_export_job *job,
                               gad_status (*each)(void *user, const gad_sample *sample, const char *root, gad_error *err),
                               void *user, gad_error *err);

/* The writers, one file each. */
gad_status gad_export_lines(gad_export_job *job, gad_error *err);       /* our own */
gad_status gad_export_annotations(gad_export_job *job, gad_error *err); /* COCO, Label Studio */
gad_status gad_export_chat(gad_export_job *job, gad_error *err);
gad_status gad_export_folders(gad_export_job *job, gad_error *err); /* MMR-AD */
#endif
