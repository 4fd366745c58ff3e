/* source_mix: the share is kept, the counted source is read through before it repeats, example n is always the same. */
#include "support/support.h"
#include "train/source_mix.h"

enum { COUNTED = 50, DRAWN = 4000 };

/* An example without pictures: its number, and which source it came from. */
static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    (void)err;
    *example = (gad_example){.count = index, .prompt_count = *(int *)user};
    return GAD_OK;
}

static gad_example at(const gad_source *source, int64_t n)
{
    gad_example e;
    gad_error err;
    ASSERT_OK(source->get(source->user, n, &e, &err), &err);
    return e;
}

static void test_share_and_order(void **state)
{
    (void)state;
    int first = 1, second = 2, seen[COUNTED] = {0};
    gad_source_mix mix;
    gad_error err;
    ASSERT_OK(gad_source_mix_open((gad_source){0, get, &first}, (gad_source){COUNTED, get, &second}, 0.3, 7, &mix, &err),
              &err);
    gad_source source = gad_source_mix_source(&mix);
    assert_int_equal(source.count, 0);
    int synthetic = 0;
    for (int64_t n = 0; n < DRAWN; n++) {
        gad_example e = at(&source, n);
        if (e.prompt_count == first) {
            assert_int_equal(e.count, n); /* every number gives another pair */
            synthetic++;
        } else {
            seen[e.count]++;
        }
    }
    /* 0.3 of 4000 within four standard deviations (29) */
    assert_true(synthetic > 1200 - 116 && synthetic < 1200 + 116);
    for (int i = 0; i < COUNTED; i++) /* 56 of each, 80 rounds of which 0.7 are read: deviation 4.1 */
        assert_true(seen[i] > 36 && seen[i] < 76);
    gad_example again = at(&source, 123), later = at(&source, DRAWN), back = at(&source, 123);
    assert_int_equal(again.count, back.count);
    assert_int_equal(again.prompt_count, back.prompt_count);
    (void)later;
    gad_source_mix_close(&mix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_share_and_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
