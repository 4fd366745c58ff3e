/* faults: every allocation, read, write and removal of an import, a synthesis, an export and a benchmark run fails once:
 * the call says so or does all of it, what was there before is there afterwards, and the same call works when it is made
 * again. Through the public headers only. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/faults.h"
#include "api/pairs.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_bench.h"
#include "gad_data.h"
#include "gad_train.h"
#include "io/image.h"
#include "support/support.h"

/* ---- scenes -------------------------------------------------------------------------------------------------------- */

static char root[600], store[700];

static const char *in(const char *name)
{
    return support_scratch(root, name);
}

static void remove_all(const char *path)
{
    gad_error err;
    ASSERT_OK(gad_file_remove(path, &err), &err);
}

static void put_image(const char *path, int shade, int channels)
{
    gad_error err;
    gad_image image;
    ASSERT_OK(gad_image_new(40, 30, channels, &image, &err), &err);
    for (int64_t i = 0; i < 40 * 30 * channels; i++)
        image.pixels[i] = (uint8_t)(channels == 1 ? (i % 40 > 10 && i % 40 < 20 ? 255 : 0) : shade + i % 7);
    ASSERT_OK(gad_image_save_png(&image, path, &err), &err);
    gad_image_free(&image);
}

static void put_set(const char *name, int shade)
{
    gad_error err;
    char path[900];
    static const char *const folders[] = {"good", "bad", "masks"};
    static const char *const files[] = {"good/a.png", "good/b.png", "bad/c.png", "masks/c.png"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", root, name, folders[i]);
        ASSERT_OK(gad_file_make_directory(path, &err), &err);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", root, name, files[i]);
        put_image(path, shade + i, i == 3 ? 1 : 3);
    }
}

static const char *adapter = "plain";

static gad_status import_by(const char *how, const char *name, gad_error *err)
{
    gad_data *data = NULL;
    gad_data_imported report;
    gad_data_import_settings settings = {.adapter = how, .folder = in(name), .name = name};
    gad_status status = gad_data_open(store, GAD_DATA_CREATE, &data, err);
    if (!status)
        status = gad_data_import(data, &settings, &report, err);
    gad_data_free(data);
    return status;
}

static gad_status import(const char *name, gad_error *err)
{
    return import_by("plain", name, err);
}

/* The samples of the store, by an export that nothing disturbs. */
static void assert_samples(int least, int most)
{
    gad_error err;
    gad_data *data = NULL;
    gad_data_exported report;
    gad_data_export_settings settings = {.path = in("all.jsonl")};
    ASSERT_OK(gad_data_open(store, GAD_DATA_READ, &data, &err), &err);
    ASSERT_OK(gad_data_export(data, &settings, &report, &err), &err);
    gad_data_free(data);
    if (report.samples < least || report.samples > most)
        fail_msg("%lld samples, not %d to %d", (long long)report.samples, least, most);
}

static void start(const char *name)
{
    gad_error err;
    snprintf(root, sizeof root, "%s/%s", GAD_TEST_TMP, name);
    snprintf(store, sizeof store, "%s/store.db", root);
    remove_all(root);
    ASSERT_OK(gad_file_make_directory(root, &err), &err);
    put_set("first", 50);
    ASSERT_OK(import("first", &err), &err);
}

/* ---- import -------------------------------------------------------------------------------------------------------- */

static gad_status import_second(gad_error *err)
{
    return import_by(adapter, "second", err);
}

static void import_before(void)
{
    gad_error err;
    char copy[800];
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        snprintf(copy, sizeof copy, "%s%s", store, endings[i]);
        remove_all(copy);
    }
    ASSERT_OK(import("first", &err), &err);
}

static void import_after(bool succeeded)
{
    gad_error err;
    /* All of it or nothing; but a picture that cannot be read is told and left out. */
    assert_samples(succeeded ? 6 - (faults_failing == FAULTS_READ) : 3, succeeded ? 6 : 3);
    ASSERT_OK(import_second(&err), &err);
    assert_samples(6, 6);
}

/* The same pictures, said by annotation files; one name in another letter case. */
static const char coco[] =
    "{\"images\":[{\"id\":1,\"file_name\":\"GOOD/A.png\"},{\"id\":2,\"file_name\":\"good/b.png\"},"
    "{\"id\":3,\"file_name\":\"bad/c.png\"}],\"categories\":[{\"id\":1,\"name\":\"dent\"}],"
    "\"annotations\":[{\"id\":1,\"image_id\":3,\"category_id\":1,\"segmentation\":[[1,1,9,1,9,9]]},"
    "{\"id\":2,\"image_id\":3,\"category_id\":1,\"segmentation\":{\"size\":[30,40],\"counts\":[100,9,1091]}}]}";
static const char label_studio[] =
    "[{\"id\":1,\"data\":{\"image\":\"good/a.png\"},\"annotations\":[{\"result\":[]}]},"
    "{\"id\":2,\"data\":{\"image\":\"good/b.png\"},\"annotations\":[{\"result\":[]}]},"
    "{\"id\":3,\"data\":{\"image\":\"bad/c.png\"},\"annotations\":[{\"result\":[{\"type\":\"rectanglelabels\","
    "\"original_width\":40,\"original_height\":30,\"value\":{\"x\":10,\"y\":10,\"width\":20,\"height\":20,\"rotation\":10,"
    "\"rectanglelabels\":[\"dent\"]}}]}]}]";
static const char lines[] =
    "{\"image\":\"good/A.PNG\",\"category\":\"c\",\"split\":\"train\",\"label\":\"normal\"}\n{\"image\":\"good/"
    "b.png\",\"category\":\"c\",\"split\":\"train\",\"label\":\"normal\"}\n"
    "{\"image\":\"bad/"
    "c.png\",\"category\":\"c\",\"split\":\"train\",\"label\":\"anomalous\",\"boxes\":[[1,2,10,20]],\"labels\":[\"dent\"]}"
    "\n";

static void test_import(void **state)
{
    (void)state;
    start("import");
    put_set("second", 90);
    const faults_scene s = {"import", import_second, import_before, import_after, {0}};
    faults_sweep(&s);
}

static void test_import_annotations(void **state)
{
    (void)state;
    gad_error err;
    static const struct {
        const char *adapter, *file, *text;
    } kinds[] = {{"coco", "second/annotations.json", coco},
                 {"label-studio", "second/export.json", label_studio},
                 {"gad-jsonl", "second/annotations.jsonl", lines}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        start("annotations");
        put_set("second", 90);
        ASSERT_OK(gad_file_write(in(kinds[i].file), kinds[i].text, strlen(kinds[i].text), &err), &err);
        adapter = kinds[i].adapter;
        const faults_scene s = {adapter, import_second, import_before, import_after, {0}};
        faults_sweep(&s);
    }
    adapter = "plain";
}

/* ---- synth --------------------------------------------------------------------------------------------------------- */

static gad_status synthesise(gad_error *err)
{
    gad_data *data = NULL;
    gad_data_synthesised report;
    gad_data_synth_settings settings = pairs_settings(in("pairs"), "pairs");
    gad_status status = gad_data_open(store, GAD_DATA_CREATE, &data, err);
    if (!status)
        status = gad_data_synth(data, &settings, &report, err);
    gad_data_free(data);
    return status;
}

static void synth_before(void)
{
    import_before();
    remove_all(in("pairs"));
}

static void synth_after(bool succeeded)
{
    gad_error err;
    assert_samples(succeeded ? 5 : 3, succeeded ? 5 : 3);
    ASSERT_OK(synthesise(&err), &err);
    assert_samples(5, 5);
}

static void test_synth(void **state)
{
    (void)state;
    start("synth");
    const faults_scene s = {"synth", synthesise, synth_before, synth_after, {0}};
    faults_sweep(&s);
}

/* ---- export -------------------------------------------------------------------------------------------------------- */

static gad_export_format export_format;
static const char *export_path;
static char *earlier;

static gad_status export_all(gad_error *err)
{
    gad_data *data = NULL;
    gad_data_exported report;
    gad_data_export_settings settings = {.format = export_format,
                                         .path = export_path,
                                         .masks = true,
                                         .force = true,
                                         .min_pixels = 3136,
                                         .max_pixels = 12845056,
                                         .factor = 28};
    gad_status status = gad_data_open(store, GAD_DATA_READ, &data, err);
    if (!status)
        status = gad_data_export(data, &settings, &report, err);
    gad_data_free(data);
    return status;
}

static char *content(const char *path)
{
    gad_error err;
    char *text, *copy;
    size_t length;
    ASSERT_OK(gad_file_read(path, 1 << 24, &text, &length, &err), &err);
    copy = strdup(text);
    gad_memory_free(text);
    return copy;
}

/* The file of an earlier export stays whole, whatever happens. */
static void export_after(bool succeeded)
{
    gad_error err;
    char *now = earlier ? content(export_path) : NULL;
    (void)succeeded;
    if (now)
        assert_string_equal(now, earlier);
    free(now);
    ASSERT_OK(export_all(&err), &err);
}

static void test_export(void **state)
{
    (void)state;
    gad_error err;
    static const gad_export_format formats[] = {GAD_EXPORT_JSONL, GAD_EXPORT_COCO, GAD_EXPORT_LABEL_STUDIO};
    start("export");
    for (int i = 0; i < 3; i++) {
        export_format = formats[i];
        export_path = in(i == 0 ? "out.jsonl" : "out.json");
        ASSERT_OK(export_all(&err), &err);
        earlier = content(export_path);
        const faults_scene s = {gad_export_name(formats[i]), export_all, NULL, export_after, {0}};
        faults_sweep(&s);
        free(earlier);
        earlier = NULL;
    }
    static const gad_export_format chats[] = {GAD_EXPORT_TRL, GAD_EXPORT_MS_SWIFT, GAD_EXPORT_LLAMA_FACTORY,
                                              GAD_EXPORT_LLAVA};
    for (int i = 0; i < 4; i++) {
        export_format = chats[i];
        export_path = in(gad_export_name(chats[i]));
        const faults_scene s = {gad_export_name(chats[i]), export_all, NULL, export_after, {0}};
        faults_sweep(&s);
    }
    export_format = GAD_EXPORT_MMR_AD;
    export_path = in("folders");
    const faults_scene s = {"mmr-ad", export_all, NULL, export_after, {0}};
    faults_sweep(&s);
}

/* ---- bench --------------------------------------------------------------------------------------------------------- */

static gad_status bench(gad_error *err)
{
    gad_bench_result result;
    gad_bench_settings settings = {
        .out = in("run"),
        .questions = {.store = store, .preset = GAD_SELECTION_ALL, .reference = GAD_SELECTION_NONE},
        .image_size = "canvas",
        .baseline = GAD_BASELINE_YES,
        .answers.max_tokens = 16};
    return gad_bench_run(&settings, &result, err);
}

static void bench_before(void)
{
    remove_all(in("run"));
}

static void bench_after(bool succeeded)
{
    gad_error err;
    (void)succeeded;
    ASSERT_OK(bench(&err), &err); /* goes on with what is there */
    gad_bench_choices choices = gad_bench_choices_default();
    gad_bench_outputs outputs = {.json = in("report.json")};
    choices.scoring.resamples = 10;
    ASSERT_OK(gad_bench_report(in("run"), NULL, 0, &choices, &outputs, NULL, NULL, &err), &err);
    char *report = content(outputs.json);
    assert_non_null(strstr(report, "\"answered\": 3"));
    free(report);
}

static void test_bench(void **state)
{
    (void)state;
    start("bench");
    const faults_scene s = {"bench", bench, bench_before, bench_after, {0}};
    faults_sweep(&s);
}

int main(void)
{
    faults_install();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_import), cmocka_unit_test(test_import_annotations),
                                       cmocka_unit_test(test_synth), cmocka_unit_test(test_export),
                                       cmocka_unit_test(test_bench)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
