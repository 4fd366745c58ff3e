/* fake: see fake.h */
#include "data/fake.h"

#include "base/file.h"
#include "base/memory.h"
#include "io/image.h"
#include "support/support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char root[900];

const char *fake_root(const char *name)
{
    gad_error err;
    snprintf(root, sizeof root, "%s/%s", GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_remove(root, &err), &err);
    ASSERT_OK(gad_file_make_directory(root, &err), &err);
    return root;
}

/* The full path, its folder made. */
static void place(const char *path, char *full, size_t size_bytes)
{
    gad_error err;
    char folder[1200];
    snprintf(full, size_bytes, "%s/%s", root, path);
    snprintf(folder, sizeof folder, "%s", full);
    *strrchr(folder, '/') = 0;
    ASSERT_OK(gad_file_make_directory(folder, &err), &err);
}

void fake_image_sized(const char *path, int width, int height)
{
    char full[1200];
    gad_error err;
    gad_image image;
    uint32_t h = 2166136261u;
    for (const char *c = path; *c; c++)
        h = (h ^ (uint32_t)(unsigned char)*c) * 16777619u;
    place(path, full, sizeof full);
    ASSERT_OK(gad_image_new(width, height, 3, &image, &err), &err);
    for (int64_t i = 0; i < (int64_t)width * height * 3; i++) {
        h = h * 1664525u + 1013904223u;
        image.pixels[i] = (uint8_t)(100 + (h >> 27));
    }
    if (gad_file_has_extension(path, "png"))
        ASSERT_OK(gad_image_save_png(&image, full, &err), &err);
    else
        ASSERT_OK(gad_image_save_jpeg(&image, 90, full, &err), &err);
    gad_image_free(&image);
}

void fake_image(const char *path)
{
    fake_image_sized(path, FAKE_WIDTH, FAKE_HEIGHT);
}

void fake_mask_sized(const char *path, int width, int height, int x1, int y1, int x2, int y2, int value)
{
    char full[1200];
    gad_error err;
    gad_image image;
    place(path, full, sizeof full);
    ASSERT_OK(gad_image_new(width, height, 1, &image, &err), &err);
    memset(image.pixels, 0, (size_t)width * (size_t)height);
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            image.pixels[y * width + x] = (uint8_t)value;
    ASSERT_OK(gad_image_save_png(&image, full, &err), &err);
    gad_image_free(&image);
}

void fake_mask(const char *path, int x1, int y1, int x2, int y2, int value)
{
    fake_mask_sized(path, FAKE_WIDTH, FAKE_HEIGHT, x1, y1, x2, y2, value);
}

void fake_text(const char *path, const char *format, ...)
{
    char full[1200];
    place(path, full, sizeof full);
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

gad_store *fake_store(const char *name)
{
    gad_error err;
    gad_store *store;
    char path[1000];
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s%s", GAD_TEST_TMP, name, endings[i]);
        ASSERT_OK(gad_file_remove(path, &err), &err);
    }
    snprintf(path, sizeof path, "%s/%s", GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_make_directory(GAD_TEST_TMP, &err), &err);
    ASSERT_OK(gad_store_open(path, GAD_SQLITE_CREATE, &store, &err), &err);
    return store;
}

void fake_import(gad_store *store, const char *adapter, gad_import_report *report)
{
    gad_error err;
    gad_data_import_settings request = {.adapter = adapter, .folder = root};
    ASSERT_OK(gad_catalog_import(store, &request, report, &err), &err);
}

void fake_get(gad_store *store, const char *id, gad_sample *sample)
{
    gad_error err;
    gad_store_cursor *cursor;
    bool found = false;
    gad_store_filter filter = {0};
    filter.id = id;
    ASSERT_OK(gad_store_select(store, &filter, &cursor, &err), &err);
    ASSERT_OK(gad_store_next(cursor, sample, &found, &err), &err);
    gad_store_cursor_free(cursor);
    if (!found)
        fail_msg("%s is not in the store", id);
}

void fake_assert_box(const gad_sample *sample, size_t index, int x1, int y1, int x2, int y2, const char *label)
{
    assert_true(index < sample->box_count);
    const gad_sample_box *b = &sample->boxes[index];
    if (gad_box_compare(b->box, (gad_box){x1, y1, x2, y2}) != 0 || (label && strcmp(b->label, label) != 0))
        fail_msg("%s: [%g,%g,%g,%g] %s instead of [%d,%d,%d,%d] %s", sample->id, b->box.x1, b->box.y1, b->box.x2, b->box.y2,
                 b->label, x1, y1, x2, y2, label ? label : "");
}

int64_t fake_count(gad_store *store, const char *class_name, const char *split, int label)
{
    gad_error err;
    int64_t count = 0;
    gad_store_filter filter = {0};
    filter.class_name = class_name;
    filter.split = split;
    filter.label = label < 0 ? GAD_DATA_ANY : label ? GAD_DATA_ANOMALOUS : GAD_DATA_NORMAL;
    ASSERT_OK(gad_store_count(store, &filter, &count, &err), &err);
    return count;
}

void fake_mvtec_class(const char *class_name, const char *extension, const char *mask_suffix, const char *type)
{
    char path[400];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/train/good/%03d.%s", class_name, i, extension);
        fake_image(path);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/test/good/%03d.%s", class_name, i, extension);
        fake_image(path);
        snprintf(path, sizeof path, "%s/test/%s/%03d.%s", class_name, type, i, extension);
        fake_image(path);
        snprintf(path, sizeof path, "%s/ground_truth/%s/%03d%s.png", class_name, type, i, mask_suffix);
        fake_mask(path, 10, 5, 20 + i, 15, 255);
    }
}
