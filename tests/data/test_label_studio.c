/* label_studio: what people draw and export there: shapes, labels, cancelled and later annotations, paths; and back. */
#include "base/file.h"
#include "base/memory.h"
#include "data/adapter/label_studio.h"
#include "data/export.h"
#include "data/fake.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static gad_store *store;
static gad_import_report report;
static gad_sample sample;

static int setup(void **state)
{
    (void)state;
    store = fake_store("label_studio.db");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_sample_free(&sample);
    gad_store_close(store);
    return 0;
}

/* A folder with p.png of 100 x 50 and one task; `regions` are those of its only annotation. */
static void import_regions(const char *regions)
{
    fake_root("ls");
    fake_image_sized("p.png", 100, 50);
    fake_text("export.json",
              "[{\"id\":1,\"data\":{\"image\":\"/data/upload/1/p.png\"},\"annotations\":[{\"result\":[%s]}]}]", regions);
    fake_import(store, "label-studio", &report);
}

static void import_value(const char *type, const char *value)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"type\":\"%s\",\"original_width\":100,\"original_height\":50,\"value\":{%s}}", type,
             value);
    import_regions(text);
}

static void assert_sample(const char *type)
{
    char id[200];
    assert_int_equal(report.images, 1);
    snprintf(id, sizeof id, "label-studio/ls/train/%s/p", type);
    fake_get(store, id, &sample);
    assert_int_equal(sample.label, strcmp(type, "good") != 0);
}

static void assert_one(const char *type, int x1, int y1, int x2, int y2)
{
    assert_sample(type);
    assert_int_equal(sample.box_count, 1);
    fake_assert_box(&sample, 0, x1, y1, x2, y2, type);
}

/* Left out and told, never normal. */
static void assert_unlabelled(void)
{
    assert_int_equal(report.problems[GAD_IMPORT_UNLABELLED], 1);
    assert_int_equal(report.images, 0);
}

static void import_refused(const char *regions)
{
    gad_error err;
    gad_data_import_settings request = {
        .adapter = "label-studio", .name = "ls2", .folder = support_scratch(GAD_TEST_TMP, "ls2")};
    fake_root("ls2");
    fake_image_sized("p.png", 100, 50);
    fake_image_sized("good.png", 100, 50);
    fake_text("export.json",
              "[{\"id\":1,\"data\":{\"image\":\"p.png\"},\"annotations\":[{\"result\":[%s]}]},"
              "{\"id\":2,\"data\":{\"image\":\"good.png\"},\"annotations\":[{\"result\":[]}]}]",
              regions);
    ASSERT_OK(gad_catalog_import(store, &request, &report, &err), &err);
    assert_int_equal(report.images, 1); /* the good one */
    report.images--;
    assert_unlabelled();
}

static void test_rotation(void **state)
{
    (void)state;
    import_value("rectanglelabels",
                 "\"x\":30,\"y\":20,\"width\":30,\"height\":20,\"rotation\":90,\"rectanglelabels\":[\"dent\"]");
    assert_one("dent", 20, 10, 30, 40);
    assert_true(sample.boxes[0].rotation == 90);
    import_value("rectanglelabels",
                 "\"x\":50,\"y\":60,\"width\":20,\"height\":20,\"rotation\":180,\"rectanglelabels\":[\"dent\"]");
    assert_one("dent", 30, 20, 50, 30);
    import_value("rectanglelabels",
                 "\"x\":50,\"y\":60,\"width\":20,\"height\":40,\"rotation\":-90,\"rectanglelabels\":[\"dent\"]");
    assert_one("dent", 50, 10, 70, 30);
    /* 20 x 20 pixels turned by 45 degrees: from the corner down, half a diagonal to either side */
    import_value("rectanglelabels",
                 "\"x\":50,\"y\":20,\"width\":20,\"height\":40,\"rotation\":45,\"rectanglelabels\":[\"dent\"]");
    assert_one("dent", 35, 10, 65, 39);
}

static void test_negative_and_missing_sizes(void **state)
{
    (void)state;
    import_value("rectanglelabels", "\"x\":20,\"y\":40,\"width\":-10,\"height\":-20,\"rectanglelabels\":[\"dent\"]");
    assert_one("dent", 10, 10, 20, 20);
    import_regions("{\"type\":\"rectanglelabels\",\"value\":{\"x\":10,\"y\":10,\"width\":10,\"height\":10,"
                   "\"rectanglelabels\":[\"dent\"]}}");
    assert_one("dent", 10, 5, 20, 10);
    import_regions(
        "{\"type\":\"rectanglelabels\",\"original_width\":null,\"original_height\":0,\"value\":{\"x\":10,\"y\":10,"
        "\"width\":10,\"height\":10,\"rectanglelabels\":[\"dent\"]}}");
    assert_one("dent", 10, 5, 20, 10);
}

static void test_shapes(void **state)
{
    (void)state;
    import_value("polygonlabels", "\"points\":[[10,20],[30,20],[30,60]],\"polygonlabels\":[\"crack\"]");
    assert_one("crack", 10, 10, 30, 30);
    import_value("polygon", "\"points\":[[10,20],[30,20],[30,60]],\"closed\":true");
    assert_one("anomaly", 10, 10, 30, 30);
    import_value("ellipselabels",
                 "\"x\":50,\"y\":50,\"radiusX\":10,\"radiusY\":20,\"rotation\":0,\"ellipselabels\":[\"hole\"]");
    assert_one("hole", 40, 15, 60, 35);
    import_value("ellipselabels",
                 "\"x\":50,\"y\":50,\"radiusX\":10,\"radiusY\":10,\"rotation\":90,\"ellipselabels\":[\"hole\"]");
    assert_one("hole", 45, 15, 55, 35);
    import_value("keypointlabels", "\"x\":50,\"y\":50,\"width\":1,\"keypointlabels\":[\"spot\"]");
    assert_sample("spot");
    assert_int_equal(sample.box_count, 0);
    assert_string_equal(sample.types[0], "spot");
    assert_int_equal(report.problems[GAD_IMPORT_BAD_BOX], 1);
}

static void test_labels_of_their_own(void **state)
{
    (void)state;
    import_regions("{\"id\":\"a\",\"type\":\"rectangle\",\"value\":{\"x\":10,\"y\":10,\"width\":10,\"height\":10}},"
                   "{\"id\":\"a\",\"type\":\"labels\",\"value\":{\"x\":10,\"y\":10,\"width\":10,\"height\":10,"
                   "\"labels\":[\"dent\"]}},"
                   "{\"id\":\"a\",\"type\":\"choices\",\"value\":{\"x\":10,\"y\":10,\"width\":10,\"height\":10,"
                   "\"choices\":[\"deep\"]}},"
                   "{\"id\":\"b\",\"type\":\"labels\",\"value\":{\"points\":[[50,50],[60,60]],\"labels\":[\"dent\"]}}");
    assert_sample("dent");
    assert_int_equal(sample.box_count, 2);
    fake_assert_box(&sample, 0, 10, 5, 20, 10, "dent");
    fake_assert_box(&sample, 1, 50, 25, 60, 30, "dent");
}

static void test_choices(void **state)
{
    (void)state;
    import_regions("{\"type\":\"choices\",\"value\":{\"choices\":[\"OK\"]}}");
    assert_sample("good");
    import_regions("{\"type\":\"choices\",\"value\":{\"choices\":[\"Scratched\"]}}");
    assert_sample("Scratched");
    assert_int_equal(sample.box_count, 0);
    import_regions(""); /* annotated: nothing is there */
    assert_sample("good");
    import_regions(
        "{\"type\":\"choices\",\"value\":{\"choices\":[\"good\"]}},{\"type\":\"rectanglelabels\",\"value\":{\"x\":10,"
        "\"y\":10,\"width\":10,\"height\":10,\"rectanglelabels\":[\"dent\"]}}");
    assert_one("dent", 10, 5, 20, 10);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
    import_refused("{\"type\":\"choices\",\"value\":{\"choices\":[\"not_sure\"]}}");
}

static void test_unreadable_regions(void **state)
{
    (void)state;
    static const char *const regions[] = {
        "{\"type\":\"brushlabels\",\"original_width\":100,\"original_height\":50,\"value\":{\"format\":\"rle\",\"rle\":[0,"
        "0,1,2]}}",
        "{\"type\":\"brushlabels\",\"value\":{\"format\":\"rle\",\"rle\":[300,\"x\"]}}",
        "{\"type\":\"rectanglelabels\",\"value\":{\"x\":10,\"y\":10,\"width\":\"wide\",\"height\":10}}",
        "{\"type\":\"rectanglelabels\",\"value\":{\"x\":NaN,\"y\":10,\"width\":5,\"height\":10}}",
        "{\"type\":\"polygonlabels\",\"value\":{\"points\":[[1,2]]}}",
        "{\"type\":\"polygonlabels\",\"value\":{\"points\":[[1,2],[3,null]]}}",
        "{\"type\":\"bitmask\",\"value\":{\"imageDataURL\":\"data:image/png;base64,AA\"}}",
        "{\"type\":\"videorectangle\",\"value\":{\"sequence\":[]}}",
        "{\"type\":\"rectanglelabels\",\"image_rotation\":90,\"value\":{\"x\":1,\"y\":1,\"width\":9,\"height\":9}}",
        "{\"type\":\"rectanglelabels\"}",
        "{\"value\":{\"x\":1,\"y\":1,\"width\":9,\"height\":9}}",
        "7"};
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        import_refused(regions[i]);
}

/* ---- brushes ---- */

typedef struct bit_writer {
    unsigned char bytes[512];
    size_t at;
} bit_writer;

static void give(bit_writer *w, unsigned value, int bits)
{
    for (int i = bits - 1; i >= 0; i--, w->at++)
        w->bytes[w->at / 8] |= (unsigned char)((value >> i & 1) << (7 - w->at % 8));
}

/* RGBA values of a 100 x 50 mask with the rectangle [20,10,40,30): runs of equal values, one run written value by value. */
static void write_brush(bit_writer *w)
{
    give(w, 4 * 100 * 50, 32);
    give(w, 7, 5);
    for (int i = 0; i < 4; i++)
        give(w, 15, 4);
    int at = 0;
    for (int y = 10; y < 30; y++) {
        int from = y * 100 + 20;
        give(w, 1, 1), give(w, 0, 2), give(w, (unsigned)(4 * (from - at)) - 1, 16), give(w, 0, 8);
        if (y == 10) {
            give(w, 0, 1), give(w, 1, 2), give(w, 79, 16);
            for (int i = 0; i < 80; i++)
                give(w, 255, 8);
        } else {
            give(w, 1, 1), give(w, 0, 2), give(w, 79, 16), give(w, 255, 8);
        }
        at = from + 20;
    }
    give(w, 1, 1), give(w, 0, 2), give(w, (unsigned)(4 * (5000 - at)) - 1, 16), give(w, 0, 8);
}

static void test_brush(void **state)
{
    (void)state;
    bit_writer w = {.at = 0};
    unsigned char mask[5000] = {0};
    char text[4096] = "";
    write_brush(&w);
    size_t count = (w.at + 7) / 8;
    assert_true(gad_label_studio_brush_read(w.bytes, count, 100, 50, mask));
    for (int i = 0; i < 5000; i++)
        assert_int_equal(mask[i], i % 100 >= 20 && i % 100 < 40 && i / 100 >= 10 && i / 100 < 30);
    for (size_t cut = 0; cut < count - 2; cut++)
        assert_false(gad_label_studio_brush_read(w.bytes, cut, 100, 50, mask));
    assert_false(gad_label_studio_brush_read(w.bytes, count, 100, 51, mask));
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", i ? "," : "", w.bytes[i]);
    char value[4500];
    snprintf(value, sizeof value,
             "{\"type\":\"brushlabels\",\"original_width\":100,\"original_height\":50,\"value\":{\"format\":\"rle\","
             "\"rle\":[%s],"
             "\"brushlabels\":[\"stain\"]}}",
             text);
    import_regions(value);
    assert_one("stain", 20, 10, 40, 30);
    assert_int_equal(sample.boxes[0].area, 400);
}

/* ---- which annotations count ---- */

#define RECTANGLE(x, label)                                                                                                \
    "{\"type\":\"rectanglelabels\",\"value\":{\"x\":" x                                                                    \
    ",\"y\":10,\"width\":10,\"height\":10,\"rectanglelabels\":[\"" label "\"]}}"

static void import_annotations(const char *annotations, bool all)
{
    gad_error err;
    gad_data_import_settings request = {
        .adapter = "label-studio", .folder = support_scratch(GAD_TEST_TMP, "ls"), .every_annotation = all};
    fake_root("ls");
    fake_image_sized("p.png", 100, 50);
    fake_text("export.json", "[{\"id\":1,\"data\":{\"image\":\"p.png\"},%s}]", annotations);
    ASSERT_OK(gad_catalog_import(store, &request, &report, &err), &err);
}

static void test_annotations_that_count(void **state)
{
    (void)state;
    import_annotations(
        "\"annotations\":[{\"was_cancelled\":true,\"result\":[]},{\"result\":[" RECTANGLE("10", "dent") "]}]", false);
    assert_one("dent", 10, 5, 20, 10);
    import_annotations(
        "\"annotations\":[{\"created_at\":\"2024-02-01T00:00:00Z\",\"result\":[" RECTANGLE(
            "20", "hole") "]},{\"created_at\":\"2024-01-01T00:00:00Z\",\"result\":[" RECTANGLE("10", "dent") "]}]",
        false);
    assert_one("hole", 20, 5, 30, 10);
    import_annotations("\"annotations\":[{\"result\":[]},{\"result\":[" RECTANGLE("20", "hole") "]}]", false);
    assert_one("hole", 20, 5, 30, 10); /* without times the last counts */
    import_annotations("\"annotations\":[{\"result\":[" RECTANGLE("10", "hole") "]},{\"result\":[" RECTANGLE(
                           "20", "hole") "]},"
                                         "{\"was_cancelled\":true,\"result\":[" RECTANGLE("40", "dent") "]}]",
                       true);
    assert_sample("hole");
    assert_int_equal(sample.box_count, 2);
    import_annotations("\"completions\":[{\"result\":[" RECTANGLE("10", "dent") "]}]", false);
    assert_one("dent", 10, 5, 20, 10);
}

static void test_many_boxes(void **state)
{
    (void)state;
    gad_string text = {0};
    for (int i = 0; i < 600; i++)
        gad_string_addf(&text,
                        "%s{\"type\":\"rectanglelabels\",\"value\":{\"x\":%d,\"y\":%d,\"width\":1,\"height\":2,"
                        "\"rectanglelabels\":[\"dent\"]}}",
                        i ? "," : "", 2 * (i % 40), 4 * (i / 40));
    import_regions(text.data);
    gad_string_free(&text);
    assert_sample("dent");
    assert_int_equal(sample.box_count, 600);
}

/* ---- paths ---- */

static void assert_found(const char *data, const char *image)
{
    fake_root("ls_paths");
    fake_image("sub dir/p 1.png");
    fake_image("plain.png");
    fake_image("gr\xC3\xB6\xC3\x9F"
               "e.png"); /* composed */
    fake_image("u\xCC\x88"
               "ber.png");    /* decomposed */
    fake_image("100%25.png"); /* a name that looks encoded */
    fake_text("export.json", "[{\"id\":1,\"data\":{%s},\"annotations\":[{\"result\":[]}]}]", data);
    fake_import(store, "label-studio", &report);
    assert_int_equal(report.images, 1);
    gad_store_cursor *cursor;
    gad_error err;
    bool found;
    gad_store_filter filter = {0};
    ASSERT_OK(gad_store_select(store, &filter, &cursor, &err), &err);
    ASSERT_OK(gad_store_next(cursor, &sample, &found, &err), &err);
    gad_store_cursor_free(cursor);
    assert_string_equal(sample.image, image);
}

static void test_paths(void **state)
{
    (void)state;
    assert_found("\"image\":\"/data/local-files/?d=sub%20dir/p%201.png\"", "sub dir/p 1.png");
    assert_found("\"image\":\"/data/local-files/?d=gr%C3%B6%C3%9Fe.png&x=1\"", "gr\xC3\xB6\xC3\x9F"
                                                                               "e.png");
    assert_found("\"image\":\"https://b.s3.amazonaws.com/a/plain.png?X-Amz-Signature=ab%2Fc#top\"", "plain.png");
    assert_found("\"image\":\"s3://bucket/sub%20dir/p%201.png\"", "sub dir/p 1.png");
    assert_found("\"image\":\"/tasks/7/resolve/?fileuri=czM6Ly9idWNrZXQvcGxhaW4ucG5n\"", "plain.png");
    assert_found("\"image\":\"C:\\\\data\\\\plain.png\"", "plain.png");
    assert_found("\"image\":\"/data/upload/1/0a1b2c3d-plain.png\"", "plain.png");
    assert_found("\"image\":\"gro\xCC\x88\xC3\x9F"
                 "e.png\"",
                 "gr\xC3\xB6\xC3\x9F"
                 "e.png");
    assert_found("\"image\":\"\xC3\xBC"
                 "ber.png\"",
                 "u\xCC\x88"
                 "ber.png");
    assert_found("\"image\":\"/x/100%25.png\"", "100%25.png");
    assert_found("\"photo\":\"plain.png\",\"serial\":\"17\"", "plain.png");
}

static void test_refused_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {{"[{\"image\":\"p.png\",\"id\":1,\"label\":[],\"annotator\":1,\"annotation_id\":1}]", "JSON-MIN"},
                 {"{\"a\":1}", "not a list of tasks"},
                 {"[1]", "no tasks"},
                 {"[{\"data\":{\"a\":\"p.png\",\"b\":\"q.png\"},\"annotations\":[{\"result\":[]}]}]", "bad record"},
                 {"[{\"data\":{\"image\":\"../up/p.png\"},\"annotations\":[{\"result\":[]}]}", "line 1"}};
    gad_data_import_settings request = {.adapter = "label-studio", .folder = support_scratch(GAD_TEST_TMP, "ls_forms")};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_error err;
        fake_root("ls_forms");
        fake_image("p.png");
        fake_image("q.png");
        fake_text("export.json", "%s", cases[i].text);
        if (gad_catalog_import(store, &request, &report, &err) == GAD_OK || !strstr(err.cause, cases[i].words))
            fail_msg("%s: %s", cases[i].words, err.cause);
    }
    fake_root("ls_forms"); /* another file beside the export does not matter */
    fake_image("p.png");
    fake_text("config.json", "{\"a\":1}");
    fake_text("export.json", "[{\"data\":{\"image\":\"p.png\"},\"annotations\":[{\"result\":[]}]}]");
    fake_import(store, "label-studio", &report);
    assert_int_equal(report.images, 1);
    assert_int_equal(report.problems[GAD_IMPORT_BAD_RECORD], 1);
}

/* ---- and back ---- */

static void export_over(void)
{
    gad_error err;
    gad_export_report done;
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    settings.format = GAD_EXPORT_LABEL_STUDIO;
    settings.filter.dataset = "label-studio";
    settings.path = support_scratch(GAD_TEST_TMP, "ls/export.json");
    ASSERT_OK(gad_export_run(store, &settings, &done, &err), &err);
}

static void replace_in_export(const char *from, const char *to)
{
    gad_error err;
    char *text;
    size_t length;
    gad_string changed = {0};
    const char *path = support_scratch(GAD_TEST_TMP, "ls/export.json");
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &length, &err), &err);
    char *regions = strstr(text, "\"annotations\""), *at = regions ? strstr(regions, from) : NULL;
    assert_non_null(at);
    gad_string_append(&changed, text, (size_t)(at - text));
    gad_string_add(&changed, to);
    gad_string_add(&changed, at + strlen(from));
    ASSERT_OK(gad_file_write(path, changed.data, changed.length, &err), &err);
    gad_string_free(&changed);
    gad_memory_free(text);
}

static void test_round_trip(void **state)
{
    (void)state;
    import_value("rectanglelabels",
                 "\"x\":50,\"y\":20,\"width\":20,\"height\":40,\"rotation\":45,\"rectanglelabels\":[\"dent\"]");
    export_over();
    fake_import(store, "label-studio", &report);
    assert_int_equal(report.unchanged, 1);                  /* nothing was lost */
    replace_in_export("\"rotation\":45", "\"rotation\":0"); /* the exported rectangle is the drawn one */
    fake_import(store, "label-studio", &report);
    assert_one("dent", 50, 10, 70, 30);
    import_value("keypointlabels", "\"x\":50,\"y\":50,\"width\":1,\"keypointlabels\":[\"spot\"]");
    export_over();
    fake_import(store, "label-studio", &report);
    assert_int_equal(report.unchanged, 1); /* an anomaly without a box stays one */
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_rotation),      TEST(test_negative_and_missing_sizes),
                                       TEST(test_shapes),        TEST(test_labels_of_their_own),
                                       TEST(test_choices),       TEST(test_unreadable_regions),
                                       TEST(test_brush),         TEST(test_annotations_that_count),
                                       TEST(test_many_boxes),    TEST(test_paths),
                                       TEST(test_refused_forms), TEST(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
