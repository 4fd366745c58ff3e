/* identity: two images never share an id, two entries of one image are told, and no name leads out of a folder. */
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"
#include "data/fake.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gad_store *store;
static gad_import_report report;

static int setup(void **state)
{
    (void)state;
    store = fake_store("identity.db");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_store_close(store);
    return 0;
}

static void assert_image(const char *id, const char *image)
{
    gad_sample s = {0};
    fake_get(store, id, &s);
    assert_string_equal(s.image, image);
    gad_sample_free(&s);
}

static void test_equal_stems(void **state)
{
    (void)state;
    fake_root("stems");
    fake_image("good/a.jpg");
    fake_image("good/a.png");
    fake_image("good/b.jpg");
    fake_image("bad/a.png"); /* another type: another id anyway */
    fake_import(store, "plain", &report);
    assert_int_equal(report.added, 4);
    assert_image("plain/stems/train/good/a", "good/a.jpg");
    assert_image("plain/stems/train/good/good/a.png", "good/a.png");
    fake_import(store, "plain", &report); /* again: the same ids */
    assert_int_equal(report.unchanged, 4);
    assert_int_equal(report.removed, 0);
}

static void test_equal_last_folders(void **state)
{
    (void)state;
    fake_root("folders");
    static const char *const images[] = {"cam1/day/x.png", "cam2/day/x.png", "cam3/day/x.png"};
    for (int i = 0; i < 3; i++)
        fake_image(images[i]);
    fake_text("annotations.jsonl",
              "{\"image\":\"%s\",\"category\":\"k\",\"label\":\"normal\"}\n"
              "{\"image\":\"%s\",\"category\":\"k\",\"label\":\"normal\"}\n"
              "{\"image\":\"%s\",\"category\":\"k\",\"label\":\"normal\"}\n",
              images[0], images[1], images[2]);
    fake_import(store, "gad-jsonl", &report);
    assert_int_equal(report.added, 3);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 0);
    assert_image("gad-jsonl/k/train/good/day/x", images[0]);
    assert_image("gad-jsonl/k/train/good/cam2/day/x.png", images[1]);
    assert_image("gad-jsonl/k/train/good/cam3/day/x.png", images[2]);
}

static void test_entries_of_one_image(void **state)
{
    (void)state;
    fake_root("twice");
    fake_image("p.png");
    fake_text("annotations.jsonl", "{\"image\":\"p.png\",\"category\":\"k\",\"label\":\"normal\"}\n"
                                   "{\"image\":\"p.png\",\"category\":\"k\",\"label\":\"normal\"}\n"
                                   "{\"image\":\"p.png\",\"category\":\"k\",\"label\":\"anomalous\"}\n");
    fake_import(store, "gad-jsonl", &report);
    assert_int_equal(report.images, 2); /* the repeated line is left out, the contradicting one is kept; both are told */
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 2);
}

static void test_paths_stay_inside(void **state)
{
    (void)state;
    fake_root("inside");
    fake_image("sub/p.png");
    fake_text("annotations.jsonl",
              "{\"image\":\"sub/../sub/p.png\",\"category\":\"k\",\"label\":\"normal\"}\n"
              "{\"image\":\"../inside/sub/p.png\",\"category\":\"k\",\"label\":\"normal\"}\n"
              "{\"image\":\"/etc/passwd\",\"category\":\"k\",\"label\":\"normal\"}\n"
              "{\"image\":\"sub/p.png\",\"mask\":\"../x.png\",\"category\":\"k\",\"label\":\"anomalous\"}\n"
              "{\"image\":\"sub/p.png\",\"category\":\"k\",\"label\":\"normal\"}\n");
    fake_import(store, "gad-jsonl", &report);
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 4);
}

/* Samples from elsewhere: ids and paths that would leave the folder of an export are refused when they are read. */
static void test_hostile_samples(void **state)
{
    (void)state;
    static const struct {
        const char *id, *dataset, *class_name, *image;
    } cases[] = {{"x", "d", "c", "p.png"},
                 {"d/c", "d", "c", "p.png"},
                 {"d/c/train", "d", "c", "p.png"},
                 {"d/c/train/good", "d", "c", "p.png"},
                 {"d/c/train/good/", "d", "c", "p.png"},
                 {"d/c/train/good/../../../../up", "d", "c", "p.png"},
                 {"../c/train/good/p", "..", "c", "p.png"},
                 {"d/../train/good/p", "d", "..", "p.png"},
                 {"d//train/good/p", "d", "", "p.png"},
                 {"a/d/c/train/good/p", "a/d", "c", "p.png"},
                 {"e/c/train/good/p", "d", "c", "p.png"},
                 {"d/c/train/good/p", "d", "c", "../p.png"},
                 {"d/c/train/good/p", "d", "c", "/etc/passwd"},
                 {"d/c/train/good/p", "d", "c", ""}};
    gad_error err;
    gad_data_imported read;
    fake_root("hostile");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_text("in.jsonl",
                  "{\"schema\":\"mmrad/1\",\"id\":\"%s\",\"dataset\":\"%s\",\"class\":\"%s\",\"split\":\"train\","
                  "\"image\":{\"path\":\"%s\",\"width\":4,\"height\":4}}\n",
                  cases[i].id, cases[i].dataset, cases[i].class_name, cases[i].image);
        gad_status status = gad_export_read(store, support_scratch(GAD_TEST_TMP, "hostile/in.jsonl"), NULL, &read, &err);
        if (status != GAD_E_FORMAT || !strstr(err.cause, "in.jsonl: line 1: "))
            fail_msg("%s: %s", cases[i].id, status ? err.cause : "was read");
    }
    assert_int_equal(fake_count(store, NULL, NULL, -1), 0);
}

/* Two ids that would get one file name in an export get two. */
static void test_export_names(void **state)
{
    (void)state;
    gad_error err;
    gad_export_report done;
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    struct stat info;
    fake_root("names");
    fake_image("k/cam/x.png");
    fake_image("cam_x.png");
    fake_text("annotations.jsonl", "{\"image\":\"k/cam/x.png\",\"category\":\"k\",\"label\":\"normal\"}\n"
                                   "{\"image\":\"cam_x.png\",\"category\":\"k\",\"label\":\"normal\"}\n");
    fake_import(store, "gad-jsonl", &report);
    settings.format = GAD_EXPORT_MMR_AD;
    settings.path = support_scratch(GAD_TEST_TMP, "names-out");
    ASSERT_OK(gad_file_remove(settings.path, &err), &err);
    ASSERT_OK(gad_export_run(store, &settings, &done, &err), &err);
    gad_file_names files = {0};
    ASSERT_OK(gad_file_list(support_scratch(settings.path, "gad-jsonl/k/train_good"), &files, &err), &err);
    assert_int_equal(files.count, 2);
    assert_int_equal(stat(support_scratch(settings.path, "gad-jsonl/k/train_good/cam_x.png"), &info), 0);
    gad_file_names_free(&files);
}

/* Splits, kinds and stems that are no names of folders become some; what the import stored an export can give back. */
static void test_odd_names(void **state)
{
    (void)state;
    gad_error err;
    gad_store_cursor *cursor;
    gad_store_filter all = {0};
    gad_sample s = {0};
    bool found = true;
    int count = 0;
    static const char *const ids[] = {"gad-jsonl/c/a_._b/good/p", "gad-jsonl/c/_/good/q", "gad-jsonl/c/.._/._/r",
                                      "gad-jsonl/c/train/good/._"};
    fake_root("odd");
    fake_image("p.png");
    fake_image("q.png");
    fake_image("r.png");
    fake_image("..png");
    fake_text("annotations.jsonl",
              "{\"image\":\"p.png\",\"category\":\"c\",\"split\":\"a/./b\",\"label\":\"normal\"}\n"
              "{\"image\":\"q.png\",\"category\":\"c\",\"split\":\"\",\"label\":\"normal\"}\n"
              "{\"image\":\"r.png\",\"category\":\"c\",\"split\":\"..\",\"label\":\"anomalous\",\"anomaly_type\":\".\"}\n"
              "{\"image\":\"..png\",\"category\":\"c\",\"split\":\"train\",\"label\":\"normal\"}\n"
              "{\"image\":\"p.png\",\"category\":\"..\",\"split\":\"train\",\"label\":\"normal\"}\n"
              "{\"image\":\"p.png\",\"category\":\"k\",\"label\":\"normal\",\"boxes\":[[1,2,9,9]]}\n"); /* neither */
    fake_import(store, "gad-jsonl", &report);
    assert_int_equal(report.images, 4);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1); /* the class named ".." */
    assert_int_equal(report.problems[GAD_IMPORT_UNLABELLED], 1); /* normal with a box */
    ASSERT_OK(gad_store_select(store, &all, &cursor, &err), &err);
    while (found) {
        gad_string line = {0};
        ASSERT_OK(gad_store_next(cursor, &s, &found, &err), &err);
        if (!found)
            break;
        assert_string_equal(s.id, ids[count++]);
        gad_sample again = {0};
        ASSERT_OK(gad_sample_to_json(&s, &line, &err), &err);
        json_t *object = json_loads(line.data, 0, NULL);
        ASSERT_OK(gad_sample_from_json(object, "line", &again, &err), &err);
        json_decref(object);
        gad_sample_free(&again);
        gad_string_free(&line);
    }
    assert_int_equal(count, 4);
    gad_store_cursor_free(cursor);
    gad_sample_free(&s);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal_stems),       TEST(test_equal_last_folders), TEST(test_entries_of_one_image),
        TEST(test_paths_stay_inside), TEST(test_hostile_samples),    TEST(test_export_names),
        TEST(test_odd_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
