/* store: see store.h. Here: the file and its tables, transactions, datasets, imports, and what is kept beside the samples.
 * Tables: dataset, sample, box, reference (rows of a sample), problem, feature (cache), reply. */
#include "data/store_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>

static const char *const STEPS[] = {
    "CREATE TABLE dataset(name TEXT PRIMARY KEY, root TEXT NOT NULL, title TEXT, license TEXT, citation TEXT, home TEXT,"
    " imported TEXT, import INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE sample(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, dataset TEXT NOT NULL, class TEXT NOT NULL,"
    " class_text TEXT, split TEXT NOT NULL, grp TEXT, label INTEGER NOT NULL, types TEXT NOT NULL, image TEXT NOT NULL,"
    " width INTEGER, height INTEGER, view INTEGER, crop TEXT, hash TEXT, mask TEXT, mask_encoding TEXT,"
    " mask_threshold INTEGER, box_rule TEXT, license TEXT, source_url TEXT, meta TEXT, fingerprint TEXT,"
    " import INTEGER NOT NULL DEFAULT 0,"
    " reference_method TEXT, think TEXT, text_source TEXT, text_status TEXT, text_model TEXT);"
    "CREATE INDEX sample_class ON sample(dataset, class, split, label);"
    "CREATE INDEX sample_hash ON sample(hash);"
    "CREATE TABLE box(sample INTEGER NOT NULL, rank INTEGER NOT NULL, x1 INTEGER, y1 INTEGER, x2 INTEGER, y2 INTEGER,"
    " label TEXT, source TEXT, area INTEGER, rotation REAL, track TEXT, PRIMARY KEY(sample, rank)) WITHOUT ROWID;"
    "CREATE TABLE reference(sample INTEGER NOT NULL, rank INTEGER NOT NULL, path TEXT, hash TEXT, score REAL,"
    " PRIMARY KEY(sample, rank)) WITHOUT ROWID;"
    "CREATE TABLE problem(dataset TEXT, kind TEXT, path TEXT, text TEXT);"
    "CREATE TABLE feature(hash TEXT, version TEXT, bytes BLOB, PRIMARY KEY(hash, version)) WITHOUT ROWID;"
    "CREATE TABLE reply(row INTEGER PRIMARY KEY, sample INTEGER, model TEXT, text TEXT, reason TEXT,"
    " prompt_tokens INTEGER, completion_tokens INTEGER, stamp TEXT);"
    "CREATE INDEX reply_sample ON reply(sample);",
    "CREATE INDEX sample_group ON sample(dataset, class, grp);",
};

static const gad_sqlite_schema SCHEMA = {0x47414431 /* "GAD1" */, STEPS, sizeof STEPS / sizeof *STEPS};

/* `file` is what SQLite opens, `path` what the store is called. */
static gad_status open_as(const char *file, const char *path, gad_sqlite_mode mode, gad_store **out, gad_error *err)
{
    gad_store *store = gad_memory_zero(1, sizeof *store);
    if (!store || !(store->path = gad_memory_copy_string(path))) {
        gad_store_close(store);
        return gad_error_memory(err, "open the store", sizeof *store);
    }
    gad_status status = gad_sqlite_open(file, mode, &SCHEMA, &store->db, err);
    if (status) {
        gad_store_close(store);
        return status;
    }
    *out = store;
    return GAD_OK;
}

static const char in_memory[] = ":memory:";

gad_status gad_store_open(const char *path, gad_sqlite_mode mode, gad_store **out, gad_error *err)
{
    return open_as(path, path, mode, out, err);
}

gad_status gad_store_open_beside(const char *path, gad_store **out, gad_error *err)
{
    return gad_file_exists(path) ? open_as(path, path, GAD_SQLITE_READ, out, err)
                                 : open_as(in_memory, path, GAD_SQLITE_CREATE, out, err);
}

gad_status gad_store_open_scratch(gad_store **out, gad_error *err)
{
    return open_as(in_memory, in_memory, GAD_SQLITE_CREATE, out, err);
}

const char *gad_store_path(const gad_store *store)
{
    return store->path;
}

void gad_store_close(gad_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < GAD_STORE_STATEMENTS; i++)
        gad_sqlite_finish(store->statements[i]);
    gad_sqlite_close(store->db);
    gad_memory_free(store->path);
    gad_memory_free(store);
}

gad_status gad_store_prepare(gad_store *store, gad_store_statement which, const char *sql, gad_sqlite_statement **s,
                             gad_error *err)
{
    gad_status status =
        store->statements[which] ? GAD_OK : gad_sqlite_prepare(store->db, sql, &store->statements[which], err);
    *s = store->statements[which];
    return status;
}

gad_status gad_store_begin(gad_store *store, gad_error *err)
{
    gad_status status = store->depth ? GAD_OK : gad_sqlite_begin(store->db, err);
    if (!status)
        store->depth++;
    return status;
}

gad_status gad_store_commit(gad_store *store, gad_error *err)
{
    if (store->depth > 1) {
        store->depth--;
        return GAD_OK;
    }
    store->depth = 0;
    gad_status status = gad_sqlite_commit(store->db, err);
    if (status)
        gad_sqlite_rollback(store->db);
    return status;
}

void gad_store_rollback(gad_store *store)
{
    store->depth = 0;
    gad_sqlite_rollback(store->db);
}

gad_status gad_store_put_dataset(gad_store *store, const gad_store_dataset *d, gad_error *err)
{
    gad_sqlite_statement *s;
    char stamp[32];
    gad_status status = gad_sqlite_prepare(
        store->db,
        "INSERT INTO dataset(name,root,title,license,citation,home,imported) VALUES(?,?,?,?,?,?,?) "
        "ON CONFLICT(name) DO UPDATE SET root=excluded.root, title=excluded.title,"
        " license=excluded.license, citation=excluded.citation, home=excluded.home, imported=excluded.imported",
        &s, err);
    if (status)
        return status;
    gad_clock_stamp(stamp, sizeof stamp);
    const char *values[] = {d->name, d->root, d->title, d->license, d->citation, d->home, stamp};
    for (int i = 0; i < 7; i++)
        gad_sqlite_bind_text(s, i + 1, values[i]);
    status = gad_sqlite_execute(s, err);
    gad_sqlite_finish(s);
    return status;
}

gad_status gad_store_root(gad_store *store, const char *dataset, char **root, gad_error *err)
{
    gad_sqlite_statement *s;
    bool row = false;
    gad_status status = gad_sqlite_prepare(store->db, "SELECT root FROM dataset WHERE name=?", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, dataset);
    status = gad_sqlite_step(s, &row, err);
    if (!status && !row)
        status = gad_error_set(err, GAD_E_ARGUMENT, "find a dataset", "gad data list shows what is imported",
                               "%s: not in the store", dataset);
    if (!status && !(*root = gad_memory_copy_string(gad_sqlite_text(s, 0))))
        status = gad_error_memory(err, "find a dataset", 0);
    gad_sqlite_finish(s);
    return status;
}

/* Run one statement with a few text and number values. */
static gad_status run_with(gad_store *store, const char *sql, const char *text, int64_t number, gad_error *err)
{
    gad_sqlite_statement *s;
    gad_status status = gad_sqlite_prepare(store->db, sql, &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, text);
    if (number)
        gad_sqlite_bind_int(s, 2, number);
    status = gad_sqlite_execute(s, err);
    gad_sqlite_finish(s);
    return status;
}

gad_status gad_store_start_import(gad_store *store, const char *dataset, int64_t *number, gad_error *err)
{
    gad_sqlite_statement *s;
    bool row = false;
    gad_status status = run_with(store, "DELETE FROM problem WHERE dataset=?", dataset, 0, err);
    if (!status)
        status = run_with(store, "UPDATE dataset SET import=import+1 WHERE name=?", dataset, 0, err);
    if (!status)
        status = gad_sqlite_prepare(store->db, "SELECT import FROM dataset WHERE name=?", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, dataset);
    status = gad_sqlite_step(s, &row, err);
    if (!status)
        *number = store->import = row ? gad_sqlite_int(s, 0) : 0;
    gad_sqlite_finish(s);
    return status;
}

gad_status gad_store_finish_import(gad_store *store, const char *dataset, int64_t number, int64_t *removed, gad_error *err)
{
    static const char *const orphans[] = {
        "DELETE FROM box WHERE sample IN (SELECT row FROM sample WHERE dataset=? AND import<?)",
        "DELETE FROM reference WHERE sample IN (SELECT row FROM sample WHERE dataset=? AND import<?)",
        "DELETE FROM sample WHERE dataset=? AND import<?"};
    gad_status status = GAD_OK;
    for (int i = 0; i < 3 && !status; i++)
        status = run_with(store, orphans[i], dataset, number, err);
    if (!status)
        *removed = gad_sqlite_changes(store->db);
    store->import = 0;
    return status;
}

gad_status gad_store_add_problem(gad_store *store, const char *dataset, const char *kind, const char *path,
                                 const char *text, gad_error *err)
{
    gad_sqlite_statement *s;
    gad_status status = gad_sqlite_prepare(store->db, "INSERT INTO problem VALUES(?,?,?,?)", &s, err);
    if (status)
        return status;
    const char *values[4] = {dataset, kind, path, text};
    for (int i = 0; i < 4; i++)
        gad_sqlite_bind_text(s, i + 1, values[i]);
    status = gad_sqlite_execute(s, err);
    gad_sqlite_finish(s);
    return status;
}

gad_status gad_store_get_feature(gad_store *store, const char *hash, const char *version, void **bytes, size_t *size_bytes,
                                 gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    bool row = false;
    gad_status status =
        gad_store_prepare(store, GAD_STORE_GET_FEATURE, "SELECT bytes FROM feature WHERE hash=? AND version=?", &s, err);
    *bytes = NULL;
    *size_bytes = 0;
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, hash);
    gad_sqlite_bind_text(s, 2, version);
    status = gad_sqlite_step(s, &row, err);
    if (!status && row) {
        const void *blob = gad_sqlite_blob(s, 0, size_bytes);
        if (!(*bytes = gad_memory_alloc(*size_bytes, 1)))
            status = gad_error_memory(err, "read the store", *size_bytes);
        else
            memcpy(*bytes, blob, *size_bytes);
    }
    gad_sqlite_reset(s);
    return status;
}

gad_status gad_store_put_feature(gad_store *store, const char *hash, const char *version, const void *bytes,
                                 size_t size_bytes, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_status status =
        gad_store_prepare(store, GAD_STORE_PUT_FEATURE, "INSERT OR REPLACE INTO feature VALUES(?,?,?)", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, hash);
    gad_sqlite_bind_text(s, 2, version);
    gad_sqlite_bind_blob(s, 3, bytes, size_bytes);
    return gad_sqlite_execute(s, err);
}

gad_status gad_store_add_reply(gad_store *store, const gad_store_reply *r, gad_error *err)
{
    gad_sqlite_statement *s;
    char stamp[32];
    gad_status status = gad_sqlite_prepare(
        store->db,
        "INSERT INTO reply(sample,model,text,reason,prompt_tokens,completion_tokens,stamp) VALUES(?,?,?,?,?,?,?)", &s, err);
    if (status)
        return status;
    gad_clock_stamp(stamp, sizeof stamp);
    gad_sqlite_bind_int(s, 1, r->sample_row);
    gad_sqlite_bind_text(s, 2, r->model);
    gad_sqlite_bind_text(s, 3, r->text);
    gad_sqlite_bind_text(s, 4, r->reason);
    gad_sqlite_bind_int(s, 5, r->prompt_tokens);
    gad_sqlite_bind_int(s, 6, r->completion_tokens);
    gad_sqlite_bind_text(s, 7, stamp);
    status = gad_sqlite_execute(s, err);
    gad_sqlite_finish(s);
    return status;
}
