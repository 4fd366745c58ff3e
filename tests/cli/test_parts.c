/* parts: which files a folder stands for. */
#include "base/file.h"
#include "cli/parts.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void make_folder(const char *path, const char *image)
{
    gad_error err;
    ASSERT_OK(gad_file_make_directory(path, &err), &err);
    FILE *file = fopen(support_scratch(path, image), "we");
    assert_non_null(file);
    fclose(file);
}

/* A folder stands for its images; with those below it in the order of names, hidden folders and links left out. */
static void test_folders(void **state)
{
    (void)state;
    gad_error err;
    char outer[512], inner[512];
    snprintf(outer, sizeof outer, "%s", support_scratch(GAD_TEST_TMP, "tree"));
    snprintf(inner, sizeof inner, "%s", support_scratch(outer, "b"));
    ASSERT_OK(gad_file_remove(outer, &err), &err);
    make_folder(outer, "c.png");
    make_folder(inner, "a.png");
    make_folder(support_scratch(outer, ".hidden"), "a.png");
    assert_int_equal(symlink("..", support_scratch(inner, "up")), 0);
    paths flat = {0}, all = {0};
    assert_true(parts_paths_add(outer, &flat) && parts_paths_add_below(outer, &all));
    assert_int_equal(flat.count, 1);
    assert_string_equal(flat.item[0], support_scratch(outer, "c.png"));
    assert_int_equal(all.count, 2);
    assert_string_equal(all.item[0], support_scratch(inner, "a.png"));
    assert_string_equal(all.item[1], support_scratch(outer, "c.png"));
    parts_paths_free(&flat);
    parts_paths_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
