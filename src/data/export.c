/* export: see export.h. Here: the list of formats and which file writes which. */
#include "data/export.h"

#include "base/error.h"
#include "base/file.h"
#include "data/export_job.h"

#include <string.h>
#include <sys/stat.h>

static const char *const NAMES[GAD_EXPORT_FORMATS] = {"jsonl", "mmr-ad",   "coco",          "label-studio",
                                                      "trl",   "ms-swift", "llama-factory", "llava"};

const char *gad_export_name(gad_export_format format)
{
    return NAMES[format];
}

gad_export_settings gad_export_default(void)
{
    return (gad_export_settings){.seed = 1,
                                 .domain_share = 0.3,
                                 .convention = GAD_BOX_CANVAS,
                                 .min_pixels = 3136,
                                 .max_pixels = 12845056,
                                 .factor = 28};
}

/* What exports begin with; the release's JSON files carry whole samples. */
static bool looks_exported(const char *head)
{
    static const char *const marks[] = {"\"schema\":\"mmrad/1", "exported by gad",   "\"mmrad\"",    "\"messages\"",
                                        "\"prompt\"",           "\"conversations\"", "\"ref-name\"", "/train_good/"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(head, marks[i]))
            return true;
    return head[strspn(head, " \r\n\t[]{}")] == 0; /* holds nothing */
}

gad_status gad_export_check(const char *path, gad_error *err)
{
    char head[4096];
    struct stat info;
    FILE *file = NULL;
    if (lstat(path, &info) ||
        !S_ISREG(info.st_mode)) /* a link is a place that somebody made for this; a device keeps nothing */
        return GAD_OK;
    gad_status status = gad_file_open(path, &file, err);
    if (status)
        return status;
    head[fread(head, 1, sizeof head - 1, file)] = 0;
    fclose(file);
    return looks_exported(head)
               ? GAD_OK
               : gad_error_set(err, GAD_E_ARGUMENT, "export", "give another name, or --force to replace it",
                               "%s: is there already, and gad did not write it", path);
}

gad_status gad_export_run(gad_store *store, const gad_export_settings *settings, gad_export_report *report, gad_error *err)
{
    gad_export_job job = {store, settings, report};
    *report = (gad_export_report){0};
    if (!settings->path || !settings->path[0])
        return gad_error_set(err, GAD_E_ARGUMENT, "export", NULL, "no file name");
    gad_status status = settings->keep_foreign ? gad_export_check(settings->path, err) : GAD_OK;
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
