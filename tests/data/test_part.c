/* part: lines that several processes leave for one job: found by key whoever wrote them, a torn line lost and nothing else.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/part.h"
#include "support/support.h"

static const char *const STORE = GAD_TEST_TMP "/part.db";

static gad_hash key(int64_t item)
{
    return gad_hash_bytes(&item, sizeof item);
}

static gad_part *open_part(int64_t index, int64_t count)
{
    gad_error err;
    gad_part *part;
    ASSERT_OK(gad_part_open(STORE, "job/of tests", &(gad_share){index, count}, &part, &err), &err);
    return part;
}

static void write_items(int64_t index, int64_t count, int64_t items)
{
    gad_error err;
    char text[32];
    gad_part *part = open_part(index, count);
    assert_true(gad_part_is_share(part));
    for (int64_t i = 0; i < items; i++)
        if (gad_part_takes(part)) {
            snprintf(text, sizeof text, "[%lld]", (long long)i);
            ASSERT_OK(gad_part_add(part, key(i), text, strlen(text), &err), &err);
        }
    gad_part_free(part);
}

static bool has(const gad_part *part, int64_t item)
{
    char text[32];
    size_t length = 0;
    const char *line = gad_part_find(part, key(item), &length);
    snprintf(text, sizeof text, "[%lld]", (long long)item);
    return line && length == strlen(text) && !memcmp(line, text, length);
}

static int start(void **state)
{
    (void)state;
    return gad_file_make_directory(GAD_TEST_TMP, NULL) || gad_file_remove(GAD_TEST_TMP "/part.db.parts", NULL);
}

static void test_found_whoever_wrote(void **state)
{
    (void)state;
    gad_error err;
    for (int k = 0; k < 3; k++)
        write_items(k, 3, 30);
    gad_part *whole = open_part(0, 0);
    assert_false(gad_part_is_share(whole));
    for (int64_t i = 0; i < 30; i++) {
        assert_true(gad_part_takes(whole));
        assert_true(has(whole, i));
    }
    size_t length;
    assert_null(gad_part_find(whole, key(30), &length));
    ASSERT_OK(gad_part_add(whole, key(30), "[30]", 4, &err), &err); /* the whole leaves nothing */
    ASSERT_OK(gad_part_remove(whole, &err), &err);
    gad_part_free(whole);
    assert_false(gad_file_exists(GAD_TEST_TMP "/part.db.parts"));
    assert_true(gad_part_takes(NULL));
    assert_null(gad_part_find(NULL, key(0), &length));
}

static void test_torn_line(void **state)
{
    (void)state;
    static const char name[] = GAD_TEST_TMP "/part.db.parts/job_of tests.2-of-2.lines";
    gad_error err;
    char *text = NULL;
    size_t bytes = 0;
    write_items(1, 2, 20); /* 1, 3, ..., 19 */
    ASSERT_OK(gad_file_read(name, 1 << 20, &text, &bytes, &err), &err);
    assert_int_equal(truncate(name, (off_t)bytes - 3), 0);
    gad_part *part = open_part(1, 2);
    for (int64_t i = 1; i < 20; i += 2)
        assert_int_equal(has(part, i), i != 19);
    gad_part *second;
    assert_int_equal(gad_part_open(STORE, "job/of tests", &(gad_share){1, 2}, &second, &err), GAD_E_ARGUMENT); /* held */
    gad_part_free(part);
    write_items(1, 2, 20); /* the torn line is cut, not continued */
    part = open_part(0, 0);
    assert_true(has(part, 19));
    gad_part_free(part);
    gad_memory_free(text);
}

static void test_foreign_lines(void **state)
{
    (void)state;
    gad_error err;
    static const char lines[] = "\n \nno key at all\n00000000000000000000000000000000\nZZ000000000000000000000000000000 x\n"
                                "0000000000000001000000000000000a [5]\n";
    size_t length;
    ASSERT_OK(gad_file_make_directory(GAD_TEST_TMP "/part.db.parts", &err), &err);
    ASSERT_OK(gad_file_write(GAD_TEST_TMP "/part.db.parts/job_of tests.1-of-9.lines", lines, sizeof lines - 1, &err), &err);
    ASSERT_OK(gad_file_write(GAD_TEST_TMP "/part.db.parts/job.1-of-9.lines", lines, sizeof lines - 1, &err), &err);
    gad_part *part = open_part(0, 0);
    const char *line = gad_part_find(part, (gad_hash){1, 10}, &length);
    assert_non_null(line);
    assert_int_equal(length, 3);
    assert_memory_equal(line, "[5]", 3);
    ASSERT_OK(gad_part_remove(part, &err), &err);
    gad_part_free(part);
    assert_true(gad_file_exists(GAD_TEST_TMP "/part.db.parts/job.1-of-9.lines")); /* another job's stays */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_found_whoever_wrote, start),
                                       cmocka_unit_test_setup(test_torn_line, start),
                                       cmocka_unit_test_setup(test_foreign_lines, start)};
    return cmocka_run_group_tests_name("part", tests, NULL, NULL);
}
