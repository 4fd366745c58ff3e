/* export_job: see export_job.h */
#include "data/export_job.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"

#include <string.h>

gad_status gad_export_job_each(gad_export_job *job,
                               gad_status (*each)(void *user, const gad_sample *sample, const char *root, gad_error *err),
                               void *user, gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_sample s = {0};
    char *root = NULL, *root_of = NULL;
    bool found = true;
    int64_t total = 0, done = 0;
    gad_status status = gad_store_count(job->store, &job->settings->filter, &total, err);
    gad_progress_meter meter = gad_progress_start(job->settings->progress, "export", total);
    if (!status && !total)
        status = gad_error_set(err, GAD_E_ARGUMENT, "export", "gad data stats shows what is there", "no samples fit");
    if (!status)
        status = gad_store_select(job->store, &job->settings->filter, &cursor, err);
    while (!status && found) {
        status = gad_store_next(cursor, &s, &found, err);
        if (status || !found)
            break;
        if (!root_of || strcmp(root_of, s.dataset) != 0) {
            gad_memory_free(root);
            root = NULL;
            status = gad_sample_set(&root_of, s.dataset) ? gad_store_root(job->store, s.dataset, &root, err)
                                                         : gad_error_memory(err, "export", 0);
        }
        if (!status)
            status = each(user, &s, root, err);
        if (!status && !gad_progress_update(&meter, ++done))
            status = gad_error_set(err, GAD_E_CANCELLED, "export", NULL, "cancelled; nothing was written");
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    gad_memory_free(root);
    gad_memory_free(root_of);
    return status;
}
