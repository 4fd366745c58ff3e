/* letter, similarity: expected ratios were computed with Python 3.11's difflib; letters follow the published rule. */
#include "bench/letter.h"
#include "bench/similarity.h"
#include "support/support.h"

#include <math.h>

static const char long_text[] = "the surface of the hazelnut shows a long crack that runs from the upper left to the lower "
                                "right, and the rest of the shell "
                                "has the usual grain; there is no hole, no print and no cut anywhere on it, so that the "
                                "part must be sorted out by hand. ";

static void test_ratio(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        double ratio;
    } cases[] = {
        {"abcd", "bcde", .75},
        {"private Thread currentThread;", "private volatile Thread currentThread;", 0.8656716417910447},
        {"The scratch on the left", "It is located on the left part of the surface of the product.", 0.40476190476190477},
        {"", "", 1},
        {"a", "", 0},
        {"überall Kratzer", "Kratzer überall", 0.4666666666666667},
        {"naïve café", "cafe naive", 0.3},
        {"A long crack in the shell", long_text, 0.08955223880597014}, /* 243 letters: the frequent ones are junk */
        {"There is a hole", long_text, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_error err;
        double ratio;
        ASSERT_OK(gad_similarity_ratio(cases[i].a, cases[i].b, &ratio, &err), &err);
        if (fabs(ratio - cases[i].ratio) > 1e-15)
            fail_msg("\"%s\" / \"%s\": %.17g, not %.17g", cases[i].a, cases[i].b, ratio, cases[i].ratio);
    }
}

static void test_letters(void **state)
{
    (void)state;
    static const char *const options[] = {"Yes.", "No.", "A scratch on the left", "There is a hole"};
    static const struct {
        const char *text;
        char letter;
        gad_letter_how how;
    } cases[] = {
        {"B", 'B', GAD_LETTER_BARE},
        {" **B**.\n", 'B', GAD_LETTER_BARE},
        {"(C)", 'C', GAD_LETTER_BARE},
        {"B. No.", 'B', GAD_LETTER_BARE},
        {"E", 'E', GAD_LETTER_BARE}, /* not offered, but in A-E: wrong, not unread */
        {"Answer: D", 'D', GAD_LETTER_SEARCHED},
        {"B or rather D.", 'D', GAD_LETTER_SEARCHED},
        {"D. A scratch is visible", 'A', GAD_LETTER_SEARCHED}, /* the article: known weakness of the rule */
        {"no, it looks good: ABBA", 'D', GAD_LETTER_SIMILAR},
        {"it has a hole", 'D', GAD_LETTER_SIMILAR},
        {"F", 'A', GAD_LETTER_SIMILAR}, /* nothing in common with any option: the greatest string wins */
        {"<think>A, B and C are wrong</think><answer>D</answer>", 'D', GAD_LETTER_BARE},
        {"<answer>C", 'C', GAD_LETTER_BARE},
        {"<think>Option A says yes; let me compare the rim with option B</think>", 0, GAD_LETTER_NONE},
        {"<think>Option A says yes; let me compare", 0, GAD_LETTER_NONE},
        {"It may be A or B.</think>C", 'C', GAD_LETTER_BARE},
        {"", 0, GAD_LETTER_NONE},
        {"éA B", 'B', GAD_LETTER_SEARCHED}, /* é belongs to the word: only B stands alone */
    };
    gad_error err;
    gad_letter found;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASSERT_OK(gad_letter_read(cases[i].text, false, options, 4, &found, &err), &err);
        if (found.letter != cases[i].letter || found.how != cases[i].how)
            fail_msg("\"%s\": %c by rule %d", cases[i].text, found.letter ? found.letter : '-', (int)found.how);
    }
    ASSERT_OK(gad_letter_read("nothing", false, NULL, 0, &found, &err), &err);
    assert_true(found.letter == 0 && found.how == GAD_LETTER_NONE);
}

/* Stopped at the token limit: reasoning is no answer, a text that begins with its letter is one. */
static void test_cut(void **state)
{
    (void)state;
    static const char *const options[] = {"Yes.", "No.", "A scratch on the left", "There is a hole"};
    static const struct {
        const char *text;
        char letter;
    } cases[] = {{"Okay, option A says yes; let me compare the rim with option B", 0},
                 {"A dent would be option B, but", 0},
                 {"B. No. The rim is whole and", 'B'},
                 {"**C** because the", 'C'},
                 {"It may be A.</think>The answer is D, since", 'D'},
                 {"It may be A. <answer>D", 'D'}};
    gad_error err;
    gad_letter found;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ASSERT_OK(gad_letter_read(cases[i].text, true, options, 4, &found, &err), &err);
        if (found.letter != cases[i].letter)
            fail_msg("\"%s\": %c", cases[i].text, found.letter ? found.letter : '-');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ratio), cmocka_unit_test(test_letters),
                                       cmocka_unit_test(test_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
