/* results: rows and pictures come back as they were given, in order, filtered, reviewed, bounded, and after opening again.
 */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "serve/results.h"
#include "support/support.h"

static const char *folder(const char *name)
{
    const char *path = support_scratch(GAD_TEST_TMP, name);
    gad_file_remove(path, NULL);
    return path;
}

static int64_t add(gad_results *r, const char *product, const char *verdict, double score)
{
    gad_error err = {0};
    int64_t id = 0;
    char line[128], picture[32];
    snprintf(line, sizeof line, "{\"part\":\"a.png\",\"verdict\":\"%s\",\"n\":1}", verdict);
    snprintf(picture, sizeof picture, "picture %g", score);
    gad_results_part part = {.product = product,
                             .name = "a.png",
                             .verdict = verdict,
                             .score = score,
                             .threshold = 0.5,
                             .line = line,
                             .picture = picture,
                             .picture_bytes = strlen(picture),
                             .heat = score > 0.8 ? "heat" : NULL,
                             .heat_bytes = 4};
    ASSERT_OK(gad_results_add(r, &part, &id, &err), &err);
    return id;
}

static size_t count(gad_results *r, gad_results_filter filter, int64_t first)
{
    gad_error err = {0};
    json_t *list = NULL;
    ASSERT_OK(gad_results_list(r, &filter, &list, &err), &err);
    size_t n = json_array_size(list);
    if (n)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "id")), first);
    json_decref(list);
    return n;
}

static void test_rows(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_results *r = NULL;
    const char *where = folder("rows");
    ASSERT_OK(gad_results_open(where, 0, &r, &err), &err);
    assert_int_equal(add(r, "bottle", "normal", 0.1), 1);
    assert_int_equal(add(r, "bottle", "anomalous", 0.9), 2);
    assert_int_equal(add(r, "screw", "unfamiliar", (double)NAN), 3);
    gad_results_close(r);
    ASSERT_OK(gad_results_open(where, 0, &r, &err), &err);
    assert_int_equal(add(r, "screw", "normal", 0.2), 4);
    assert_int_equal(count(r, (gad_results_filter){0}, 4), 4);
    assert_int_equal(count(r, (gad_results_filter){.product = "bottle"}, 2), 2);
    assert_int_equal(count(r, (gad_results_filter){.rejects = true}, 3), 2);
    assert_int_equal(count(r, (gad_results_filter){.verdict = "normal", .limit = 1}, 4), 1);
    assert_int_equal(count(r, (gad_results_filter){.before = 3}, 2), 2);
    assert_int_equal(count(r, (gad_results_filter){.after = 3}, 4), 1);
    assert_int_equal(count(r, (gad_results_filter){.product = "x' OR 1=1 --"}, 0), 0);
    json_t *row = NULL;
    ASSERT_OK(gad_results_get(r, 3, &row, &err), &err);
    assert_true(json_is_null(json_object_get(row, "score")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(row, "result"), "verdict")), "unfamiliar");
    json_decref(row);
    assert_int_equal(gad_results_get(r, 5, &row, &err), GAD_E_ARGUMENT);
    char *path = NULL, *bytes = NULL;
    size_t size;
    ASSERT_OK(gad_results_path(r, 2, GAD_RESULTS_PICTURE, &path, &err), &err);
    ASSERT_OK(gad_file_read(path, 100, &bytes, &size, &err), &err);
    assert_string_equal(bytes, "picture 0.9");
    gad_memory_free(path);
    gad_memory_free(bytes);
    ASSERT_OK(gad_results_path(r, 2, GAD_RESULTS_HEAT, &path, &err), &err);
    gad_memory_free(path);
    assert_int_equal(gad_results_path(r, 1, GAD_RESULTS_HEAT, &path, &err), GAD_E_ARGUMENT);
    gad_results_close(r);
}

static void test_review(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_results *r = NULL;
    json_t *summary = NULL;
    ASSERT_OK(gad_results_open(folder("review"), 0, &r, &err), &err);
    for (int i = 0; i < 4; i++)
        add(r, "bottle", i % 2 ? "anomalous" : "normal", 0.25 * i);
    ASSERT_OK(gad_results_review(r, 1, "normal", &err), &err);
    ASSERT_OK(gad_results_review(r, 2, "normal", &err), &err);
    ASSERT_OK(gad_results_review(r, 4, "anomalous", &err), &err);
    ASSERT_OK(gad_results_review(r, 4, NULL, &err), &err);
    assert_int_equal(gad_results_review(r, 9, "normal", &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_results_review(r, 1, "perhaps", &err), GAD_E_ARGUMENT);
    assert_int_equal(count(r, (gad_results_filter){.review = "none"}, 4), 2);
    assert_int_equal(count(r, (gad_results_filter){.review = "normal"}, 2), 2);
    ASSERT_OK(gad_results_summary(r, "bottle", 3, &summary, &err), &err);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(summary, "total"), "anomalous")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(summary, "reviewed"), "confirmed")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(summary, "reviewed"), "overruled")), 1);
    json_t *scores = json_object_get(summary, "scores");
    assert_int_equal(json_array_size(scores), 3);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(scores, 0), 0)), 2);
    json_decref(summary);
    gad_results_close(r);
}

/* The oldest go, reviewed ones last, pictures with them. */
static void test_bound(void **state)
{
    (void)state;
    gad_error err = {0};
    gad_results *r = NULL;
    char *path = NULL;
    ASSERT_OK(gad_results_open(folder("bound"), 10, &r, &err), &err);
    add(r, "bottle", "normal", 0.9);
    ASSERT_OK(gad_results_review(r, 1, "anomalous", &err), &err);
    for (int i = 1; i < 256; i++)
        add(r, "bottle", "normal", 0.9);
    assert_int_equal(count(r, (gad_results_filter){.limit = 1000}, 256), 10);
    ASSERT_OK(gad_results_path(r, 1, GAD_RESULTS_PICTURE, &path, &err), &err);
    gad_memory_free(path);
    assert_int_equal(gad_results_path(r, 2, GAD_RESULTS_PICTURE, &path, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_results_path(r, 247, GAD_RESULTS_HEAT, &path, &err), GAD_E_ARGUMENT);
    ASSERT_OK(gad_results_path(r, 248, GAD_RESULTS_HEAT, &path, &err), &err);
    gad_memory_free(path);
    gad_results_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_review),
                                       cmocka_unit_test(test_bound)};
    return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
