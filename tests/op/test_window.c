/* test_window: the geometry of convolutions against TensorFlow's rule for "SAME", by hand. */
#include "op/window.h"
#include "support/support.h"

static void test_same(void **state)
{
    (void)state;
    static const struct {
        int64_t side, kernel, stride, steps, before;
    } cases[] = {
        {320, 3, 2, 160, 0}, /* of one pixel of padding, none in front */
        {160, 3, 1, 160, 1}, {80, 5, 2, 40, 1},  {15, 5, 2, 8, 2}, {15, 3, 2, 8, 1},
        {20, 5, 1, 20, 2},   {42, 14, 14, 3, 0}, {7, 1, 2, 4, 0},  {1, 3, 2, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const gad_window w = gad_window_same(cases[i].side, 33, cases[i].kernel, cases[i].stride);
        assert_int_equal(w.out_rows, cases[i].steps);
        assert_int_equal(w.top, cases[i].before);
        const gad_window turned = gad_window_same(33, cases[i].side, cases[i].kernel, cases[i].stride);
        assert_int_equal(turned.out_cols, cases[i].steps);
        assert_int_equal(turned.left, cases[i].before);
        assert_int_equal(turned.out_rows, w.out_cols);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same)};
    return cmocka_run_group_tests_name("op/window", tests, NULL, NULL);
}
