/* fuzz_store: any values in the columns of a store that somebody else made. Input: records of table and column (a byte),
 * kind of value (a byte), length (a byte) and value; the first byte says which format is exported. Whatever stands there is
 * read, checked, selected and exported, or refused. */
#include "base/file.h"
#include "base/memory.h"
#include "bench/selection.h"
#include "data/check.h"
#include "data/export.h"
#include "io/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

/* The tables of src/data/store.c without their constraints. */
static const char *const steps[] = {
    "CREATE TABLE dataset(name, root, title, license, citation, home, imported, import INTEGER DEFAULT 0);"
    "CREATE TABLE sample(row INTEGER PRIMARY KEY, id, dataset, class, class_text, split, grp, label, types, image, width,"
    " height, view, crop, hash, mask, mask_encoding, mask_threshold, box_rule, license, source_url, meta, fingerprint,"
    " import, reference_method, think, text_source, text_status, text_model);"
    "CREATE TABLE box(sample, rank, x1, y1, x2, y2, label, source, area, rotation, track);"
    "CREATE TABLE reference(sample, rank, path, hash, score);"
    "CREATE TABLE problem(dataset, kind, path, text);"
    "CREATE TABLE feature(hash, version, bytes);"
    "CREATE TABLE reply(row INTEGER PRIMARY KEY, sample, model, text, reason, prompt_tokens, completion_tokens, stamp);",
    "CREATE INDEX sample_group ON sample(dataset, class, grp);"};
static const gad_sqlite_schema schema = {0x47414431, steps, 2};

static const char rows[] =
    "DELETE FROM dataset; DELETE FROM sample; DELETE FROM box; DELETE FROM reference;"
    "INSERT INTO dataset(name, root) VALUES('d', '%s');"
    "INSERT INTO sample(row, id, dataset, class, class_text, split, grp, label, types, image, width, height, view, hash)"
    " VALUES(1, 'd/c/train/good/p', 'd', 'c', 'c', 'train', 'g', 0, '[]', 'p.png', 10, 5, -1, 'x'),"
    " (2, 'd/c/test/dent/q', 'd', 'c', 'c', 'test', 'h', 1, '[\"dent\"]', 'p.png', 10, 5, -1, 'y');"
    "UPDATE sample SET think='There is a dent.', text_source='t', mask='p.png', mask_encoding='binary' WHERE row=2;"
    "INSERT INTO box VALUES(2, 0, 1, 1, 4, 3, 'dent', 'mask', 6, 0, NULL);"
    "INSERT INTO reference VALUES(2, 0, 'p.png', 'x', 0.5);";

static const char *const columns[] = {"sample SET id",
                                      "sample SET dataset",
                                      "sample SET class",
                                      "sample SET class_text",
                                      "sample SET split",
                                      "sample SET grp",
                                      "sample SET label",
                                      "sample SET types",
                                      "sample SET image",
                                      "sample SET width",
                                      "sample SET height",
                                      "sample SET view",
                                      "sample SET crop",
                                      "sample SET hash",
                                      "sample SET mask",
                                      "sample SET mask_encoding",
                                      "sample SET license",
                                      "sample SET box_rule",
                                      "sample SET mask_threshold",
                                      "sample SET meta",
                                      "sample SET think",
                                      "sample SET text_source",
                                      "sample SET text_status",
                                      "sample SET text_model",
                                      "sample SET import",
                                      "sample SET fingerprint",
                                      "sample SET source_url",
                                      "sample SET reference_method",
                                      "box SET x1",
                                      "box SET y1",
                                      "box SET x2",
                                      "box SET y2",
                                      "box SET label",
                                      "box SET source",
                                      "box SET area",
                                      "box SET rotation",
                                      "box SET track",
                                      "box SET sample",
                                      "reference SET path",
                                      "reference SET hash",
                                      "reference SET score",
                                      "reference SET sample",
                                      "dataset SET name",
                                      "dataset SET title",
                                      "dataset SET license",
                                      "dataset SET home",
                                      "dataset SET citation"};

static char folder[] = "/tmp/gad-fuzz-store-XXXXXX", root[64], path[64], out[64];
static gad_sqlite *db;

static void leave(void)
{
    gad_sqlite_close(db);
    gad_file_remove(folder, NULL);
}

static void enter(void)
{
    gad_image image;
    char picture[80];
    if (db)
        return;
    check(mkdtemp(folder) != NULL);
    snprintf(root, sizeof root, "%s/in", folder);
    snprintf(path, sizeof path, "%s/store.db", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(picture, sizeof picture, "%s/p.png", root);
    check(gad_file_make_directory(root, NULL) == GAD_OK && gad_image_new(10, 5, 3, &image, NULL) == GAD_OK);
    memset(image.pixels, 200, 150);
    check(gad_image_save_png(&image, picture, NULL) == GAD_OK);
    gad_image_free(&image);
    check(gad_sqlite_open(path, GAD_SQLITE_CREATE, &schema, &db, NULL) == GAD_OK);
    atexit(leave);
}

static void put_value(const char *column, int kind, const uint8_t *bytes, size_t length)
{
    char sql[120], text[256];
    int64_t number = 0;
    gad_sqlite_statement *s;
    snprintf(sql, sizeof sql, "UPDATE %s=?%s", column, kind & 8 ? "" : " WHERE rowid=(SELECT max(rowid) FROM sample)");
    if (strncmp(column, "sample", 6) != 0)
        snprintf(sql, sizeof sql, "UPDATE %s=?", column);
    memcpy(text, bytes, length);
    text[length] = 0;
    memcpy(&number, bytes, length < sizeof number ? length : sizeof number);
    check(gad_sqlite_prepare(db, sql, &s, NULL) == GAD_OK);
    switch (kind & 3) {
    case 0: gad_sqlite_bind_text(s, 1, text); break;
    case 1: gad_sqlite_bind_int(s, 1, number); break;
    case 2: gad_sqlite_bind_real(s, 1, strtod(text, NULL)); break;
    default: gad_sqlite_bind_text(s, 1, NULL);
    }
    check(gad_sqlite_execute(s, NULL) == GAD_OK);
    gad_sqlite_finish(s);
}

static void fill(const uint8_t *data, size_t size_bytes)
{
    char sql[sizeof rows + 64];
    snprintf(sql, sizeof sql, rows, root);
    check(gad_sqlite_begin(db, NULL) == GAD_OK && gad_sqlite_run(db, sql, NULL) == GAD_OK);
    while (size_bytes >= 3) {
        size_t length = data[2] < size_bytes - 3 ? data[2] : size_bytes - 3;
        put_value(columns[data[0] % (sizeof columns / sizeof *columns)], data[1], data + 3, length);
        data += 3 + length;
        size_bytes -= 3 + length;
    }
    check(gad_sqlite_commit(db, NULL) == GAD_OK);
}

static void look(gad_store *store)
{
    const gad_store_filter all = {0};
    gad_store_cursor *cursor = NULL;
    gad_sample sample = {0};
    gad_string text = {0};
    const gad_check_settings settings = {.files = true, .hash = true, .similar = true, .examples = 2};
    gad_check_report report;
    bool found = true;
    check(gad_store_select(store, &all, &cursor, NULL) == GAD_OK);
    while (found && gad_store_next(cursor, &sample, &found, NULL) == GAD_OK)
        if (found && gad_sample_to_json(&sample, &text, NULL) == GAD_OK)
            check(text.length > 2);
    gad_sample_free(&sample);
    gad_store_cursor_free(cursor);
    gad_check_run(store, &settings, &report, &text, NULL);
    gad_string_free(&text);
}

static void select_items(gad_store *store)
{
    const gad_bench_questions rule = {.preset = GAD_SELECTION_ALL, .reference = GAD_SELECTION_FIXED, .references = 1};
    gad_selection_report report;
    gad_items items = {0};
    gad_selection_make(store, &rule, false, &items, &report, NULL);
    gad_item_free(&items);
}

static void export_all(gad_store *store, uint8_t format)
{
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    gad_export_report report;
    settings.format = (gad_export_format)(format % GAD_EXPORT_FORMATS);
    settings.masks = format & 64;
    settings.path = out;
    gad_export_run(store, &settings, &report, NULL);
    gad_file_remove(out, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_store *store = NULL;
    if (!size_bytes)
        return 0;
    enter();
    fill(data + 1, size_bytes - 1);
    if (gad_store_open(path, GAD_SQLITE_READ, &store, NULL) == GAD_OK) {
        look(store);
        select_items(store);
        export_all(store, data[0]);
        gad_store_close(store);
    }
    return 0;
}
