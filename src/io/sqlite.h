/* sqlite: an SQLite file behind our errors. In: SQL and values. Out: rows. Opens in WAL mode with one writer at a time,
 * brings the schema up to date, adds the function gad_mix(value, seed) for repeatable random orders, and says in words what
 * a full disk or a read-only file is. Knows no tables. */
#ifndef GAD_IO_SQLITE_H
#define GAD_IO_SQLITE_H
#include "gad.h"

typedef struct gad_sqlite gad_sqlite;
typedef struct gad_sqlite_statement gad_sqlite_statement;

typedef enum gad_sqlite_mode {
    GAD_SQLITE_READ,  /* the file must exist; nothing is changed */
    GAD_SQLITE_WRITE, /* the file must exist */
    GAD_SQLITE_CREATE /* made when absent */
} gad_sqlite_mode;

/* steps[i] takes the schema from version i to i+1; they run in one transaction each when the file is writable. A file of a
 * later version is refused. `application_id` marks files as ours (SQLite's own field). */
typedef struct gad_sqlite_schema {
    int32_t application_id;
    const char *const *steps;
    int count;
} gad_sqlite_schema;

gad_status gad_sqlite_open(const char *path, gad_sqlite_mode mode, const gad_sqlite_schema *schema, gad_sqlite **db,
                           gad_error *err);
void gad_sqlite_close(gad_sqlite *db);

/* One or more statements without values. */
gad_status gad_sqlite_run(gad_sqlite *db, const char *sql, gad_error *err);
/* A write transaction; waits up to ten seconds for another writer. */
gad_status gad_sqlite_begin(gad_sqlite *db, gad_error *err);
gad_status gad_sqlite_commit(gad_sqlite *db, gad_error *err);
/* Undo; does nothing outside a transaction. */
void gad_sqlite_rollback(gad_sqlite *db);
/* Rows changed by the last statement, and the row id of the last insert. */
int64_t gad_sqlite_changes(const gad_sqlite *db);
int64_t gad_sqlite_last_id(const gad_sqlite *db);

/* A prepared statement, to be used many times. */
gad_status gad_sqlite_prepare(gad_sqlite *db, const char *sql, gad_sqlite_statement **statement, gad_error *err);
void gad_sqlite_finish(gad_sqlite_statement *statement);
/* How many parameters the statement has. */
int gad_sqlite_parameters(const gad_sqlite_statement *statement);
/* Values of the parameters, from 1. Text and blobs are copied; NULL binds NULL. A failing bind is reported by the next
 * step. */
void gad_sqlite_bind_text(gad_sqlite_statement *statement, int index, const char *text);
void gad_sqlite_bind_int(gad_sqlite_statement *statement, int index, int64_t value);
void gad_sqlite_bind_real(gad_sqlite_statement *statement, int index, double value);
void gad_sqlite_bind_blob(gad_sqlite_statement *statement, int index, const void *bytes, size_t size_bytes);
/* Go to the next row; *row is false at the end, and the statement is then ready for new values. */
gad_status gad_sqlite_step(gad_sqlite_statement *statement, bool *row, gad_error *err);
/* Run a statement that gives no rows (rows are skipped), and reset it. */
gad_status gad_sqlite_execute(gad_sqlite_statement *statement, gad_error *err);
void gad_sqlite_reset(gad_sqlite_statement *statement);
/* Columns of the row, from 0. Text is NULL for NULL; it and blobs live until the next step. */
const char *gad_sqlite_text(gad_sqlite_statement *statement, int column);
int64_t gad_sqlite_int(gad_sqlite_statement *statement, int column);
double gad_sqlite_real(gad_sqlite_statement *statement, int column);
bool gad_sqlite_is_null(gad_sqlite_statement *statement, int column);
const void *gad_sqlite_blob(gad_sqlite_statement *statement, int column, size_t *size_bytes);
#endif
