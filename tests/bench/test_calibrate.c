/* calibrate: the known sample sizes of order statistics, the promise checked by simulation, the file's round trip. */
#include "base/file.h"
#include "base/rng.h"
#include "bench/calibrate.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static gad_calibration of(size_t n, double rate, double confidence)
{
    static double scores[5000];
    gad_error err;
    gad_calibration c;
    for (size_t i = 0; i < n; i++)
        scores[i] = (double)((i * 7919) % n); /* 0..n-1 in some order */
    ASSERT_OK(gad_calibrate_threshold(scores, n, rate, confidence, &c, &err), &err);
    return c;
}

static void test_known_sizes(void **state)
{
    (void)state;
    gad_calibration c = of(299, .01, .95);
    assert_true(c.supported && c.allowed == 0 && c.threshold > 298 && c.threshold < 298.001);
    assert_int_equal(c.normals_needed, 299);
    assert_true(c.reached >= .95 && c.reached < .951);
    c = of(298, .01, .95);
    assert_true(!c.supported && c.threshold > 297 && c.threshold < 297.001 && c.reached < .95);
    assert_true(c.rate_supported > .01 && c.rate_supported < .0101);
    c = of(59, .05, .95); /* 59 normals: 5 % at 95 %, the tolerance-interval size of the textbooks */
    assert_true(c.supported && c.allowed == 0 && c.normals_needed == 59);
    assert_false(of(58, .05, .95).supported);
    assert_int_equal(of(93, .05, .95).allowed, 1); /* 93, 124, 153: the next sizes of the same table */
    assert_int_equal(of(92, .05, .95).allowed, 0);
    assert_int_equal(of(124, .05, .95).allowed, 2);
    assert_int_equal(of(153, .05, .95).allowed, 3);
    assert_int_equal(of(152, .05, .95).allowed, 2);
    assert_true(of(1, .5, .9).rate_supported > .89);
}

/* Over many draws of 200 normals the true false-alarm rate exceeds the wanted one in at most 1 - confidence of them. */
static void test_promise_holds(void **state)
{
    (void)state;
    int broken = 0, rounds = 4000;
    for (int i = 0; i < rounds; i++) {
        gad_rng rng = gad_rng_make(11, (uint64_t)i);
        double scores[200];
        for (int k = 0; k < 200; k++)
            scores[k] = gad_rng_uniform(&rng);
        gad_error err;
        gad_calibration c;
        ASSERT_OK(gad_calibrate_threshold(scores, 200, .05, .9, &c, &err), &err);
        broken += 1 - c.threshold > .05; /* uniform scores: the true rate is 1 - threshold */
    }
    assert_true(broken <= rounds / 10 + 60);
    assert_true(broken >= rounds / 40); /* and it is not needlessly strict */
}

static void test_ties_and_bad_input(void **state)
{
    (void)state;
    double same[100], bad[] = {1, NAN};
    gad_error err;
    gad_calibration c;
    for (int i = 0; i < 100; i++)
        same[i] = .5;
    ASSERT_OK(gad_calibrate_threshold(same, 100, .1, .9, &c, &err), &err);
    assert_true(c.threshold > .5 && c.threshold < .5001 && c.allowed == 0);
    assert_int_equal(gad_calibrate_threshold(bad, 2, .1, .9, &c, &err), GAD_E_FORMAT);
    assert_int_equal(gad_calibrate_threshold(same, 0, .1, .9, &c, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_calibrate_threshold(same, 9, 0, .9, &c, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_calibrate_threshold(same, 9, .1, 1, &c, &err), GAD_E_ARGUMENT);
}

static void test_file(void **state)
{
    (void)state;
    gad_error err;
    gad_calibration c = of(299, .01, .95), again;
    const char *path = support_scratch(GAD_TEST_TMP, "threshold.json");
    c.threshold = 0.1 + 0.2;
    ASSERT_OK(gad_calibrate_write(&c, "abc", "reference=first", path, &err), &err);
    ASSERT_OK(gad_calibrate_read(path, "abc", &again, &err), &err);
    assert_memory_equal(&c.threshold, &again.threshold, sizeof c.threshold);
    assert_true(again.supported && again.normals == 299 && again.rate == .01 && again.normals_needed == 299);
    assert_int_equal(gad_calibrate_read(path, "abd", &again, &err), GAD_E_ARGUMENT);
    ASSERT_OK(gad_calibrate_read(path, NULL, &again, &err), &err);
    ASSERT_OK(gad_file_write(path, "{\"schema\": \"gad-threshold/1\"}", 29, &err), &err);
    assert_int_equal(gad_calibrate_read(path, NULL, &again, &err), GAD_E_FORMAT);
    ASSERT_OK(gad_file_write(path, "{}", 2, &err), &err);
    assert_int_equal(gad_calibrate_read(path, NULL, &again, &err), GAD_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sizes),
        cmocka_unit_test(test_promise_holds),
        cmocka_unit_test(test_ties_and_bad_input),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
