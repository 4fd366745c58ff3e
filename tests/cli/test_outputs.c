/* outputs: drawings of parts never overwrite each other nor a picture that is read, and nobody's file is replaced unasked.
 * terminal: nothing from outside commands it. */
#include "base/file.h"
#include "cli/outputs.h"
#include "cli/terminal.h"
#include "io/image.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *in(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_paths(const outputs *out, const char *kind, const char *const *expected)
{
    for (size_t i = 0; i < out->parts->count; i++) {
        char path[600], wanted[600];
        outputs_path(out, in("out"), out->parts->item[i], kind, "png", path, sizeof path);
        snprintf(wanted, sizeof wanted, "%s/%s", in("out"), expected[i]);
        assert_string_equal(path, wanted);
    }
}

static void test_names(void **state)
{
    (void)state;
    char *parts[] = {"a/part.jpg", "b/part.jpg", "a/part2.jpg", "a/part2.png", "./c/single.jpg", "a_x.png", "a/x.png"};
    paths list = {parts, 7}, none = {0};
    outputs out = {&list, &none, false};
    assert_paths(&out, "overlay",
                 (const char *const[]){"a_part.jpg.png", "b_part.jpg.png", "a_part2.jpg.png", "a_part2.png.png",
                                       "single.png", "a_x.png", "x.png"});
    out.one_folder = true; /* overlays and heat maps in one folder */
    char *one[] = {"p.png"};
    list = (paths){one, 1};
    assert_paths(&out, "heatmap", (const char *const[]){"p-heatmap.png"});
    char *twice[] = {"d/y.jpg", "d_y.jpg", "e/y.jpg", "d_y.png"}; /* flattened names that meet */
    list = (paths){twice, 4};
    out.one_folder = false;
    char seen[4][600];
    for (int i = 0; i < 4; i++) {
        outputs_path(&out, "o", twice[i], "overlay", "png", seen[i], sizeof seen[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
}

static void test_input_is_kept(void **state)
{
    (void)state;
    char part[600], good[600], path[700];
    mkdir(in("same"), 0777);
    snprintf(part, sizeof part, "%s/same/part.png", GAD_TEST_TMP);
    snprintf(good, sizeof good, "%s/same/part-overlay.png", GAD_TEST_TMP);
    put(part, "x");
    put(good, "x");
    char *parts[] = {part}, *good_parts[] = {good};
    paths list = {parts, 1}, shown = {good_parts, 1};
    outputs out = {&list, &shown, false};
    outputs_path(&out, in("same"), part, "overlay", "png", path, sizeof path);
    assert_string_equal(path, in("same/part-overlay-overlay.png"));
}

static void test_checks(void **state)
{
    (void)state;
    mkdir(in("empty"), 0777);
    mkdir(in("full"), 0777);
    put(in("full/file"), "x");
    put(in("mine.json"), "{\"threshold\": 0.5}");
    put(in("yours.json"), "my notes");
    unlink(in("link.json"));
    assert_int_equal(symlink(in("yours.json"), in("link.json")), 0);
    assert_int_equal(outputs_check("test", NULL), EXIT_DONE);
    assert_int_equal(outputs_check("test", in("new.json")), EXIT_DONE);
    assert_int_equal(outputs_check("test", in("no/such/folder/new.json")), EXIT_FAILED);
    assert_int_equal(outputs_check("test", in("empty")), EXIT_FAILED);
    assert_int_equal(outputs_check("test", "/dev/null"), EXIT_DONE);
    assert_int_equal(outputs_check_folder("test", in("empty")), EXIT_DONE);
    assert_int_equal(outputs_check_folder("test", in("absent")), EXIT_DONE);
    assert_int_equal(outputs_check_folder("test", in("full")), EXIT_FAILED);
    assert_int_equal(outputs_check_file("test", in("mine.json"), "\"threshold\"", false), EXIT_DONE);
    assert_int_equal(outputs_check_file("test", in("new.json"), "\"threshold\"", false), EXIT_DONE);
    assert_int_equal(outputs_check_file("test", in("yours.json"), "\"threshold\"", false), EXIT_FAILED);
    assert_int_equal(outputs_check_file("test", in("link.json"), "\"threshold\"", false), EXIT_DONE);
    assert_int_equal(outputs_check_file("test", in("yours.json"), "\"threshold\"", true), EXIT_DONE);
    assert_int_equal(outputs_check_file("test", NULL, "x", false), EXIT_DONE);
}

static void assert_shown(const char *text, bool lines, const char *expected)
{
    char shown[200] = "";
    FILE *stream = fmemopen(shown, sizeof shown, "w");
    terminal_put(stream, text, lines);
    fclose(stream);
    assert_string_equal(shown, expected);
}

/* A picture of gad is told from one of somebody, behind zero bytes. */
static void test_pictures(void **state)
{
    (void)state;
    gad_error err;
    gad_image image;
    static const char theirs[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    ASSERT_OK(gad_image_new(4, 4, 3, &image, &err), &err);
    memset(image.pixels, 7, 48);
    ASSERT_OK(gad_image_save_png(&image, in("mine.png"), &err), &err);
    ASSERT_OK(gad_file_write(in("theirs.png"), theirs, sizeof theirs, &err), &err);
    gad_image_free(&image);
    assert_int_equal(outputs_check_file("test", in("mine.png"), "made by gad", false), EXIT_DONE);
    assert_int_equal(outputs_check_file("test", in("theirs.png"), "made by gad", false), EXIT_FAILED);
}

static void test_terminal_text(void **state)
{
    (void)state;
    assert_shown("a\x1B[2Jb\x07\x7F", true, "a?[2Jb??");
    assert_shown("two\nlines\t.", true, "two\nlines\t.");
    assert_shown("two\nlines", false, "two?lines");
    assert_shown("gr\xC3\xB6\xC3\x9F"
                 "e \xE6\x97\xA5",
                 false,
                 "gr\xC3\xB6\xC3\x9F"
                 "e \xE6\x97\xA5");
    assert_shown("\xC2\x9B"
                 "31m \x9B"
                 "31m \xE9.",
                 false, "?31m ?31m ?."); /* C1 controls, Latin-1 */
    assert_shown("\r\nok", true, "?\nok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_input_is_kept),
                                       cmocka_unit_test(test_checks), cmocka_unit_test(test_pictures),
                                       cmocka_unit_test(test_terminal_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
