/* importing: see importing.h */
#include "importing.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/catalog.h"
#include "io/image.h"

#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/gad-fuzz-import-XXXXXX";
static gad_store *store;

static void check(bool rule)
{
    if (!rule)
        __builtin_trap();
}

static void put_image(const char *name, int64_t width, int64_t height)
{
    gad_image image;
    char *path = gad_file_join(folder, name);
    check(path && gad_image_new(width, height, 3, &image, NULL) == GAD_OK);
    memset(image.pixels, 90, (size_t)(3 * width * height));
    check(gad_image_save_png(&image, path, NULL) == GAD_OK);
    gad_image_free(&image);
    gad_memory_free(path);
}

static void leave(void)
{
    gad_store_close(store);
    gad_file_remove(folder, NULL);
}

/* The folder and the store live as long as the process: a run only writes the file. */
static void enter(void)
{
    if (store)
        return;
    check(mkdtemp(folder) != NULL);
    char *inner = gad_file_join(folder, "in/a"), *path = gad_file_join(folder, "store.db");
    check(inner && path && gad_file_make_directory(inner, NULL) == GAD_OK);
    put_image("in/p.png", 10, 5);
    put_image("in/a/q.png", 6, 8);
    check(gad_store_open(path, GAD_SQLITE_CREATE, &store, NULL) == GAD_OK);
    atexit(leave);
    gad_memory_free(inner);
    gad_memory_free(path);
}

static void check_sample(const gad_sample *s)
{
    gad_string line = {0};
    check(s->id && s->dataset && s->class_name && s->split && s->image && gad_file_stays_inside(s->image));
    check(s->width > 0 && s->height > 0 && (s->label == 0 || s->label == 1));
    check(s->label || !s->box_count);
    for (size_t i = 0; i < s->box_count; i++) {
        const gad_box b = s->boxes[i].box;
        check(s->boxes[i].label && b.x1 >= 0 && b.y1 >= 0 && gad_box_valid(b) && b.x2 <= s->width && b.y2 <= s->height);
    }
    if (gad_sample_to_json(s, &line, NULL) == GAD_OK) {
        gad_sample again = {0};
        json_t *object = json_loads(line.data, 0, NULL);
        check(object && gad_sample_from_json(object, "line", &again, NULL) == GAD_OK);
        check(!strcmp(again.id, s->id) && again.box_count == s->box_count);
        gad_sample_free(&again);
        json_decref(object);
    }
    gad_string_free(&line);
}

static void check_samples(const gad_import_report *report)
{
    const gad_store_filter all = {0};
    gad_store_cursor *cursor = NULL;
    gad_sample sample = {0};
    int64_t count = 0;
    check(gad_store_select(store, &all, &cursor, NULL) == GAD_OK);
    for (bool found = true; found;) {
        check(gad_store_next(cursor, &sample, &found, NULL) == GAD_OK);
        if (found)
            check_sample(&sample);
        count += found;
    }
    check(count == report->images && report->images == report->normal + report->anomalous);
    gad_sample_free(&sample);
    gad_store_cursor_free(cursor);
}

void importing_run(const char *adapter, const char *file, const uint8_t *data, size_t size_bytes)
{
    enter();
    gad_import_report report;
    gad_error err = {0};
    char *inside = gad_file_join(folder, "in"), *path = inside ? gad_file_join(inside, file) : NULL;
    const gad_data_import_settings request = {.adapter = adapter, .folder = inside, .name = "d"};
    check(path && gad_store_begin(store, NULL) == GAD_OK);
    if (gad_file_write(path, data, size_bytes, NULL) == GAD_OK) {
        if (gad_catalog_import(store, &request, &report, &err) == GAD_OK)
            check_samples(&report);
        else
            check(err.code && err.operation[0] && err.cause[0]);
    }
    gad_store_rollback(store);
    gad_memory_free(inside);
    gad_memory_free(path);
}
