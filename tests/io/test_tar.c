/* tar: what the system's tar unpacks is what was packed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "io/tar.h"
#include "support/support.h"

static const char long_folder[] = "a_folder_whose_name_is_as_long_as_it_can_reasonably_be_so_that_the_prefix_is_needed_1";
static const char long_name[] =
    "a_file_whose_name_is_as_long_as_a_hundred_bytes_allow_in_one_field_of_the_header_of_a_file.png";

static const char *fresh(const char *name)
{
    gad_error err = {0};
    const char *path = support_scratch(GAD_TEST_TMP, name);
    gad_file_remove(path, NULL);
    ASSERT_OK(gad_file_make_directory(path, &err), &err);
    return path;
}

static void put(const char *folder, const char *name, const char *bytes, size_t length)
{
    gad_error err = {0};
    char *path = gad_file_join(folder, name);
    ASSERT_OK(gad_file_write(path, bytes, length, &err), &err);
    gad_memory_free(path);
}

static void assert_file(const char *folder, const char *name, const char *bytes, size_t length)
{
    gad_error err = {0};
    char *path = gad_file_join(folder, name), *read = NULL;
    size_t size;
    ASSERT_OK(gad_file_read(path, 1 << 20, &read, &size, &err), &err);
    assert_int_equal(size, length);
    assert_memory_equal(read, bytes, length);
    gad_memory_free(path);
    gad_memory_free(read);
}

static void test_unpacked(void **state)
{
    (void)state;
    gad_error err = {0};
    const char *from = fresh("tar_from"), *to = fresh("tar_to"), *file = support_scratch(GAD_TEST_TMP, "made.tar");
    char inner[400], command[1024], nested[300], block[1025];
    memset(block, 'x', sizeof block);
    snprintf(inner, sizeof inner, "%s/%s", from, long_folder);
    ASSERT_OK(gad_file_make_directory(inner, &err), &err);
    snprintf(nested, sizeof nested, "%s/%s", long_folder, long_name);
    put(from, "empty", "", 0);
    put(from, "block.bin", block, 512);
    put(from, "gr\303\274n.txt", block, 1025);
    put(from, nested, "deep", 4);
    FILE *stream = fopen(file, "wb");
    ASSERT_OK(gad_tar_write(from, "top", stream, &err), &err);
    fclose(stream);
    snprintf(command, sizeof command, "tar -C '%s' -xf '%s'", to, file);
    assert_int_equal(system(command), 0);
    char *top = gad_file_join(to, "top");
    assert_file(top, "empty", "", 0);
    assert_file(top, "block.bin", block, 512);
    assert_file(top, "gr\303\274n.txt", block, 1025);
    assert_file(top, nested, "deep", 4);
    gad_memory_free(top);
}

static void test_refused(void **state)
{
    (void)state;
    gad_error err = {0};
    const char *from = fresh("tar_long");
    char name[251];
    memset(name, 'n', 250);
    name[250] = 0;
    put(from, name, "x", 1);
    FILE *stream = fopen("/dev/null", "wb");
    assert_int_equal(gad_tar_write(from, "top", stream, &err), GAD_E_LIMIT);
    assert_non_null(strstr(err.cause, "too long"));
    fclose(stream);
    gad_file_remove(from, NULL);
    ASSERT_OK(gad_file_make_directory(from, &err), &err);
    put(from, "x", "some bytes", 10);
    if (access("/dev/full", W_OK) == 0) {
        stream = fopen("/dev/full", "wb");
        assert_int_equal(gad_tar_write(from, "top", stream, &err), GAD_E_IO);
        fclose(stream);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unpacked), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests_name("tar", tests, NULL, NULL);
}
