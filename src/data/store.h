/* store: samples in one SQLite file. In: samples. Out: samples, one at a time, so memory does not grow with the dataset.
 * Images stay where they are. One writer, any number of readers. Knows nothing of dataset layouts. */
#ifndef GAD_DATA_STORE_H
#define GAD_DATA_STORE_H
#include "data/sample.h"
#include "gad_data.h"
#include "io/sqlite.h"

typedef struct gad_store gad_store;

gad_status gad_store_open(const char *path, gad_sqlite_mode mode, gad_store **store, gad_error *err);
/* For one of several processes, which leaves the store as it is: read where there is one, else empty and only in memory. */
gad_status gad_store_open_beside(const char *path, gad_store **store, gad_error *err);
/* An empty store in memory. */
gad_status gad_store_open_scratch(gad_store **store, gad_error *err);
/* As it was opened. */
const char *gad_store_path(const gad_store *store);
void gad_store_close(gad_store *store);

/* Many puts in one transaction are thousands of times faster; nested begins are counted. */
gad_status gad_store_begin(gad_store *store, gad_error *err);
gad_status gad_store_commit(gad_store *store, gad_error *err);
void gad_store_rollback(gad_store *store);

typedef struct gad_store_dataset {
    const char *name, *root, *title, *license, *citation, *home;
} gad_store_dataset;
gad_status gad_store_put_dataset(gad_store *store, const gad_store_dataset *dataset, gad_error *err);
/* The folder that the paths of a dataset's samples start from. *root is the caller's (gad_memory_free). */
gad_status gad_store_root(gad_store *store, const char *dataset, char **root, gad_error *err);

typedef enum gad_store_change { GAD_STORE_ADDED, GAD_STORE_CHANGED, GAD_STORE_UNCHANGED } gad_store_change;
/* Insert, or update what an import knows (image, label, boxes, ...). References and text that a sample already has are
 * kept unless the new one brings its own. Sets sample->row. */
gad_status gad_store_put(gad_store *store, gad_sample *sample, gad_store_change *change, gad_error *err);
gad_status gad_store_put_references(gad_store *store, const gad_sample *sample, gad_error *err);
gad_status gad_store_put_text(gad_store *store, const gad_sample *sample, gad_error *err);
/* Samples of a dataset that this import did not see any more are removed; returns how many. `since` is the import number
 * that gad_store_start_import gave. */
gad_status gad_store_start_import(gad_store *store, const char *dataset, int64_t *number, gad_error *err);
gad_status gad_store_finish_import(gad_store *store, const char *dataset, int64_t number, int64_t *removed, gad_error *err);

/* Which samples; zeroed, it means any. */
typedef gad_data_filter gad_store_filter;

typedef struct gad_store_cursor gad_store_cursor;
gad_status gad_store_select(gad_store *store, const gad_store_filter *filter, gad_store_cursor **cursor, gad_error *err);
/* *found false at the end. *sample is overwritten (and freed before); start with {0}. */
gad_status gad_store_next(gad_store_cursor *cursor, gad_sample *sample, bool *found, gad_error *err);
void gad_store_cursor_free(gad_store_cursor *cursor);
gad_status gad_store_count(gad_store *store, const gad_store_filter *filter, int64_t *count, gad_error *err);

/* What an import or a check found wrong; kept until the next import of the dataset. */
gad_status gad_store_add_problem(gad_store *store, const char *dataset, const char *kind, const char *path,
                                 const char *text, gad_error *err);

/* Small derived data per image content: `version` names the kind. *found false when absent; *bytes is the caller's. */
gad_status gad_store_get_feature(gad_store *store, const char *hash, const char *version, void **bytes, size_t *size_bytes,
                                 gad_error *err);
gad_status gad_store_put_feature(gad_store *store, const char *hash, const char *version, const void *bytes,
                                 size_t size_bytes, gad_error *err);

/* One answer of a teacher, kept or not. */
typedef struct gad_store_reply {
    int64_t sample_row;
    const char *model, *text, *reason; /* reason NULL: accepted */
    int64_t prompt_tokens, completion_tokens;
} gad_store_reply;
gad_status gad_store_add_reply(gad_store *store, const gad_store_reply *reply, gad_error *err);
#endif
