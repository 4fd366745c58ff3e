/* json: what other programs write is read as they mean it, and what is wrong is named with file, line and column. */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "support/support.h"

#include <string.h>
#include <sys/stat.h>

static json_t *parse(const char *text)
{
    json_t *root = NULL;
    gad_error err;
    ASSERT_OK(gad_json_parse(text, strlen(text), "x.json", &root, &err), &err);
    return root;
}

static void assert_cause(const char *text, const char *cause)
{
    json_t *root = NULL;
    gad_error err;
    assert_int_equal(gad_json_parse(text, strlen(text), "x.json", &root, &err), GAD_E_FORMAT);
    if (!strstr(err.cause, cause))
        fail_msg("\"%s\" does not say \"%s\"", err.cause, cause);
}

static void assert_text(const char *text, const char *expected)
{
    json_t *root = parse(text);
    assert_string_equal(json_string_value(json_object_get(root, "t")), expected);
    json_decref(root);
}

static void test_marks_and_line_ends(void **state)
{
    (void)state;
    assert_text("\xEF\xBB\xBF{\"t\": \"a\"}", "a");
    assert_text("{\r\n\"t\":\r\n\"a\"\r\n}\r\n\r\n", "a");
    assert_cause("\xFF\xFE{", "UTF-16");
    assert_cause(" \r\n", "empty");
    assert_cause("", "empty");
}

static void test_texts(void **state)
{
    (void)state;
    assert_text("{\"t\": \"a\xE9"
                "b\"}",
                "a\xEF\xBF\xBD"
                "b");                                      /* Latin-1 */
    assert_text("{\"t\": \"a\\ud83d\"}", "a\xEF\xBF\xBD"); /* half a pair */
    assert_text("{\"t\": \"\\udc00\\ud83d\\ude00\"}", "\xEF\xBF\xBD\xF0\x9F\x98\x80");
    assert_text("{\"t\": \"a\\u0000b\"}", "a\xEF\xBF\xBD"
                                          "b");
    assert_text("{\"t\": \"\xED\xA0\x80\"}", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* a surrogate in UTF-8 */
    assert_text("{\"t\": \"NaN \\\" -Infinity\", \"n\": NaN}", "NaN \" -Infinity");
    assert_text("{\"t\": \"one\", \"t\": \"two\"}", "two");
}

static void test_numbers(void **state)
{
    (void)state;
    gad_error err;
    double number;
    int64_t whole;
    json_t *root = parse("{\"nan\": NaN, \"list\": [Infinity, -Infinity, 1e999], \"big\": 12345678901234567890123, "
                         "\"most\": 9223372036854775807, \"more\": 9223372036854775808, \"less\": -9223372036854775809}");
    assert_int_equal(gad_json_get_number(root, "nan", "x.json", 1, &number, &err), GAD_E_FORMAT); /* never a number */
    assert_non_null(strstr(err.cause, "\"nan\" is not a number"));
    assert_int_equal(json_array_size(json_object_get(root, "list")), 3);
    for (size_t i = 0; i < 3; i++)
        assert_false(json_is_number(json_array_get(json_object_get(root, "list"), i)));
    ASSERT_OK(gad_json_get_number(root, "big", "x.json", 0, &number, &err), &err);
    assert_true(number == 12345678901234567890123.0);
    ASSERT_OK(gad_json_get_int(root, "most", "x.json", 0, &whole, &err), &err);
    assert_true(whole == INT64_MAX);
    assert_int_equal(gad_json_get_int(root, "more", "x.json", 0, &whole, &err), GAD_E_FORMAT);
    ASSERT_OK(gad_json_get_number(root, "less", "x.json", 0, &number, &err), &err);
    assert_true(number == -0x1p63);
    json_decref(root);
}

/* A place is that in the text as it is, not in the mended one. */
static void test_places(void **state)
{
    (void)state;
    assert_cause("{\"a\": 1,\n \"b\": x}", "x.json: line 2, column 7");
    assert_cause("{\"a\": NaN,\n \"b\": Infinity, \"c\": x}", "x.json: line 2, column 22");
    assert_cause("{\"a\": \"\xE9\xE9\xE9\", \"b\": 99999999999999999999, \"c\": }", "x.json: line 1, column 46");
    assert_cause("{\"a\": [1, 2", "x.json: line 1");
    assert_cause("{\"a\": 1} {", "end of file expected");
}

static void test_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {"{\"a\":1,\"a\":2}", "{\"a\":NaN}", "{\"a\":\"\xFF\"}"};
    json_t *root = NULL;
    gad_error err;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(gad_json_parse_strict(wrong[i], strlen(wrong[i]), "x", &root, &err), GAD_E_FORMAT);
}

static void test_lines(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\r\n{\"n\":1}\r\n  \t\r\n\n{\"n\":NaN}\n{\"n\":3}\n{\"n\":";
    const char *path = support_scratch(GAD_TEST_TMP, "lines.jsonl");
    gad_json_lines lines;
    gad_error err;
    json_t *root;
    ASSERT_OK(gad_file_write(path, text, sizeof text - 1, &err), &err);
    ASSERT_OK(gad_json_lines_open(&lines, path, &err), &err);
    static const int64_t numbers[] = {2, 5, 6};
    for (size_t i = 0; i < 3; i++) {
        ASSERT_OK(gad_json_lines_next(&lines, &root, &err), &err);
        assert_non_null(root);
        assert_int_equal(lines.number, numbers[i]);
        json_decref(root);
    }
    assert_int_equal(gad_json_lines_next(&lines, &root, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "lines.jsonl: line 7, column"));
    gad_json_lines_close(&lines);
    assert_int_equal(gad_json_lines_open(&lines, "/no/such/file", &err), GAD_E_IO);
    gad_json_lines_close(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_and_line_ends),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
