/* export: see export.h. Here: the list of formats and which file writes which. */
#include "data/export.h"

#include "base/error.h"
#include "base/file.h"
#include "data/export_check.h"
#include "data/export_job.h"

#include <string.h>

static const char *const NAMES[GAD_EXPORT_FORMATS] = {"jsonl", "mmr-ad",   "coco",          "label-studio",
                                                      "trl",   "ms-swift", "llama-factory", "llava"};

const char *gad_export_name(gad_export_format format)
{
    return NAMES[format];
}

bool gad_export_parse(const char *name, gad_export_format *format)
{
    for (int i = 0; i < GAD_EXPORT_FORMATS; i++)
        if (!strcmp(name, NAMES[i])) {
            *format = (gad_export_format)i;
            return true;
        }
    return false;
}

gad_data_export_settings gad_data_export_default(void)
{
    return (gad_data_export_settings){.seed = 1,
                                      .domain_share = 0.3,
                                      .convention = GAD_BOX_CANVAS,
                                      .min_pixels = 3136,
                                      .max_pixels = 12845056,
                                      .factor = 28};
}

gad_status gad_export_run(gad_store *store, const gad_export_settings *settings, gad_export_report *report, gad_error *err)
{
    gad_export_job job = {store, settings, report};
    *report = (gad_export_report){0};
    if (!settings->path || !settings->path[0])
        return gad_error_set(err, GAD_E_ARGUMENT, "export", NULL, "no file name");
    gad_status status = settings->force ? GAD_OK : gad_export_check(settings->path, err);
    if (status)
        return status;
    switch (settings->format) {
    case GAD_EXPORT_JSONL: return gad_export_lines(&job, err);
    case GAD_EXPORT_MMR_AD: return gad_export_folders(&job, err);
    case GAD_EXPORT_COCO:
    case GAD_EXPORT_LABEL_STUDIO: return gad_export_annotations(&job, err);
    default: return gad_export_chat(&job, err);
    }
}
