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
    const gad_model_box region[] = {item[0].box, item[1].box};
    ASSERT_OK(gad_answer_write("A red nut: in the upper left.", true, item, 2, &text, &err), &err);
    gad_string_add(&plain, gad_string_text(&text));
    ASSERT_OK(gad_pointer_put(&text, "red nut", &err), &err);
    assert_string_equal(
        gad_string_text(&text),
        "<think>\nA <|object|>: in the upper left.\n</think><answer>Yes. {'bbox_2d': [<|region_1|>], 'label': 'a [b]'}, "
        "{'bbox_2d': [<|region_2|>], 'label': 'scratch'}</answer>");
    gad_string marked = {0};
    gad_string_add(&marked, gad_string_text(&text));
    ASSERT_OK(gad_pointer_expand(&text, "red nut", region, 2, &err), &err);
    assert_string_equal(gad_string_text(&text), gad_string_text(&plain));
    /* one region only: the other box is left out */
    ASSERT_OK(gad_pointer_expand(&marked, NULL, region, 1, &err), &err);
    assert_non_null(strstr(gad_string_text(&marked), "Yes. {'bbox_2d': [1, 22, 333, 1000], 'label': 'a [b]'}</answer>"));
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
    ASSERT_OK(gad_pointer_put(&text, NULL, &err), &err);
    ASSERT_OK(gad_pointer_expand(&text, NULL, NULL, 0, &err), &err);
    assert_string_equal(gad_string_text(&text), "<think>\n</think><answer>No</answer>");
    gad_string_free(&text);
}

static void test_articles(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"On a <|object|>, an <|object|>", "olive pad", "On an olive pad, an olive pad"},
                                           {"On a <|object|>, an <|object|>", "nut", "On a nut, a nut"},
                                           {"The pizza <|object|>", "oven", "The pizza oven"},
                                           {"a <|object|>.", NULL, "a product."}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gad_error err;
        gad_string text = {0};
        gad_string_add(&text, cases[i][0]);
        ASSERT_OK(gad_pointer_expand(&text, cases[i][1], NULL, 0, &err), &err);
        assert_string_equal(gad_string_text(&text), cases[i][2]);
        gad_string_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_nothing_to_do),
                                       cmocka_unit_test(test_articles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
