/* kept: no command of the built program replaces a file that gad did not write, unless it is told to. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "e2e/program.h"

static const char notes[] = "my notes\n";

static const char *put(const char *name, const char *text)
{
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, name);
    ASSERT_OK(gad_file_write(path, text, strlen(text), &err), &err);
    return path;
}

static void assert_kept(const char *path)
{
    gad_error err;
    char *text;
    size_t length;
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &length, &err), &err);
    assert_string_equal(text, notes);
    gad_memory_free(text);
}

static void expect(int code, program_result r)
{
    if (r.code != code)
        fail_msg("exit code %d, not %d:\n%s%s", r.code, code, r.out, r.text);
    program_free(&r);
}

static const char *make_run(void)
{
    gad_error err;
    const char *run = support_scratch(GAD_TEST_TMP, "run");
    const char *items = put("items.jsonl", "{\"id\": \"a\", \"dataset\": \"d\", \"category\": \"c\", \"anomalous\": true, "
                                           "\"image\": \"p.png\", \"width\": 9, \"height\": 9, \"boxes_known\": false, "
                                           "\"boxes\": [], \"labels\": [], \"references\": []}\n");
    ASSERT_OK(gad_file_remove(run, &err), &err);
    expect(0, RUN("bench", "run", "--items", items, "--baseline", "always-yes", "--no-difference", "--no-report", "--out",
                  run));
    return run;
}

static void test_reports(void **state)
{
    (void)state;
    gad_error err;
    static const char *const kinds[] = {"--html", "--json", "--csv", "--markdown"};
    const char *run = make_run(), *mine = put("mine", notes), *fresh = support_scratch(GAD_TEST_TMP, "report");
    for (int i = 0; i < 4; i++) {
        ASSERT_OK(gad_file_remove(fresh, &err), &err);
        expect(1, RUN("bench", "report", run, kinds[i], mine));
        assert_kept(mine);
        for (int twice = 0; twice < 2; twice++)
            expect(0, RUN("bench", "report", run, kinds[i], fresh));
    }
    expect(1, RUN("bench", "compare", run, run, "--html", mine));
    assert_kept(mine);
    expect(0, RUN("bench", "compare", run, run, "--html", mine, "--force"));
    ASSERT_OK(gad_file_make_directory(support_scratch(GAD_TEST_TMP, "theirs"), &err), &err);
    const char *theirs = put("theirs/report.md", notes);
    expect(1, RUN("bench", "run", "--items", support_scratch(GAD_TEST_TMP, "items.jsonl"), "--baseline", "always-yes",
                  "--out", support_scratch(GAD_TEST_TMP, "theirs")));
    assert_kept(theirs);
}

static void test_pages(void **state)
{
    (void)state;
    const char *mine = put("mine.html", notes),
               *log = put("log.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"loss\":1}\n");
    const char *fresh = support_scratch(GAD_TEST_TMP, "plot.html");
    expect(1, RUN("train", "plot", log, mine));
    assert_kept(mine);
    for (int twice = 0; twice < 2; twice++)
        expect(0, RUN("train", "plot", log, fresh, twice ? "--force" : "--no-force"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reports), cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
