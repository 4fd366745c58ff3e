/* store: re-import changes nothing; every bad input has its message; a full disk and a read-only file lose nothing; memory
 * does not grow with the number of samples; splits, checks and statistics tell what is there. */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/check.h"
#include "data/contact.h"
#include "data/fake.h"
#include "data/split.h"
#include "data/stats.h"
#include "data/store_internal.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static gad_import_report report;
static gad_error err;

static gad_status import(gad_store *store, const char *adapter, const char *folder)
{
    gad_data_import_settings request = {.adapter = adapter, .folder = folder};
    return gad_catalog_import(store, &request, &report, &err);
}

/* Rows of a store in the order that a seed draws. */
static void drawn_order(gad_store *store, uint64_t seed, int64_t *rows, int count)
{
    gad_store_filter filter = {.shuffle = true, .seed = seed};
    gad_store_cursor *cursor = NULL;
    gad_sample s = {0};
    bool found = true;
    ASSERT_OK(gad_store_select(store, &filter, &cursor, &err), &err);
    for (int i = 0; i < count; i++) {
        ASSERT_OK(gad_store_next(cursor, &s, &found, &err), &err);
        assert_true(found);
        rows[i] = s.row;
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
}

/* One seed, one order; another seed is another order, not the same one that starts elsewhere. */
static void test_shuffle(void **state)
{
    (void)state;
    enum { COUNT = 7, SEEDS = 20 };
    int64_t first[COUNT], again[COUNT], other[COUNT];
    gad_store *store = fake_store("shuffle.db");
    fake_root("shuffle");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    fake_import(store, "mvtec_ad", &report);
    drawn_order(store, 1, first, COUNT);
    drawn_order(store, 1, again, COUNT);
    assert_memory_equal(first, again, sizeof first);
    int rotations = 0;
    for (uint64_t seed = 2; seed < 2 + SEEDS; seed++) {
        drawn_order(store, seed, other, COUNT);
        for (int shift = 0; shift < COUNT; shift++) {
            bool same = true;
            for (int i = 0; i < COUNT; i++)
                same = same && other[i] == first[(i + shift) % COUNT];
            rotations += same;
        }
    }
    assert_in_range(rotations, 0, 1); /* 7 of 5040 orders are rotations */
    gad_store_close(store);
}

static void test_again(void **state)
{
    (void)state;
    gad_store *store = fake_store("again.db");
    fake_root("again");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    fake_import(store, "mvtec_ad", &report);
    assert_int_equal(report.added, 7);
    /* Text and references that came later survive a second import. */
    gad_sample s = {0};
    fake_get(store, "mvtec_ad/bottle/test/broken/000", &s);
    assert_true(gad_sample_set(&s.think, "kept") && gad_sample_add_reference(&s, "bottle/train/good/001.png", "", 0.5));
    ASSERT_OK(gad_store_put_text(store, &s, &err), &err);
    ASSERT_OK(gad_store_put_references(store, &s, &err), &err);
    fake_import(store, "mvtec_ad", &report);
    assert_int_equal(report.unchanged, 7);
    assert_int_equal(report.added + report.changed + report.removed, 0);
    /* Another mask, one image more, one less. */
    fake_mask("bottle/ground_truth/broken/000_mask.png", 1, 1, 9, 9, 255);
    fake_image("bottle/train/good/003.png");
    ASSERT_OK(gad_file_remove(support_scratch(GAD_TEST_TMP, "again/bottle/train/good/000.png"), &err), &err);
    fake_import(store, "mvtec_ad", &report);
    assert_int_equal(report.added, 1);
    assert_int_equal(report.changed, 1);
    assert_int_equal(report.removed, 1);
    assert_int_equal(report.unchanged, 5);
    fake_get(store, "mvtec_ad/bottle/test/broken/000", &s);
    assert_int_equal(s.boxes[0].box.x2, 9);
    assert_string_equal(s.think, "kept");
    assert_int_equal(s.reference_count, 1);
    gad_sample_free(&s);
    gad_store_close(store);
}

static void assert_problem(gad_import_problem problem, int64_t count)
{
    if (report.problems[problem] != count)
        fail_msg("%s: %lld instead of %lld", gad_import_problem_name(problem), (long long)report.problems[problem],
                 (long long)count);
}

static void test_bad_datasets(void **state)
{
    (void)state;
    gad_store *store = fake_store("bad.db");
    const char *root = fake_root("bad");
    fake_mvtec_class("candle", "png", "_mask", "bad");
    fake_mvtec_class("capsules", "png", "_mask", "bad");
    fake_mvtec_class("cashew", "png", "_mask", "bad");
    fake_mvtec_class("pcb1", "png", "_mask", "bad");
    assert_int_equal(import(store, "mvtec_ad", root), GAD_E_FORMAT); /* the wrong dataset */
    assert_non_null(strstr(err.cause, "candle"));
    assert_non_null(strstr(err.hint, "VisA"));
    assert_int_equal(import(store, "mvtec_ad", "/no/such/folder"), GAD_E_IO);
    assert_int_equal(import(store, "no_such_set", root), GAD_E_ARGUMENT);
    assert_int_equal(import(store, "real_iad", root), GAD_E_FORMAT);
    assert_non_null(strstr(err.hint, "it looks like VisA: gad data import visa "));
    assert_non_null(strstr(err.cause, "realiad_jsons"));
    root = fake_root("bad_masks");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    ASSERT_OK(gad_file_remove(support_scratch(root, "bottle/ground_truth/broken/000_mask.png"), &err), &err);
    fake_mask_sized("bottle/ground_truth/broken/001_mask.png", FAKE_WIDTH * 2, FAKE_HEIGHT * 2, 20, 10, 40, 30, 255);
    fake_image("bottle/test/broken/002.png");
    fake_mask("bottle/ground_truth/broken/002_mask.png", 0, 0, 0, 0, 0);
    fake_image("bottle/test/broken/003.png");
    fake_mask("bottle/ground_truth/broken/003_mask.png", 5, 5, 15, 15, 77);
    fake_image("bottle/test/broken/004.png");
    fake_text("bottle/ground_truth/broken/004_mask.png", "not a picture");
    fake_mask("bottle/ground_truth/broken/999_mask.png", 5, 5, 15, 15, 255);
    fake_text("bottle/test/good/bad.png", "not a picture");
    ASSERT_OK(import(store, "mvtec_ad", root), &err);
    assert_problem(GAD_IMPORT_MISSING_MASK, 1);
    assert_problem(GAD_IMPORT_MASK_SIZE, 1);
    assert_problem(GAD_IMPORT_EMPTY_MASK, 2); /* 002, and 003 whose 77 is under the threshold */
    assert_problem(GAD_IMPORT_MASK_VALUES, 1);
    assert_problem(GAD_IMPORT_UNREADABLE_MASK, 1);
    assert_problem(GAD_IMPORT_UNUSED_MASK, 1);
    assert_problem(GAD_IMPORT_UNREADABLE_IMAGE, 1);
    assert_int_equal(report.images, 10); /* all but bad.png are kept */
    gad_sample s = {0};
    fake_get(store, "mvtec_ad/bottle/test/broken/001", &s);
    assert_int_equal(s.boxes[0].box.x1, 10); /* the mask was twice as large */
    root = fake_root("bad_json");
    fake_text("realiad_jsons/usb.json", "{\n  \"meta\": {\"prefix\": \"usb/\"},\n  \"train\": [,]\n}\n");
    assert_int_equal(import(store, "real_iad", root), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "line 3, column"));
    gad_sample_free(&s);
    gad_store_close(store);
}

static void test_bad_stores(void **state)
{
    (void)state;
    gad_store *store;
    const char *path = support_scratch(GAD_TEST_TMP, "other.db");
    static const char text[] =
        "this is no database, and long enough to be taken for one: 0123456789012345678901234567890123456789";
    ASSERT_OK(gad_file_write(path, text, sizeof text - 1, &err), &err);
    assert_int_equal(gad_store_open(path, GAD_SQLITE_WRITE, &store, &err), GAD_E_FORMAT);
    assert_int_equal(gad_store_open("/no/such/folder/x.db", GAD_SQLITE_CREATE, &store, &err), GAD_E_IO);
    assert_int_equal(gad_store_open(support_scratch(GAD_TEST_TMP, "absent.db"), GAD_SQLITE_READ, &store, &err), GAD_E_IO);
    assert_non_null(strstr(err.hint, "import"));
    /* Read-only: reading works, writing says why not. */
    gad_store_close(fake_store("readonly.db"));
    path = support_scratch(GAD_TEST_TMP, "readonly.db");
    ASSERT_OK(gad_store_open(path, GAD_SQLITE_READ, &store, &err), &err);
    assert_int_equal(import(store, "mvtec_ad", GAD_TEST_TMP), GAD_E_IO);
    assert_non_null(strstr(err.cause, "read-only"));
    gad_store_close(store);
}

/* A disk that is full after so many pages: what was there before is still there. */
static void test_full_disk(void **state)
{
    (void)state;
    gad_store *store = fake_store("full.db");
    const char *root = fake_root("full");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    ASSERT_OK(import(store, "mvtec_ad", root), &err);
    ASSERT_OK(gad_sqlite_run(store->db, "PRAGMA max_page_count=30", &err), &err);
    for (int i = 0; i < 300; i++) {
        char name[64];
        snprintf(name, sizeof name, "cable/train/good/%04d.png", i);
        fake_image_sized(name, 8, 8);
    }
    fake_mvtec_class("cable", "png", "_mask", "bent");
    assert_int_equal(import(store, "mvtec_ad", root), GAD_E_IO);
    assert_non_null(strstr(err.cause, "disk is full"));
    assert_int_equal(fake_count(store, NULL, NULL, -1), 7);
    gad_store_close(store);
}

static void put_many(gad_store *store, int from, int to)
{
    gad_store_change change;
    ASSERT_OK(gad_store_begin(store, &err), &err);
    for (int i = from; i < to; i++) {
        gad_sample s = {.view = -1, .width = 100, .height = 100, .label = i % 4 == 0};
        char text[100];
        snprintf(text, sizeof text, "many/class%d/train/x/%d", i % 50, i);
        assert_true(gad_sample_set(&s.id, text) && gad_sample_set(&s.dataset, "many") &&
                    gad_sample_set(&s.split, "train") && gad_sample_set(&s.image, text));
        snprintf(s.hash, sizeof s.hash, "%032d", i);
        snprintf(text, sizeof text, "class%d", i % 50);
        assert_true(gad_sample_set(&s.class_name, text));
        snprintf(text, sizeof text, "group%d", i / 5);
        assert_true(gad_sample_set(&s.group, text));
        if (s.label)
            assert_true(gad_sample_add_box(&s, (gad_box){1, 2, 30, 40}, "dent", "mask") && gad_sample_settle(&s));
        ASSERT_OK(gad_store_put(store, &s, &change, &err), &err);
        gad_sample_free(&s);
    }
    ASSERT_OK(gad_store_commit(store, &err), &err);
}

static int64_t walk(gad_store *store)
{
    gad_store_cursor *cursor;
    gad_sample s = {0};
    bool found = true;
    int64_t n = 0;
    gad_store_filter filter = {0};
    ASSERT_OK(gad_store_select(store, &filter, &cursor, &err), &err);
    while (found) {
        ASSERT_OK(gad_store_next(cursor, &s, &found, &err), &err);
        n += found;
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    return n;
}

static long resident_kb(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%ld %ld", &pages, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* 1,000 and 100,000 samples: what a walk takes in memory is the same. */
static void test_memory(void **state)
{
    (void)state;
    gad_store *store = fake_store("many.db");
    gad_store_dataset d = {.name = "many", .root = "/tmp"};
    ASSERT_OK(gad_store_put_dataset(store, &d, &err), &err);
    put_many(store, 0, 1000);
    assert_int_equal(walk(store), 1000);
    long small = resident_kb();
    double from = gad_clock_seconds();
    put_many(store, 1000, 100000);
    double put_s = gad_clock_seconds() - from;
    from = gad_clock_seconds();
    assert_int_equal(walk(store), 100000);
    long large = resident_kb();
    print_message("memory: %ld kB after 1,000 samples, %ld kB after 100,000; %.0f puts/s, %.0f reads/s\n", small, large,
                  99000 / put_s, 100000 / (gad_clock_seconds() - from));
#ifndef __SANITIZE_ADDRESS__            /* which keeps freed memory for a while on purpose */
    assert_true(large - small < 12000); /* SQLite's own page cache is 2 MB */
#endif
    gad_split_settings settings = gad_data_split_default();
    gad_split_report split;
    settings.val_share = 0.1;
    settings.hold_classes = 3;
    ASSERT_OK(gad_split_run(store, &settings, &split, &err), &err);
    assert_int_equal(split.test, 3 * 2000);
    assert_in_range(split.val, 8000, 11000);
    assert_int_equal(split.train + split.val + split.test, 100000);
    gad_check_settings check = {.examples = 3};
    gad_check_report checked;
    gad_string text = {0};
    ASSERT_OK(gad_check_run(store, &check, &checked, &text, &err), &err);
    assert_int_equal(checked.found[GAD_CHECK_GROUP_TORN], 0);
    gad_string_free(&text);
    settings.restore = true;
    ASSERT_OK(gad_split_run(store, &settings, &split, &err), &err);
    assert_int_equal(split.train, 100000);
    settings.restore = false;
    settings.hold_classes = 999;
    assert_int_equal(gad_split_run(store, &settings, &split, &err), GAD_E_ARGUMENT);
    gad_store_close(store);
}

/* Equal content in training and benchmark, a box outside, a reference that is gone: all are found. */
static void test_check(void **state)
{
    (void)state;
    gad_store *store = fake_store("check.db");
    const char *root = fake_root("check_benchmark");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    ASSERT_OK(import(store, "mvtec_ad", root), &err);
    root = fake_root("check_plain");
    fake_image("good/a.png");
    fake_image("bad/dent/b.png");
    char from[1200], *bytes;
    size_t size;
    snprintf(from, sizeof from, "%s/check_benchmark/bottle/test/broken/000.png", GAD_TEST_TMP);
    ASSERT_OK(gad_file_read(from, 1 << 20, &bytes, &size, &err), &err);
    ASSERT_OK(gad_file_write(support_scratch(root, "good/stolen.png"), bytes, size, &err), &err);
    gad_memory_free(bytes);
    ASSERT_OK(import(store, "plain", root), &err);
    gad_check_settings settings = {.files = true, .hash = true, .examples = 5};
    gad_check_report checked;
    gad_string text = {0};
    ASSERT_OK(gad_check_run(store, &settings, &checked, &text, &err), &err);
    assert_int_equal(checked.found[GAD_CHECK_LEAK], 1);
    assert_int_equal(checked.found[GAD_CHECK_DUPLICATE], 1);
    assert_int_equal(gad_check_errors(&checked), 1);
    assert_non_null(strstr(text.data, "stolen"));
    ASSERT_OK(gad_sqlite_run(store->db,
                             "UPDATE box SET x2=999 WHERE rank=0; INSERT INTO reference SELECT row,0,'gone.png','',0 FROM "
                             "sample WHERE label=1 LIMIT 1;"
                             "INSERT INTO reference SELECT row,1,image,'',0 FROM sample WHERE label=1 LIMIT 1",
                             &err),
              &err);
    fake_image("good/a.png"); /* the same content: not a change */
    ASSERT_OK(gad_file_write(support_scratch(root, "bad/dent/b.png"), "changed", 7, &err), &err);
    ASSERT_OK(gad_file_remove(support_scratch(root, "good/a.png"), &err), &err);
    gad_string_clear(&text);
    ASSERT_OK(gad_check_run(store, &settings, &checked, &text, &err), &err);
    assert_int_equal(checked.found[GAD_CHECK_BOX_OUTSIDE], 2);
    assert_int_equal(checked.found[GAD_CHECK_REFERENCE_MISSING], 1);
    assert_int_equal(checked.found[GAD_CHECK_REFERENCE_BAD], 1);
    assert_int_equal(checked.found[GAD_CHECK_IMAGE_CHANGED], 1);
    assert_int_equal(checked.found[GAD_CHECK_IMAGE_MISSING], 1);
    gad_string_clear(&text);
    ASSERT_OK(gad_stats_summary(store, true, &text, &err), &err);
    json_t *o;
    ASSERT_OK(gad_json_parse(text.data, text.length, "stats", &o, &err), &err);
    assert_int_equal(json_array_size(o), 2);
    json_decref(o);
    gad_string_clear(&text);
    ASSERT_OK(gad_stats_catalogue(store, true, &text, &err), &err);
    ASSERT_OK(gad_json_parse(text.data, text.length, "catalogue", &o, &err), &err);
    assert_int_equal(json_array_size(o), gad_catalog_count());
    json_decref(o);
    gad_string_clear(&text);
    ASSERT_OK(gad_stats_summary(store, false, &text, &err), &err);
    assert_non_null(strstr(text.data, "used by MMR-AD"));
    gad_string_free(&text);
    /* A sheet of what can still be read. */
    gad_contact_settings sheet = {.columns = 3, .tile_px = 64};
    int64_t shown;
    ASSERT_OK(gad_contact_save(store, &sheet, support_scratch(GAD_TEST_TMP, "sheet.png"), NULL, &shown, &err), &err);
    assert_int_equal(shown, 7 + 3 - 2);
    gad_store_close(store);
}

/* Hashing and reading: images of about 1 MB with their masks. */
static void test_import_speed(void **state)
{
    (void)state;
    enum { N = 60 };
    gad_store *store = fake_store("speed.db");
    fake_root("speed");
    for (int i = 0; i < N; i++) {
        char path[100];
        snprintf(path, sizeof path, "tile/test/crack/%03d.jpg", i);
        fake_image_sized(path, 1100, 1000);
        snprintf(path, sizeof path, "tile/ground_truth/crack/%03d_mask.png", i);
        fake_mask_sized(path, 1100, 1000, 100, 200, 300, 260, 255);
    }
    struct stat info;
    assert_int_equal(stat(support_scratch(GAD_TEST_TMP, "speed/tile/test/crack/000.jpg"), &info), 0);
    double from = gad_clock_seconds();
    fake_import(store, "mvtec_ad", &report);
    double rate = N / (gad_clock_seconds() - from);
    print_message("import: %.0f images/s (JPEG of %.2f MB with a mask of the same size)\n", rate,
                  (double)info.st_size / 1e6);
    assert_int_equal(report.boxes, N);
    assert_true(rate > 20);
    gad_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),      cmocka_unit_test(test_shuffle),      cmocka_unit_test(test_bad_datasets),
        cmocka_unit_test(test_bad_stores), cmocka_unit_test(test_full_disk),    cmocka_unit_test(test_memory),
        cmocka_unit_test(test_check),      cmocka_unit_test(test_import_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
