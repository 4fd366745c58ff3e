/* watch: gad watch as a user runs it: a product, a model with good parts, both; paths from standard input; what is wrong
 * with its options. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "e2e/asking.h"
#include "e2e/stripes.h"

#define WATCH "watch", "--threads", "1"
#define WITH_MODEL "--model", GAD_SOURCE_DIR "/" MODEL, "--ref", GAD_SOURCE_DIR "/" IMAGES "plate.png", "--max-tokens", "4"

static const char *scratch(const char *name)
{
    return support_scratch(GAD_TEST_TMP, name);
}

static void expect(program_result r, int code, const char *out, const char *text)
{
    if (r.code != code || (out && !strstr(r.out, out)) || (text && !strstr(r.text, text)))
        fail_msg("exit code %d, not %d, or \"%s\", \"%s\" are not said: %s%s", r.code, code, out ? out : "",
                 text ? text : "", r.out, r.text);
    program_free(&r);
}

/* The first line of results.jsonl in the folder. */
static json_t *first_result(const char *folder)
{
    char *text;
    size_t size;
    gad_error err;
    ASSERT_OK(gad_file_read(support_scratch(folder, "results.jsonl"), 1 << 20, &text, &size, &err), &err);
    text[strcspn(text, "\n")] = 0;
    json_t *root = asking_read(text);
    gad_memory_free(text);
    return root;
}

static const char *fresh(const char *name)
{
    gad_error err;
    ASSERT_OK(gad_file_remove(scratch(name), &err), &err);
    return scratch(name);
}

/* A folder with one bad part, and a product that knows good ones. */
static const char *product(const char **bad)
{
    gad_error err;
    const char *good = scratch("good"), *file = scratch("stripes.gad");
    *bad = scratch("bad");
    ASSERT_OK(gad_file_make_directory(good, &err), &err);
    ASSERT_OK(gad_file_make_directory(*bad, &err), &err);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.png", i);
        stripes_draw(support_scratch(good, name), i + 1, false, false);
    }
    stripes_draw(support_scratch(*bad, "hole.png"), 30, true, false);
    expect(RUN("learn", "--good", good, "--out", file, "--threads", "1"), 0, "4 good parts", NULL);
    return file;
}

static void test_product(void **state)
{
    (void)state;
    const char *bad, *file = product(&bad);
    expect(RUN(WATCH, "--product", file, "--once", "--settle", "0", "--out", fresh("out"), "--fail-on", "anomaly", bad), 3,
           "ANOMALOUS hole.png, score ",
           "0 ok, 1 rejected; threshold 0.500 (no guarantee: 4 good parts, 59 are needed for 5 %)");
    /* the product judges, the model says what it sees */
    const char *out = fresh("explained");
    expect(RUN(WATCH, "--product", file, WITH_MODEL, "--once", "--settle", "0", "--out", out, bad), 0, "ANOMALOUS hole.png",
           NULL);
    json_t *line = first_result(out);
    assert_true(json_is_true(json_object_get(line, "reasoned")));
    assert_string_equal(asking_string(line, "verdict"), "anomalous");
    json_decref(line);
}

static void test_model(void **state)
{
    (void)state;
    static const char *const parts[][2] = {{"bolt.png", IMAGES "bolt.png"}};
    const char *in = asking_folder("parts", parts, 1), *out = fresh("model_out");
    expect(RUN(WATCH, WITH_MODEL, "--reason", "never", "--threshold", "0", "--once", "--settle", "0", "--out", out, in), 0,
           "ANOMALOUS bolt.png, score ", "1 rejected");
    json_t *line = first_result(out);
    assert_int_equal(json_array_size(json_object_get(line, "references")), 1);
    json_decref(line);
}

static char list_path[1024];

static bool read_list(void)
{
    int list = open(list_path, O_RDONLY);
    return list >= 0 && dup2(list, STDIN_FILENO) >= 0;
}

static void test_stdin(void **state)
{
    (void)state;
    gad_error err;
    char line[1200];
    const char *bad, *file = product(&bad), *out = fresh("stdin_out");
    snprintf(list_path, sizeof list_path, "%s", scratch("list.txt"));
    snprintf(line, sizeof line, "%s/hole.png\n", bad);
    ASSERT_OK(gad_file_write(list_path, line, strlen(line), &err), &err);
    const char *const argument[] = {WATCH, "--product", file, "--stdin", "--out", out, "--sort", "copy", NULL};
    expect(program_run_prepared(argument, read_list), 0, "hole.png, score", "1 rejected");
    assert_true(gad_file_exists(support_scratch(out, "ng/hole.png")));
}

static void test_usage(void **state)
{
    (void)state;
    const char *out = scratch("none");
    expect(RUN(WATCH, "--product", "x.gad"), 2, NULL, "give one of: a FOLDER, --stdin, --source, --source-command");
    expect(RUN(WATCH, "--product", "x.gad", "--stdin", "--out", out, "."), 2, NULL, "give one of");
    expect(RUN(WATCH, "--product", "x.gad", "--stdin"), 2, NULL, "--out is missing");
    expect(RUN(WATCH, "--product", "x.gad", "--fps", "2", "."), 2, NULL, "--fps is of a --source");
    expect(RUN(WATCH, "."), 2, NULL, "--product is missing");
    const char *bad, *file = product(&bad);
    expect(RUN(WATCH, "--product", file, "--source", "/nonexistent/film.mp4", "--out", out), 1, NULL,
           "/nonexistent/film.mp4 is not there");
}

int main(void)
{
    if (chdir(GAD_SOURCE_DIR))
        return 1;
    unsetenv("GAD_MODEL");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_product), cmocka_unit_test(test_model),
                                       cmocka_unit_test(test_stdin), cmocka_unit_test(test_usage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
