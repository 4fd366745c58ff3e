/* metric_image: rates, ranking and calibration against hand-computed values and against the O(n^2) definitions. */
#include "base/memory.h"
#include "base/rng.h"
#include "bench/metric_image.h"
#include "support/support.h"

#include <math.h>

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.17g is not %.17g", a, b);
}

static void test_rates(void **state)
{
    (void)state;
    /* always Yes on 5 anomalous and 5 normal images (test vector of docs/spec/benchmark.md) */
    gad_metric_rates r = gad_metric_image_rates((gad_metric_counts){.tp = 5, .fp = 5});
    assert_near(r.accuracy, .5, 0);
    assert_near(r.recall, 1, 0);
    assert_near(r.precision, .5, 0);
    assert_near(r.specificity, 0, 0);
    assert_near(r.balanced, .5, 0);
    /* never Yes: precision is 0, not undefined */
    r = gad_metric_image_rates((gad_metric_counts){.fn = 3, .tn = 2});
    assert_near(r.precision, 0, 0);
    assert_near(r.f1, 0, 0);
    assert_near(r.balanced, .5, 0);
    /* no normal images: what needs them is undefined */
    r = gad_metric_image_rates((gad_metric_counts){.tp = 3, .fn = 1});
    assert_true(isnan(r.specificity) && isnan(r.balanced));
    assert_near(r.accuracy, .75, 0);
    /* no anomalous images */
    r = gad_metric_image_rates((gad_metric_counts){.tn = 3, .fp = 1});
    assert_true(isnan(r.recall) && isnan(r.precision) && isnan(r.f1) && isnan(r.balanced));
    assert_near(r.specificity, .75, 0);
    assert_true(isnan(gad_metric_image_rates((gad_metric_counts){0}).accuracy));
}

/* AUROC as the share of (positive, negative) pairs in the right order, ties one half. */
static double pair_auroc(const gad_metric_point *p, size_t n)
{
    double right = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (p[i].positive && !p[j].positive) {
                double w = (double)p[i].weight * p[j].weight;
                pairs += w;
                right += p[i].score > p[j].score ? w : p[i].score == p[j].score ? w / 2 : 0;
            }
    return right / pairs;
}

/* AP and best F1 by trying each score as the threshold. */
static void threshold_scan(const gad_metric_point *p, size_t n, double *ap, double *f1)
{
    double last_recall = 0, positives = 0;
    *ap = *f1 = 0;
    for (size_t i = 0; i < n; i++)
        positives += p[i].positive ? p[i].weight : 0;
    for (size_t i = 0; i < n; i++) { /* p is sorted: thresholds fall */
        if (i + 1 < n && p[i + 1].score == p[i].score)
            continue;
        double tp = 0, called = 0;
        for (size_t j = 0; j < n; j++)
            if (p[j].score >= p[i].score) {
                tp += p[j].positive ? p[j].weight : 0;
                called += p[j].weight;
            }
        if (!(called > 0))
            continue;
        *ap += (tp / positives - last_recall) * (tp / called);
        last_recall = tp / positives;
        *f1 = fmax(*f1, 2 * tp / (called + positives));
    }
}

static void test_rank_against_definition(void **state)
{
    (void)state;
    gad_rng rng = gad_rng_make(5, 0);
    for (int round = 0; round < 200; round++) {
        gad_metric_point p[60];
        size_t n = 2 + gad_rng_below(&rng, 58);
        for (size_t i = 0; i < n; i++) {
            p[i].score = round % 2 ? gad_rng_uniform(&rng) : gad_rng_below(&rng, 6) / 8.0; /* even rounds: many ties */
            p[i].positive = gad_rng_below(&rng, 3) > 0;
            p[i].weight = round % 3 ? 1 : (int32_t)gad_rng_below(&rng, 4);
        }
        p[0].positive = true;
        p[1].positive = false;
        p[0].weight = p[1].weight = 1;
        gad_metric_image_sort(p, n);
        gad_metric_rank rank = gad_metric_image_rank(p, n);
        double ap, f1;
        threshold_scan(p, n, &ap, &f1);
        assert_near(rank.auroc, pair_auroc(p, n), 1e-13);
        assert_near(rank.ap, ap, 1e-13);
        assert_near(rank.f1_max, f1, 1e-13);
        double fpr[61], tpr[61], area = 0;
        size_t corners = gad_metric_image_roc(p, n, fpr, tpr);
        assert_true(corners >= 2 && fpr[0] == 0 && tpr[0] == 0 && fpr[corners - 1] == 1 && tpr[corners - 1] == 1);
        for (size_t i = 1; i < corners; i++)
            area += (fpr[i] - fpr[i - 1]) * (tpr[i] + tpr[i - 1]) / 2;
        assert_near(area, rank.auroc, 1e-13); /* dropping collinear corners keeps the area */
    }
}

static void test_rank_undefined(void **state)
{
    (void)state;
    gad_metric_point only[] = {{.3, 1, true}, {.2, 1, true}};
    gad_metric_rank rank = gad_metric_image_rank(only, 2);
    assert_true(isnan(rank.auroc));
    assert_near(rank.ap, 1, 0);
    double corner[3];
    assert_int_equal(gad_metric_image_roc(only, 2, corner, corner), 0);
    only[0].positive = only[1].positive = false;
    assert_true(isnan(gad_metric_image_rank(only, 2).ap));
    assert_true(isnan(gad_metric_image_rank(only, 0).auroc));
}

static void test_calibration(void **state)
{
    (void)state;
    /* bins of width 1/15: .05 in the first, .95 and 1 in the last; 1.5 is no probability */
    gad_metric_point p[] = {{.05, 1, false}, {.95, 1, true}, {1, 1, false}, {1.5, 1, true}};
    gad_metric_calibration c = gad_metric_image_calibration(p, 4, 15);
    assert_int_equal(c.outside, 1);
    assert_int_equal(c.count[0], 1);
    assert_int_equal(c.count[14], 2);
    assert_near(c.confidence[14], .975, 1e-15);
    assert_near(c.frequency[14], .5, 0);
    assert_near(c.error, .05 / 3 + .475 * 2 / 3, 1e-15);
    assert_near(c.brier, (.05 * .05 + .05 * .05 + 1) / 3, 1e-15);
    assert_true(isnan(c.confidence[7]));
    assert_true(isnan(gad_metric_image_calibration(p, 0, 15).error));
}

static void test_quantile(void **state)
{
    (void)state;
    double x[] = {1, 2, 4, 8};
    assert_near(gad_metric_image_quantile(x, 4, 0), 1, 0);
    assert_near(gad_metric_image_quantile(x, 4, .5), 3, 0);
    assert_near(gad_metric_image_quantile(x, 4, .95), 7.4, 1e-12);
    assert_near(gad_metric_image_quantile(x, 4, 1), 8, 0);
    assert_true(isnan(gad_metric_image_quantile(x, 0, .5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),          cmocka_unit_test(test_rank_against_definition),
        cmocka_unit_test(test_rank_undefined), cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
