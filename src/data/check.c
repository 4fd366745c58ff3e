/* check: see check.h. What SQL can find is one query per kind that gives (what, why); files are looked at row by row. */
#include "data/check.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/progress.h"
#include "data/near.h"

#include <string.h>

static const struct {
    const char *name, *sql;
} KINDS[GAD_CHECK_KINDS] = {
    [GAD_CHECK_IMAGE_MISSING] = {"missing image", NULL},
    [GAD_CHECK_IMAGE_CHANGED] = {"changed image", NULL},
    [GAD_CHECK_REFERENCE_MISSING] =
        {"missing reference",
         "SELECT s.id, r.path, d.root||'/'||r.path FROM reference r JOIN sample s ON s.row=r.sample JOIN dataset d ON "
         "d.name=s.dataset"
         " WHERE NOT EXISTS(SELECT 1 FROM sample t WHERE t.dataset=s.dataset AND t.class=s.class AND t.image=r.path)"},
    [GAD_CHECK_REFERENCE_BAD] = {"wrong reference",
                                 "SELECT s.id, r.path || CASE WHEN t.row=s.row THEN ': the image itself' WHEN t.label=1 "
                                 "THEN ': anomalous' ELSE ': same content' END"
                                 " FROM reference r JOIN sample s ON s.row=r.sample JOIN sample t ON t.dataset=s.dataset "
                                 "AND t.class=s.class AND t.image=r.path AND t.view=s.view"
                                 " WHERE t.row=s.row OR t.label=1 OR (t.hash=s.hash AND t.hash<>'')"},
    [GAD_CHECK_BOX_OUTSIDE] = {"box outside its image",
                               "SELECT s.id, '['||b.x1||','||b.y1||','||b.x2||','||b.y2||'] in '||s.width||' x '||s.height "
                               "FROM box b JOIN sample s ON s.row=b.sample"
                               " WHERE b.x1<0 OR b.y1<0 OR b.x2<=b.x1 OR b.y2<=b.y1 OR b.x2>s.width OR b.y2>s.height"},
    [GAD_CHECK_LABEL] = {"label against boxes",
                         "SELECT id, CASE label WHEN 0 THEN 'a normal image with boxes' ELSE 'an anomalous image without "
                         "boxes and type' END FROM sample s"
                         " WHERE (label=0 AND EXISTS(SELECT 1 FROM box b WHERE b.sample=s.row))"
                         " OR (label=1 AND types='[]' AND NOT EXISTS(SELECT 1 FROM box b WHERE b.sample=s.row))"},
    [GAD_CHECK_GROUP_TORN] = {"group in several splits",
                              "SELECT dataset||'/'||class||': '||grp, group_concat(DISTINCT split) FROM sample WHERE grp "
                              "IS NOT NULL AND grp<>'' AND split IN ('train','val')"
                              " GROUP BY dataset, class, grp HAVING count(DISTINCT split)>1"},
    /* One kept-aside image stands for all of its content, or many copies of one picture would be compared each with each.
     */
    [GAD_CHECK_LEAK] =
        {"leak into training",
         "WITH file AS (SELECT hash, id, split, dataset||'/'||image AS name FROM sample WHERE hash<>''),"
         " held AS (SELECT hash, min(id) AS id, min(split) AS split, min(name) AS low, max(name) AS high FROM"
         " file WHERE split IN ('test','benchmark','reference') GROUP BY hash),"
         " val AS (SELECT hash, min(id) AS id, 'val' AS split, min(name) AS low, max(name) AS high FROM"
         " file WHERE split='val' GROUP BY hash)"
         " SELECT a.id, 'same content as '||b.id||' ('||b.split||')' FROM file a JOIN held b ON a.hash=b.hash"
         " WHERE a.split IN ('train','val') AND NOT (a.name=b.low AND a.name=b.high)"
         " UNION ALL SELECT a.id, 'same content as '||b.id||' (val)' FROM file a JOIN val b ON a.hash=b.hash"
         " WHERE a.split='train' AND NOT (a.name=b.low AND a.name=b.high)"},
    [GAD_CHECK_RESIZED] = {"resized copy in training", NULL},
    [GAD_CHECK_DUPLICATE] = {"duplicate", "SELECT min(id), count(*)||' samples with one content' FROM sample WHERE "
                                          "hash<>'' GROUP BY hash, coalesce(crop,'') HAVING count(*)>1"},
    [GAD_CHECK_IMPORT] = {"noted by the import", "SELECT dataset||': '||path, kind||': '||text FROM problem"},
};

const char *gad_check_name(gad_check_kind kind)
{
    return KINDS[kind].name;
}

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
    gad_sqlite_statement *s = NULL;
    bool row = false;
    gad_status status = gad_sqlite_prepare(gad_store_database(store), KINDS[kind].sql, &s, err);
    if (!status)
        status = gad_sqlite_step(s, &row, err);
    while (!status && row) {
        /* A third column is a file whose being there makes it right (references of synthetic pairs are no samples). */
        const char *file = kind == GAD_CHECK_REFERENCE_MISSING ? gad_sqlite_text(s, 2) : NULL;
        if (!file || !gad_file_exists(file))
            add_example(kind, settings, report, gad_sqlite_text(s, 0), gad_sqlite_text(s, 1), text);
        status = gad_sqlite_step(s, &row, err);
    }
    gad_sqlite_finish(s);
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
    gad_store_filter filter = gad_store_everything();
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

/* The files (not the views of strips) of some splits. */
static gad_status list_pictures(gad_store *store, const char *splits, pictures *list, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_string sql = {0};
    bool row = false;
    gad_string_addf(
        &sql,
        "SELECT d.root||'/'||s.image, min(s.id) FROM sample s JOIN dataset d ON d.name=s.dataset WHERE s.split IN "
        "(%s) GROUP BY 1 ORDER BY 2",
        splits);
    gad_status status = sql.failed ? gad_error_memory(err, "check samples", 0)
                                   : gad_sqlite_prepare(gad_store_database(store), sql.data, &s, err);
    gad_string_free(&sql);
    if (!status)
        status = gad_sqlite_step(s, &row, err);
    while (!status && row) {
        if (!gad_memory_grow((void **)&list->item, &list->capacity, list->count, sizeof *list->item))
            status = gad_error_memory(err, "check samples", list->count * sizeof *list->item);
        picture *p = status ? NULL : &list->item[list->count++];
        if (p) {
            *p = (picture){.path = gad_memory_copy_string(gad_sqlite_text(s, 0)),
                           .id = gad_memory_copy_string(gad_sqlite_text(s, 1))};
            status = p->path && p->id ? gad_sqlite_step(s, &row, err) : gad_error_memory(err, "check samples", 0);
        }
    }
    gad_sqlite_finish(s);
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
    gad_status status = list_pictures(store, "'benchmark','reference'", &held, err);
    if (!status && held.count)
        status = list_pictures(store, "'train','val'", &train, err);
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

gad_status gad_check_run(gad_store *store, const gad_check_settings *settings, gad_check_report *report, gad_string *text,
                         gad_error *err)
{
    gad_store_filter filter = gad_store_everything();
    *report = (gad_check_report){0};
    gad_status status = gad_store_count(store, &filter, &report->samples, err);
    for (int i = 0; i < GAD_CHECK_KINDS && !status; i++)
        if (KINDS[i].sql)
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
