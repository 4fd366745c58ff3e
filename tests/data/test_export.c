/* export: what goes out comes back: each format is written, read into another store, and compared sample by sample. Chat
 * formats are parsed and their answers read again. */
#include "base/file.h"
#include "base/memory.h"
#include "data/export.h"
#include "data/fake.h"
#include "data/pair.h"
#include "data/produce.h"
#include "data/teach.h"
#include "io/image.h"
#include "support/support.h"
#include "task/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gad_store *store;
static char root[900]; /* of the source images */

static int make(void **state)
{
    (void)state;
    gad_error err;
    gad_import_report imported;
    gad_pair_report paired;
    gad_teach_report taught;
    store = fake_store("export.db");
    snprintf(root, sizeof root, "%s", fake_root("export_source"));
    fake_mvtec_class("grey_cloth", "png", "_mask", "long_hole");
    fake_mvtec_class("pink_flower", "jpg", "_mask", "line");
    fake_import(store, "wfdd", &imported);
    gad_pair_settings pair = gad_data_pair_default();
    ASSERT_OK(gad_pair_run(store, &pair, &paired, &err), &err);
    gad_teach_settings teach = gad_data_reason_default();
    ASSERT_OK(gad_teach_template(store, &teach, &taught, &err), &err);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    gad_store_close(store);
    return 0;
}

/* All samples as JSON lines, sorted by id, with the keys named in `without` left out. */
static char **lines_of(gad_store *from, const char *const *without, size_t *count)
{
    gad_error err;
    gad_store_cursor *cursor;
    gad_sample s = {0};
    bool found = true;
    gad_store_filter filter = {0};
    char **lines = calloc(100, sizeof *lines);
    *count = 0;
    ASSERT_OK(gad_store_select(from, &filter, &cursor, &err), &err);
    while (found) {
        gad_string line = {0};
        json_t *o;
        ASSERT_OK(gad_store_next(cursor, &s, &found, &err), &err);
        if (!found)
            break;
        ASSERT_OK(gad_sample_to_json(&s, &line, &err), &err);
        ASSERT_OK(gad_json_parse(line.data, line.length, "line", &o, &err), &err);
        for (int i = 0; without && without[i]; i++)
            json_object_del(o, without[i]);
        if (without)
            json_object_del(json_object_get(o, "image"), "path");
        lines[(*count)++] = json_dumps(o, JSON_SORT_KEYS);
        json_decref(o);
        gad_string_free(&line);
    }
    gad_sample_free(&s);
    gad_store_cursor_free(cursor);
    return lines;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void assert_same(gad_store *a, gad_store *b, const char *const *without)
{
    size_t n, m;
    char **p = lines_of(a, without, &n), **q = lines_of(b, without, &m);
    assert_int_equal(n, m);
    assert_true(n > 10);
    qsort(p, n, sizeof *p, compare_text);
    qsort(q, m, sizeof *q, compare_text);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(p[i], q[i]);
        free(p[i]);
        free(q[i]);
    }
    free(p);
    free(q);
}

static const char *export_as(gad_export_format format, const char *name, gad_export_report *report)
{
    gad_error err;
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    const char *path = format == GAD_EXPORT_COCO || format == GAD_EXPORT_LABEL_STUDIO ? support_scratch(root, name)
                                                                                      : support_scratch(GAD_TEST_TMP, name);
    settings.format = format;
    settings.path = path;
    settings.filter.dataset = "wfdd";
    ASSERT_OK(gad_file_remove(path, &err), &err);
    ASSERT_OK(gad_export_run(store, &settings, report, &err), &err);
    return path;
}

static void test_lines(void **state)
{
    (void)state;
    gad_error err;
    gad_export_report out;
    gad_data_imported in;
    gad_store *other = fake_store("export_lines.db");
    const char *path = export_as(GAD_EXPORT_JSONL, "out.jsonl", &out);
    ASSERT_OK(gad_export_read(other, path, NULL, &in, &err), &err);
    assert_int_equal(in.images, out.samples);
    assert_int_equal(in.boxes, 4);
    assert_same(store, other, NULL);
    char *where;
    ASSERT_OK(gad_store_root(other, "wfdd", &where, &err), &err);
    assert_non_null(strstr(where, "export_source"));
    gad_memory_free(where);
    fake_root("broken_lines");
    fake_text("bad.jsonl", "{\"schema\":\"mmrad/1\",\n");
    assert_int_equal(gad_export_read(other, support_scratch(GAD_TEST_TMP, "broken_lines/bad.jsonl"), NULL, &in, &err),
                     GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "bad.jsonl: line 1, column "));
    gad_store_close(other);
}

static void round_trip(gad_export_format format, const char *adapter, const char *name)
{
    gad_error err;
    gad_export_report out;
    gad_import_report in;
    gad_store *other = fake_store("export_other.db");
    const char *path = export_as(format, name, &out);
    gad_data_import_settings request = {.adapter = adapter, .folder = root, .name = "wfdd"};
    ASSERT_OK(gad_catalog_import(other, &request, &in, &err), &err);
    assert_int_equal(in.images, out.samples);
    assert_int_equal(out.boxes, 4);
    assert_same(store, other, NULL);
    gad_store_close(other);
    ASSERT_OK(gad_file_remove(path, &err), &err);
}

static void test_annotations(void **state)
{
    (void)state;
    round_trip(GAD_EXPORT_COCO, "coco", "coco.json");
    round_trip(GAD_EXPORT_LABEL_STUDIO, "label-studio", "studio.json");
}

static void test_folders(void **state)
{
    (void)state;
    static const char *const moved[] = {"references", "mask", NULL};
    gad_error err;
    gad_export_report out;
    gad_import_report in;
    gad_store *other = fake_store("export_folders.db");
    const char *path = export_as(GAD_EXPORT_MMR_AD, "mmr_out", &out);
    char folder[1200];
    snprintf(folder, sizeof folder, "%s/wfdd", path);
    gad_data_import_settings request = {.adapter = "mmr_ad", .folder = folder, .name = "wfdd"};
    ASSERT_OK(gad_catalog_import(other, &request, &in, &err), &err);
    assert_int_equal(in.images, out.samples);
    for (int i = 0; i < GAD_IMPORT_PROBLEMS; i++)
        assert_int_equal(in.problems[i], 0);
    assert_same(store, other, moved); /* paths differ, nothing else */
    gad_sample s = {0};
    fake_get(other, "wfdd/grey_cloth/test/long_hole/000", &s);
    assert_true(s.reference_count > 0);
    assert_non_null(strstr(s.references[0].path, "grey_cloth/train_good/"));
    assert_string_equal(s.mask, "grey_cloth/ground_truth/long_hole/000_mask.png");
    gad_sample_free(&s);
    gad_store_close(other);
}

/* The data sets of somebody that are named beside ours stay. */
static void check_dataset_info(const char *folder)
{
    static const char theirs[] = "{\"mine\": {\"file_name\": \"mine.json\"}}";
    gad_error err;
    json_t *named = NULL;
    gad_export_report report;
    char *path = gad_file_join(folder, "dataset_info.json");
    ASSERT_OK(gad_file_write(path, theirs, sizeof theirs - 1, &err), &err);
    gad_export_settings settings = gad_data_export_default();
    settings.format = GAD_EXPORT_LLAMA_FACTORY;
    settings.path = folder;
    settings.filter.dataset = "wfdd";
    ASSERT_OK(gad_export_run(store, &settings, &report, &err), &err);
    ASSERT_OK(gad_json_load(path, &named, &err), &err);
    assert_non_null(json_object_get(named, "mine"));
    assert_string_equal(json_string_value(json_object_get(json_object_get(named, "gad"), "file_name")), "gad.jsonl");
    json_decref(named);
    gad_memory_free(path);
}

static void test_chat(void **state)
{
    (void)state;
    gad_error err;
    for (int format = GAD_EXPORT_TRL; format <= GAD_EXPORT_LLAVA; format++) {
        gad_export_report report;
        const char *path = export_as((gad_export_format)format, "chat.out", &report);
        char file[1200], *text;
        size_t length;
        snprintf(file, sizeof file, format == GAD_EXPORT_LLAMA_FACTORY ? "%s/gad.jsonl" : "%s", path);
        if (format == GAD_EXPORT_LLAMA_FACTORY)
            check_dataset_info(path);
        ASSERT_OK(gad_file_read(file, 1 << 20, &text, &length, &err), &err);
        assert_int_equal(report.samples, 14);
        int records = 0, boxes = 0;
        for (char *line = text; *line; line = strchr(line, '\n') + 1) {
            json_t *o;
            ASSERT_OK(gad_json_parse(line, strcspn(line, "\n"), "record", &o, &err), &err);
            bool llava = format == GAD_EXPORT_LLAVA;
            const json_t *images = json_object_get(o, llava ? "image" : "images"),
                         *turns = json_object_get(o, llava ? "conversations" : "messages");
            assert_int_equal(json_array_size(images), 2);
            for (size_t i = 0; i < 2; i++)
                assert_true(gad_file_exists(json_string_value(json_array_get(images, i))));
            assert_int_equal(json_array_size(turns), 2);
            const json_t *answer = json_object_get(json_array_get(turns, 1), llava ? "value" : "content");
            if (json_is_array(answer))
                answer = json_object_get(json_array_get(answer, 0), "text");
            gad_answer read;
            gad_box_frame frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, FAKE_WIDTH, FAKE_HEIGHT, 0, 0);
            ASSERT_OK(gad_answer_read(json_string_value(answer), json_string_length(answer), &frame, &read, &err), &err);
            assert_true(read.strict);
            boxes += (int)read.count;
            gad_answer_free(&read);
            json_decref(o);
            records++;
        }
        assert_int_equal(records, 14);
        assert_int_equal(boxes, 4);
        gad_memory_free(text);
        ASSERT_OK(gad_file_remove(path, &err), &err);
    }
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    gad_export_report report;
    settings.format = GAD_EXPORT_MS_SWIFT;
    settings.path = support_scratch(GAD_TEST_TMP, "prompts.jsonl");
    settings.without_answer = true;
    settings.convention = GAD_BOX_INPUT;
    ASSERT_OK(gad_export_run(store, &settings, &report, &err), &err);
    settings.factor = 5;
    assert_int_equal(gad_export_run(store, &settings, &report, &err), GAD_E_ARGUMENT);
    settings.factor = 28;
    settings.path = "/proc/nowhere/x.jsonl";
    assert_int_equal(gad_export_run(store, &settings, &report, &err), GAD_E_IO);
}

/* Views of a strip have no file of their own: a record names a picture that was cut out beside the export. */
static void test_views(void **state)
{
    (void)state;
    gad_error err;
    gad_import_report imported;
    gad_pair_report paired;
    gad_teach_report taught;
    gad_export_report report;
    gad_store *strips = fake_store("export_views.db");
    fake_root("export_strips");
    fake_image_sized("electronics/led/train/good/a.png", 200, 40);
    fake_image_sized("electronics/led/train/good/b.png", 200, 40);
    fake_image_sized("electronics/led/test/broken/c.png", 200, 40);
    fake_mask_sized("electronics/led/ground_truth/broken/c.png", 200, 40, 85, 10, 95, 20, 255);
    fake_import(strips, "manta", &imported);
    gad_pair_settings pair = gad_data_pair_default();
    ASSERT_OK(gad_pair_run(strips, &pair, &paired, &err), &err);
    gad_teach_settings teach = gad_data_reason_default();
    ASSERT_OK(gad_teach_template(strips, &teach, &taught, &err), &err);
    gad_export_settings settings = gad_data_export_default();
    settings.force = true;
    settings.format = GAD_EXPORT_MS_SWIFT;
    settings.path = support_scratch(GAD_TEST_TMP, "views.jsonl");
    ASSERT_OK(gad_file_remove(support_scratch(GAD_TEST_TMP, "views.jsonl.views"), &err), &err);
    ASSERT_OK(gad_export_run(strips, &settings, &report, &err), &err);
    assert_int_equal(report.samples, 15);
    assert_int_equal(report.left_out, 0);
    char *text;
    size_t length;
    ASSERT_OK(gad_file_read(settings.path, 1 << 20, &text, &length, &err), &err);
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        json_t *o;
        ASSERT_OK(gad_json_parse(line, strcspn(line, "\n"), "record", &o, &err), &err);
        const json_t *images = json_object_get(o, "images");
        assert_int_equal(json_array_size(images), 2);
        for (size_t i = 0; i < 2; i++) {
            int64_t w = 0, h = 0;
            ASSERT_OK(gad_image_probe(json_string_value(json_array_get(images, i)), &w, &h, &err), &err);
            assert_true(w == 40 && h == 40);
        }
        json_decref(o);
    }
    gad_memory_free(text);
    gad_file_names names;
    ASSERT_OK(gad_file_list(support_scratch(GAD_TEST_TMP, "views.jsonl.views"), &names, &err), &err);
    assert_int_equal(names.count, 15); /* each view once, as sample or as reference */
    gad_file_names_free(&names);
    gad_store_close(strips);
}

/* Synthetic pairs on disk: the files are there, the store knows them, photographs of a dataset serve as material. */
static void test_produce(void **state)
{
    (void)state;
    gad_error err;
    gad_data_synthesised report;
    gad_data_synth_settings s = gad_data_synth_default();
    s.force = true;
    s.out = support_scratch(GAD_TEST_TMP, "produced");
    s.synth.width = s.synth.height = 64;
    s.count = 70;
    s.synth.references = 2;
    ASSERT_OK(gad_produce_run(store, &s, &report, &err), &err);
    assert_int_equal(report.pairs, 70);
    assert_in_range(report.anomalous, 20, 50);
    gad_store_filter filter = {0};
    gad_store_cursor *cursor;
    gad_sample sample = {0};
    bool found = true;
    int seen = 0;
    filter.dataset = "synth";
    ASSERT_OK(gad_store_select(store, &filter, &cursor, &err), &err);
    while (found) {
        ASSERT_OK(gad_store_next(cursor, &sample, &found, &err), &err);
        if (!found)
            break;
        char path[1300];
        seen++;
        assert_int_equal(sample.reference_count, 2);
        snprintf(path, sizeof path, "%s/%s", s.out, sample.references[1].path);
        assert_true(gad_file_exists(path));
        snprintf(path, sizeof path, "%s/%s", s.out, sample.mask ? sample.mask : sample.image);
        assert_true(gad_file_exists(path));
        assert_true(strlen(sample.think) > 20);
    }
    assert_int_equal(seen, 70);
    gad_sample_free(&sample);
    gad_store_cursor_free(cursor);
    s.from = "wfdd";
    s.name = "synth_cloth";
    s.out = support_scratch(GAD_TEST_TMP, "produced_cloth");
    s.count = 20;
    ASSERT_OK(gad_produce_run(store, &s, &report, &err), &err);
    assert_int_equal(report.pairs, 20);
    s.from = "no_such";
    assert_int_equal(gad_produce_run(store, &s, &report, &err), GAD_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_annotations), cmocka_unit_test(test_folders),
        cmocka_unit_test(test_chat),  cmocka_unit_test(test_views),       cmocka_unit_test(test_produce),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
