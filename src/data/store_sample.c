/* store_sample: samples with their boxes and references into the store and out of it (store.h). One table of columns per
 * kind of row says what is written, read, and where it stands in the struct. */
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/store_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- columns ---- */

/* A NAME is text that is never NULL, a PIXEL a double that holds a whole number. */
typedef enum column_kind { TEXT, NAME, SHORT_TEXT, INTEGER, INTEGER64, PIXEL, REAL, CROP, TYPES } column_kind;

typedef struct column {
    const char *name;
    column_kind kind;
    size_t offset; /* of the field in its struct */
    size_t bytes;  /* of a SHORT_TEXT, an array inside the struct */
} column;

#define SAMPLE_FIELD(name, kind, field)                                                                                    \
    {                                                                                                                      \
        name, kind, offsetof(gad_sample, field), 0                                                                         \
    }
/* The first SAMPLE_IMPORTED columns are what an import knows, the others come later. */
static const column SAMPLE[] = {
    SAMPLE_FIELD("id", TEXT, id),
    SAMPLE_FIELD("dataset", TEXT, dataset),
    SAMPLE_FIELD("class", TEXT, class_name),
    SAMPLE_FIELD("class_text", TEXT, class_text),
    SAMPLE_FIELD("split", TEXT, split),
    SAMPLE_FIELD("grp", TEXT, group),
    SAMPLE_FIELD("label", INTEGER, label),
    SAMPLE_FIELD("types", TYPES, types),
    SAMPLE_FIELD("image", TEXT, image),
    SAMPLE_FIELD("width", INTEGER, width),
    SAMPLE_FIELD("height", INTEGER, height),
    SAMPLE_FIELD("view", INTEGER, view),
    SAMPLE_FIELD("crop", CROP, crop),
    {"hash", SHORT_TEXT, offsetof(gad_sample, hash), sizeof((gad_sample *)0)->hash},
    SAMPLE_FIELD("mask", TEXT, mask),
    SAMPLE_FIELD("mask_encoding", TEXT, mask_encoding),
    SAMPLE_FIELD("mask_threshold", INTEGER, mask_threshold),
    SAMPLE_FIELD("box_rule", TEXT, box_rule),
    SAMPLE_FIELD("license", TEXT, license),
    SAMPLE_FIELD("source_url", TEXT, source_url),
    SAMPLE_FIELD("meta", TEXT, meta),
    SAMPLE_FIELD("reference_method", TEXT, reference_method),
    SAMPLE_FIELD("think", TEXT, think),
    SAMPLE_FIELD("text_source", TEXT, text_source),
    SAMPLE_FIELD("text_status", TEXT, text_status),
    SAMPLE_FIELD("text_model", TEXT, text_model),
};
static const column BOX[] = {
    {"x1", PIXEL, offsetof(gad_sample_box, box.x1), 0},
    {"y1", PIXEL, offsetof(gad_sample_box, box.y1), 0},
    {"x2", PIXEL, offsetof(gad_sample_box, box.x2), 0},
    {"y2", PIXEL, offsetof(gad_sample_box, box.y2), 0},
    {"label", NAME, offsetof(gad_sample_box, label), 0},
    {"source", SHORT_TEXT, offsetof(gad_sample_box, source), sizeof((gad_sample_box *)0)->source},
    {"area", INTEGER64, offsetof(gad_sample_box, area), 0},
    {"rotation", REAL, offsetof(gad_sample_box, rotation), 0},
    {"track", TEXT, offsetof(gad_sample_box, track), 0},
};
static const column REFERENCE[] = {
    {"path", NAME, offsetof(gad_sample_reference, path), 0},
    {"hash", SHORT_TEXT, offsetof(gad_sample_reference, hash), sizeof((gad_sample_reference *)0)->hash},
    {"score", REAL, offsetof(gad_sample_reference, score), 0},
};
enum {
    SAMPLE_IMPORTED = 21,
    SAMPLE_COLUMNS = sizeof SAMPLE / sizeof *SAMPLE,
    BOX_COLUMNS = sizeof BOX / sizeof *BOX,
    REFERENCE_COLUMNS = sizeof REFERENCE / sizeof *REFERENCE,
    TEXT_COLUMNS = 4
};
/* think, text_source, text_status, text_model */
static const column *const TEXTS = &SAMPLE[SAMPLE_COLUMNS - TEXT_COLUMNS];

/* "a,b,c" */
static void add_names(const column *columns, int count, gad_string *sql)
{
    for (int i = 0; i < count; i++) {
        gad_string_add(sql, i ? "," : "");
        gad_string_add(sql, columns[i].name);
    }
}

/* "?,?,?" */
static void add_places(int count, gad_string *sql)
{
    for (int i = 0; i < count; i++)
        gad_string_add(sql, i ? ",?" : "?");
}

/* A prepared statement whose text is made on its first use. */
static gad_status prepare_text(gad_store *store, gad_store_statement which, gad_string *sql, gad_sqlite_statement **s,
                               gad_error *err)
{
    gad_status status = sql->failed ? gad_error_memory(err, "use the store", sql->length)
                                    : gad_store_prepare(store, which, sql->data, s, err);
    gad_string_free(sql);
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

static bool read_types(gad_sample *p, const char *text)
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

/* The fields of `record` as the values of parameters `first`...; false without memory. */
static bool bind(gad_sqlite_statement *s, const column *columns, int count, int first, const void *record)
{
    for (int i = 0; i < count; i++) {
        const column *c = &columns[i];
        const char *at = (const char *)record + c->offset;
        const int *crop = (const int *)(const void *)at;
        gad_string text = {0};
        bool room = true;
        switch (c->kind) {
        case TEXT:
        case NAME: gad_sqlite_bind_text(s, first + i, *(char *const *)(const void *)at); break;
        case SHORT_TEXT: gad_sqlite_bind_text(s, first + i, at); break;
        case INTEGER: gad_sqlite_bind_int(s, first + i, *(const int *)(const void *)at); break;
        case INTEGER64: gad_sqlite_bind_int(s, first + i, *(const int64_t *)(const void *)at); break;
        case PIXEL: gad_sqlite_bind_int(s, first + i, (int64_t) * (const double *)(const void *)at); break;
        case REAL: gad_sqlite_bind_real(s, first + i, *(const double *)(const void *)at); break;
        case CROP:
            if (crop[2] > crop[0])
                gad_string_addf(&text, "%d,%d,%d,%d", crop[0], crop[1], crop[2], crop[3]);
            room = !text.failed;
            gad_sqlite_bind_text(s, first + i, text.data);
            break;
        case TYPES:
            room = types_text(record, &text);
            gad_sqlite_bind_text(s, first + i, text.data);
            break;
        }
        gad_string_free(&text);
        if (!room)
            return false;
    }
    return true;
}

/* The nearest int: what does not fit makes no sense afterwards either. */
static int whole(int64_t value)
{
    return value < INT_MIN ? INT_MIN : value > INT_MAX ? INT_MAX : (int)value;
}

/* Columns `first`... of the row into the fields of `record`, which owns what it had; false without memory. */
static bool read(gad_sqlite_statement *s, const column *columns, int count, int first, void *record)
{
    bool room = true;
    for (int i = 0; i < count && room; i++) {
        const column *c = &columns[i];
        char *at = (char *)record + c->offset;
        int *crop = (int *)(void *)at;
        const char *text = gad_sqlite_text(s, first + i);
        switch (c->kind) {
        case TEXT: room = gad_sample_set((char **)(void *)at, text); break;
        case NAME: room = gad_sample_set((char **)(void *)at, text ? text : ""); break;
        case SHORT_TEXT: snprintf(at, c->bytes, "%s", text ? text : ""); break;
        case INTEGER: *(int *)(void *)at = whole(gad_sqlite_int(s, first + i)); break;
        case INTEGER64: *(int64_t *)(void *)at = gad_sqlite_int(s, first + i); break;
        case PIXEL: *(double *)(void *)at = whole(gad_sqlite_int(s, first + i)); break;
        case REAL: *(double *)(void *)at = gad_sqlite_real(s, first + i); break;
        case CROP:
            if (text)
                sscanf(text, "%d,%d,%d,%d", &crop[0], &crop[1], &crop[2], &crop[3]);
            break;
        case TYPES: room = read_types(record, text); break;
        }
    }
    return room;
}

/* ---- boxes and references: rows that belong to a sample, in order ---- */

typedef struct part {
    gad_store_statement drop, add, get;
    const char *table;
    const column *columns;
    int count;
    size_t bytes; /* of one record */
} part;

static const part BOXES = {.drop = GAD_STORE_DROP_BOXES,
                           .add = GAD_STORE_ADD_BOX,
                           .get = GAD_STORE_GET_BOXES,
                           .table = "box",
                           .columns = BOX,
                           .count = BOX_COLUMNS,
                           .bytes = sizeof(gad_sample_box)};
static const part REFERENCES = {.drop = GAD_STORE_DROP_REFERENCES,
                                .add = GAD_STORE_ADD_REFERENCE,
                                .get = GAD_STORE_GET_REFERENCES,
                                .table = "reference",
                                .columns = REFERENCE,
                                .count = REFERENCE_COLUMNS,
                                .bytes = sizeof(gad_sample_reference)};

/* Replace the rows of a sample. */
static gad_status put_parts(gad_store *store, const part *p, int64_t row, const void *records, size_t count, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_string sql = {0};
    gad_string_addf(&sql, "DELETE FROM %s WHERE sample=?", p->table);
    gad_status status = prepare_text(store, p->drop, &sql, &s, err);
    if (status)
        return status;
    gad_sqlite_bind_int(s, 1, row);
    status = gad_sqlite_execute(s, err);
    gad_string_addf(&sql, "INSERT INTO %s(sample,rank,", p->table);
    add_names(p->columns, p->count, &sql);
    gad_string_add(&sql, ") VALUES(?,?,");
    add_places(p->count, &sql);
    gad_string_add(&sql, ")");
    if (status)
        gad_string_free(&sql);
    else
        status = prepare_text(store, p->add, &sql, &s, err);
    for (size_t i = 0; i < count && !status; i++) {
        gad_sqlite_bind_int(s, 1, row);
        gad_sqlite_bind_int(s, 2, (int64_t)i);
        status = bind(s, p->columns, p->count, 3, (const char *)records + i * p->bytes)
                     ? gad_sqlite_execute(s, err)
                     : gad_error_memory(err, "store a sample", 0);
    }
    return status;
}

/* Append a record for every row. */
static gad_status load_parts(gad_store *store, const part *p, int64_t row, void **records, size_t *count, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_string sql = {0};
    size_t capacity = *count;
    bool more = false;
    gad_string_add(&sql, "SELECT ");
    add_names(p->columns, p->count, &sql);
    gad_string_addf(&sql, " FROM %s WHERE sample=? ORDER BY rank", p->table);
    gad_status status = prepare_text(store, p->get, &sql, &s, err);
    if (status)
        return status;
    gad_sqlite_bind_int(s, 1, row);
    status = gad_sqlite_step(s, &more, err);
    while (!status && more) {
        if (!gad_memory_grow(records, &capacity, *count, p->bytes)) {
            status = gad_error_memory(err, "read the store", *count * p->bytes);
            break;
        }
        char *record = (char *)*records + (*count)++ * p->bytes;
        memset(record, 0, p->bytes);
        status = read(s, p->columns, p->count, 0, record) ? gad_sqlite_step(s, &more, err)
                                                          : gad_error_memory(err, "read the store", 0);
    }
    gad_sqlite_reset(s);
    return status;
}

/* ---- writing ---- */

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

gad_status gad_store_put_references(gad_store *store, const gad_sample *p, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_status status = put_parts(store, &REFERENCES, p->row, p->references, p->reference_count, err);
    if (!status)
        status =
            gad_store_prepare(store, GAD_STORE_SET_METHOD, "UPDATE sample SET reference_method=? WHERE row=?", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, p->reference_method);
    gad_sqlite_bind_int(s, 2, p->row);
    return gad_sqlite_execute(s, err);
}

gad_status gad_store_put_text(gad_store *store, const gad_sample *p, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_string sql = {0};
    gad_string_add(&sql, "UPDATE sample SET (");
    add_names(TEXTS, TEXT_COLUMNS, &sql);
    gad_string_add(&sql, ")=(");
    add_places(TEXT_COLUMNS, &sql);
    gad_string_add(&sql, ") WHERE row=?");
    gad_status status = prepare_text(store, GAD_STORE_SET_TEXT, &sql, &s, err);
    if (status)
        return status;
    bind(s, TEXTS, TEXT_COLUMNS, 1, p);
    gad_sqlite_bind_int(s, TEXT_COLUMNS + 1, p->row);
    return gad_sqlite_execute(s, err);
}

/* The row and fingerprint of the sample of that id; found false when there is none. */
static gad_status find(gad_store *store, gad_sample *p, bool *found, char known[33], gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_status status = gad_store_prepare(store, GAD_STORE_FIND, "SELECT row, fingerprint FROM sample WHERE id=?", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_text(s, 1, p->id);
    status = gad_sqlite_step(s, found, err);
    if (!status && *found) {
        const char *text = gad_sqlite_text(s, 1);
        p->row = gad_sqlite_int(s, 0);
        snprintf(known, 33, "%s", text ? text : "");
    }
    gad_sqlite_reset(s);
    return status;
}

/* Nothing but the number of the import that saw it. */
static gad_status touch(gad_store *store, int64_t row, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_status status = gad_store_prepare(store, GAD_STORE_TOUCH, "UPDATE sample SET import=? WHERE row=?", &s, err);
    if (status)
        return status;
    gad_sqlite_bind_int(s, 1, store->import);
    gad_sqlite_bind_int(s, 2, row);
    return gad_sqlite_execute(s, err);
}

/* Insert, or update the row of the same id. */
static gad_status write(gad_store *store, gad_sample *p, bool update, const char *print, gad_error *err)
{
    gad_sqlite_statement *s = NULL;
    gad_string sql = {0};
    gad_string_add(&sql, update ? "UPDATE sample SET (" : "INSERT INTO sample(");
    add_names(SAMPLE, SAMPLE_IMPORTED, &sql);
    gad_string_add(&sql, update ? ",fingerprint,import)=(" : ",fingerprint,import) VALUES(");
    add_places(SAMPLE_IMPORTED + 2, &sql);
    gad_string_add(&sql, update ? ") WHERE row=?" : ")");
    gad_status status = prepare_text(store, update ? GAD_STORE_UPDATE : GAD_STORE_INSERT, &sql, &s, err);
    if (status)
        return status;
    if (!bind(s, SAMPLE, SAMPLE_IMPORTED, 1, p))
        return gad_error_memory(err, "store a sample", 0);
    gad_sqlite_bind_text(s, SAMPLE_IMPORTED + 1, print);
    gad_sqlite_bind_int(s, SAMPLE_IMPORTED + 2, store->import);
    if (update)
        gad_sqlite_bind_int(s, SAMPLE_IMPORTED + 3, p->row);
    status = gad_sqlite_execute(s, err);
    if (!status && !update)
        p->row = gad_sqlite_last_id(store->db);
    return status;
}

gad_status gad_store_put(gad_store *store, gad_sample *p, gad_store_change *change, gad_error *err)
{
    char print[33], known[33] = "";
    bool found = false;
    gad_status status = fingerprint(p, print, err);
    if (!status)
        status = find(store, p, &found, known, err);
    if (!status && found && strcmp(known, print) == 0) {
        *change = GAD_STORE_UNCHANGED;
        status = touch(store, p->row, err);
    } else if (!status) {
        *change = found ? GAD_STORE_CHANGED : GAD_STORE_ADDED;
        status = write(store, p, found, print, err);
        if (!status)
            status = put_parts(store, &BOXES, p->row, p->boxes, p->box_count, err);
    }
    if (!status && p->reference_count)
        status = gad_store_put_references(store, p, err);
    if (!status && p->think)
        status = gad_store_put_text(store, p, err);
    return status;
}

/* ---- reading ---- */

struct gad_store_cursor {
    gad_store *store;
    gad_sqlite_statement *statement;
};

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
    if (f->label != GAD_DATA_ANY)
        gad_string_add(sql, f->label == GAD_DATA_ANOMALOUS ? " AND label=1" : " AND label=0");
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
    gad_string_add(&sql, "SELECT row,");
    add_names(SAMPLE, SAMPLE_COLUMNS, &sql);
    gad_string_add(&sql, " FROM sample");
    filter_sql(f, &sql);
    if (f->shuffle)
        gad_string_addf(&sql, " ORDER BY gad_mix(row, %lld), row", (long long)f->seed);
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

gad_status gad_store_next(gad_store_cursor *cursor, gad_sample *p, bool *found, gad_error *err)
{
    gad_sqlite_statement *s = cursor->statement;
    gad_sample_free(p);
    gad_status status = gad_sqlite_step(s, found, err);
    if (status || !*found)
        return status;
    p->row = gad_sqlite_int(s, 0);
    if (!read(s, SAMPLE, SAMPLE_COLUMNS, 1, p))
        return gad_error_memory(err, "read the store", 0);
    void *boxes = NULL, *references = NULL;
    status = load_parts(cursor->store, &BOXES, p->row, &boxes, &p->box_count, err);
    p->boxes = boxes;
    if (!status)
        status = load_parts(cursor->store, &REFERENCES, p->row, &references, &p->reference_count, err);
    p->references = references;
    return status ? status : gad_sample_check(p, p->id ? p->id : "a sample without id", err);
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
