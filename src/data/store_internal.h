/* store_internal: what the files of the store share; no other file includes it. SQL stands in store*.c alone. */
#ifndef GAD_DATA_STORE_INTERNAL_H
#define GAD_DATA_STORE_INTERNAL_H
#include "data/store.h"
#include "io/sqlite.h"

/* Statements that run once per sample are prepared once. */
typedef enum gad_store_statement {
    GAD_STORE_FIND,
    GAD_STORE_INSERT,
    GAD_STORE_UPDATE,
    GAD_STORE_TOUCH,
    GAD_STORE_SET_TEXT,
    GAD_STORE_SET_METHOD,
    GAD_STORE_DROP_BOXES,
    GAD_STORE_ADD_BOX,
    GAD_STORE_GET_BOXES,
    GAD_STORE_DROP_REFERENCES,
    GAD_STORE_ADD_REFERENCE,
    GAD_STORE_GET_REFERENCES,
    GAD_STORE_GET_FEATURE,
    GAD_STORE_PUT_FEATURE,
    GAD_STORE_STATEMENTS
} gad_store_statement;

struct gad_store {
    gad_sqlite *db;
    char *path;                                             /* as the caller named it */
    gad_sqlite_statement *statements[GAD_STORE_STATEMENTS]; /* NULL until they are used */
    int depth;                                              /* of nested transactions */
    int64_t import;                                         /* number of the running import, 0 outside one */
};

/* The statement, prepared from `sql` when it is used for the first time; owned by the store. */
gad_status gad_store_prepare(gad_store *store, gad_store_statement which, const char *sql, gad_sqlite_statement **statement,
                             gad_error *err);
#endif
