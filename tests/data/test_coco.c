/* coco: files as other programs write them: one bad annotation costs itself, ids of any kind, images where they are. */
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"
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
    store = fake_store("coco.db");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_sample_free(&sample);
    gad_store_close(store);
    return 0;
}

#define IMAGES                                                                                                             \
    "\"images\":[{\"id\":1,\"file_name\":\"p.png\",\"width\":100,\"height\":50},"                                          \
    "{\"id\":2,\"file_name\":\"q.png\",\"width\":100,\"height\":50}]"
#define CATEGORIES "\"categories\":[{\"id\":0,\"name\":\"scratch\"},{\"id\":3,\"name\":\"dent\"}]"

static void make_images(void)
{
    fake_root("coco");
    fake_image_sized("p.png", 100, 50);
    fake_image_sized("q.png", 100, 50);
}

/* Two images; the annotation of the second is sound, and those of the first are given. */
static void import_annotations(const char *annotations)
{
    make_images();
    fake_text("a.json",
              "{" IMAGES "," CATEGORIES ",\"annotations\":[%s,{\"image_id\":2,\"category_id\":3,\"bbox\":[1,1,5,5]}]}",
              annotations);
    fake_import(store, "coco", &report);
}

static void assert_box(const char *id, int x1, int y1, int x2, int y2)
{
    fake_get(store, id, &sample);
    assert_int_equal(sample.box_count, 1);
    fake_assert_box(&sample, 0, x1, y1, x2, y2, NULL);
}

static void test_places(void **state)
{
    (void)state;
    static const char polygon[] = "\"segmentation\":[[10,10,30,10,30,40,10,40]]";
    static const char *const boxes[] = {"",
                                        "\"bbox\":[],",
                                        "\"bbox\":[0,0,0,0],",
                                        "\"bbox\":[5,5,NaN,5],",
                                        "\"bbox\":null,",
                                        "\"bbox\":[10,10,-3,4],",
                                        "\"bbox\":[1,2,3],",
                                        "\"bbox\":\"none\","};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        char text[300];
        snprintf(text, sizeof text, "{\"image_id\":1,\"category_id\":0,%s%s}", boxes[i], polygon);
        import_annotations(text);
        assert_int_equal(report.images, 2);
        assert_box("coco/coco/train/scratch/p", 10, 10, 30, 40);
    }
    import_annotations("{\"image_id\":1,\"category_id\":0,\"bbox\":[],\"segmentation\":{\"size\":[50.0,100.0],\"counts\":"
                       "[1010.0,20,30,20,3920]}}");
    assert_box("coco/coco/train/scratch/p", 20, 10, 22, 30);
}

/* An image with only unreadable annotations is left out, never normal; beside readable ones they cost themselves. */
static void test_unreadable(void **state)
{
    (void)state;
    static const char *const annotations[] = {
        "{\"image_id\":1,\"category_id\":0}", "{\"image_id\":1,\"category_id\":0,\"bbox\":[\"1\",2,3,4]}",
        "{\"image_id\":1,\"category_id\":0,\"bbox\":[1,2,3,Infinity],\"segmentation\":[[1,1]]}",
        "{\"image_id\":1,\"category_id\":0,\"segmentation\":{\"size\":[50,100],\"counts\":[7]}}",
        "{\"image_id\":1,\"category_id\":0,\"segmentation\":{\"size\":[50,100],\"counts\":\"zz~~\"}}"};
    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++) {
        char both[400];
        import_annotations(annotations[i]);
        assert_int_equal(report.images, 1);
        assert_int_equal(report.problems[GAD_IMPORT_UNLABELLED], 1);
        snprintf(both, sizeof both, "%s,{\"image_id\":1,\"category_id\":3,\"bbox\":[10,10,10,10]}", annotations[i]);
        import_annotations(both);
        assert_int_equal(report.images, 2);
        assert_int_equal(report.problems[GAD_IMPORT_UNLABELLED], 0);
        assert_true(report.problems[GAD_IMPORT_BAD_BOX] == 1);
        assert_box("coco/coco/train/dent/p", 10, 10, 20, 20);
    }
    import_annotations("7,{\"image_id\":null,\"bbox\":[1,1,1,1]},{\"image_id\":99,\"bbox\":[1,1,1,1]}"); /* of no image */
    assert_int_equal(report.images, 2);
    assert_int_equal(report.normal, 1);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *image, *annotation, *category, *of_category;
    } ids[] = {{"\"1\"", "\"1\"", "\"c\"", "\"c\""},
               {"1.0", "1", "2", "2.0"},
               {"0", "0", "0", "0"},
               {"\"a-b\"", "\"a-b\"", "5", "\"5\""},
               {"7", "\"7\"", "-1", "-1"},
               {"18446744073709551615", "18446744073709551615", "1", "1"}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        make_images();
        fake_text(
            "a.json",
            "{\"images\":[{\"id\":%s,\"file_name\":\"p.png\",\"width\":\"100\",\"height\":50.0},{\"id\":44,\"file_name\":"
            "\"q.png\"}],\"categories\":[{\"id\":9,\"name\":\"other\"},{\"id\":%s,\"name\":\"dent\"}],"
            "\"annotations\":[{\"image_id\":%s,\"category_id\":%s,\"bbox\":[1,2,3,4]}]}",
            ids[i].image, ids[i].category, ids[i].annotation, ids[i].of_category);
        fake_import(store, "coco", &report);
        assert_int_equal(report.images, 2);
        assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 0);
        assert_box("coco/coco/train/dent/p", 1, 2, 4, 6);
    }
}

/* Two images with one id, one without: their annotations are not known. */
static void test_ambiguous_ids(void **state)
{
    (void)state;
    make_images();
    fake_image_sized("r.png", 100, 50);
    fake_text("a.json", "{\"images\":[{\"id\":1,\"file_name\":\"p.png\"},{\"id\":1.0,\"file_name\":\"q.png\"},"
                        "{\"file_name\":\"r.png\"},{\"id\":4}]," CATEGORIES
                        ",\"annotations\":[{\"image_id\":1,\"category_id\":3,\"bbox\":[1,2,3,4]}]}");
    fake_import(store, "coco", &report);
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_UNLABELLED], 2);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
    assert_box("coco/coco/train/dent/p", 1, 2, 4, 6);
}

static void import_named(const char *json, const char *file_name)
{
    fake_text(json, "{\"images\":[{\"id\":1,\"file_name\":\"%s\"}]," CATEGORIES ",\"annotations\":[]}", file_name);
}

static void assert_image(const char *id, const char *image)
{
    fake_get(store, id, &sample);
    assert_string_equal(sample.image, image);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const given[] = {"/home/someone/set/images/p.png",
                                        "C:\\\\set\\\\images\\\\p.png",
                                        "images\\\\p.png",
                                        "./p.png",
                                        "../images/p.png",
                                        "file:///x/p.png",
                                        "p.png"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        fake_root("coco_paths");
        fake_image("images/p.png");
        import_named("annotations/a.json", given[i]);
        fake_import(store, "coco", &report);
        assert_int_equal(report.images, 1);
        gad_store_cursor *cursor;
        bool found;
        gad_error err;
        gad_store_filter all = {0};
        ASSERT_OK(gad_store_select(store, &all, &cursor, &err), &err);
        ASSERT_OK(gad_store_next(cursor, &sample, &found, &err), &err);
        gad_store_cursor_free(cursor);
        assert_string_equal(sample.image, "images/p.png");
        gad_store_close(store);
        store = fake_store("coco.db");
    }
}

static void test_nothing_leaves_the_folder(void **state)
{
    (void)state;
    gad_error err;
    fake_root("outside");
    fake_image("secret.png");
    fake_root("coco_out");
    static const char *const given[] = {"../outside/secret.png", "images/../../outside/secret.png",
                                        "..\\\\outside\\\\secret.png"};
    gad_data_import_settings request = {.adapter = "coco", .folder = support_scratch(GAD_TEST_TMP, "coco_out")};
    for (size_t i = 0; i < 3; i++) {
        import_named("a.json", given[i]);
        assert_int_equal(gad_catalog_import(store, &request, &report, &err), GAD_E_FORMAT);
        assert_non_null(strstr(err.cause, "missing image"));
    }
}

/* Splits are words of a file's or a folder's name, and the images of one split are not those of another. */
static void test_splits(void **state)
{
    (void)state;
    fake_root("coco_splits");
    fake_image("train/1.png");
    fake_image("val/1.png");
    fake_image("test2017/1.png");
    fake_image("contest/1.png");
    import_named("annotations/instances_train.json", "1.png");
    import_named("annotations/instances_val2017.json", "1.png");
    import_named("annotations/instances_Test2017.json", "1.png");
    import_named("annotations/latest-interval.json", "contest/1.png"); /* neither test nor val */
    fake_import(store, "coco", &report);
    assert_int_equal(report.images, 4);
    assert_image("coco/coco_splits/train/good/train/1", "train/1.png");
    assert_image("coco/coco_splits/val/good/val/1", "val/1.png");
    assert_image("coco/coco_splits/test/good/test2017/1", "test2017/1.png");
    assert_image("coco/coco_splits/train/good/contest/1", "contest/1.png");
    fake_root("coco_lost");
    fake_image("train/1.png");
    import_named("train.json", "1.png");
    import_named("val.json", "1.png"); /* not there: that of train is another picture */
    gad_data_import_settings request = {
        .adapter = "coco", .name = "lost", .folder = support_scratch(GAD_TEST_TMP, "coco_lost")};
    gad_error err;
    ASSERT_OK(gad_catalog_import(store, &request, &report, &err), &err);
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1);
}

static void test_roboflow_and_other_files(void **state)
{
    (void)state;
    fake_root("coco_roboflow");
    fake_image("train/p.png");
    fake_image("valid/q.png");
    fake_image("test/r.png");
    import_named("train/_annotations.coco.json", "p.png");
    import_named("valid/_annotations.coco.json", "q.png");
    import_named("test/_annotations.coco.json", "r.png");
    fake_text("classes.json", "[\"dent\"]");
    fake_text("broken.json", "{\"a\": ");
    fake_text("info.json", "\xEF\xBB\xBF{\"images\":[]}");
    fake_import(store, "coco", &report);
    assert_int_equal(report.images, 3);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 3);
    assert_image("coco/coco_roboflow/val/good/valid/q", "valid/q.png");
    assert_image("coco/coco_roboflow/test/good/test/r", "test/r.png");
}

static void test_many_boxes(void **state)
{
    (void)state;
    gad_string text = {0};
    for (int i = 0; i < 600; i++)
        gad_string_addf(&text, "%s{\"image_id\":1,\"category_id\":0,\"bbox\":[%d,%d,1,1]}", i ? "," : "", 2 * (i % 40),
                        2 * (i / 40));
    import_annotations(text.data);
    gad_string_free(&text);
    fake_get(store, "coco/coco/train/scratch/p", &sample);
    assert_int_equal(sample.box_count, 600);
}

/* Boxes in the stored frame of a picture that is turned by EXIF, for each of the four ways to lie on a side. */
static void test_turned(void **state)
{
    (void)state;
    static const int expected[4][4] = {{5, 10, 15, 30}, {35, 10, 45, 30}, {35, 70, 45, 90}, {5, 70, 15, 90}};
    for (int orientation = 5; orientation <= 8; orientation++) {
        double box[4] = {10, 5, 30, 15};
        assert_true(gad_image_turn_box(orientation, 50, 100, box));
        for (int i = 0; i < 4; i++)
            assert_int_equal((int)box[i], expected[orientation - 5][i]);
    }
    for (int orientation = 0; orientation <= 4; orientation++) {
        double box[4] = {10, 5, 30, 15};
        assert_false(gad_image_turn_box(orientation, 50, 100, box));
        assert_true(box[0] == 10 && box[3] == 15);
    }
}

/* What was changed in an exported file holds. */
static void test_changed_export(void **state)
{
    (void)state;
    gad_error err;
    gad_export_report done;
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    char *text;
    size_t length;
    import_annotations("{\"image_id\":1,\"category_id\":0,\"bbox\":[10,10,20,20]}");
    settings.format = GAD_EXPORT_COCO;
    settings.filter.dataset = "coco";
    settings.path = support_scratch(GAD_TEST_TMP, "coco/a.json");
    ASSERT_OK(gad_export_run(store, &settings, &done, &err), &err);
    fake_import(store, "coco", &report);
    assert_int_equal(report.unchanged, 2);
    ASSERT_OK(gad_file_read(settings.path, 1 << 20, &text, &length, &err), &err);
    char *box = strstr(text, "\"bbox\":[10,10,20,20]");
    assert_non_null(box);
    memcpy(box, "\"bbox\":[40,10,20,20]", 20);
    ASSERT_OK(gad_file_write(settings.path, text, length, &err), &err);
    gad_memory_free(text);
    fake_import(store, "coco", &report);
    assert_box("coco/coco/train/scratch/p", 40, 10, 60, 30);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_places),        TEST(test_unreadable),
                                       TEST(test_ids),           TEST(test_ambiguous_ids),
                                       TEST(test_paths),         TEST(test_nothing_leaves_the_folder),
                                       TEST(test_splits),        TEST(test_roboflow_and_other_files),
                                       TEST(test_many_boxes),    TEST(test_turned),
                                       TEST(test_changed_export)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
