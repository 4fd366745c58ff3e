/* prose: an answer shown as text to read, however it is cut into pieces. */
#include "cli/prose.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

/* The answer in pieces of `step` characters, after an answer that ended anywhere. */
static void assert_prose(const char *answer, const char *expected)
{
    for (size_t step = 1; step <= strlen(answer); step++) {
        char *shown = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&shown, &size);
        assert_non_null(stream);
        prose p = {0};
        for (size_t at = 0; at < strlen(answer); at += step) {
            char piece[256];
            snprintf(piece, sizeof piece, "%.*s", (int)step, answer + at);
            prose_put(&p, stream, piece);
        }
        prose_end(&p, stream);
        fclose(stream);
        assert_string_equal(shown, expected);
        free(shown);
        assert_false(p.ended || p.held_count || p.last);
    }
}

static void test_form(void **state)
{
    (void)state;
    assert_prose("<think>\nThe rim is whole.\nA dent.\n</think><answer>[{\"label\": \"dent\"}]</answer>",
                 "The rim is whole.\nA dent.\n");
    assert_prose("A dent.\n</think>\n\n<answer>No</answer>", "A dent.\n"); /* the prompt ended with <think> */
    assert_prose("<think>\n</think><answer>No</answer>", "");
}

static void test_other_text(void **state)
{
    (void)state;
    assert_prose("Just words", "Just words\n");
    assert_prose("width < 3 <<think>x <thin", "width < 3 <x <thin\n");
    assert_prose("a <b>c</b>", "a <b>c</b>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_form), cmocka_unit_test(test_other_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
