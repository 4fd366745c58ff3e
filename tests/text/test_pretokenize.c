/* The hand-written matcher against hand vectors, against PCRE2 running the expression itself, and in linear time. */
#include "text/small.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/clock.h"
#include "base/memory.h"
#include "text/pretokenize.h"
#include <pcre2.h>

/* `pieces` are separated by '\1'. */
static void check(const char *text, const char *pieces)
{
    gad_string joined = {0};
    size_t length = strlen(text);
    for (size_t at = 0, end; at < length; at = end) {
        end = gad_pretokenize_next(GAD_PRETOKENIZE_QWEN, text, length, at);
        assert_true(end > at && end <= length);
        if (at)
            gad_string_add(&joined, "\1");
        gad_string_append(&joined, text + at, end - at);
    }
    assert_string_equal(gad_string_text(&joined), pieces);
    gad_string_free(&joined);
}

static void hand_vectors(void **state)
{
    (void)state;
    check("Hello world", "Hello\1 world");
    check("it's I'LL we'Ve 'red", "it\1's\1 I\1'LL\1 we\1'Ve\1 '\1red");
    check("don'table", "don\1't\1able"); /* the contraction comes first */
    check("'\xC5\xBFx", "'\xC5\xBF\1x"); /* long s folds to s */
    check("'x", "'x");
    check("x = 12.5!", "x\1 =\1 \1"
                       "1\1"
                       "2\1.\1"
                       "5\1!");
    check("a  b   c", "a\1 \1 b\1  \1 c");
    check("a\n\n  b", "a\1\n\n\1 \1 b");
    check("a \r\n \n x", "a\1 \r\n \n\1 x");
    check("end   ", "end\1   ");
    check("\t\tx", "\t\1\tx");
    check("!?\n\nx", "!?\n\n\1x");
    check(" !?\r\n", " !?\r\n");
    check("  !", " \1 !");
    check("\t!", "\t\1!");
    check("\xC2\xA0x", "\xC2\xA0x"); /* a no-break space goes with the word */
    check("\xC2\xA0\xC2\xA0!", "\xC2\xA0\1\xC2\xA0\1!");
    check("e\xCC\x81"
          "e",
          "e\1\xCC\x81"
          "e"); /* marks are no letters */
    check("a\xE1\xA0\x8E"
          "b",
          "a\1\xE1\xA0\x8E"
          "b"); /* U+180E is no white space since Unicode 6.3 */
    check("\xC2\xBD\xE2\x85\xA7\xD9\xA0", "\xC2\xBD\1\xE2\x85\xA7\1\xD9\xA0");
    check("\xE4\xB8\xAD\xE6\x96\x87"
          "12",
          "\xE4\xB8\xAD\xE6\x96\x87\1"
          "1\1"
          "2");
    check("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"
          "a",
          "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\1"
          "a");
}

/* PCRE2 counts U+180E as white space; the Unicode property, the reference and gad do not. */
static bool has_mongolian_separator(const gad_string *text)
{
    return strstr(gad_string_text(text), "\xE1\xA0\x8E") != NULL;
}

static void match_random(gad_pretokenize_rule rule, const char *pattern)
{
    int number;
    PCRE2_SIZE place;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &number, &place, NULL);
    assert_non_null(code);
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(code, NULL);
    gad_rng rng = gad_rng_make(11, 0);
    gad_string text = {0};
    size_t pieces = 0;
    for (int round = 0; round < 30000; round++) {
        small_random_text(&rng, &text);
        if (has_mongolian_separator(&text))
            continue;
        for (size_t at = 0; at < text.length; pieces++) {
            size_t end = gad_pretokenize_next(rule, text.data, text.length, at);
            int found = pcre2_match(code, (PCRE2_SPTR)text.data, text.length, at, 0, match, NULL);
            const PCRE2_SIZE *span = pcre2_get_ovector_pointer(match);
            if (found < 1 || span[0] != at || span[1] != end)
                print_error("round %d: \"%s\" at %zu: %zu against %zu\n", round, text.data, at, end, (size_t)span[1]);
            assert_true(found >= 1 && span[0] == at && span[1] == end);
            at = end;
        }
    }
    assert_true(pieces > 100000);
    gad_string_free(&text);
    pcre2_match_data_free(match);
    pcre2_code_free(code);
}

static void against_pcre2(void **state)
{
    (void)state;
    match_random(GAD_PRETOKENIZE_QWEN, GAD_PRETOKENIZE_PATTERN);
}

/* GPT-2's expression, where a digit ends the text that it sees. */
static void digits_against_pcre2(void **state)
{
    (void)state;
    match_random(GAD_PRETOKENIZE_DIGITS, "\\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?=\\p{N})|"
                                         "\\s+(?!\\S)|\\s+");
}

/* A stray byte, which encoding refuses beforehand, must not stop the matcher. */
static void stray_bytes(void **state)
{
    (void)state;
    const char bytes[] = "\xFF\xE4\xB8 a\x80";
    for (size_t at = 0, end; at < sizeof bytes - 1; at = end) {
        end = gad_pretokenize_next(GAD_PRETOKENIZE_QWEN, bytes, sizeof bytes - 1, at);
        assert_true(end > at && end <= sizeof bytes - 1);
    }
}

static void linear_time(void **state)
{
    (void)state;
    enum { LENGTH = 4 << 20 };
    static const char patterns[][4] = {"a", " ", "\n", " \n", "!", "!\n", "\t ", " a", "'", "' "};
    char *text = gad_memory_alloc(LENGTH, 1);
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
        for (size_t i = 0; i < LENGTH; i++)
            text[i] = patterns[p][i % strlen(patterns[p])];
        double begin = gad_clock_seconds();
        for (size_t at = 0; at < LENGTH;)
            at = gad_pretokenize_next(GAD_PRETOKENIZE_QWEN, text, LENGTH, at);
        assert_true(gad_clock_seconds() - begin < 5);
    }
    gad_memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hand_vectors), cmocka_unit_test(against_pcre2),
                                       cmocka_unit_test(digits_against_pcre2), cmocka_unit_test(stray_bytes),
                                       cmocka_unit_test(linear_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
