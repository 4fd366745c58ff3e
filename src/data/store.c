/* store: see store.h. Tables: dataset, sample, box, reference (rows of a sample), problem, feature (cache), reply. */
#include "data/store.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
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

enum statement {
    FIND,
    INSERT,
    UPDATE,
    TOUCH,
    SET_TEXT,
    SET_METHOD,
    DROP_BOXES,
    ADD_BOX,
    DROP_REFERENCES,
    ADD_REFERENCE,
    GET_BOXES,
    GET_REFERENCES,
    SET_SPLIT,
    GET_FEATURE,
    PUT_FEATURE,
    STATEMENTS
};

#define FIELDS                                                                                                             \
    "dataset,class,class_text,split,grp,label,types,image,width,height,view,crop,hash,mask,mask_encoding,mask_threshold,"  \
    "box_rule,license,source_url,meta,fingerprint,import"

static const char *const SQL[STATEMENTS] = {
    [FIND] = "SELECT row, fingerprint FROM sample WHERE id=?",
    [INSERT] = "INSERT INTO sample(" FIELDS ",id) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [UPDATE] = "UPDATE sample SET (" FIELDS ")=(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE id=?",
    [TOUCH] = "UPDATE sample SET import=? WHERE row=?",
    [SET_TEXT] = "UPDATE sample SET think=?, text_source=?, text_status=?, text_model=? WHERE row=?",
    [SET_METHOD] = "UPDATE sample SET reference_method=? WHERE row=?",
    [DROP_BOXES] = "DELETE FROM box WHERE sample=?",
    [ADD_BOX] = "INSERT INTO box VALUES(?,?,?,?,?,?,?,?,?,?,?)",
    [DROP_REFERENCES] = "DELETE FROM reference WHERE sample=?",
    [ADD_REFERENCE] = "INSERT INTO reference VALUES(?,?,?,?,?)",
    [GET_BOXES] = "SELECT x1,y1,x2,y2,label,source,area,rotation,track FROM box WHERE sample=? ORDER BY rank",
    [GET_REFERENCES] = "SELECT path,hash,score FROM reference WHERE sample=? ORDER BY rank",
    [SET_SPLIT] = "UPDATE sample SET split=? WHERE row=?",
    [GET_FEATURE] = "SELECT bytes FROM feature WHERE hash=? AND version=?",
    [PUT_FEATURE] = "INSERT OR REPLACE INTO feature VALUES(?,?,?)",
};

struct gad_store {
    gad_sqlite *db;
    gad_sqlite_statement *statements[STATEMENTS];
    int depth;      /* of nested transactions */
    int64_t import; /* number of the running import, 0 outside one */
};

struct gad_store_cursor {
    gad_store *store;
    gad_sqlite_statement *statement;
};

gad_status gad_store_open(const char *path, gad_sqlite_mode mode, gad_store **out, gad_error *err)
{
    gad_store *store = gad_memory_zero(1, sizeof *store);
    if (!store)
        return gad_error_memory(err, "open the store", sizeof *store);
    gad_status status = gad_sqlite_open(path, mode, &SCHEMA, &store->db, err);
    for (int i = 0; i < STATEMENTS && !status; i++)
        status = gad_sqlite_prepare(store->db, SQL[i], &store->statements[i], err);
    if (status) {
        gad_store_close(store);
        return status;
    }
    *out = store;
    return GAD_OK;
}

void gad_store_close(gad_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        gad_sqlite_finish(store->statements[i]);
    gad_sqlite_close(store->db);
    gad_memory_free(store);
}

gad_sqlite *gad_store_database(gad_store *store)
{
    return store->db;
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

/* "a b" list as JSON text. */
static bool types_text(const gad_sample *sample, gad_string *s)
{
    gad_string_add(s, "[");
    for (size_t i = 0; i < sample->type_count; i++) {
        gad_string_add(s, i ? "," : "");
        gad_string_add_json(s, sample->types[i]);
    }
    gad_string_add(s, "]");
    return !s->failed;
}

/* Hash over everything an import decides: equal means nothing to do. */
static gad_status fingerprint(const gad_sample *sample, char text[33], gad_error *err)
{
    gad_sample plain = *sample; /* shallow: without what comes later */
    plain.references = NULL;
    plain.reference_count = 0;
    plain.reference_method = plain.think = plain.text_source = plain.text_status = plain.text_model = NULL;
    gad_string line = {0};
    gad_status status = gad_sample_to_json(&plain, &line, err);
    if (!status)
        gad_hash_text(gad_hash_bytes(line.data, line.length), text);
    gad_string_free(&line);
    return status;
}

static void bind_fields(const gad_store *store, gad_sqlite_statement *s, const gad_sample *p, const char *types,
                        const char *print)
{
    char crop[64] = "";
    if (p->crop[2] > p->crop[0])
        snprintf(crop, sizeof crop, "%d,%d,%d,%d", p->crop[0], p->crop[1], p->crop[2], p->crop[3]);
    const char *texts[5] = {p->dataset, p->class_name, p->class_text, p->split, p->group};
    for (int i = 0; i < 5; i++)
        gad_sqlite_bind_text(s, i + 1, texts[i]);
    gad_sqlite_bind_int(s, 6, p->label);
    gad_sqlite_bind_text(s, 7, types);
    gad_sqlite_bind_text(s, 8, p->image);
    gad_sqlite_bind_int(s, 9, p->width);
    gad_sqlite_bind_int(s, 10, p->height);
    gad_sqlite_bind_int(s, 11, p->view);
    gad_sqlite_bind_text(s, 12, crop[0] ? crop : NULL);
    gad_sqlite_bind_text(s, 13, p->hash);
    gad_sqlite_bind_text(s, 14, p->mask);
    gad_sqlite_bind_text(s, 15, p->mask_encoding);
    gad_sqlite_bind_int(s, 16, p->mask_threshold);
    const char *more[5] = {p->box_rule, p->license, p->source_url, p->meta, print};
    for (int i = 0; i < 5; i++)
        gad_sqlite_bind_text(s, 17 + i, more[i]);
    gad_sqlite_bind_int(s, 22, store->import);
    gad_sqlite_bind_text(s, 23, p->id);
}

static gad_status put_boxes(gad_store *store, const gad_sample *p, gad_error *err)
{
    gad_sqlite_bind_int(store->statements[DROP_BOXES], 1, p->row);
    gad_status status = gad_sqlite_execute(store->statements[DROP_BOXES], err);
    gad_sqlite_statement *s = store->statements[ADD_BOX];
    for (size_t i = 0; i < p->box_count && !status; i++) {
        const gad_sample_box *b = &p->boxes[i];
        const int64_t numbers[6] = {p->row, (int64_t)i, b->x1, b->y1, b->x2, b->y2};
        for (int k = 0; k < 6; k++)
            gad_sqlite_bind_int(s, k + 1, numbers[k]);
        gad_sqlite_bind_text(s, 7, b->label);
        gad_sqlite_bind_text(s, 8, b->source);
        gad_sqlite_bind_int(s, 9, b->area);
        gad_sqlite_bind_real(s, 10, b->rotation);
        gad_sqlite_bind_text(s, 11, b->track);
        status = gad_sqlite_execute(s, err);
    }
    return status;
}

gad_status gad_store_put_references(gad_store *store, const gad_sample *p, gad_error *err)
{
    gad_sqlite_bind_int(store->statements[DROP_REFERENCES], 1, p->row);
    gad_status status = gad_sqlite_execute(store->statements[DROP_REFERENCES], err);
    gad_sqlite_statement *s = store->statements[ADD_REFERENCE];
    for (size_t i = 0; i < p->reference_count && !status; i++) {
        gad_sqlite_bind_int(s, 1, p->row);
        gad_sqlite_bind_int(s, 2, (int64_t)i);
        gad_sqlite_bind_text(s, 3, p->references[i].path);
        gad_sqlite_bind_text(s, 4, p->references[i].hash);
        gad_sqlite_bind_real(s, 5, p->references[i].score);
        status = gad_sqlite_execute(s, err);
    }
    if (status)
        return status;
    gad_sqlite_bind_text(store->statements[SET_METHOD], 1, p->reference_method);
    gad_sqlite_bind_int(store->statements[SET_METHOD], 2, p->row);
    return gad_sqlite_execute(store->statements[SET_METHOD], err);
}

gad_status gad_store_put_text(gad_store *store, const gad_sample *p, gad_error *err)
{
    gad_sqlite_statement *s = store->statements[SET_TEXT];
    gad_sqlite_bind_text(s, 1, p->think);
    gad_sqlite_bind_text(s, 2, p->text_source);
    gad_sqlite_bind_text(s, 3, p->text_status);
    gad_sqlite_bind_text(s, 4, p->text_model);
    gad_sqlite_bind_int(s, 5, p->row);
    return gad_sqlite_execute(s, err);
}

gad_status gad_store_put(gad_store *store, gad_sample *p, gad_store_change *change, gad_error *err)
{
    char print[33], known[33] = "";
    bool found = false;
    gad_string types = {0};
    gad_status status = fingerprint(p, print, err);
    gad_sqlite_statement *s = store->statements[FIND];
    if (!status) {
        gad_sqlite_bind_text(s, 1, p->id);
        status = gad_sqlite_step(s, &found, err);
    }
    if (!status && found) {
        p->row = gad_sqlite_int(s, 0);
        const char *text = gad_sqlite_text(s, 1);
        snprintf(known, sizeof known, "%s", text ? text : "");
    }
    gad_sqlite_reset(s);
    if (!status && found && strcmp(known, print) == 0) {
        *change = GAD_STORE_UNCHANGED;
        gad_sqlite_bind_int(store->statements[TOUCH], 1, store->import);
        gad_sqlite_bind_int(store->statements[TOUCH], 2, p->row);
        status = gad_sqlite_execute(store->statements[TOUCH], err);
    } else if (!status) {
        *change = found ? GAD_STORE_CHANGED : GAD_STORE_ADDED;
        s = store->statements[found ? UPDATE : INSERT];
        if (!types_text(p, &types))
            status = gad_error_memory(err, "store a sample", types.length);
        if (!status) {
            bind_fields(store, s, p, types.data, print);
            status = gad_sqlite_execute(s, err);
        }
        if (!status && !found)
            p->row = gad_sqlite_last_id(store->db);
        if (!status)
            status = put_boxes(store, p, err);
    }
    if (!status && p->reference_count)
        status = gad_store_put_references(store, p, err);
    if (!status && p->think)
        status = gad_store_put_text(store, p, err);
    gad_string_free(&types);
    return status;
}

gad_status gad_store_put_split(gad_store *store, int64_t row, const char *split, gad_error *err)
{
    gad_sqlite_bind_text(store->statements[SET_SPLIT], 1, split);
    gad_sqlite_bind_int(store->statements[SET_SPLIT], 2, row);
    return gad_sqlite_execute(store->statements[SET_SPLIT], err);
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

gad_store_filter gad_store_everything(void)
{
    return (gad_store_filter){.label = -1};
}

/* The WHERE part; parameters are numbered by place in filter_bind. */
static void filter_sql(const gad_store_filter *f, gad_string *sql)
{
    gad_string_add(sql, " WHERE row>?1");
    gad_string_add(sql, f->dataset ? " AND dataset=?2" : "");
    gad_string_add(sql, f->class_name ? " AND class=?3" : "");
    gad_string_add(sql, f->split ? " AND split=?4" : "");
    gad_string_add(sql, f->id ? " AND id=?5" : "");
    gad_string_add(sql, f->text_source ? " AND text_source=?6" : "");
    gad_string_add(sql, f->without_text ? " AND think IS NULL" : "");
    gad_string_add(sql, f->with_text ? " AND think IS NOT NULL" : "");
    if (f->label >= 0)
        gad_string_addf(sql, " AND label=%d", f->label);
}

static void filter_bind(const gad_store_filter *f, gad_sqlite_statement *s)
{
    const char *texts[5] = {f->dataset, f->class_name, f->split, f->id, f->text_source};
    gad_sqlite_bind_int(s, 1, f->after_row);
    for (int i = 0; i < 5; i++)
        if (texts[i])
            gad_sqlite_bind_text(s, i + 2, texts[i]);
}

gad_status gad_store_select(gad_store *store, const gad_store_filter *f, gad_store_cursor **out, gad_error *err)
{
    gad_string sql = {0};
    gad_store_cursor *cursor = gad_memory_zero(1, sizeof *cursor);
    gad_string_add(&sql, "SELECT row,id," FIELDS ",reference_method,think,text_source,text_status,text_model FROM sample");
    filter_sql(f, &sql);
    if (f->random_order) /* a multiplicative hash of the row: repeatable, and cheap in SQL */
        gad_string_addf(&sql, " ORDER BY ((row + %llu) * 2654435761) %% 4294967291, row",
                        (unsigned long long)(f->seed % 1000003));
    else
        gad_string_add(&sql, f->by_class ? " ORDER BY dataset, class, row" : " ORDER BY row");
    if (f->limit)
        gad_string_addf(&sql, " LIMIT %lld", (long long)f->limit);
    if (!cursor || sql.failed) {
        gad_string_free(&sql);
        gad_memory_free(cursor);
        return gad_error_memory(err, "read the store", 0);
    }
    cursor->store = store;
    gad_status status = gad_sqlite_prepare(store->db, sql.data, &cursor->statement, err);
    gad_string_free(&sql);
    if (status) {
        gad_memory_free(cursor);
        return status;
    }
    filter_bind(f, cursor->statement);
    *out = cursor;
    return GAD_OK;
}

void gad_store_cursor_free(gad_store_cursor *cursor)
{
    if (!cursor)
        return;
    gad_sqlite_finish(cursor->statement);
    gad_memory_free(cursor);
}

static gad_status load_boxes(gad_store *store, gad_sample *p, gad_error *err)
{
    gad_sqlite_statement *s = store->statements[GET_BOXES];
    bool row = true, room = true;
    gad_sqlite_bind_int(s, 1, p->row);
    gad_status status = gad_sqlite_step(s, &row, err);
    while (!status && row && room) {
        int b[4];
        for (int i = 0; i < 4; i++)
            b[i] = (int)gad_sqlite_int(s, i);
        const char *label = gad_sqlite_text(s, 4), *source = gad_sqlite_text(s, 5);
        room = gad_sample_add_box(p, b[0], b[1], b[2], b[3], label ? label : "", source ? source : "");
        if (room) {
            gad_sample_box *box = &p->boxes[p->box_count - 1];
            box->area = gad_sqlite_int(s, 6);
            box->rotation = gad_sqlite_real(s, 7);
            room = gad_sample_set(&box->track, gad_sqlite_text(s, 8));
        }
        if (room)
            status = gad_sqlite_step(s, &row, err);
    }
    gad_sqlite_reset(s);
    return status || room ? status : gad_error_memory(err, "read the store", 0);
}

static gad_status load_references(gad_store *store, gad_sample *p, gad_error *err)
{
    gad_sqlite_statement *s = store->statements[GET_REFERENCES];
    bool row = true, room = true;
    gad_sqlite_bind_int(s, 1, p->row);
    gad_status status = gad_sqlite_step(s, &row, err);
    while (!status && row && room) {
        const char *path = gad_sqlite_text(s, 0);
        room = gad_sample_add_reference(p, path ? path : "", gad_sqlite_text(s, 1), gad_sqlite_real(s, 2));
        if (room)
            status = gad_sqlite_step(s, &row, err);
    }
    gad_sqlite_reset(s);
    return status || room ? status : gad_error_memory(err, "read the store", 0);
}

static bool load_types(gad_sample *p, const char *text)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL, *item;
    bool room = true;
    size_t i;
    json_array_foreach (list, i, item) {
        if (json_is_string(item))
            room = room && gad_sample_add_type(p, json_string_value(item));
    }
    json_decref(list);
    return room;
}

gad_status gad_store_next(gad_store_cursor *cursor, gad_sample *p, bool *found, gad_error *err)
{
    gad_sqlite_statement *s = cursor->statement;
    gad_sample_free(p);
    gad_status status = gad_sqlite_step(s, found, err);
    if (status || !*found)
        return status;
    const struct {
        int column;
        char **field;
    } texts[] = {
        {1, &p->id},           {2, &p->dataset},      {3, &p->class_name}, {4, &p->class_text},        {5, &p->split},
        {6, &p->group},        {9, &p->image},        {15, &p->mask},      {16, &p->mask_encoding},    {18, &p->box_rule},
        {19, &p->license},     {20, &p->source_url},  {21, &p->meta},      {24, &p->reference_method}, {25, &p->think},
        {26, &p->text_source}, {27, &p->text_status}, {28, &p->text_model}};
    bool room = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        room = room && gad_sample_set(texts[i].field, gad_sqlite_text(s, texts[i].column));
    p->row = gad_sqlite_int(s, 0);
    p->label = (int)gad_sqlite_int(s, 7);
    p->width = (int)gad_sqlite_int(s, 10);
    p->height = (int)gad_sqlite_int(s, 11);
    p->view = (int)gad_sqlite_int(s, 12);
    const char *crop = gad_sqlite_text(s, 13), *hash = gad_sqlite_text(s, 14);
    if (crop)
        sscanf(crop, "%d,%d,%d,%d", &p->crop[0], &p->crop[1], &p->crop[2], &p->crop[3]);
    snprintf(p->hash, sizeof p->hash, "%s", hash ? hash : "");
    p->mask_threshold = (int)gad_sqlite_int(s, 17);
    room = room && load_types(p, gad_sqlite_text(s, 8));
    if (!room)
        return gad_error_memory(err, "read the store", 0);
    status = load_boxes(cursor->store, p, err);
    return status ? status : load_references(cursor->store, p, err);
}

gad_status gad_store_count(gad_store *store, const gad_store_filter *f, int64_t *count, gad_error *err)
{
    gad_string sql = {0};
    gad_sqlite_statement *s = NULL;
    bool row = false;
    gad_string_add(&sql, "SELECT count(*) FROM sample");
    filter_sql(f, &sql);
    gad_status status =
        sql.failed ? gad_error_memory(err, "read the store", 0) : gad_sqlite_prepare(store->db, sql.data, &s, err);
    gad_string_free(&sql);
    if (status)
        return status;
    filter_bind(f, s);
    status = gad_sqlite_step(s, &row, err);
    if (!status)
        *count = row ? gad_sqlite_int(s, 0) : 0;
    gad_sqlite_finish(s);
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
    gad_sqlite_statement *s = store->statements[GET_FEATURE];
    bool row = false;
    gad_sqlite_bind_text(s, 1, hash);
    gad_sqlite_bind_text(s, 2, version);
    gad_status status = gad_sqlite_step(s, &row, err);
    *bytes = NULL;
    *size_bytes = 0;
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
    gad_sqlite_statement *s = store->statements[PUT_FEATURE];
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
