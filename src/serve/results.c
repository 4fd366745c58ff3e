/* results: see results.h. Pictures lie in pictures/NNN/ID.img, heat maps beside them as ID.png: a thousand to a folder. A
 * picture is written before its row, so that no row is without its picture. */
#include "serve/results.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/sqlite.h"

static const char operation[] = "keep results";
enum { TRIM_EVERY = 256 };

struct gad_results {
    pthread_mutex_t lock;
    gad_sqlite *db;
    char *folder;
    int64_t keep, next, since_trim;
};

static const char *const schema[] = {
    "CREATE TABLE result (id INTEGER PRIMARY KEY, time TEXT NOT NULL, product TEXT NOT NULL, name TEXT NOT NULL,"
    " verdict TEXT NOT NULL, score REAL, threshold REAL, review TEXT, line TEXT NOT NULL);"
    "CREATE INDEX result_product ON result (product, id);"
    "CREATE INDEX result_verdict ON result (verdict, id);"};

static const char columns[] = "SELECT id, time, product, name, verdict, review, score, threshold, line FROM result";

/* ---- files --------------------------------------------------------------------------------------------------------- */

static char *path_of(const gad_results *r, int64_t id, gad_results_file which)
{
    char name[64];
    snprintf(name, sizeof name, "pictures/%03lld/%lld.%s", (long long)(id / 1000), (long long)id,
             which == GAD_RESULTS_HEAT ? "png" : "img");
    return gad_file_join(r->folder, name);
}

static gad_status make_folder_of(const gad_results *r, int64_t id, gad_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "pictures/%03lld", (long long)(id / 1000));
    char *path = gad_file_join(r->folder, name);
    gad_status status = path ? gad_file_make_directory(path, err) : gad_error_memory(err, operation, sizeof name);
    gad_memory_free(path);
    return status;
}

/* Without a flush to the disk, as the database has it: a killed program loses nothing, and a part does not wait for it. */
static gad_status write_file(const gad_results *r, int64_t id, gad_results_file which, const void *bytes, size_t size_bytes,
                             gad_error *err)
{
    if (!bytes)
        return GAD_OK;
    char *path = path_of(r, id, which);
    FILE *file = path ? fopen(path, "wbe") : NULL;
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, 64);
    bool failed = file && fwrite(bytes, 1, size_bytes, file) != size_bytes;
    failed |= file && fclose(file) != 0;
    if (!status && (!file || failed))
        status = gad_error_system(err, operation, path, errno);
    gad_memory_free(path);
    return status;
}

static void remove_files(const gad_results *r, int64_t id)
{
    for (int which = GAD_RESULTS_PICTURE; which <= GAD_RESULTS_HEAT; which++) {
        char *path = path_of(r, id, (gad_results_file)which);
        if (path)
            gad_file_remove(path, NULL);
        gad_memory_free(path);
    }
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static gad_status first_number(gad_sqlite *db, const char *sql, int64_t *number, gad_error *err)
{
    gad_sqlite_statement *statement = NULL;
    bool row = false;
    gad_status status = gad_sqlite_prepare(db, sql, &statement, err);
    if (!status)
        status = gad_sqlite_step(statement, &row, err);
    if (!status && row)
        *number = gad_sqlite_int(statement, 0);
    gad_sqlite_finish(statement);
    return status;
}

gad_status gad_results_open(const char *folder, int64_t keep, gad_results **results, gad_error *err)
{
    gad_results *r = gad_memory_zero(1, sizeof *r);
    char *path = gad_file_join(folder, "results.db");
    if (!r || !path) {
        gad_memory_free(r);
        gad_memory_free(path);
        return gad_error_memory(err, operation, sizeof *r);
    }
    pthread_mutex_init(&r->lock, NULL);
    r->keep = keep;
    r->folder = gad_memory_copy_string(folder);
    gad_status status = r->folder ? gad_file_make_directory(folder, err) : gad_error_memory(err, operation, strlen(folder));
    const gad_sqlite_schema wanted = {
        .application_id = 0x67616472, .steps = schema, .count = sizeof schema / sizeof *schema};
    if (!status)
        status = gad_sqlite_open(path, GAD_SQLITE_CREATE, &wanted, &r->db, err);
    if (!status)
        status = first_number(r->db, "SELECT coalesce(max(id), 0) FROM result", &r->next, err);
    gad_memory_free(path);
    if (status)
        gad_results_close(r);
    else
        *results = r;
    return status;
}

void gad_results_close(gad_results *r)
{
    if (!r)
        return;
    gad_sqlite_close(r->db);
    pthread_mutex_destroy(&r->lock);
    gad_memory_free(r->folder);
    gad_memory_free(r);
}

/* ---- adding -------------------------------------------------------------------------------------------------------- */

static void bind_real(gad_sqlite_statement *statement, int index, double value)
{
    if (isfinite(value))
        gad_sqlite_bind_real(statement, index, value);
    else
        gad_sqlite_bind_text(statement, index, NULL);
}

static gad_status insert(gad_results *r, int64_t id, const gad_results_part *part, gad_error *err)
{
    gad_sqlite_statement *statement = NULL;
    char time[32];
    gad_clock_stamp(time, sizeof time);
    gad_status status = gad_sqlite_prepare(
        r->db, "INSERT INTO result (id, time, product, name, verdict, score, threshold, line) VALUES (?,?,?,?,?,?,?,?)",
        &statement, err);
    if (status)
        return status;
    gad_sqlite_bind_int(statement, 1, id);
    gad_sqlite_bind_text(statement, 2, time);
    gad_sqlite_bind_text(statement, 3, part->product);
    gad_sqlite_bind_text(statement, 4, part->name);
    gad_sqlite_bind_text(statement, 5, part->verdict);
    bind_real(statement, 6, part->score);
    bind_real(statement, 7, part->threshold);
    gad_sqlite_bind_text(statement, 8, part->line);
    status = gad_sqlite_execute(statement, err);
    gad_sqlite_finish(statement);
    return status;
}

/* Rows over the bound, the oldest that nobody reviewed first, with their pictures. */
static gad_status trim(gad_results *r, gad_error *err)
{
    gad_sqlite_statement *chosen = NULL, *removed = NULL;
    bool row = true;
    gad_status status = gad_sqlite_prepare(r->db,
                                           "SELECT id FROM result ORDER BY review IS NOT NULL, id "
                                           "LIMIT max(0, (SELECT count(*) FROM result) - ?)",
                                           &chosen, err);
    if (!status)
        status = gad_sqlite_prepare(r->db, "DELETE FROM result WHERE id = ?", &removed, err);
    if (!status)
        gad_sqlite_bind_int(chosen, 1, r->keep);
    while (!status && !(status = gad_sqlite_step(chosen, &row, err)) && row) {
        int64_t id = gad_sqlite_int(chosen, 0);
        gad_sqlite_bind_int(removed, 1, id);
        status = gad_sqlite_execute(removed, err);
        if (!status)
            remove_files(r, id);
    }
    gad_sqlite_finish(chosen);
    gad_sqlite_finish(removed);
    return status;
}

gad_status gad_results_add(gad_results *r, const gad_results_part *part, int64_t *id, gad_error *err)
{
    pthread_mutex_lock(&r->lock);
    int64_t number = ++r->next;
    gad_status status = make_folder_of(r, number, err);
    if (!status)
        status = write_file(r, number, GAD_RESULTS_PICTURE, part->picture, part->picture_bytes, err);
    if (!status)
        status = write_file(r, number, GAD_RESULTS_HEAT, part->heat, part->heat_bytes, err);
    if (!status)
        status = insert(r, number, part, err);
    if (status)
        remove_files(r, number);
    else
        *id = number;
    if (!status && r->keep && ++r->since_trim >= TRIM_EVERY) {
        r->since_trim = 0;
        trim(r, NULL); /* a part that was kept is not failed by tidying up */
    }
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(gad_sqlite_statement *statement, int column)
{
    const char *text = gad_sqlite_text(statement, column);
    return text ? json_string(text) : json_null();
}

static json_t *real_or_null(gad_sqlite_statement *statement, int column)
{
    return gad_sqlite_is_null(statement, column) ? json_null() : json_real(gad_sqlite_real(statement, column));
}

static json_t *row_object(gad_sqlite_statement *s)
{
    const char *line = gad_sqlite_text(s, 8);
    json_t *result = line ? json_loads(line, 0, NULL) : NULL;
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)gad_sqlite_int(s, 0), "time",
                     text_or_null(s, 1), "product", text_or_null(s, 2), "name", text_or_null(s, 3), "verdict",
                     text_or_null(s, 4), "review", text_or_null(s, 5), "score", real_or_null(s, 6), "threshold",
                     real_or_null(s, 7), "result", result ? result : json_null());
}

/* Rows of a statement that is bound, as an array. */
static gad_status collect(gad_sqlite_statement *statement, json_t **list, gad_error *err)
{
    json_t *array = json_array();
    bool row = true;
    gad_status status = array ? GAD_OK : gad_error_memory(err, operation, 64);
    while (!status && !(status = gad_sqlite_step(statement, &row, err)) && row)
        if (json_array_append_new(array, row_object(statement)))
            status = gad_error_memory(err, operation, 1024);
    if (status)
        json_decref(array);
    else
        *list = array;
    return status;
}

gad_status gad_results_list(gad_results *r, const gad_results_filter *f, json_t **list, gad_error *err)
{
    gad_string sql = {0};
    gad_sqlite_statement *statement = NULL;
    bool unreviewed = f->review && !strcmp(f->review, "none");
    gad_string_addf(
        &sql, "%s WHERE (?1 IS NULL OR product = ?1) AND (?2 IS NULL OR verdict = ?2)%s%s%s ORDER BY id DESC LIMIT ?6",
        columns, f->rejects ? " AND verdict <> 'normal'" : "",
        unreviewed  ? " AND review IS NULL"
        : f->review ? " AND review = ?3"
                    : "",
        f->before ? " AND id < ?4 AND id > ?5" : " AND id > ?5");
    pthread_mutex_lock(&r->lock);
    gad_status status = sql.failed ? gad_error_memory(err, operation, sql.length)
                                   : gad_sqlite_prepare(r->db, gad_string_text(&sql), &statement, err);
    if (!status) {
        gad_sqlite_bind_text(statement, 1, f->product);
        gad_sqlite_bind_text(statement, 2, f->verdict);
        if (f->review && !unreviewed)
            gad_sqlite_bind_text(statement, 3, f->review);
        if (f->before)
            gad_sqlite_bind_int(statement, 4, f->before);
        gad_sqlite_bind_int(statement, 5, f->after);
        gad_sqlite_bind_int(statement, 6, f->limit ? f->limit : 100);
        status = collect(statement, list, err);
    }
    gad_sqlite_finish(statement);
    pthread_mutex_unlock(&r->lock);
    gad_string_free(&sql);
    return status;
}

static gad_status no_such(int64_t id, gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "there is no result %lld", (long long)id);
}

/* The first row of a query with one number in it; *row NULL: there is none. */
static gad_status find_row(gad_results *r, const char *rest, int64_t number, json_t **row, gad_error *err)
{
    char sql[256];
    gad_sqlite_statement *statement = NULL;
    json_t *list = NULL;
    snprintf(sql, sizeof sql, "%s %s", columns, rest);
    pthread_mutex_lock(&r->lock);
    gad_status status = gad_sqlite_prepare(r->db, sql, &statement, err);
    if (!status) {
        gad_sqlite_bind_int(statement, 1, number);
        status = collect(statement, &list, err);
    }
    gad_sqlite_finish(statement);
    pthread_mutex_unlock(&r->lock);
    if (!status)
        *row = json_incref(json_array_get(list, 0));
    json_decref(list);
    return status;
}

gad_status gad_results_get(gad_results *r, int64_t id, json_t **row, gad_error *err)
{
    json_t *found = NULL;
    gad_status status = find_row(r, "WHERE id = ?1", id, &found, err);
    if (!status && !found)
        status = no_such(id, err);
    if (!status)
        *row = found;
    return status;
}

gad_status gad_results_next(gad_results *r, int64_t after, json_t **row, gad_error *err)
{
    return find_row(r, "WHERE id > ?1 ORDER BY id LIMIT 1", after, row, err);
}

int64_t gad_results_last(gad_results *r)
{
    pthread_mutex_lock(&r->lock);
    int64_t id = r->next;
    pthread_mutex_unlock(&r->lock);
    return id;
}

gad_status gad_results_count(gad_results *r, int64_t after, int64_t *rows, gad_error *err)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM result WHERE id > %lld", (long long)after);
    pthread_mutex_lock(&r->lock);
    gad_status status = first_number(r->db, sql, rows, err);
    pthread_mutex_unlock(&r->lock);
    return status;
}

gad_status gad_results_path(gad_results *r, int64_t id, gad_results_file which, char **path, gad_error *err)
{
    char *there = path_of(r, id, which);
    if (!there)
        return gad_error_memory(err, operation, 64);
    if (gad_file_exists(there)) {
        *path = there;
        return GAD_OK;
    }
    gad_memory_free(there);
    return no_such(id, err);
}

gad_status gad_results_review(gad_results *r, int64_t id, const char *review, gad_error *err)
{
    gad_sqlite_statement *statement = NULL;
    if (review && strcmp(review, "normal") && strcmp(review, "anomalous"))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                             "a review is \"normal\", \"anomalous\" or null, not \"%.60s\"", review);
    pthread_mutex_lock(&r->lock);
    gad_status status = gad_sqlite_prepare(r->db, "UPDATE result SET review = ?1 WHERE id = ?2", &statement, err);
    if (!status) {
        gad_sqlite_bind_text(statement, 1, review);
        gad_sqlite_bind_int(statement, 2, id);
        status = gad_sqlite_execute(statement, err);
    }
    if (!status && !gad_sqlite_changes(r->db))
        status = no_such(id, err);
    gad_sqlite_finish(statement);
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* ---- summary ------------------------------------------------------------------------------------------------------- */

/* {first column: second column} */
static gad_status count_by(gad_results *r, const char *sql, const char *product, json_t **counts, gad_error *err)
{
    gad_sqlite_statement *statement = NULL;
    json_t *object = json_object();
    bool row = true;
    gad_status status = gad_sqlite_prepare(r->db, sql, &statement, err);
    if (!status)
        gad_sqlite_bind_text(statement, 1, product);
    while (!status && !(status = gad_sqlite_step(statement, &row, err)) && row)
        json_object_set_new(object, gad_sqlite_text(statement, 0), json_integer(gad_sqlite_int(statement, 1)));
    gad_sqlite_finish(statement);
    *counts = object;
    return status;
}

static gad_status list_scores(gad_results *r, const char *product, int64_t limit, json_t **scores, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    json_t *list = json_array();
    bool row = true;
    gad_status status =
        gad_sqlite_prepare(r->db,
                           "SELECT * FROM (SELECT id, time, score, verdict, review FROM result WHERE product = ?1 "
                           "ORDER BY id DESC LIMIT ?2) ORDER BY id",
                           &s, err);
    if (!status) {
        gad_sqlite_bind_text(s, 1, product);
        gad_sqlite_bind_int(s, 2, limit);
    }
    while (!status && !(status = gad_sqlite_step(s, &row, err)) && row)
        json_array_append_new(list, json_pack("[I, o, o, o, o]", (json_int_t)gad_sqlite_int(s, 0), text_or_null(s, 1),
                                              real_or_null(s, 2), text_or_null(s, 3), text_or_null(s, 4)));
    gad_sqlite_finish(s);
    *scores = list;
    return status;
}

gad_status gad_results_summary(gad_results *r, const char *product, int64_t limit, json_t **summary, gad_error *err)
{
    json_t *total = NULL, *reviewed = NULL, *scores = NULL;
    pthread_mutex_lock(&r->lock);
    gad_status status =
        count_by(r, "SELECT verdict, count(*) FROM result WHERE product = ?1 GROUP BY verdict", product, &total, err);
    if (!status)
        status =
            count_by(r,
                     "SELECT CASE WHEN (review = 'normal') = (verdict = 'normal') THEN 'confirmed' ELSE 'overruled' END, "
                     "count(*) FROM result WHERE product = ?1 AND review IS NOT NULL GROUP BY 1",
                     product, &reviewed, err);
    if (!status)
        status = list_scores(r, product, limit, &scores, err);
    pthread_mutex_unlock(&r->lock);
    json_t *made = status ? NULL : json_pack("{s:O, s:O, s:O}", "total", total, "reviewed", reviewed, "scores", scores);
    if (!status && !made)
        status = gad_error_memory(err, operation, 1024);
    if (!status)
        *summary = made;
    json_decref(total);
    json_decref(reviewed);
    json_decref(scores);
    return status;
}
