/* sqlite: see sqlite.h */
#include "io/sqlite.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

struct gad_sqlite {
    sqlite3 *handle;
    char *path;
};

struct gad_sqlite_statement {
    gad_sqlite *db;
    sqlite3_stmt *handle;
    int bind_failure; /* the first failing bind, reported by step */
};

static gad_status report(gad_sqlite *db, int code, const char *operation, gad_error *err)
{
    const char *path = db->path ? db->path : "store",
               *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_NOMEM: return gad_error_memory(err, operation, 0);
    case SQLITE_FULL:
        return gad_error_set(err, GAD_E_IO, operation, "free some space; what was committed before is safe",
                             "%s: the disk is full", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return gad_error_set(err, GAD_E_IO, operation, "check the permissions of the file and of its folder",
                             "%s: it cannot be written (read-only)", path);
    case SQLITE_CANTOPEN:
        return gad_error_set(err, GAD_E_IO, operation, "check that the folder exists and may be written",
                             "%s: cannot be opened", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return gad_error_set(err, GAD_E_IO, operation, "only one command may write at a time; wait for the other one",
                             "%s: another process is writing to it", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return gad_error_set(err, GAD_E_FORMAT, operation, "restore it from a copy, or export and import again",
                             "%s: not an SQLite file, or a damaged one (%s)", path, text);
    case SQLITE_IOERR: return gad_error_set(err, GAD_E_IO, operation, "check the disk", "%s: %s", path, text);
    default: return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "%s: %s", path, text);
    }
}

gad_status gad_sqlite_run(gad_sqlite *db, const char *sql, gad_error *err)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? GAD_OK : report(db, sqlite3_extended_errcode(db->handle), "use the store", err);
}

static gad_status read_number(gad_sqlite *db, const char *sql, int64_t *value, gad_error *err)
{
    gad_sqlite_statement *statement = NULL;
    bool row;
    gad_status status = gad_sqlite_prepare(db, sql, &statement, err);
    if (status)
        return status;
    status = gad_sqlite_step(statement, &row, err);
    if (!status)
        *value = row ? gad_sqlite_int(statement, 0) : 0;
    gad_sqlite_finish(statement);
    return status;
}

/* Version 0 with tables in it is somebody else's file. */
static gad_status check_owner(gad_sqlite *db, const gad_sqlite_schema *schema, int64_t *version, gad_error *err)
{
    int64_t owner = 0, tables = 0;
    gad_status status = read_number(db, "PRAGMA application_id", &owner, err);
    if (!status)
        status = read_number(db, "PRAGMA user_version", version, err);
    if (!status)
        status = read_number(db, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (status)
        return status;
    if (tables && owner != schema->application_id)
        return gad_error_set(err, GAD_E_FORMAT, "open the store", "give the name of a store that gad made",
                             "%s: an SQLite file of another program", db->path);
    if (*version > schema->count)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "open the store", "use a newer gad",
                             "%s: made by a later version of gad (schema %lld, known up to %d)", db->path,
                             (long long)*version, schema->count);
    return GAD_OK;
}

static gad_status migrate(gad_sqlite *db, gad_sqlite_mode mode, const gad_sqlite_schema *schema, gad_error *err)
{
    int64_t version = 0;
    gad_status status = check_owner(db, schema, &version, err);
    if (!status && version < schema->count && mode == GAD_SQLITE_READ)
        return gad_error_set(err, GAD_E_UNSUPPORTED, "open the store", "open it once with a command that writes",
                             "%s: schema %lld is older than this gad (%d)", db->path, (long long)version, schema->count);
    while (!status && version < schema->count) {
        char pragma[96];
        snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%lld", (int)schema->application_id,
                 (long long)version + 1);
        status = gad_sqlite_begin(db, err);
        if (!status)
            status = gad_sqlite_run(db, schema->steps[version], err);
        if (!status)
            status = gad_sqlite_run(db, pragma, err);
        if (!status)
            status = gad_sqlite_commit(db, err);
        if (status)
            gad_sqlite_rollback(db);
        version++;
    }
    return status;
}

/* A file in WAL mode needs a second file beside it even for reading; on a medium that cannot be written SQLite must be told
 * that nobody changes it. Not while a log holds changes that the file has not got. */
static gad_status reopen_fixed(gad_sqlite *db, gad_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = strlen(db->path), at = 5;
    char *log = gad_memory_alloc(length + 5, 1), *uri = gad_memory_alloc(3 * length + 24, 1);
    gad_file_map map = {0};
    gad_status status = GAD_OK;
    if (!log || !uri) {
        status = gad_error_memory(err, "open the store", 4 * length);
        goto done;
    }
    snprintf(log, length + 5, "%s-wal", db->path);
    if (gad_file_exists(log) && (gad_file_map_open(log, &map, NULL) || map.size_bytes)) {
        status = gad_error_set(err, GAD_E_IO, "open the store", "open it once where it can be written",
                               "%s: read-only, and %s holds changes that it has not got yet", db->path, log);
        goto done;
    }
    memcpy(uri, "file:", 5);
    for (const char *c = db->path; *c; c++) {
        bool plain = *c != '%' && *c != '?' && *c != '#';
        if (plain)
            uri[at++] = *c;
        else
            at += (size_t)snprintf(uri + at, 4, "%%%c%c", digits[*c >> 4 & 15], digits[*c & 15]);
    }
    strcpy(uri + at, "?immutable=1");
    sqlite3_close_v2(db->handle);
    db->handle = NULL;
    int code = sqlite3_open_v2(uri, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    status = code == SQLITE_OK ? GAD_OK : report(db, code, "open the store", err);
done:
    gad_file_map_close(&map);
    gad_memory_free(log);
    gad_memory_free(uri);
    return status;
}

/* Can the tables be read? */
static bool is_shut(gad_sqlite *db)
{
    int code = sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    return code == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY;
}

/* gad_mix(value, seed): 63 bits of SplitMix64's finaliser, so that another seed is another order and not a shifted one. */
static void mix(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    uint64_t z = (uint64_t)sqlite3_value_int64(values[0]) + 0x9E3779B97F4A7C15u * (uint64_t)sqlite3_value_int64(values[1]);
    for (int round = 0; round < 2; round++) {
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
    }
    sqlite3_result_int64(context, (sqlite3_int64)(z >> 1));
}

gad_status gad_sqlite_open(const char *path, gad_sqlite_mode mode, const gad_sqlite_schema *schema, gad_sqlite **out,
                           gad_error *err)
{
    if (mode != GAD_SQLITE_CREATE && !gad_file_exists(path))
        return gad_error_set(err, GAD_E_IO, "open the store", "import a dataset first, or check --store",
                             "%s: there is no such file", path);
    if (gad_file_is_directory(path))
        return gad_error_set(err, GAD_E_IO, "open the store", "give the name of a file in it", "%s: a folder, not a store",
                             path);
    gad_status refused = gad_file_check_regular(path, err);
    if (refused)
        return refused;
    gad_sqlite *db = gad_memory_zero(1, sizeof *db);
    if (!db || !(db->path = gad_memory_copy_string(path))) {
        gad_memory_free(db);
        return gad_error_memory(err, "open the store", sizeof *db);
    }
    int flags = mode == GAD_SQLITE_READ ? SQLITE_OPEN_READONLY
                                        : SQLITE_OPEN_READWRITE | (mode == GAD_SQLITE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    gad_status status = code == SQLITE_OK ? GAD_OK : report(db, code, "open the store", err);
    if (!status) {
        sqlite3_busy_timeout(db->handle, 10000);
        if (mode != GAD_SQLITE_READ)
            status = gad_sqlite_run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON", err);
    }
    if (!status && mode == GAD_SQLITE_READ && is_shut(db))
        status = reopen_fixed(db, err);
    if (!status)
        status = migrate(db, mode, schema, err);
    if (!status) {
        int flavour = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
        int added = sqlite3_create_function(db->handle, "gad_mix", 2, flavour, NULL, mix, NULL, NULL);
        status = added == SQLITE_OK ? GAD_OK : report(db, added, "open the store", err);
    }
    if (status) {
        gad_sqlite_close(db);
        return status;
    }
    *out = db;
    return GAD_OK;
}

void gad_sqlite_close(gad_sqlite *db)
{
    if (!db)
        return;
    sqlite3_close_v2(db->handle);
    gad_memory_free(db->path);
    gad_memory_free(db);
}

gad_status gad_sqlite_begin(gad_sqlite *db, gad_error *err)
{
    return gad_sqlite_run(db, "BEGIN IMMEDIATE", err);
}

gad_status gad_sqlite_commit(gad_sqlite *db, gad_error *err)
{
    return gad_sqlite_run(db, "COMMIT", err);
}

void gad_sqlite_rollback(gad_sqlite *db)
{
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int64_t gad_sqlite_changes(const gad_sqlite *db)
{
    return sqlite3_changes(db->handle);
}

int64_t gad_sqlite_last_id(const gad_sqlite *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

gad_status gad_sqlite_prepare(gad_sqlite *db, const char *sql, gad_sqlite_statement **out, gad_error *err)
{
    gad_sqlite_statement *statement = gad_memory_zero(1, sizeof *statement);
    if (!statement)
        return gad_error_memory(err, "use the store", sizeof *statement);
    statement->db = db;
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL);
    if (code != SQLITE_OK) {
        gad_memory_free(statement);
        return report(db, code, "use the store", err);
    }
    *out = statement;
    return GAD_OK;
}

void gad_sqlite_finish(gad_sqlite_statement *statement)
{
    if (!statement)
        return;
    sqlite3_finalize(statement->handle);
    gad_memory_free(statement);
}

static void bound(gad_sqlite_statement *statement, int code)
{
    if (code != SQLITE_OK && !statement->bind_failure)
        statement->bind_failure = code;
}

void gad_sqlite_bind_text(gad_sqlite_statement *statement, int index, const char *text)
{
    bound(statement, text ? sqlite3_bind_text(statement->handle, index, text, -1, SQLITE_TRANSIENT)
                          : sqlite3_bind_null(statement->handle, index));
}

void gad_sqlite_bind_int(gad_sqlite_statement *statement, int index, int64_t value)
{
    bound(statement, sqlite3_bind_int64(statement->handle, index, value));
}

void gad_sqlite_bind_real(gad_sqlite_statement *statement, int index, double value)
{
    bound(statement, sqlite3_bind_double(statement->handle, index, value));
}

void gad_sqlite_bind_blob(gad_sqlite_statement *statement, int index, const void *bytes, size_t size_bytes)
{
    bound(statement, sqlite3_bind_blob64(statement->handle, index, bytes, size_bytes, SQLITE_TRANSIENT));
}

gad_status gad_sqlite_step(gad_sqlite_statement *statement, bool *row, gad_error *err)
{
    int code = statement->bind_failure ? statement->bind_failure : sqlite3_step(statement->handle);
    if (code == SQLITE_ROW) {
        *row = true;
        return GAD_OK;
    }
    gad_status status = GAD_OK;
    if (code != SQLITE_DONE) /* before the reset, which forgets the message */
        status = report(statement->db, code, "use the store", err);
    gad_sqlite_reset(statement);
    *row = false;
    return status;
}

gad_status gad_sqlite_execute(gad_sqlite_statement *statement, gad_error *err)
{
    bool row = true;
    gad_status status = GAD_OK;
    while (!status && row)
        status = gad_sqlite_step(statement, &row, err);
    return status;
}

void gad_sqlite_reset(gad_sqlite_statement *statement)
{
    sqlite3_reset(statement->handle);
    sqlite3_clear_bindings(statement->handle);
    statement->bind_failure = 0;
}

const char *gad_sqlite_text(gad_sqlite_statement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->handle, column);
}

int64_t gad_sqlite_int(gad_sqlite_statement *statement, int column)
{
    return sqlite3_column_int64(statement->handle, column);
}

double gad_sqlite_real(gad_sqlite_statement *statement, int column)
{
    return sqlite3_column_double(statement->handle, column);
}

bool gad_sqlite_is_null(gad_sqlite_statement *statement, int column)
{
    return sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
}

int gad_sqlite_parameters(const gad_sqlite_statement *statement)
{
    return sqlite3_bind_parameter_count(statement->handle);
}

const void *gad_sqlite_blob(gad_sqlite_statement *statement, int column, size_t *size_bytes)
{
    const void *blob = sqlite3_column_blob(statement->handle, column);
    *size_bytes = (size_t)sqlite3_column_bytes(statement->handle, column);
    return blob;
}
