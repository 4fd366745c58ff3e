/* check: see check.h. What the store can find is one query per kind; files are looked at row by row. */
#include "data/check.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/near.h"
#include "data/store_query.h"

#include <string.h>

static const struct {
    const char *name;
    gad_store_query query; /* gives what, why; GAD_STORE_QUERIES: files are looked at */
} KINDS[GAD_CHECK_KINDS] = {
    [GAD_CHECK_IMAGE_MISSING] = {"missing image", GAD_STORE_QUERIES},
    [GAD_CHECK_IMAGE_CHANGED] = {"changed image", GAD_STORE_QUERIES},
    [GAD_CHECK_REFERENCE_MISSING] = {"missing reference", GAD_STORE_REFERENCE_MISSING},
    [GAD_CHECK_REFERENCE_BAD] = {"wrong reference", GAD_STORE_REFERENCE_BAD},
    [GAD_CHECK_BOX_OUTSIDE] = {"box outside its image", GAD_STORE_BOX_OUTSIDE},
    [GAD_CHECK_LABEL] = {"label against boxes", GAD_STORE_LABEL_WRONG},
    [GAD_CHECK_GROUP_TORN] = {"group in several splits", GAD_STORE_GROUP_TORN},
    [GAD_CHECK_LEAK] = {"leak into training", GAD_STORE_LEAK},
    [GAD_CHECK_RESIZED] = {"resized copy in training", GAD_STORE_QUERIES},
    [GAD_CHECK_DUPLICATE] = {"duplicate", GAD_STORE_DUPLICATE},
    [GAD_CHECK_IMPORT] = {"noted by the import", GAD_STORE_PROBLEMS},
};

int64_t gad_check_errors(const gad_check_report *report)
{
    int64_t n = 0;
    for (int i = 0; i < GAD_CHECK_KINDS; i++)
        n += i == GAD_CHECK_DUPLICATE || i == GAD_CHECK_IMPORT ? 0 : report->found[i];
    return n;
}

static void add_example(gad_check_kind kind, const gad_check_settings *settings, gad_check_report *report, const char *what,
                        const char *why, gad_string *text)
{
    if (report->found[kind]++ < settings->examples)
        gad_string_addf(text, "%s: %s: %s\n", KINDS[kind].name, what ? what : "", why ? why : "");
}

static gad_status query(gad_store *store, gad_check_kind kind, const gad_check_settings *settings, gad_check_report *report,
                        gad_string *text, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(store, KINDS[kind].query, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        /* A third column is a file whose being there makes it right (references of synthetic pairs are no samples). */
        const char *file = kind == GAD_CHECK_REFERENCE_MISSING ? gad_store_query_text(rows, 2) : NULL;
        if (!file || !gad_file_exists(file))
            add_example(kind, settings, report, gad_store_query_text(rows, 0), gad_store_query_text(rows, 1), text);
        status = gad_store_query_next(rows, &row, err);
    }
    gad_store_query_close(rows);
    return status;
}

static gad_status check_file(const gad_sample *s, const char *root, const gad_check_settings *settings,
                             gad_check_report *report, gad_string *text, gad_error *err)
{
    char *path = gad_file_join(root, s->image), now[33];
    gad_hash hash;
    if (!path)
        return gad_error_memory(err, "check samples", 0);
    if (!gad_file_exists(path)) {
        add_example(GAD_CHECK_IMAGE_MISSING, settings, report, s->id, path, text);
    } else if (settings->hash && s->hash[0]) {
        gad_status status = gad_hash_file(path, &hash, err);
        gad_hash_text(hash, now);
        if (status || strcmp(now, s->hash) != 0)
            add_example(GAD_CHECK_IMAGE_CHANGED, settings, report, s->id,
                        status ? "cannot be read" : "its content is not what was imported", text);
    }
    gad_memory_free(path);
    return GAD_OK;
}

static gad_status check_files(gad_store *store, const gad_check_settings *settings, gad_check_report *report,
                              gad_string *text, gad_error *err)
{
    gad_store_cursor *cursor = NULL;
    gad_store_filter filter = {0};
    gad_sample s = {0};
    char *root = NULL, *root_of = NULL;
    bool found = true;
    int64_t done = 0;
    gad_progress_meter meter = gad_progress_start(settings->progress, "check files", report->samples);
    gad_status status = gad_store_select(store, &filter, &cursor, err);
    while (!status && found) {
        status = gad_store_next(cursor, &s, &found, err);
        if (status || !found)
            break;
        if (!root_of || strcmp(root_of, s.dataset) != 0) {
            gad_memory_free(root);
            root = NULL;
            status = gad_sample_set(&root_of, s.dataset) ? gad_store_root(store, s.dataset, &root, err)
                                                         : gad_error_memory(err, "check samples", 0);
        }
        if (!status)
            status = check_file(&s, root, settings, report, text, err);
        if (!status && !gad_progress_update(&meter, ++done))
            status = gad_error_set(err, GAD_E_CANCELLED, "check samples", NULL, "cancelled");
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    gad_memory_free(root);
    gad_memory_free(root_of);
    return status;
}

/* ---- resized copies ---- */

/* A picture of either side. */
typedef struct picture {
    char *path, *id;
    gad_near_print print;
} picture;

typedef struct pictures {
    picture *item;
    size_t count, capacity;
} pictures;

static void pictures_free(pictures *list)
{
    for (size_t i = 0; i < list->count; i++) {
        gad_memory_free(list->item[i].path);
        gad_memory_free(list->item[i].id);
    }
    gad_memory_free(list->item);
}

/* The files (not the views of strips) that a query gives. */
static gad_status list_pictures(gad_store *store, gad_store_query files, pictures *list, gad_error *err)
{
    gad_store_rows *rows = NULL;
    bool row = false;
    gad_status status = gad_store_query_open(store, files, &rows, err);
    if (!status)
        status = gad_store_query_next(rows, &row, err);
    while (!status && row) {
        if (!gad_memory_grow((void **)&list->item, &list->capacity, list->count, sizeof *list->item))
            status = gad_error_memory(err, "check samples", list->count * sizeof *list->item);
        picture *p = status ? NULL : &list->item[list->count++];
        if (p) {
            *p = (picture){.path = gad_memory_copy_string(gad_store_query_text(rows, 0)),
                           .id = gad_memory_copy_string(gad_store_query_text(rows, 1))};
            status = p->path && p->id ? gad_store_query_next(rows, &row, err) : gad_error_memory(err, "check samples", 0);
        }
    }
    gad_store_query_close(rows);
    return status;
}

/* An image that cannot be read is near nothing; `files` and `hash` name it. */
static gad_status measure_pictures(pictures *list, gad_progress_meter *meter, int64_t *done, gad_error *err)
{
    enum { BATCH = 64 };
    for (size_t from = 0; from < list->count; from += BATCH) {
        size_t to = from + BATCH < list->count ? from + BATCH : list->count;
#pragma omp parallel for schedule(dynamic)
        for (size_t i = from; i < to; i++) {
            gad_image image = {0};
            if (!gad_image_load_shrunk(list->item[i].path, 128, &image, NULL))
                gad_near_measure(&image, &list->item[i].print, NULL);
            gad_image_free(&image);
        }
        *done += (int64_t)(to - from);
        if (!gad_progress_update(meter, *done))
            return gad_error_set(err, GAD_E_CANCELLED, "check samples", NULL, "cancelled");
    }
    return GAD_OK;
}

static gad_status check_resized(gad_store *store, const gad_check_settings *settings, gad_check_report *report,
                                gad_string *text, gad_error *err)
{
    pictures train = {0}, held = {0};
    int64_t done = 0;
    gad_status status = list_pictures(store, GAD_STORE_HELD_FILES, &held, err);
    if (!status && held.count)
        status = list_pictures(store, GAD_STORE_TRAINING_FILES, &train, err);
    gad_progress_meter meter =
        gad_progress_start(settings->progress, "compare images", (int64_t)(held.count + train.count));
    if (!status && train.count)
        status = measure_pictures(&held, &meter, &done, err);
    if (!status && train.count)
        status = measure_pictures(&train, &meter, &done, err);
    for (size_t i = 0; i < train.count && !status; i++)
        for (size_t k = 0; k < held.count; k++)
            if (gad_near_same(&train.item[i].print, &held.item[k].print)) {
                add_example(GAD_CHECK_RESIZED, settings, report, train.item[i].id, held.item[k].id, text);
                break;
            }
    pictures_free(&train);
    pictures_free(&held);
    return status;
}

gad_data_check_settings gad_data_check_default(void)
{
    return (gad_data_check_settings){.examples = 5};
}

gad_status gad_check_run(gad_store *store, const gad_check_settings *settings, gad_check_report *report, gad_string *text,
                         gad_error *err)
{
    gad_store_filter filter = {0};
    *report = (gad_check_report){0};
    gad_status status = gad_store_count(store, &filter, &report->samples, err);
    for (int i = 0; i < GAD_CHECK_KINDS && !status; i++)
        if (KINDS[i].query != GAD_STORE_QUERIES)
            status = query(store, (gad_check_kind)i, settings, report, text, err);
    if (!status && (settings->files || settings->hash))
        status = check_files(store, settings, report, text, err);
    if (!status && settings->similar)
        status = check_resized(store, settings, report, text, err);
    if (!status)
        gad_string_addf(text, "%lld samples\n", (long long)report->samples);
    for (int i = 0; i < GAD_CHECK_KINDS && !status; i++)
        if (report->found[i])
            gad_string_addf(text, "%10lld %s\n", (long long)report->found[i], KINDS[i].name);
    return status ? status : text->failed ? gad_error_memory(err, "check samples", 0) : GAD_OK;
}
