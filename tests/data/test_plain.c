/* plain: folders of one's own: names, depths, shapes, masks of every kind, and which image a mask is for. */
#include "base/file.h"
#include "base/memory.h"
#include "data/fake.h"
#include "io/image.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static gad_store *store;
static gad_import_report report;
static gad_sample sample;

static int setup(void **state)
{
    (void)state;
    store = fake_store("plain.db");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_sample_free(&sample);
    gad_store_close(store);
    return 0;
}

static void assert_sample(const char *id, int label, const char *split, size_t boxes)
{
    fake_get(store, id, &sample);
    assert_int_equal(sample.label, label);
    assert_string_equal(sample.split, split);
    assert_int_equal(sample.box_count, boxes);
}

static void test_shape_of_mvtec(void **state)
{
    (void)state;
    gad_error err;
    fake_root("own");
    fake_image("my part/train/good/0.png");
    fake_image("my part/train/OK/1.png");
    fake_image("my part/test/Good/2.png");
    fake_image("my part/test/broken/3.jpg");
    fake_image("my part/test/broken/4.jfif");
    fake_mask("my part/ground_truth/broken/3_mask.png", 10, 5, 20, 15, 255);
    fake_mask("my part/ground_truth/broken/9_mask.png", 10, 5, 20, 15, 255);
    fake_import(store, "plain", &report);
    assert_int_equal(report.normal, 3);
    assert_int_equal(report.anomalous, 2);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 1);
    assert_int_equal(report.problems[GAD_IMPORT_UNUSED_MASK], 1);
    assert_sample("plain/my part/test/broken/3", 1, "test", 1);
    assert_sample("plain/my part/test/good/Good/2", 0, "test", 0);
    assert_sample("plain/my part/train/good/OK/1", 0, "train", 0);
    /* the adapter of the data set itself says where to go */
    gad_data_import_settings request = {.adapter = "mvtec_ad", .folder = support_scratch(GAD_TEST_TMP, "own")};
    assert_int_equal(gad_catalog_import(store, &request, &report, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.hint, "gad data import plain"));
    fake_root("single"); /* the class folder itself */
    fake_image("train/good/0.png");
    fake_image("test/bent/1.png");
    gad_data_import_settings single = {
        .adapter = "plain", .name = "single", .folder = support_scratch(GAD_TEST_TMP, "single")};
    ASSERT_OK(gad_catalog_import(store, &single, &report, &err), &err);
    assert_sample("single/single/test/bent/1", 1, "test", 0);
}

static void test_good_in_any_case(void **state)
{
    (void)state;
    fake_root("mvtec_upper");
    fake_mvtec_class("bottle", "png", "_mask", "broken");
    fake_image("bottle/test/GOOD/7.png");
    fake_import(store, "mvtec_ad", &report);
    assert_int_equal(report.anomalous, 2);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 0);
}

static void test_nested_folders(void **state)
{
    (void)state;
    fake_root("nested");
    fake_image("good/2024-01/g.png");
    fake_image("good/2024-02/day/g.png");
    fake_image("Rejected/scratch/cam1/0.png");
    fake_image("Rejected/scratch/cam2/0.png");
    fake_image("Rejected/1.png");
    fake_import(store, "plain", &report);
    assert_int_equal(report.normal, 2);
    assert_int_equal(report.anomalous, 3);
    assert_sample("plain/nested/test/scratch/cam2/0", 1, "test", 0);
    assert_string_equal(sample.types[0], "scratch");
    assert_sample("plain/nested/test/anomaly/Rejected/1", 1, "test", 0);
}

/* Masks in folders like those of the images: of two images of one name each gets its own. */
static void test_nested_masks(void **state)
{
    (void)state;
    fake_root("nested_masks");
    fake_image("good/g.png");
    fake_image("bad/scratch/cam1/0.png");
    fake_image("bad/scratch/cam2/0.png");
    fake_image("bad/scratch/line/cam3/1.png");
    fake_image("bad/dent/2.png");
    fake_mask("masks/scratch/cam1/0.png", 1, 1, 9, 9, 255);
    fake_mask("masks/scratch/cam2/0.png", 20, 20, 30, 30, 255);
    fake_mask("masks/scratch/cam3/1_mask.png", 5, 5, 15, 15, 255);
    fake_mask("masks/scratch/cam9/7.png", 5, 5, 15, 15, 255);
    fake_mask("masks/dent/2.png", 5, 5, 15, 15, 255);
    fake_import(store, "plain", &report);
    assert_int_equal(report.boxes, 4);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 0);
    assert_int_equal(report.problems[GAD_IMPORT_UNUSED_MASK], 1);
    assert_sample("plain/nested_masks/test/scratch/cam2/0", 1, "test", 1);
    assert_int_equal(sample.boxes[0].box.x1, 20);
    assert_sample("plain/nested_masks/test/scratch/cam1/0", 1, "test", 1);
    assert_int_equal(sample.boxes[0].box.x1, 1);
}

static void test_held_back(void **state)
{
    (void)state;
    fake_root("held");
    for (int i = 0; i < 40; i++) {
        char path[64];
        snprintf(path, sizeof path, "good/%03d.png", i);
        fake_image(path);
    }
    fake_image("bad/0.png");
    fake_import(store, "plain", &report);
    int64_t train = fake_count(store, NULL, "train", 0), test = fake_count(store, NULL, "test", 0);
    assert_int_equal(train + test, 40);
    assert_true(test >= 3 && test <= 15);
    fake_import(store, "plain", &report);
    assert_int_equal(report.unchanged, 41); /* the same ones */
    fake_image("test/good/t.png");          /* who chooses, chooses */
    fake_import(store, "plain", &report);
    assert_int_equal(fake_count(store, NULL, "train", 0), 40);
    assert_int_equal(fake_count(store, NULL, "test", 0), 1);
}

/* ---- masks ---- */

static void assert_masked(const char *what)
{
    fake_import(store, "plain", &report);
    fake_get(store, "plain/masked/test/anomaly/bad/b", &sample);
    if (sample.box_count != 1)
        fail_msg("%s: %zu boxes", what, sample.box_count);
    fake_assert_box(&sample, 0, 10, 5, 20, 15, NULL);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK] + report.problems[GAD_IMPORT_UNUSED_MASK], 0);
    assert_int_equal(report.problems[GAD_IMPORT_EMPTY_MASK], 0);
}

static void start_masked(void)
{
    fake_root("masked");
    fake_image("good/g.png");
    fake_image("bad/b.png");
}

static void test_mask_values(void **state)
{
    (void)state;
    static const int values[] = {1, 2, 100, 127, 128, 255};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char what[32];
        snprintf(what, sizeof what, "0 and %d", values[i]);
        start_masked();
        fake_mask("masks/b.png", 10, 5, 20, 15, values[i]);
        assert_masked(what);
    }
    start_masked(); /* soft edges below the threshold do not widen a mask that has white in it */
    gad_image soft;
    gad_error err;
    ASSERT_OK(gad_image_new(FAKE_WIDTH, FAKE_HEIGHT, 1, &soft, &err), &err);
    for (int y = 0; y < FAKE_HEIGHT; y++)
        for (int x = 0; x < FAKE_WIDTH; x++)
            soft.pixels[y * FAKE_WIDTH + x] = x >= 10 && x < 20 && y >= 5 && y < 15 ? 255 : x == 9 ? 3 : 0;
    fake_mask("masks/b.png", 0, 0, 0, 0, 0);
    ASSERT_OK(gad_image_save_png(&soft, support_scratch(GAD_TEST_TMP, "masked/masks/b.png"), &err), &err);
    gad_image_free(&soft);
    assert_masked("soft");
}

/* An uncompressed file: BMP of 24 bits, or grey TIFF of 8 or 16 bits, with the rectangle set. */
static void put_bytes(const char *path, const unsigned char *bytes, size_t count)
{
    gad_error err;
    fake_text(path, "x");
    char full[600];
    snprintf(full, sizeof full, "%s/masked/%s", GAD_TEST_TMP, path);
    ASSERT_OK(gad_file_write(full, bytes, count, &err), &err);
}

static void put_number(unsigned char *at, unsigned value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static bool inside(int x, int y)
{
    return x >= 10 && x < 20 && y >= 5 && y < 15;
}

static void make_bmp(const char *path)
{
    static unsigned char file[54 + 180 * 40];
    memset(file, 0, sizeof file);
    memcpy(file, "BM", 2);
    put_number(file + 2, sizeof file, 4);
    put_number(file + 10, 54, 4);
    put_number(file + 14, 40, 4);
    put_number(file + 18, FAKE_WIDTH, 4);
    put_number(file + 22, FAKE_HEIGHT, 4);
    put_number(file + 26, 1, 2);
    put_number(file + 28, 24, 2);
    for (int y = 0; y < FAKE_HEIGHT; y++)
        for (int x = 0; x < FAKE_WIDTH; x++)
            memset(file + 54 + (FAKE_HEIGHT - 1 - y) * 180 + 3 * x, inside(x, y) ? 255 : 0, 3);
    put_bytes(path, file, sizeof file);
}

static void make_tiff(const char *path, int bits, unsigned value)
{
    static unsigned char file[8 + 2 + 9 * 12 + 4 + 2 * FAKE_WIDTH * FAKE_HEIGHT];
    const unsigned bytes = (unsigned)bits / 8, data = 8 + 2 + 9 * 12 + 4;
    const unsigned tags[9][3] = {{256, 3, FAKE_WIDTH}, {257, 3, FAKE_HEIGHT}, {258, 3, (unsigned)bits},
                                 {259, 3, 1},          {262, 3, 1},           {273, 4, data},
                                 {277, 3, 1},          {278, 3, FAKE_HEIGHT}, {279, 4, bytes * FAKE_WIDTH * FAKE_HEIGHT}};
    memset(file, 0, sizeof file);
    memcpy(file, "II*\0\x08\0\0\0\x09\0", 10);
    for (int i = 0; i < 9; i++) {
        put_number(file + 10 + 12 * i, tags[i][0], 2);
        put_number(file + 12 + 12 * i, tags[i][1], 2);
        put_number(file + 14 + 12 * i, 1, 4);
        put_number(file + 18 + 12 * i, tags[i][2], 4);
    }
    for (int y = 0; y < FAKE_HEIGHT; y++)
        for (int x = 0; x < FAKE_WIDTH; x++)
            put_number(file + data + (unsigned)(y * FAKE_WIDTH + x) * bytes, inside(x, y) ? value : 0, (int)bytes);
    put_bytes(path, file, data + bytes * FAKE_WIDTH * FAKE_HEIGHT);
}

static void test_mask_formats(void **state)
{
    (void)state;
    start_masked();
    make_bmp("masks/b.bmp");
    assert_masked("BMP");
    start_masked();
    make_bmp("Masks/b_MASK.BMP");
    assert_masked("BMP in capitals");
    static const struct {
        const char *path;
        int bits;
        unsigned value;
    } tiffs[] = {{"masks/b.tif", 8, 255},
                 {"gt/b.TIFF", 8, 1},
                 {"ground_truth/b_gt.tif", 16, 65535},
                 {"mask/b.tif", 16, 255},
                 {"masks/b-mask.tif", 16, 1}};
    for (size_t i = 0; i < sizeof tiffs / sizeof *tiffs; i++) {
        start_masked();
        make_tiff(tiffs[i].path, tiffs[i].bits, tiffs[i].value);
        assert_masked(tiffs[i].path);
    }
}

static void test_whose_mask(void **state)
{
    (void)state;
    fake_root("whose");
    fake_image("good/g.png");
    fake_image("bad/dent/000.png");
    fake_image("bad/scratch/000.png");
    fake_image("bad/scratch/001.png");
    fake_mask("masks/000.png", 1, 1, 9, 9, 255);              /* fits two images: none gets it */
    fake_mask("masks/scratch/001_mask.png", 1, 1, 9, 9, 255); /* in the folder of its type */
    fake_mask("masks/007.png", 1, 1, 9, 9, 255);              /* of no image */
    fake_import(store, "plain", &report);
    assert_int_equal(report.anomalous, 3);
    assert_int_equal(report.boxes, 1);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 2);
    assert_int_equal(report.problems[GAD_IMPORT_UNUSED_MASK], 1);
    fake_mask("masks/dent/000.png", 1, 1, 9, 9, 255); /* now the top one has one image left */
    fake_import(store, "plain", &report);
    assert_int_equal(report.boxes, 3);
    fake_root("extensions"); /* equal stems in one folder */
    fake_image("good/g.png");
    fake_image("bad/0.png");
    fake_image("bad/0.jpg");
    fake_mask("masks/0.png", 1, 1, 9, 9, 255);
    gad_error err;
    gad_data_import_settings request = {
        .adapter = "plain", .name = "extensions", .folder = support_scratch(GAD_TEST_TMP, "extensions")};
    ASSERT_OK(gad_catalog_import(store, &request, &report, &err), &err);
    assert_int_equal(report.boxes, 0);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 2);
}

static void test_names_that_are_not_utf8(void **state)
{
    (void)state;
    fake_root("latin");
    fake_image("good/a.png");
    fake_image("good/gr\xF6\xDF"
               "e.png");
    fake_image("good/\xE6\x97\xA5.png");
    fake_import(store, "plain", &report);
    assert_int_equal(report.images, 2);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_shape_of_mvtec), TEST(test_good_in_any_case), TEST(test_nested_folders),
        TEST(test_nested_masks),   TEST(test_held_back),        TEST(test_mask_values),
        TEST(test_mask_formats),   TEST(test_whose_mask),       TEST(test_names_that_are_not_utf8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
