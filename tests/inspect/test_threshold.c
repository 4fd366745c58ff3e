/* threshold: the known sample sizes of order statistics, the promise checked by simulation, the file's round trip. */
#include "base/file.h"
#include "base/rng.h"
#include "inspect/threshold.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

static gad_threshold of(size_t n, double rate, double confidence)
{
    static double scores[5000];
    gad_error err;
    gad_threshold c;
    for (size_t i = 0; i < n; i++)
        scores[i] = (double)((i * 7919) % n); /* 0..n-1 in some order */
    ASSERT_OK(gad_threshold_compute(scores, n, rate, confidence, &c, &err), &err);
    return c;
}

static void test_known_sizes(void **state)
{
    (void)state;
    gad_threshold c = of(299, .01, .95);
    assert_true(c.supported && c.normals_above == 0 && c.value > 298 && c.value < 298.001);
    assert_int_equal(c.normals_needed, 299);
    assert_true(c.reached >= .95 && c.reached < .951);
    c = of(298, .01, .95);
    assert_true(!c.supported && c.value > 297 && c.value < 297.001 && c.reached < .95);
    assert_true(c.rate_supported > .01 && c.rate_supported < .0101);
    c = of(59, .05, .95); /* 59 normals: 5 % at 95 %, the tolerance-interval size of the textbooks */
    assert_true(c.supported && c.normals_above == 0 && c.normals_needed == 59);
    assert_false(of(58, .05, .95).supported);
    assert_int_equal(of(93, .05, .95).normals_above, 1); /* 93, 124, 153: the next sizes of the same table */
    assert_int_equal(of(92, .05, .95).normals_above, 0);
    assert_int_equal(of(124, .05, .95).normals_above, 2);
    assert_int_equal(of(153, .05, .95).normals_above, 3);
    assert_int_equal(of(152, .05, .95).normals_above, 2);
    assert_true(of(1, .5, .9).rate_supported > .89);
}

/* Clopper and Pearson, from scipy's beta.ppf(.95, above + 1, n - above). */
static void test_rate_supported(void **state)
{
    (void)state;
    assert_true(fabs(gad_threshold_rate(59, 0, .95) - 0.04950760988822693) < 1e-12);
    assert_true(fabs(gad_threshold_rate(60, 3, .95) - 0.12418721047743608) < 1e-12);
    assert_true(fabs(gad_threshold_rate(500, 20, .95) - 0.05759556211555101) < 1e-12);
    assert_true(gad_threshold_rate(5, 5, .95) == 1);
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
        gad_threshold c;
        ASSERT_OK(gad_threshold_compute(scores, 200, .05, .9, &c, &err), &err);
        broken += 1 - c.value > .05; /* uniform scores: the true rate is 1 - threshold */
    }
    assert_true(broken <= rounds / 10 + 60);
    assert_true(broken >= rounds / 40); /* and it is not needlessly strict */
}

static void test_ties_and_bad_input(void **state)
{
    (void)state;
    double same[100], bad[] = {1, NAN};
    gad_error err;
    gad_threshold c;
    for (int i = 0; i < 100; i++)
        same[i] = .5;
    ASSERT_OK(gad_threshold_compute(same, 100, .1, .9, &c, &err), &err);
    assert_true(c.value > .5 && c.value < .5001 && c.normals_above == 0);
    assert_int_equal(gad_threshold_compute(bad, 2, .1, .9, &c, &err), GAD_E_FORMAT);
    assert_int_equal(gad_threshold_compute(same, 0, .1, .9, &c, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_threshold_compute(same, 9, 0, .9, &c, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_threshold_compute(same, 9, .1, 1, &c, &err), GAD_E_ARGUMENT);
}

static const gad_threshold_basis basis = {
    {"abc", "fast", "1 pictures, 12", "bolt", "none", "h", "1 to 2 pixels", "as stored"}};

static void test_file(void **state)
{
    (void)state;
    gad_error err;
    gad_threshold c = of(299, .01, .95), again;
    const char *path = support_scratch(GAD_TEST_TMP, "threshold.json");
    c.value = 0.1 + 0.2;
    c.basis = basis;
    ASSERT_OK(gad_threshold_write(&c, "reference=first", path, &err), &err);
    ASSERT_OK(gad_threshold_read(path, &basis, &again, &err), &err);
    assert_memory_equal(&c.value, &again.value, sizeof c.value);
    assert_true(again.supported && again.normals == 299 && again.rate == .01 && again.normals_needed == 299);
    assert_memory_equal(&again.basis, &basis, sizeof basis);
    assert_false(again.reasoned);
    ASSERT_OK(gad_threshold_read(path, NULL, &again, &err), &err);
    ASSERT_OK(gad_file_write(path, "{\"schema\": \"gad-threshold/1\"}", 29, &err), &err);
    assert_int_equal(gad_threshold_read(path, NULL, &again, &err), GAD_E_FORMAT);
    ASSERT_OK(gad_file_write(path, "{}", 2, &err), &err);
    assert_int_equal(gad_threshold_read(path, NULL, &again, &err), GAD_E_FORMAT);
}

/* Whatever a threshold depends on and is another one now is named; what one of the two does not know fits. */
static void test_does_not_fit(void **state)
{
    (void)state;
    static const char *const names[] = {"model", "mode", "references", "class", "knowledge", "wording", "size", "weights"};
    gad_error err;
    gad_threshold c = of(299, .01, .95), again;
    const char *path = support_scratch(GAD_TEST_TMP, "threshold.json");
    c.basis = basis;
    ASSERT_OK(gad_threshold_write(&c, "", path, &err), &err);
    for (int i = 0; i < GAD_THRESHOLD_MEMBERS; i++) {
        gad_threshold_basis now = basis;
        strcat(now.member[i], "x");
        assert_int_equal(gad_threshold_read(path, &now, &again, &err), GAD_E_ARGUMENT);
        assert_non_null(strstr(err.cause, names[i]));
        assert_non_null(strstr(err.cause, now.member[i]));
        assert_true(err.hint[0]);
        now.member[i][0] = 0;
        ASSERT_OK(gad_threshold_read(path, &now, &again, &err), &err);
    }
    /* a file from before: model only, of fast answers */
    const char old[] = "{\"schema\": \"gad-threshold/1\", \"model\": \"abc\", \"threshold\": 0.5}";
    ASSERT_OK(gad_file_write(path, old, sizeof old - 1, &err), &err);
    ASSERT_OK(gad_threshold_read(path, &basis, &again, &err), &err);
    gad_threshold_basis reasoned = basis;
    strcpy(reasoned.member[GAD_THRESHOLD_MODE], "reasoned");
    assert_int_equal(gad_threshold_read(path, &reasoned, &again, &err), GAD_E_ARGUMENT);
}

static void test_number(void **state)
{
    (void)state;
    const double good[] = {0, .5, 1, nextafter(1, 2)}, bad[] = {-.001, 1.1, NAN, INFINITY, -INFINITY};
    gad_error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ASSERT_OK(gad_threshold_check(good[i], &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(gad_threshold_check(bad[i], &err), GAD_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_supported), cmocka_unit_test(test_known_sizes),
        cmocka_unit_test(test_promise_holds),  cmocka_unit_test(test_ties_and_bad_input),
        cmocka_unit_test(test_file),           cmocka_unit_test(test_does_not_fit),
        cmocka_unit_test(test_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
