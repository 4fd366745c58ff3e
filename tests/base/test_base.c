/* base: half precision against the definition, random numbers against published vectors, files that are never half
 * written, strings, arena. */
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/string.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Every one of the 65536 patterns survives the way to fp32 and back (NaN stays NaN). */
static void test_half_round_trip(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float b = gad_half_from_bf16((uint16_t)h), f = gad_half_from_f16((uint16_t)h);
        assert_true(isnan(b) ? isnan(gad_half_from_bf16(gad_half_to_bf16(b))) : gad_half_to_bf16(b) == h);
        assert_true(isnan(f) ? isnan(gad_half_from_f16(gad_half_to_f16(f))) : gad_half_to_f16(f) == h);
    }
    assert_true(gad_half_from_f16(0x3C00) == 1.0f);
    assert_true(gad_half_from_f16(0x0001) == 0x1p-24f);
    assert_int_equal(gad_half_to_f16(65519.0f), 0x7BFF);
    assert_int_equal(gad_half_to_f16(65520.0f), 0x7C00);
    assert_int_equal(gad_half_to_f16(0x1p-25f), 0);             /* tie to even */
    assert_int_equal(gad_half_to_f16(1.0f + 0x1p-11f), 0x3C00); /* tie to even */
    assert_int_equal(gad_half_to_bf16(1.0f + 0x1p-8f), 0x3F80); /* tie to even */
    assert_int_equal(gad_half_to_bf16(1.0f + 0x3p-8f), 0x3F82);
}

/* Known answers of Philox 4x32-10 from the authors' Random123 distribution (kat_vectors). */
static void test_rng_vectors(void **state)
{
    (void)state;
    gad_rng zero = gad_rng_make(0, 0);
    assert_int_equal(gad_rng_u32(&zero), 0x6627e8d5);
    assert_int_equal(gad_rng_u32(&zero), 0xe169c58d);
    assert_int_equal(gad_rng_u32(&zero), 0xbc57ac4c);
    assert_int_equal(gad_rng_u32(&zero), 0x9b00dbd8);
    gad_rng ones = gad_rng_make(UINT64_MAX, UINT64_MAX);
    ones.counter = UINT64_MAX;
    assert_int_equal(gad_rng_u32(&ones), 0x408f276d);
    assert_int_equal(gad_rng_u32(&ones), 0x41c83b0e);
}

static void test_rng_moments(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(7, 1);
    double sum = 0, sum2 = 0;
    int counts[5] = {0};
    for (int i = 0; i < 100000; i++) {
        double x = gad_rng_normal(&rng);
        sum += x;
        sum2 += x * x;
        counts[gad_rng_below(&rng, 5)]++;
    }
    assert_true(fabs(sum / 1e5) < 0.02 && fabs(sum2 / 1e5 - 1) < 0.02);
    for (int i = 0; i < 5; i++)
        assert_in_range(counts[i], 19400, 20600);
}

static void test_file_write_is_atomic(void **state)
{
    (void)state;
    gad_error err;
    const char *path = support_scratch(GAD_TEST_TMP, "sub/a.txt");
    ASSERT_OK(gad_file_make_directory(support_scratch(GAD_TEST_TMP, "sub"), &err), &err);
    ASSERT_OK(gad_file_write(path, "one", 3, &err), &err);
    gad_file_writer writer;
    ASSERT_OK(gad_file_writer_open(&writer, path, &err), &err);
    fputs("half", writer.stream);
    gad_file_writer_discard(&writer);
    char *text;
    size_t size;
    ASSERT_OK(gad_file_read(path, 100, &text, &size, &err), &err);
    assert_string_equal(text, "one");
    gad_memory_free(text);
    gad_file_names names;
    ASSERT_OK(gad_file_list(support_scratch(GAD_TEST_TMP, "sub"), &names, &err), &err);
    assert_int_equal(names.count, 1); /* no temporary file is left */
    gad_file_names_free(&names);
    assert_int_equal(gad_file_read(path, 2, &text, &size, &err), GAD_E_LIMIT);
    assert_int_equal(gad_file_write("/nonexistent/x", "a", 1, &err), GAD_E_IO);
    assert_non_null(strstr(err.cause, "/nonexistent/x"));
    ASSERT_OK(gad_file_remove(support_scratch(GAD_TEST_TMP, "sub"), &err), &err);
    assert_false(gad_file_exists(path));
}

static void test_json_error_names_line(void **state)
{
    (void)state;
    gad_error err;
    json_t *root;
    const char text[] = "{\n  \"a\": 1,\n  \"b\" 2\n}";
    assert_int_equal(gad_json_parse(text, strlen(text), "x.json", &root, &err), GAD_E_FORMAT);
    assert_non_null(strstr(err.cause, "x.json: line 3"));
}

static void test_string_json_and_utf8(void **state)
{
    (void)state;
    gad_string s = {0};
    gad_string_add_json(&s, "a\"\\\n\x01\xC3\xA9\xFF");
    assert_string_equal(s.data, "\"a\\\"\\\\\\n\\u0001\xC3\xA9\xEF\xBF\xBD\"");
    gad_string_free(&s);
    assert_int_equal(gad_string_utf8_length("\xE2\x82", 2), -1);
    assert_int_equal(gad_string_utf8_length("\xE2\x82\xAC", 3), 3);
    assert_int_equal(gad_string_utf8_length("\xC0\x80", 2), 0);
    char cut[6];
    gad_string_cut(cut, sizeof cut, "abc\xE2\x82\xAC"); /* three bytes do not fit into the two that are left */
    assert_string_equal(cut, "abc");
    gad_string_cut(cut, sizeof cut, "ab\xE2\x82\xAC");
    assert_string_equal(cut, "ab\xE2\x82\xAC");
    gad_string_cut(cut, sizeof cut, "abcdefg");
    assert_string_equal(cut, "abcde");
    assert_int_equal(gad_string_utf8_length("\xED\xA0\x80", 3), 0);
}

static void test_arena_rewinds(void **state)
{
    (void)state;
    gad_arena arena = {0};
    char *a = gad_arena_take(&arena, 10, 1);
    gad_arena_mark mark = gad_arena_here(&arena);
    char *b = gad_arena_take(&arena, 5, 1 << 20);
    memset(b, 1, 5 << 20);
    gad_arena_rewind(&arena, mark);
    char *c = gad_arena_take(&arena, 1, 1);
    assert_ptr_equal(c, a + 64);
    assert_ptr_equal(gad_arena_take(&arena, 5, 1 << 20), b); /* the big block is used again */
    assert_int_equal((uintptr_t)b % 64, 0);
    gad_arena_free(&arena);
}

/* Text from outside commands neither a page nor a table nor a terminal. */
static void test_string_escapes(void **state)
{
    (void)state;
    gad_string s = {0};
    gad_string_add_html(&s, "<b>&\"q'\xE9\x1B[2J\xC2\x9B\n\xC3\xB6");
    assert_string_equal(s.data, "&lt;b&gt;&amp;&quot;q&#39;\xEF\xBF\xBD\xEF\xBF\xBD[2J\xEF\xBF\xBD\n\xC3\xB6");
    gad_string_clear(&s);
    gad_string_add_markdown(&s, "a|b\n# c <script> `x` [l](u) \x07\xFF &amp;");
    assert_string_equal(s.data, "a\\|b # c &lt;script&gt; \\`x\\` \\[l\\](u) \xEF\xBF\xBD\xEF\xBF\xBD &amp;amp;");
    gad_string_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_round_trip),       cmocka_unit_test(test_rng_vectors),
        cmocka_unit_test(test_rng_moments),           cmocka_unit_test(test_file_write_is_atomic),
        cmocka_unit_test(test_json_error_names_line), cmocka_unit_test(test_string_escapes),
        cmocka_unit_test(test_string_json_and_utf8),  cmocka_unit_test(test_arena_rewinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
