/* keep: what is there already stays: sets of other settings, files of somebody else, names of other datasets. Through the
 * public headers only. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/pairs.h"
#include "base/file.h"
#include "base/memory.h"
#include "gad_data.h"
#include "support/support.h"

static const char *in(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

static void put(const char *path, const char *text)
{
    gad_error err;
    ASSERT_OK(gad_file_write(path, text, strlen(text), &err), &err);
}

static void assert_content(const char *path, const char *beginning)
{
    gad_error err;
    char *text;
    size_t length;
    ASSERT_OK(gad_file_read(path, 1 << 24, &text, &length, &err), &err);
    assert_int_equal(strncmp(text, beginning, strlen(beginning)), 0);
    gad_memory_free(text);
}

static gad_data *data;

static int setup(void **state)
{
    (void)state;
    gad_error err;
    static const char *const names[] = {"keep.db", "keep.db-wal", "keep.db-shm", "pairs", "more", "mine"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ASSERT_OK(gad_file_remove(in(names[i]), &err), &err);
    ASSERT_OK(gad_data_open(in("keep.db"), GAD_DATA_CREATE, &data, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    gad_data_free(data);
    return 0;
}

static void refused(const gad_data_synth_settings *s, const char *words)
{
    gad_error err;
    gad_data_synthesised report;
    assert_int_equal(gad_data_synth(data, s, &report, &err), GAD_E_ARGUMENT);
    if (!strstr(err.cause, words) || !strstr(err.hint, "--force"))
        fail_msg("\"%s\" (%s) does not say \"%s\"", err.cause, err.hint, words);
}

static void made(const gad_data_synth_settings *s)
{
    gad_error err;
    gad_data_synthesised report;
    ASSERT_OK(gad_data_synth(data, s, &report, &err), &err);
}

static void test_synth(void **state)
{
    (void)state;
    gad_error err;
    gad_data_synth_settings s = pairs_settings(in("pairs"), "pairs"), other = s;
    made(&s);
    made(&s); /* again: the same pairs */
    other.count = 3;
    made(&other); /* longer */
    other.seed = 4;
    refused(&other, "another \"seed\"");
    other = s;
    other.synth.width = 64;
    refused(&other, "another \"width\"");
    other = s;
    other.kinds = "scratch";
    refused(&other, "another \"kinds\"");
    other.force = true;
    made(&other);
    other = pairs_settings(in("more"), "pairs"); /* the name is that of the first folder */
    refused(&other, "is the dataset in");
    ASSERT_OK(gad_file_make_directory(in("mine/images"), &err), &err);
    put(in("mine/images/00000000.png"), "my picture");
    other = pairs_settings(in("mine"), "mine");
    refused(&other, "images");
    assert_content(in("mine/images/00000000.png"), "my picture");
}

static gad_status export_to(gad_export_format format, const char *path, bool force, gad_error *err)
{
    gad_data_exported report;
    gad_data_export_settings settings = {
        .format = format, .path = path, .force = force, .min_pixels = 3136, .max_pixels = 12845056, .factor = 28};
    return gad_data_export(data, &settings, &report, err);
}

static void test_export(void **state)
{
    (void)state;
    gad_error err;
    struct stat info;
    static const gad_export_format formats[] = {GAD_EXPORT_JSONL, GAD_EXPORT_COCO,     GAD_EXPORT_LABEL_STUDIO,
                                                GAD_EXPORT_TRL,   GAD_EXPORT_MS_SWIFT, GAD_EXPORT_LLAVA};
    gad_data_synth_settings s = pairs_settings(in("pairs"), "pairs");
    made(&s);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        put(in("notes.json"), "my notes");
        assert_int_equal(export_to(formats[i], in("notes.json"), false, &err), GAD_E_ARGUMENT);
        assert_non_null(strstr(err.hint, "--force"));
        assert_content(in("notes.json"), "my notes");
        ASSERT_OK(export_to(formats[i], in("notes.json"), true, &err), &err);
        ASSERT_OK(export_to(formats[i], in("notes.json"), false, &err), &err); /* over an export of its own */
    }
    put(in("real.jsonl"), "keep"); /* a link is a place that somebody made for it */
    unlink(in("link.jsonl"));
    assert_int_equal(symlink(in("real.jsonl"), in("link.jsonl")), 0);
    ASSERT_OK(export_to(GAD_EXPORT_JSONL, in("link.jsonl"), false, &err), &err);
    assert_content(in("real.jsonl"), "{\"schema\":\"mmrad/1-dataset\"");
    assert_int_equal(lstat(in("link.jsonl"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
}

static void test_export_folders(void **state)
{
    (void)state;
    gad_error err;
    gad_data_synth_settings s = pairs_settings(in("pairs"), "pairs");
    made(&s);
    const char *out = in("mine");
    ASSERT_OK(export_to(GAD_EXPORT_MMR_AD, out, false, &err), &err);
    ASSERT_OK(export_to(GAD_EXPORT_MMR_AD, out, false, &err), &err);
    gad_file_names classes = {0};
    char path[900];
    ASSERT_OK(gad_file_list(in("mine/pairs"), &classes, &err), &err);
    snprintf(path, sizeof path, "%s/pairs/%s/bbox_annos.json", out, classes.name[0]);
    gad_file_names_free(&classes);
    put(path, "my notes");
    assert_int_equal(export_to(GAD_EXPORT_MMR_AD, out, false, &err), GAD_E_ARGUMENT);
    assert_content(path, "my notes");
    ASSERT_OK(export_to(GAD_EXPORT_MMR_AD, out, true, &err), &err);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_synth), TEST(test_export), TEST(test_export_folders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
