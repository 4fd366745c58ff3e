/* alike: files whose names are written otherwise than an annotation says are found where one fits, and only there: letter
 * case, Unicode form, folders too; in COCO, Label Studio and gad's own lines with masks and references. */
#include "data/alike.h"

#include <stdio.h>
#include <string.h>

#include "data/fake.h"
#include "support/support.h"

#define UMLAUT "\xC3\x84"             /* A with two dots, one code point */
#define UMLAUT_MADE "A\xCC\x88"       /* the same of two */
#define UMLAUT_SMALL_MADE "a\xCC\x88" /* small, of two */

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *given, *found;                  /* found NULL: none fits */
    } cases[] = {{"IMG_1.JPG", "Bilder/img_1.jpg"}, /* below Bilder */
                 {"img_1.jpg", "Bilder/img_1.jpg"},
                 {"two.png", "Bilder/two.png"},
                 {"Two.png", "Bilder/Two.png"},
                 {"TWO.PNG", NULL}, /* two fit */
                 {"three.png", NULL},
                 {UMLAUT "x.png", "Bilder/" UMLAUT_MADE "x.png"}, /* of two that fit the one of the same case */
                 {"stra\xC3\x9F"
                  "e.png",
                  "Bilder/STRASSE.png"},
                 {"\xFF.png", NULL}};
    gad_error err;
    gad_alike *alike;
    const char *root = fake_root("alike");
    static const char *const files[] = {"Bilder/img_1.jpg",
                                        "Bilder/two.png",
                                        "Bilder/Two.png",
                                        "Bilder/" UMLAUT_MADE "x.png",
                                        "Bilder/" UMLAUT_SMALL_MADE "x.png",
                                        "Bilder/STRASSE.png",
                                        "Bilder/\xFE.png"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        fake_text(files[i], "x");
    ASSERT_OK(gad_alike_open(root, &alike, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char *const folders[] = {"Bilder", "bilder", "BILDER"};
        for (size_t f = 0; f < 3; f++) {
            char path[200], given[200];
            bool found;
            snprintf(given, sizeof given, "%s/%s", folders[f], cases[i].given);
            snprintf(path, sizeof path, "%s", given);
            ASSERT_OK(gad_alike_find(alike, path, sizeof path, &found, &err), &err);
            assert_int_equal(found, cases[i].found != NULL);
            assert_string_equal(path, found ? cases[i].found : given);
        }
    }
    gad_alike_free(alike);
}

/* More folders than are kept. */
static void test_many_folders(void **state)
{
    (void)state;
    gad_error err;
    gad_alike *alike;
    const char *root = fake_root("alike_many");
    char path[64], expected[64];
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof path, "F%d/a.png", i);
        fake_text(path, "x");
    }
    ASSERT_OK(gad_alike_open(root, &alike, &err), &err);
    for (int i = 0; i < 80; i++) {
        bool found;
        snprintf(path, sizeof path, "f%d/A.PNG", i % 40);
        snprintf(expected, sizeof expected, "F%d/a.png", i % 40);
        ASSERT_OK(gad_alike_find(alike, path, sizeof path, &found, &err), &err);
        assert_true(found);
        assert_string_equal(path, expected);
    }
    gad_alike_free(alike);
}

static gad_import_report report;
static gad_sample sample;

static void import(const char *adapter)
{
    gad_store *store = fake_store("alike.db");
    gad_store_cursor *cursor;
    gad_store_filter all = {0};
    gad_error err;
    bool found;
    fake_import(store, adapter, &report);
    ASSERT_OK(gad_store_select(store, &all, &cursor, &err), &err);
    ASSERT_OK(gad_store_next(cursor, &sample, &found, &err), &err);
    assert_true(found);
    gad_store_cursor_free(cursor);
    gad_store_close(store);
}

static void test_coco(void **state)
{
    (void)state;
    fake_root("alike_coco");
    fake_image("Images/img_1.JPG");
    fake_image("Images/two.png");
    fake_image("Images/Two.png");
    fake_text("a.json", "{\"images\":[{\"id\":1,\"file_name\":\"images/IMG_1.jpg\"},{\"id\":2,\"file_name\":\"TWO.png\"}],"
                        "\"categories\":[],\"annotations\":[]}");
    import("coco");
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1); /* which of the two is not known */
    assert_string_equal(sample.image, "Images/img_1.JPG");
}

static void test_label_studio(void **state)
{
    (void)state;
    static const char *const given[] = {"/data/upload/3/3f2a1bc4-PART%201.jpg", "IMAGES\\\\part 1.JPG",
                                        "https://host/x/Part%201.Jpg?sig=a"};
    for (size_t i = 0; i < 3; i++) {
        fake_root("alike_ls");
        fake_image("images/Part 1.jpg");
        fake_text("export.json", "[{\"id\":1,\"data\":{\"%s\":\"%s\"},\"annotations\":[{\"result\":[]}]}]",
                  i == 1 ? "picture" : "image", given[i]);
        import("label-studio");
        assert_int_equal(report.images, 1);
        assert_string_equal(sample.image, "images/Part 1.jpg");
    }
}

static void test_lines(void **state)
{
    (void)state;
    fake_root("alike_lines");
    fake_image("Images/a.JPG");
    fake_image("Images/good.JPG");
    fake_mask("Masks/A.PNG", 10, 10, 20, 20, 255);
    fake_text("annotations.jsonl",
              "{\"image\":\"images/A.jpg\",\"category\":\"c\",\"split\":\"test\",\"label\":\"anomalous\","
              "\"mask\":\"masks/a.png\",\"reference\":\"images/GOOD.jpg\"}\n");
    import("gad-jsonl");
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_MISSING_MASK], 0);
    assert_string_equal(sample.image, "Images/a.JPG");
    assert_string_equal(sample.mask, "Masks/A.PNG");
    assert_int_equal(sample.box_count, 1);
    assert_int_equal(sample.reference_count, 1);
    assert_string_equal(sample.references[0].path, "Images/good.JPG");
}

/* Paths as Windows and find write them; none of them leads out of the folder. */
static void test_spellings(void **state)
{
    (void)state;
    static const char *const given[] = {"./images/a.png", "images\\\\a.png", ".\\\\IMAGES\\\\.\\\\A.png",
                                        "././images/./a.png"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        fake_root("alike_spellings");
        fake_image("images/a.png");
        fake_text("annotations.jsonl",
                  "{\"image\":\"%s\",\"category\":\"c\",\"split\":\"test\",\"label\":\"normal\"}\n"
                  "{\"image\":\"./../alike_lines/Images/good.JPG\",\"category\":\"c\",\"label\":\"normal\"}\n"
                  "{\"image\":\"./none.png\",\"category\":\"c\",\"label\":\"normal\"}\n",
                  given[i]);
        import("gad-jsonl");
        assert_int_equal(report.images, 1);
        assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
        assert_int_equal(report.problems[GAD_IMPORT_MISSING_IMAGE], 1);
        assert_string_equal(sample.image, "images/a.png");
    }
}

static int teardown(void **state)
{
    (void)state;
    gad_sample_free(&sample);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_many_folders),
                                       cmocka_unit_test(test_coco),  cmocka_unit_test(test_label_studio),
                                       cmocka_unit_test(test_lines), cmocka_unit_test(test_spellings)};
    return cmocka_run_group_tests(tests, NULL, teardown);
}
