/* catalog: see catalog.h */
#include "data/catalog.h"

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/adapter/adapter.h"
#include "data/guess.h"
#include "data/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const gad_catalog_entry *const ENTRIES[] = {
    &gad_mvtec_ad,    &gad_mvtec_3d, &gad_visa, &gad_mpdd,         &gad_mvtec_loco, &gad_goodsad,    &gad_real_iad,
    &gad_real_iad_d3, &gad_manta,    &gad_miad, &gad_cableinspect, &gad_wfdd,       &gad_texture_ad, &gad_3cad,
    &gad_mmr_ad,      &gad_plain,    &gad_coco, &gad_label_studio, &gad_gad_jsonl};

int gad_catalog_count(void)
{
    return (int)(sizeof ENTRIES / sizeof *ENTRIES);
}

const gad_catalog_entry *gad_catalog_at(int index)
{
    return ENTRIES[index];
}

const gad_catalog_entry *gad_catalog_find(const char *name)
{
    for (int i = 0; i < gad_catalog_count(); i++)
        if (strcmp(ENTRIES[i]->name, name) == 0)
            return ENTRIES[i];
    return NULL;
}

/* The folder's full name, so that the store does not depend on where gad was started. */
static gad_status full_path(const char *folder, char **full, gad_error *err)
{
    char *resolved = realpath(folder, NULL);
    if (!resolved || !gad_file_is_directory(resolved)) {
        free(resolved);
        return gad_error_set(err, GAD_E_IO, "import a dataset", "give the folder that the dataset was unpacked to",
                             "%s: not a folder", folder);
    }
    *full = gad_memory_copy_string(resolved);
    free(resolved);
    return *full ? GAD_OK : gad_error_memory(err, "import a dataset", 0);
}

/* A folder that gives nothing is the wrong one, or none of its files is where its index says. */
static gad_status refuse_empty(const gad_import *import, const gad_catalog_entry *entry, const gad_import_report *report,
                               gad_error *err)
{
    char wrong[200] = "";
    for (int i = 0; i < GAD_IMPORT_PROBLEMS; i++)
        if (report->problems[i] && strlen(wrong) < 150)
            snprintf(wrong + strlen(wrong), sizeof wrong - strlen(wrong), "%s%lld %s", wrong[0] ? ", " : ": ",
                     (long long)report->problems[i], gad_import_problem_name((gad_import_problem)i));
    return gad_guess_refuse(import, entry, "give the folder that the dataset was unpacked to", err,
                            "not one image was found%s", wrong);
}

/* Every folder form has one name of its own: a second folder must not take the first one's place unasked. */
static gad_status refuse_other_folder(gad_store *store, const char *name, const char *folder, gad_error *err)
{
    char *known = NULL;
    gad_error unknown;
    if (gad_store_root(store, name, &known, &unknown))
        return GAD_OK;
    bool same = strcmp(known, folder) == 0;
    gad_status status = same ? GAD_OK
                             : gad_error_set(err, GAD_E_ARGUMENT, "import a dataset", "give this folder a name with --name",
                                             "\"%s\" is the dataset in %s already", name, known);
    gad_memory_free(known);
    return status;
}

static void warn_counts(const gad_catalog_entry *entry, const gad_import_report *report, const gad_log *log)
{
    if (entry->images && report->images != entry->images)
        gad_log_warning(log, "%s: %lld images, published are %d (a part of the dataset, or another release)", entry->title,
                        (long long)report->images, entry->images);
    if (entry->anomalous && report->anomalous != entry->anomalous)
        gad_log_warning(log, "%s: %lld anomalous images, published are %d", entry->title, (long long)report->anomalous,
                        entry->anomalous);
}

static gad_status read_folder(gad_store *store, const gad_catalog_entry *entry, const gad_import_settings *settings,
                              bool named, gad_import_report *report, gad_error *err)
{
    gad_import *import = NULL;
    gad_store_dataset dataset = {.name = settings->dataset,
                                 .root = settings->folder,
                                 .title = entry->title,
                                 .license = entry->license,
                                 .citation = entry->citation,
                                 .home = entry->home};
    const bool share = gad_part_is_share(settings->part); /* has but some of the images */
    gad_status status = gad_store_begin(store, err);
    if (!status && entry->generic && !named)
        status = refuse_other_folder(store, settings->dataset, settings->folder, err);
    if (!status)
        status = gad_store_put_dataset(store, &dataset, err);
    if (!status)
        status = gad_import_open(store, settings, &import, err);
    if (!status)
        status = entry->read(import, entry, err);
    if (!status)
        status = gad_import_finish(import, report, err);
    if (!status && !report->images && !share)
        status = refuse_empty(import, entry, report, err);
    if (!status)
        status = gad_store_commit(store, err);
    gad_import_free(import);
    if (status)
        gad_store_rollback(store);
    else if (!share)
        warn_counts(entry, report, settings->log);
    return status;
}

/* A share goes through all of it with a store of its own that nobody sees. */
static gad_status read_share(const gad_catalog_entry *entry, const gad_import_settings *settings, gad_import_report *report,
                             gad_error *err)
{
    gad_store *scratch = NULL;
    gad_status status = gad_store_open_scratch(&scratch, err);
    if (!status)
        status = read_folder(scratch, entry, settings, true, report, err);
    gad_store_close(scratch);
    return status;
}

gad_data_import_settings gad_data_import_default(void)
{
    return (gad_data_import_settings){0};
}

gad_status gad_catalog_import(gad_store *store, const gad_data_import_settings *request, gad_import_report *report,
                              gad_error *err)
{
    const gad_catalog_entry *entry = gad_catalog_find(request->adapter);
    char *folder = NULL, job[256];
    gad_part *part = NULL;
    if (!entry)
        return gad_error_set(err, GAD_E_ARGUMENT, "import a dataset", "gad data list shows the names",
                             "%s: not a dataset that gad knows", request->adapter);
    const char *name = request->name ? request->name : entry->name;
    if (strchr(name, '/') || !name[0])
        return gad_error_set(err, GAD_E_ARGUMENT, "import a dataset", NULL, "\"%s\" cannot be the name of a dataset", name);
    gad_status status = full_path(request->folder, &folder, err);
    if (status)
        return status;
    snprintf(job, sizeof job, "import-%.200s", name);
    status = gad_part_open(gad_store_path(store), job, &request->share, &part, err);
    gad_import_settings settings = {.dataset = name,
                                    .folder = folder,
                                    .license = entry->license,
                                    .source_url = entry->home,
                                    .every_annotation = request->every_annotation,
                                    .benchmark = entry->benchmark || request->benchmark,
                                    .part = part,
                                    .catalog = &(struct gad_catalog_list){ENTRIES, gad_catalog_count()},
                                    .log = request->log,
                                    .progress = request->progress};
    if (!status && gad_part_is_share(part))
        status = read_share(entry, &settings, report, err);
    else if (!status)
        status = read_folder(store, entry, &settings, request->name != NULL, report, err);
    if (!status && !gad_part_is_share(part))
        status = gad_part_remove(part, err);
    gad_part_free(part);
    gad_memory_free(folder);
    return status;
}
