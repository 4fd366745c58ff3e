/* tally, interval: macro averages by hand, the test vectors of the specification, intervals that cover, threads that agree.
 */
#include "base/memory.h"
#include "base/rng.h"
#include "bench/interval.h"
#include "support/support.h"
#include "task/box.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not within %g of %.17g", a, tolerance, b);
}

/* docs/spec/benchmark.md part 3: the nine rows as one category of nine anomalous images, matching `one` and `many` at IoU
 * 0.1. */
static void test_specification_rows(void **state)
{
    (void)state;
    static const struct {
        int truths, predictions;
        gad_box truth[2], prediction[2];
        int tp[2], found, right; /* tp at .1 and .5; found, right at .1 */
    } row[] = {
        {1, 1, {{100, 100, 200, 200}}, {{110, 110, 210, 210}}, {1, 1}, 1, 1},
        {2, 1, {{0, 0, 100, 100}, {200, 0, 300, 100}}, {{0, 0, 300, 100}}, {1, 0}, 2, 1},
        {1, 2, {{0, 0, 100, 100}}, {{0, 0, 100, 100}, {0, 0, 100, 100}}, {1, 1}, 1, 2},
        {1, 0, {{0, 0, 100, 100}}, {{0, 0, 0, 0}}, {0, 0}, 0, 0},
        {1, 1, {{0, 0, 100, 100}}, {{90, 90, 190, 190}}, {0, 0}, 0, 0},
        {2, 2, {{0, 0, 100, 100}, {50, 0, 150, 100}}, {{40, 0, 140, 100}, {300, 300, 310, 310}}, {1, 1}, 2, 1},
        {1, 1, {{10, 10, 20, 20}}, {{20, 10, 30, 20}}, {0, 0}, 0, 0},
        {1, 1, {{0, 0, 100, 100}}, {{0, 0, 100, 10}}, {1, 0}, 1, 1},
        {2, 2, {{0, 0, 100, 100}, {100, 0, 200, 100}}, {{10, 0, 110, 100}, {0, 0, 60, 100}}, {1, 1}, 1, 2},
    };
    static const double threshold[2] = {.1, .5};
    gad_tally tally = {0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        gad_outcome o = {.anomalous = true,
                         .called = true,
                         .localized = true,
                         .truths = row[i].truths,
                         .predictions = row[i].predictions,
                         .score = NAN};
        size_t n = (size_t)row[i].truths, m = (size_t)row[i].predictions, found, right;
        for (int k = 0; k < 2; k++) {
            int64_t truth_of[2], prediction_of[2];
            o.at[k].matched =
                (int32_t)gad_box_match_one(row[i].truth, n, row[i].prediction, m, threshold[k], truth_of, prediction_of);
            gad_box_match_many(row[i].truth, n, row[i].prediction, m, threshold[k], &found, &right);
            o.at[k].found = (int32_t)found;
            o.at[k].right = (int32_t)right;
            assert_int_equal(o.at[k].matched, row[i].tp[k]);
        }
        assert_int_equal(o.at[0].found, row[i].found);
        assert_int_equal(o.at[0].right, row[i].right);
        gad_tally_add(&tally, &o, 1);
    }
    gad_metric_values v = gad_tally_values(&tally);
    assert_near(v.of[GAD_METRIC_ONE], 6. / 17, 1e-15);
    assert_near(v.of[GAD_METRIC_ONE + 1], .5, 1e-15);
    assert_near(v.of[GAD_METRIC_ONE + 2], 6. / 11, 1e-15);
    assert_near(v.of[GAD_METRIC_RECALL], 1, 0);
    assert_true(isnan(v.of[GAD_METRIC_SPECIFICITY]));
}

static void test_accuracy_is_the_reciprocal_form(void **state)
{
    (void)state;
    gad_outcome o = {.anomalous = true, .called = true, .localized = true, .truths = 7, .predictions = 5, .score = NAN};
    o.at[0].matched = o.at[0].found = o.at[0].right = 4;
    gad_tally t = {0};
    gad_tally_add(&t, &o, 3);
    gad_metric_values v = gad_tally_values(&t);
    assert_near(v.of[GAD_METRIC_ONE], 4. / 8, 1e-15);
    assert_near(v.of[GAD_METRIC_MANY], v.of[GAD_METRIC_ONE], 1e-15); /* equal counts: both rules agree */
    assert_near(v.of[GAD_METRIC_MANY + 3], 0, 0);                    /* nothing at .5 */
}

enum { CATEGORIES = 3, DATASETS = 2, PER = 120, COUNT = CATEGORIES * PER };

static void make_run(gad_outcome *o, uint64_t seed, double skill)
{
    gad_rng rng = gad_rng_make(seed, 0);
    for (int i = 0; i < COUNT; i++) {
        bool anomalous = i % 3 > 0;
        double score = gad_rng_normal(&rng) + (anomalous ? skill : 0);
        o[i] = (gad_outcome){.category = i / PER,
                             .anomalous = anomalous,
                             .called = score > skill / 2,
                             .score = score,
                             .localized = anomalous,
                             .truths = anomalous ? 2 : 0,
                             .predictions = 1,
                             .mask_iou = anomalous ? gad_rng_uniform(&rng) : NAN};
        o[i].at[0].matched = o[i].at[0].found = o[i].at[0].right = anomalous && gad_rng_uniform(&rng) < .6;
    }
}

static void test_macro_of_macro(void **state)
{
    (void)state;
    gad_outcome o[COUNT];
    int32_t dataset[CATEGORIES] = {0, 0, 1};
    gad_error err;
    make_run(o, 1, 1.5);
    gad_interval_design design = {o, NULL, COUNT, dataset, CATEGORIES, DATASETS};
    gad_metric_values category[CATEGORIES], scope[DATASETS + 1];
    ASSERT_OK(gad_interval_values(&design, category, scope, &err), &err);
    for (int m = 0; m < GAD_METRIC_COUNT; m++) {
        if (isnan(scope[DATASETS].of[m]))
            continue;
        double first = (category[0].of[m] + category[1].of[m]) / 2;
        assert_near(scope[0].of[m], first, 1e-14);
        assert_near(scope[1].of[m], category[2].of[m], 0);
        assert_near(scope[2].of[m], (first + category[2].of[m]) / 2, 1e-14);
    }
    /* the ranking metric of a category, by definition */
    double right = 0, pairs = 0;
    for (int i = 0; i < PER; i++)
        for (int j = 0; j < PER; j++)
            if (o[i].anomalous && !o[j].anomalous) {
                right += o[i].score > o[j].score;
                pairs++;
            }
    assert_near(category[0].of[GAD_METRIC_AUROC], right / pairs, 1e-14);
}

/* The interval of a mean of known spread: accuracy of one category is a binomial share inside each kind. */
static void test_interval_width(void **state)
{
    (void)state;
    gad_outcome o[COUNT];
    int32_t dataset[CATEGORIES] = {0, 0, 1};
    gad_error err;
    gad_interval one[DATASETS + 1], two[DATASETS + 1];
    make_run(o, 2, 1);
    gad_interval_design design = {o, NULL, COUNT, dataset, CATEGORIES, DATASETS};
    gad_interval_options options = {1000, 42, .95};
    omp_set_num_threads(1);
    ASSERT_OK(gad_interval_bootstrap(&design, &options, one, &err), &err);
    omp_set_num_threads(2);
    ASSERT_OK(gad_interval_bootstrap(&design, &options, two, &err), &err);
    assert_memory_equal(one, two, sizeof one);
    double tp = 0, tn = 0, n1 = 0, n0 = 0;
    for (int i = 2 * PER; i < 3 * PER; i++) {
        n1 += o[i].anomalous;
        n0 += !o[i].anomalous;
        tp += o[i].anomalous && o[i].called;
        tn += !o[i].anomalous && !o[i].called;
    }
    double variance = (n1 * (tp / n1) * (1 - tp / n1) + n0 * (tn / n0) * (1 - tn / n0)) / (PER * PER);
    double width = one[1].high.of[GAD_METRIC_ACCURACY] - one[1].low.of[GAD_METRIC_ACCURACY];
    assert_near(width, 2 * 1.96 * sqrt(variance), .25 * width);
    for (int k = 0; k <= DATASETS; k++)
        for (int m = 0; m < GAD_METRIC_COUNT; m++)
            if (!isnan(one[k].value.of[m]))
                assert_true(one[k].low.of[m] <= one[k].high.of[m] && !isnan(one[k].low.of[m]));
}

static void test_paired(void **state)
{
    (void)state;
    gad_outcome a[COUNT], b[COUNT];
    int32_t dataset[CATEGORIES] = {0, 0, 1};
    gad_error err;
    gad_interval difference[DATASETS + 1];
    make_run(a, 3, 2);
    make_run(b, 3, 2);
    gad_interval_design design = {a, b, COUNT, dataset, CATEGORIES, DATASETS};
    gad_interval_options options = {500, 1, .95};
    ASSERT_OK(gad_interval_bootstrap(&design, &options, difference, &err), &err);
    assert_near(difference[2].value.of[GAD_METRIC_AUROC], 0, 0); /* equal runs: no difference, no width */
    assert_near(difference[2].low.of[GAD_METRIC_ACCURACY], 0, 0);
    assert_near(difference[2].high.of[GAD_METRIC_ACCURACY], 0, 0);
    assert_near(difference[2].below.of[GAD_METRIC_ACCURACY], .5, 0);
    make_run(b, 4, .5); /* clearly worse */
    ASSERT_OK(gad_interval_bootstrap(&design, &options, difference, &err), &err);
    assert_true(difference[2].low.of[GAD_METRIC_AUROC] > 0 && difference[2].below.of[GAD_METRIC_AUROC] == 0);
    options.resamples = 0;
    assert_int_equal(gad_interval_bootstrap(&design, &options, difference, &err), GAD_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification_rows),
        cmocka_unit_test(test_accuracy_is_the_reciprocal_form),
        cmocka_unit_test(test_macro_of_macro),
        cmocka_unit_test(test_interval_width),
        cmocka_unit_test(test_paired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
