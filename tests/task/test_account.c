/* account: reasoning that says only what was measured, whatever the words and the draw; and the checker that finds what an
 * account says beyond them. */
#include <string.h>

#include "support/support.h"
#include "task/account.h"

static gad_words draw_words(gad_rng *rng)
{
    gad_words w;
    for (int kind = 0; kind < GAD_WORD_KINDS; kind++)
        w.of[kind] = (int)gad_rng_below(rng, (uint32_t)gad_measurement_word_count((gad_word_kind)kind));
    if (!w.of[GAD_WORD_FORM])
        w.of[GAD_WORD_DIRECTION] = 0;
    else if (!w.of[GAD_WORD_DIRECTION])
        w.of[GAD_WORD_DIRECTION] = 1;
    return w;
}

/* The account as it is read: marks expanded. */
static void write(const gad_account_facts *facts, const gad_words *words, gad_rng *rng, gad_string *text)
{
    gad_error err = {0};
    const gad_box box[3] = {{0, 0, 30, 30}, {40, 40, 60, 60}, {70, 70, 100, 100}};
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, 100, 100, 100, 100);
    gad_pointer_meaning meaning = gad_pointer_mean(&frame, "gear", box, facts->count, NULL);
    meaning.words = words;
    gad_string_clear(text);
    ASSERT_OK(gad_account_write(facts, rng, text, &err), &err);
    const char *at = gad_string_text(text);
    for (int i = 0; i < facts->count; i++) { /* what was measured stands behind the region that it is of */
        at = strstr(at, gad_pointer_mark(i));
        assert_non_null(at);
        const char *look = strstr(at, gad_pointer_look),
                   *next = i + 1 < facts->count ? strstr(at, gad_pointer_mark(i + 1)) : NULL;
        assert_true(look && (!next || look < next));
    }
    ASSERT_OK(gad_pointer_expand(text, &meaning, &err), &err);
}

static void test_says_what_was_measured(void **state)
{
    (void)state;
    static const char *const labels[] = {"scratch", "anomaly", "missing part"};
    gad_string text = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        gad_rng rng = gad_rng_make(seed, 0);
        gad_account_region region[3];
        gad_words words[3];
        gad_account_facts facts = {region, 1 + (int)(seed % 3), seed % 2};
        facts.count = facts.anomalous ? facts.count : 1;
        for (int i = 0; i < 3; i++) {
            words[i] = draw_words(&rng);
            region[i] = (gad_account_region){words[i], i, labels[gad_rng_below(&rng, 3)]};
        }
        write(&facts, words, &rng, &text);
        const char *said = gad_string_text(&text);
        gad_account_faults f = gad_account_check(said, words, facts.count, "gear", "scratch anomaly missing part");
        if (f.broken || f.unmeasured || strstr(said, "  ") || strchr(said, '{') || said[strlen(said) - 1] != '.')
            fail_msg("\"%s\" in: %s", f.first, said);
        assert_null(strstr(said, " a anomaly"));
    }
    gad_string_free(&text);
}

/* All that was measured is said in some draw. */
static void test_says_all(void **state)
{
    (void)state;
    static const char *const wanted[] = {"small thin line along the vertical",
                                         "much darker and redder than the good part",
                                         "smoother",
                                         "far above what good parts show",
                                         "not there in the good part",
                                         "scratch"};
    const gad_account_region region = {{{1, 3, 1, 2, 3, 1, 1, 0, 5}}, 0, "scratch"};
    gad_account_facts facts = {&region, 1, true};
    gad_string all = {0}, text = {0};
    for (uint64_t seed = 0; seed < 60; seed++) {
        gad_rng rng = gad_rng_make(seed, 1);
        write(&facts, &region.words, &rng, &text);
        gad_string_add(&all, gad_string_text(&text));
    }
    for (int i = 0; i < 4; i++)
        if (!strstr(gad_string_text(&all), wanted[i]))
            fail_msg("\"%s\" is never said", wanted[i]);
    gad_string_free(&all);
    gad_string_free(&text);
}

static void expect(const char *text, int broken, int unmeasured, const char *first)
{
    const gad_words words[] = {{{1, 2, 0, 0, 0, 0, 0, 0, 4}}, {{2, 3, 0, 1, 2, 0, 0, 0, 4}}};
    gad_account_faults f = gad_account_check(text, words, 2, "green gear", "scratch");
    assert_int_equal(f.broken, broken);
    assert_int_equal(f.unmeasured, unmeasured);
    assert_string_equal(f.first, first);
}

static void test_checks(void **state)
{
    (void)state;
    expect("The upper left shows a small patch, darker than the good part.", 0, 0, "");
    expect("The <|region_1|> shows a small patch, darker than the good part.", 0, 0, "");
    expect("The green gear has a scratch.", 0, 0, "");
    expect("The upper left shows a smlal patch.", 1, 0, "smlal");
    expect("The upper left shows a tiny patch.", 0, 1, "tiny");
    expect("The upper left shows a small patch, slightly darker than the good part.", 0, 1, "slightly darker");
    expect("It is far above what good parts show.", 0, 1, "far above");
    expect("It is above what good parts show.", 0, 0, "");
    expect("At the centre there is a medium-sized streak falling to the right.", 0, 1, "falling to the right");
    expect("At the centre there is a medium-sized streak rising to the right, much darker.", 0, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_says_what_was_measured), cmocka_unit_test(test_says_all),
                                       cmocka_unit_test(test_checks)};
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
