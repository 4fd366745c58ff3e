/* Normal form C: hand vectors, the same result as utf8proc's own function, and linear time on hostile text. */
#include "text/small.h"

#include "base/clock.h"
#include "text/nfc.h"
#include <utf8proc.h>

static void check(const char *text, const char *expected)
{
    gad_error err;
    gad_string out = {0};
    ASSERT_OK(gad_nfc_append(text, strlen(text), &out, &err), &err);
    assert_string_equal(gad_string_text(&out), expected);
    gad_string_free(&out);
}

static void hand_vectors(void **state)
{
    (void)state;
    check("", "");
    check("plain", "plain");
    check("\xC3\xA9", "\xC3\xA9");
    check("e\xCC\x81", "\xC3\xA9");                                /* e + acute */
    check("a\xCC\x87\xCC\xA3", "\xE1\xBA\xA1\xCC\x87");            /* dot above, dot below: reordered */
    check("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xEA\xB0\x81"); /* Hangul jamo */
    check("\xE2\x84\xAB", "\xC3\x85");                             /* Angstrom sign */
    check("\xE0\xA5\x98", "\xE0\xA4\x95\xE0\xA4\xBC");             /* excluded from composition */
    check("\xEF\xAC\x81", "\xEF\xAC\x81");                         /* a ligature is only compatible */
    check("\xEA\xB0\x80\xE1\x86\xA7", "\xEA\xB0\x80\xE1\x86\xA7"); /* U+11A7 composes with nothing */
    check("\xCE\xB9\xCC\x88\xCC\x81", "\xCE\x90");
}

static void against_utf8proc(void **state)
{
    (void)state;
    gad_error err;
    gad_rng rng = gad_rng_make(12, 0);
    gad_string text = {0}, out = {0};
    for (int round = 0; round < 30000; round++) {
        small_random_text(&rng, &text);
        if (strstr(gad_string_text(&text), "\xE1\x86\xA7")) /* its own function drops U+11A7 */
            continue;
        gad_string_clear(&out);
        ASSERT_OK(gad_nfc_append(gad_string_text(&text), text.length, &out, &err), &err);
        utf8proc_uint8_t *expected = utf8proc_NFC((const utf8proc_uint8_t *)gad_string_text(&text));
        assert_non_null(expected);
        assert_string_equal(gad_string_text(&out), (char *)expected);
        free(expected);
    }
    gad_string_free(&text);
    gad_string_free(&out);
}

static void broken_text(void **state)
{
    (void)state;
    gad_error err;
    gad_string out = {0};
    assert_int_equal(gad_nfc_append("a\xCC\x81\xFF", 4, &out, &err), GAD_E_FORMAT);
    assert_int_equal(gad_nfc_append("\xE4\xB8", 2, &out, &err), GAD_E_FORMAT);
    gad_string_free(&out);
}

/* Half a million marks on one letter, in the order that is worst for a sort by exchange. */
static void many_marks(void **state)
{
    (void)state;
    gad_error err;
    gad_string text = {0}, out = {0};
    gad_string_add(&text, "a");
    for (int i = 0; i < 250000; i++)
        gad_string_add(&text, "\xCC\x81\xCC\xA3"); /* class 230, class 220 */
    double begin = gad_clock_seconds();
    ASSERT_OK(gad_nfc_append(text.data, text.length, &out, &err), &err);
    assert_true(gad_clock_seconds() - begin < 5);
    assert_memory_equal(out.data, "\xE1\xBA\xA1\xCC\xA3\xCC\xA3", 7); /* a with dot below, then the other dots below */
    assert_memory_equal(out.data + out.length - 4, "\xCC\x81\xCC\x81", 4);
    gad_string_free(&text);
    gad_string_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hand_vectors), cmocka_unit_test(against_utf8proc),
                                       cmocka_unit_test(broken_text), cmocka_unit_test(many_marks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
