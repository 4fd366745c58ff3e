/* pointer: numbers become marks and marks numbers; what has no region stays. */
#include <string.h>

#include "support/support.h"
#include "task/answer.h"
#include "task/pointer.h"

static void test_there_and_back(void **state)
{
    (void)state;
    gad_error err;
    gad_string text = {0}, plain = {0};
    const gad_answer_item item[] = {{{{1, 22, 333, 1000}}, "a [b]"}, {{{5, 6, 7, 8}}, "scratch"}};
    const gad_box region[] = {{1, 22, 333, 1000}, {5, 6, 7, 8}};
    const int place[] = {3, 0};
    const gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    gad_pointer_meaning both = gad_pointer_mean(&frame, "red nut", region, 2, NULL),
                        one = gad_pointer_mean(&frame, NULL, region, 1, NULL);
    assert_int_equal(both.place[0], place[0]);
    assert_int_equal(both.place[1], place[1]);
    ASSERT_OK(gad_answer_write("A red nut: in the upper left, not the top middle.", true, item, 2, &text, &err), &err);
    gad_string_add(&plain, gad_string_text(&text));
    ASSERT_OK(gad_pointer_put(&text, "red nut", place, 2, &err), &err);
    assert_string_equal(
        gad_string_text(&text),
        "<think>\nA <|object|>: in the <|region_2|>, not the <|elsewhere|>.\n</think><answer>Yes. {'bbox_2d': "
        "[<|region_1|>], 'label': 'a [b]'}, "
        "{'bbox_2d': [<|region_2|>], 'label': 'scratch'}</answer>");
    gad_string marked = {0};
    gad_string_add(&marked, gad_string_text(&text));
    ASSERT_OK(gad_pointer_expand(&text, &both, &err), &err);
    assert_string_equal(gad_string_text(&text), gad_string_text(&plain));
    /* one region only: the other box is left out */
    ASSERT_OK(gad_pointer_expand(&marked, &one, &err), &err);
    assert_non_null(strstr(gad_string_text(&marked), "Yes. {'bbox_2d': [1, 22, 333, 1000], 'label': 'a [b]'}</answer>"));
    /* a region is one box, however often it is named */
    gad_string twice = {0};
    gad_string_add(&twice, "Yes. {'bbox_2d': [<|region_1|>], 'label': 'a'}, {'bbox_2d': [<|region_1|>], 'label': 'b'}");
    one = gad_pointer_mean(&frame, NULL, region, 1, NULL);
    ASSERT_OK(gad_pointer_expand(&twice, &one, &err), &err);
    assert_string_equal(gad_string_text(&twice), "Yes. {'bbox_2d': [1, 22, 333, 1000], 'label': 'a'}");
    gad_string_free(&twice);
    gad_string_free(&marked);
    gad_string_free(&text);
    gad_string_free(&plain);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    gad_error err;
    gad_string text = {0};
    ASSERT_OK(gad_answer_write("", false, NULL, 0, &text, &err), &err);
    ASSERT_OK(gad_pointer_put(&text, NULL, NULL, 0, &err), &err);
    gad_pointer_meaning nothing = gad_pointer_mean(&(gad_box_frame){0}, NULL, NULL, 0, NULL);
    ASSERT_OK(gad_pointer_expand(&text, &nothing, &err), &err);
    assert_string_equal(gad_string_text(&text), "<think>\n</think><answer>No</answer>");
    gad_string_free(&text);
}

static void test_articles(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"On a <|object|>, an <|object|>", "olive pad", "On an olive pad, an olive pad"},
                                           {"On a <|object|>, an <|object|>", "nut", "On a nut, a nut"},
                                           {"An <|object|>. A <|object|>", "nut", "A nut. A nut"},
                                           {"A <|object|>", "olive", "An olive"},
                                           {"The pizza <|object|>", "oven", "The pizza oven"},
                                           {"a <|object|>.", NULL, "a product."}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_error err;
        gad_string text = {0};
        gad_string_add(&text, cases[i][0]);
        gad_pointer_meaning meaning = gad_pointer_mean(&(gad_box_frame){0}, cases[i][1], NULL, 0, NULL);
        ASSERT_OK(gad_pointer_expand(&text, &meaning, &err), &err);
        assert_string_equal(gad_string_text(&text), cases[i][2]);
        gad_string_free(&text);
    }
}

/* Places where nothing stands out, the quietest first; piece by piece as it is told, and marks that mean nothing. */
static void test_places(void **state)
{
    (void)state;
    static const char *const pieces[] = {"<|elsewhere|>, <|elsewhere|>, ", "<|region_1|>, <|region_2|>, [", "<|region_1|>",
                                         "], <|elsewhere|>, <|elsewhere|>"};
    const float loudest[GAD_PLACES] = {9, 9, 9, 9, 9, 9, 3, 1, 9};
    const gad_box region[] = {{0, 0, 10, 10}};
    const gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 90, 90, 0, 0);
    gad_pointer_meaning meaning = gad_pointer_mean(&frame, NULL, region, 1, loudest);
    gad_string whole = {0};
    gad_error err;
    meaning.quiet_count = 3; /* of eight */
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        gad_string piece = {0};
        gad_string_add(&piece, pieces[i]);
        ASSERT_OK(gad_pointer_expand(&piece, &meaning, &err), &err);
        gad_string_add(&whole, gad_string_text(&piece));
        gad_string_free(&piece);
    }
    assert_string_equal(gad_string_text(&whole),
                        "bottom middle, lower left, upper left, upper left, [0, 0, 10, 10], top middle, rest");
    gad_string_free(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_nothing_to_do),
                                       cmocka_unit_test(test_articles), cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
