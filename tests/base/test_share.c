/* test_share: which items a process takes, and where it learns that from. */
#include <stdlib.h>
#include <string.h>

#include "base/share.h"
#include "support/support.h"

static void test_every_item_once(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 20; i++) {
        int taken = 0;
        for (int64_t k = 0; k < 3; k++)
            taken += gad_share_has(&(gad_share){k, 3}, i);
        assert_int_equal(taken, 1);
        assert_true(gad_share_has(&(gad_share){0}, i));
    }
}

static void test_words(void **state)
{
    (void)state;
    static const char *const bad[] = {"0/4", "5/4", "4", "1/", "/4", "1/4x", "-1/4", "", "a/b"};
    gad_share share;
    gad_error err;
    char name[64];
    ASSERT_OK(gad_share_read("2/4", &share, &err), &err);
    assert_true(share.index == 1 && share.count == 4);
    gad_share_name(&share, "rows", "jsonl", name, sizeof name);
    assert_string_equal(name, "rows.2-of-4.jsonl");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gad_share_read(bad[i], &share, &err), GAD_E_ARGUMENT);
        assert_non_null(strstr(err.hint, "K/N"));
    }
}

static void test_launchers(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                           {"PMI_RANK", "PMI_SIZE"},
                                           {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};
    gad_share share;
    gad_error err;
    for (size_t i = 0; i < 3; i++) {
        unsetenv(names[i][0]);
        unsetenv(names[i][1]);
    }
    ASSERT_OK(gad_share_read(NULL, &share, &err), &err);
    assert_true(gad_share_is_whole(&share));
    for (size_t i = 0; i < 3; i++) {
        setenv(names[i][0], "3", 1);
        setenv(names[i][1], "8", 1);
        ASSERT_OK(gad_share_read(NULL, &share, &err), &err);
        assert_true(share.index == 3 && share.count == 8);
        ASSERT_OK(gad_share_read("1/2", &share, &err), &err); /* what is said counts */
        assert_true(share.index == 0 && share.count == 2);
        unsetenv(names[i][0]);
        unsetenv(names[i][1]);
    }
    setenv("SLURM_PROCID", "0", 1); /* a batch script: no step */
    ASSERT_OK(gad_share_read(NULL, &share, &err), &err);
    assert_true(gad_share_is_whole(&share));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_item_once), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_launchers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
